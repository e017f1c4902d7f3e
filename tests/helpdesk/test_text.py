import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.text import language_of, normalise, stem, tokens


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("怎么退货?", "zh"),
        ("我的 H2 gateway 没到，order HG-20418", "zh"),
        ("退", "zh"),
        ("Hello, where is my order?", "en"),
        ("refund", "en"),
        ("Does the H2 support Matter? 谢谢", "en"),
        ("ＨＥＬＬＯ　ｔｈｅｒｅ", "en"),
        ("Wo ist meine Bestellung? Ich habe sie nicht erhalten", "other"),
        ("Bonjour, je voudrais retourner mes écouteurs", "other"),
        ("¿Dónde está mi pedido?", "other"),
        ("注文した商品はいつ届きますか", "other"),
        ("환불 방법을 알려주세요", "other"),
        ("Где мой заказ", "other"),
        ("", ""),
        ("12345 !!! 😡", ""),
    ],
)
def test_language_is_told_from_script_and_small_words(text: str, language: str) -> None:
    assert language_of(text) == language


def test_full_width_case_and_invisible_characters_make_no_difference() -> None:
    assert normalise("ＨＧ－２０４１８\u200b　Ｒefund\n\nＯＫ") == "hg-20418 refund ok"


def test_han_becomes_character_pairs_and_latin_becomes_words() -> None:
    assert tokens("怎么退货 Returned items, HG-20418 退") == [
        "怎么",
        "么退",
        "退货",
        "return",
        "item",
        "hg-20418",
        "退",
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("returns", "returned"),
        ("shipping", "shipped"),
        ("replies", "reply"),
        ("charge", "charging"),
        ("order's", "orders"),
    ],
)
def test_forms_of_one_word_share_a_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


def test_words_that_only_look_plural_keep_their_ending() -> None:
    assert stem("address") == "address"
    assert stem("status") == "status"


@given(st.text(max_size=300))
def test_tokens_do_not_depend_on_width_or_case(text: str) -> None:
    assert tokens(text) == tokens(normalise(text))
    assert language_of(text) in {"zh", "en", "other", ""}


@given(st.text(alphabet="退货怎么ab 12-'é̀", max_size=200))
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


HOSTILE = [
    "a" * 1_000_000,
    "退" * 1_000_000,
    "a\u0315\u0300\u05ae" * 250_000,
    "\ufdfa" * 1_000_000,
    "'a" * 500_000,
    "a-" * 500_000,
    "! " * 500_000,
    "\U0001f621" * 1_000_000,
    "é" * 1_000_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:4]))
def test_a_megabyte_of_anything_is_read_in_bounded_work(text: str) -> None:
    assert len(normalise(text)) <= 200_000
    assert language_of(text) in {"zh", "en", "other", ""}
    assert len(tokens(text, 8_000)) <= 16_000
