from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.classify import TopicIndex, TopicSource

AFTER_SALES, RETURNS, SHIPPING_COST, INVOICE, PRE_SALES, MATTER = 1, 2, 3, 4, 5, 6
INDEX = TopicIndex.of(
    [
        TopicSource(AFTER_SALES, None, ("售后", "After-sales")),
        TopicSource(
            RETURNS,
            AFTER_SALES,
            ("退货", "Returns"),
            ("退货", "退款", "return", "send back"),
            ("怎么退货", "How do I return my earbuds?", "不想要了可以退吗"),
        ),
        TopicSource(
            SHIPPING_COST,
            AFTER_SALES,
            ("退货运费", "Return shipping cost"),
            ("退货运费", "return postage"),
            ("退回去的运费谁出", "Who pays the return postage?"),
        ),
        TopicSource(
            INVOICE,
            None,
            ("发票", "Invoice"),
            ("发票", "抬头", "invoice", "VAT"),
            ("发票抬头能改吗", "Can I get an invoice with our VAT number?"),
        ),
        TopicSource(PRE_SALES, None, ("售前", "Pre-sales"), (), ("这款适合我吗",)),
        TopicSource(
            MATTER,
            PRE_SALES,
            ("兼容性", "Compatibility"),
            ("matter", "homekit", "兼容"),
            ("H2 网关支持 Matter 吗", "Does the H2 hub support Matter?"),
        ),
    ]
)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("怎么退货?", RETURNS),
        ("买了三天想退货,怎么操作", RETURNS),
        ("I would like to return the earbuds I bought", RETURNS),
        ("ＲＥＴＵＲＮＳ please", RETURNS),
        ("退货运费谁承担", SHIPPING_COST),
        ("Who pays return postage?", SHIPPING_COST),
        ("发票抬头写错了", INVOICE),
        ("please send the VAT invoice", INVOICE),
        ("请问 H2 网关支持 Matter 吗？我们办公室要装 12 个", MATTER),
        ("is it compatible with homekit", MATTER),
    ],
)
def test_the_topic_is_found_in_both_languages(text: str, topic: int) -> None:
    assert INDEX.judge(text).topic_id == topic


@pytest.mark.parametrize(
    "text",
    ["", "你好", "hello there", "在吗", "今天天气不错", "12345", "😀", "what is the weather"],
)
def test_unknown_is_an_answer(text: str) -> None:
    assert INDEX.judge(text).topic_id is None


def test_two_unrelated_topics_that_score_alike_give_unknown() -> None:
    index = TopicIndex.of(
        [TopicSource(1, None, keywords=("red",)), TopicSource(2, None, keywords=("blue",))]
    )
    assert index.judge("red or blue").topic_id is None
    assert index.judge("red").topic_id == 1


def test_two_children_that_score_alike_give_their_parent() -> None:
    index = TopicIndex.of(
        [
            TopicSource(1, None, ("colours",)),
            TopicSource(2, 1, keywords=("red",)),
            TopicSource(3, 1, keywords=("blue",)),
        ]
    )
    assert index.judge("red or blue").topic_id == 1


def test_a_keyword_of_many_topics_says_little() -> None:
    shared = [TopicSource(n, None, keywords=("device",)) for n in range(1, 12)]
    index = TopicIndex.of([*shared, TopicSource(20, None, keywords=("warranty",))])
    assert index.judge("device").topic_id is None
    assert index.judge("device warranty").topic_id == 20


def test_latin_keywords_match_whole_words_only() -> None:
    index = TopicIndex.of([TopicSource(1, None, keywords=("app",))])
    assert index.judge("the app crashes").topic_id == 1
    assert index.judge("what happened").topic_id is None


def test_the_words_that_decided_are_kept() -> None:
    assert "退货" in INDEX.judge("怎么退货").words


def test_an_organization_without_topics_answers_unknown() -> None:
    assert TopicIndex.of([]).judge("怎么退货").topic_id is None


def test_a_cycle_among_topics_does_not_hang() -> None:
    index = TopicIndex.of([TopicSource(1, 2, ("red",)), TopicSource(2, 1, ("blue",))])
    assert index.judge("red").topic_id in {1, 2, None}


@given(st.text(max_size=400))
def test_any_text_gets_a_known_topic_or_none(text: str) -> None:
    verdict = INDEX.judge(text)
    assert verdict.topic_id is None or verdict.topic_id in INDEX.sources
    assert 0 <= verdict.confidence <= 1


@given(
    st.sampled_from(["怎么退货", "Does the H2 hub support Matter?", "发票抬头能改吗"]),
    st.booleans(),
)
def test_width_and_case_do_not_change_the_topic(text: str, upper: bool) -> None:
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)
    shown = wide.upper() if upper else wide
    assert INDEX.judge(shown).topic_id == INDEX.judge(text).topic_id


def test_one_shared_word_is_not_enough_even_without_a_rival() -> None:
    index = TopicIndex.of([TopicSource(1, None, examples=("An invoice with our VAT number",))])
    assert index.judge("my phone number changed after I moved to another city").topic_id is None
    assert index.judge("an invoice with the VAT number").topic_id == 1


def test_a_description_counts_as_an_example_does_but_less() -> None:
    asked = "my parcel arrived damaged"
    other = TopicSource(INVOICE, None, ("发票",), ("invoice",))
    silent = TopicSource(RETURNS, None, ("损坏",))
    described = replace(silent, description="The parcel arrived damaged")
    asked_before = replace(silent, examples=("The parcel arrived damaged",))
    found = {
        one: TopicIndex.of([source, other]).judge(asked)
        for one, source in {"silent": silent, "told": described, "asked": asked_before}.items()
    }
    assert found["silent"].topic_id is None
    assert found["told"].topic_id == found["asked"].topic_id == RETURNS
    assert found["told"].confidence < found["asked"].confidence
