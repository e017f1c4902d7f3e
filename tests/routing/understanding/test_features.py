import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.classify import READ_END, READ_START
from routing.understanding.counting import count
from routing.understanding.features import Vocabulary, grams
from tests.routing.understanding.questions import ASKED, EXAMPLES

COUNTS = count([one.text for one in EXAMPLES])
ROWS = np.arange(len(EXAMPLES))
PLACES = np.array([sorted(ASKED).index(one.label) for one in EXAMPLES])
LEARNED = COUNTS.learn(ROWS, PLACES, labels=3, is_few=True)


def test_words_of_alphabets_are_folded_and_spelled_out() -> None:
    words, neighbours, spelling, pairs = grams("Returned parcels")
    assert set(words) == {"return", "parcel"}
    assert set(neighbours) == {" return", "return parcel", "parcel "}
    assert {" r", "parce", "els "} <= set(spelling)
    assert set(pairs) == {"return>parcel"}


def test_a_chinese_character_is_a_word_and_is_not_spelled_out() -> None:
    words, neighbours, spelling, _ = grams("退货 H2")
    assert {"退", "货", "h2"} == set(words)
    assert "退 货" in neighbours
    assert all("退" not in run for run in spelling)


@pytest.mark.parametrize("text", ["", " \n ", "\u200b"])
def test_a_text_of_nothing_has_no_grams(text: str) -> None:
    assert not any(grams(text))


@pytest.mark.parametrize(
    "piece", ["word ", "😀", "退货", "สวัสดี", "x", "a" * 50 + " ", "ab" * 9 + "\n"]
)
def test_a_megabyte_is_read_at_its_start_and_its_end_only(piece: str) -> None:
    short = grams(piece * 3_000)
    assert grams(piece * (1_000_000 // len(piece))) is not None
    assert all(sum(one.values()) <= 8 * (READ_START + READ_END) for one in short)
    text = piece * (1_000_000 // len(piece))
    assert [sum(one.values()) for one in grams(text)] <= [
        8 * (READ_START + READ_END) for _ in range(4)
    ]


def test_the_middle_of_a_long_text_is_not_read() -> None:
    words = grams("start " + "filler " * 5_000 + "hidden " + "filler " * 5_000 + "end")[0]
    assert {"start", "end"} < set(words)
    assert "hidden" in grams("hidden")[0]
    assert "hidden" not in words


def test_what_is_learned_in_bulk_is_what_one_text_gives() -> None:
    for row, example in enumerate(EXAMPLES):
        rows, values = LEARNED.vocabulary.vector(example.text)
        alone = np.zeros(len(LEARNED.vocabulary), np.float32)
        alone[rows] = values
        bulk = COUNTS.vectors(np.array([row]), LEARNED).toarray()[0]
        assert np.allclose(alone, bulk, atol=1e-6)


def weight(vocabulary: Vocabulary, word: str) -> float:
    return float(vocabulary.rareness[vocabulary.blocks[0].index(word)])


def test_of_few_texts_a_word_says_more_the_fewer_labels_share_it() -> None:
    texts = ["invoice please", "the invoice", "invoice now", "parcel please", "a parcel", "late"]
    counted, places = count(texts), np.array([0, 0, 0, 1, 1, 1])
    few = counted.learn(np.arange(6), places, labels=2, is_few=True).vocabulary
    many = counted.learn(np.arange(6), places, labels=2, is_few=False).vocabulary
    assert weight(few, "invoic") == weight(few, "parcel") == pytest.approx(few.rare)
    assert weight(few, "pleas") < weight(few, "parcel")
    assert weight(many, "invoic") < weight(many, "parcel") == weight(many, "pleas") < many.rare


def test_which_of_two_words_comes_first_is_heard() -> None:
    assert set(grams("hotel near museum")[3]) & set(grams("museum near hotel")[3]) == set()


def test_unknown_words_make_the_vector_of_a_text_shorter() -> None:
    def length(text: str) -> float:
        return float(np.linalg.norm(LEARNED.vocabulary.vector(text).values))

    assert length("where is my parcel") > 1.1 * length("where is my zygote quux")
    assert length("zygote quux 樱") < 0.3


@given(st.text(max_size=300))
def test_no_vector_is_longer_than_one(text: str) -> None:
    assert float(np.linalg.norm(LEARNED.vocabulary.vector(text).values)) <= 1 + 1e-5


def test_rare_grams_go_first_when_there_are_too_many_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("routing.understanding.counting.MOST_WEIGHTS", 300)
    few = COUNTS.learn(ROWS, PLACES, labels=3, is_few=True).vocabulary
    assert 0 < len(few) <= 100
    assert "invoic" in few.blocks[0]
    assert "vat" not in few.blocks[0]
    assert "vat" in LEARNED.vocabulary.blocks[0]
