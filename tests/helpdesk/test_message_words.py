"""One way to take texts apart: what is written down is found by what is asked for, in any script."""

import re

import pytest
from django.db import connection

from helpdesk.search import asking
from helpdesk.search.marking import snippet
from helpdesk.search.words import LONGEST_WORD, SEPARATORS, runs, tokens, vector

REALM = 7


def is_found(
    texts: list[str], typed: str, *, realm: int = REALM, is_forgiving: bool = False
) -> bool:
    query = asking.parse(typed)
    if is_forgiving:
        query = query.forgiving([each for word in query.forgivable for each in asking.near(word)])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT %s::tsvector @@ %s::tsquery", [vector(texts, REALM), query.tsquery(realm)]
        )
        return bool(cursor.fetchone()[0])


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("我要申请退款,谢谢", "退款"),
        ("我要申请退款,谢谢", "申请退款"),
        ("我要申请退款,谢谢", "款"),
        ("我要申请退款,谢谢", "谢"),
        ("我要申请退款,谢谢", "谢谢 退款"),
        ("我要申请退款,谢谢", '"退款 谢谢"'),
        ("My H2 Gateway is dead", "gateway"),
        ("My H2 Gateway is dead", "GATE"),
        ("My H2 Gateway is dead", "h2 dead"),
        ("My H2 Gateway is dead", '"gateway is dead"'),
        ("My H2 Gateway is dead", "“h2 gateway”"),
        ("订单HG-20418还没到", "hg-20418"),
        ("订单HG-20418还没到", "20418"),
        ("订单HG-20418还没到", "hg-204"),
        ("订单HG-20418还没到", "20418还没"),
        ("Write to Lin@Example.com", "lin@example.com"),
        ("ＡＢＣ１２３", "abc123"),
        ("ab\u00adc\u200bd", "abcd"),
        ("Crème brûlée", "CRÈME"),
        ("カメラが壊れた", "カメラ"),
        ("Это не работает", "работ"),
        ("it's over", "it's"),
    ],
)
@pytest.mark.django_db
def test_a_text_is_found_by(text: str, typed: str) -> None:
    assert is_found(["something else, 别的", text], typed)


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("我要申请退款", "退申"),
        ("我要退货 申款", "退款"),
        ("退,款", "退款"),
        ("退款 已 申请", '"退款 申请"'),
        ("My gateway", "way"),
        ("My gateway", '"gate"'),
        ("My gateway", "gateway refund"),
        ("gateway the dead", '"gateway dead"'),
        ("mine", "mi"),
        ("HG-20418", "20419"),
    ],
)
@pytest.mark.django_db
def test_a_text_is_not_found_by(text: str, typed: str) -> None:
    assert not is_found([text], typed)


@pytest.mark.django_db
def test_no_phrase_reaches_from_one_part_into_the_next() -> None:
    assert is_found(["two words", "three more"], "words three")
    assert not is_found(["two words", "three more"], '"words three"')


@pytest.mark.django_db
def test_the_words_of_another_realm_are_other_words() -> None:
    assert is_found(["退款 refund"], "refund 退款")
    assert not is_found(["退款 refund"], "refund 退款", realm=8)
    assert not is_found(["退款 refund"], "refund", realm=77)


@pytest.mark.parametrize("typed", ["refnud", "refnd", "refuund", "refumd", "refunds", "rfund"])
@pytest.mark.django_db
def test_one_wrong_letter_is_forgiven_where_asked(typed: str) -> None:
    assert not is_found(["Where is my refund?"], typed)
    assert is_found(["Where is my refund?"], typed, is_forgiving=True)


@pytest.mark.parametrize("typed", ["rfnd", "rufend", "fefund", '"refnud"', "refnud 退款"])
@pytest.mark.django_db
def test_more_than_one_wrong_letter_is_not(typed: str) -> None:
    assert not is_found(["Where is my refund?"], typed, is_forgiving=True)


@pytest.mark.parametrize(
    "typed", ["退款退款退款", "code", "abc123def", "x" * 30, '"refund"', "from:refund"]
)
def test_only_longer_words_of_letters_are_forgiven(typed: str) -> None:
    assert asking.parse(typed).forgivable == []


@pytest.mark.parametrize(
    "typed",
    [
        "'",
        "\\",
        "a'b\\c:*&|!<->()",
        '"',
        "“",
        "from:",
        "\x00",
        "'':*",
        "退'款",
        "%_",
        "🙂",
        "a\u0301\u0301",
        "\ud800",
    ],
)
@pytest.mark.django_db
def test_whatever_is_typed_is_a_query_or_nothing(typed: str) -> None:
    query = asking.parse(typed)
    is_found([typed, "a"], typed)
    assert query.is_empty or query.terms


def test_writers_are_named_beside_the_words() -> None:
    query = asking.parse("退款 from:王芳 来自：“Ann Lee” now")
    assert query.writers == ("王芳", "Ann Lee")
    assert [run.text for term in query.terms for run in term.runs] == ["退款", "now"]


@pytest.mark.django_db
def test_long_texts_and_long_words_are_found_to_their_end() -> None:
    text = "退款" * 9_999 + "申请" + " x" * 20_000 + " last"
    assert is_found([text], "款申请")
    assert is_found([text], "last")
    assert not is_found([text], "申退")
    long = "y" * 3_000
    assert is_found([long], long)
    assert [len(token.text) for token in tokens(long)] == [LONGEST_WORD]


@pytest.mark.parametrize(
    ("text", "typed", "marked"),
    [
        ("我要退款，退款！", "退款", ["退款", "退款"]),
        ("My REFUNDS came", "refund", ["REFUNDS"]),
        ("my prerefund", "refund", None),
        ("Ｒｅｆｕｎｄ 退 款", "refund", ["Ｒｅｆｕｎｄ"]),
        ("HG - 20418", "hg-20418", ["HG - 20418"]),
        ("a <b>退款</b>", "退款", ["退款"]),
        ("ⅷ退款", "退款", ["退款"]),
        ("nothing", "退款", None),
    ],
)
def test_hits_are_marked_where_they_stand(text: str, typed: str, marked: list[str] | None) -> None:
    parts = snippet(text, asking.parse(typed).pattern)
    assert marked == (None if parts is None else [part.text for part in parts if part.is_hit])
    assert parts is None or "".join(part.text for part in parts) == text


def test_a_snippet_shows_the_surroundings_of_the_first_hit_on_one_line() -> None:
    parts = snippet("before \n" * 100 + "refund" + " after" * 100, asking.parse("refund").pattern)
    text = "".join(part.text for part in parts or ())
    assert len(text) <= 162
    assert text.startswith("…")
    assert text.endswith("…")
    assert "\n" not in text
    assert "refund" in text[:60]


def test_what_a_wrong_letter_found_is_marked() -> None:
    wider = asking.parse("refnud").forgiving(["refund", "other"])
    parts = snippet("Your Refunds.", wider.pattern)
    assert [part.text for part in parts or () if part.is_hit] == ["Refunds"]


def test_no_separator_is_part_of_a_run() -> None:
    # Else a row of such characters could be taken apart in endlessly many ways.
    both = [
        chr(code)
        for code in range(0x110000)
        if list(runs(chr(code))) and re.fullmatch(SEPARATORS, chr(code))
    ]
    assert both == []


def test_a_row_of_middle_dots_is_looked_through_soon() -> None:
    query = asking.parse('"・ ・ ・ ・ ・ ・ ・ ・ x"')
    assert snippet("・" * 300, query.pattern) is None


def test_three_writers_are_asked_for_at_most() -> None:
    assert asking.parse("from:a from:b from:c from:d").writers == ("a", "b", "c")
