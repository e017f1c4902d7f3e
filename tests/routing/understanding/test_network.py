import numpy as np
import pytest
from scipy import sparse

from routing.understanding import training
from routing.understanding.features import Floats, Integers
from routing.understanding.network import Network, silent, teach
from routing.understanding.training import fit
from tests.routing.understanding.questions import EXAMPLES, NAMES

# Of four words, the first two or the last two together mean one label, any other two the other:
# no word says anything by itself.
TEXTS = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [0, 1, 0, 1]] * 60, np.float32) / 1.5
PLACES = np.array([0, 0, 1, 1] * 60, np.int64)


def vector(text: Floats) -> tuple[Integers, Floats]:
    rows = np.flatnonzero(text)
    return rows, text[rows]


@pytest.fixture(scope="module")
def taught() -> Network:
    return teach(sparse.csr_array(TEXTS), PLACES, 2)


def test_words_that_matter_only_together_are_understood(taught: Network) -> None:
    found = taught.all_scores(sparse.csr_array(TEXTS)).argmax(1)
    assert (found == PLACES).all()


def test_a_text_alone_is_scored_as_among_others(taught: Network) -> None:
    together = taught.all_scores(sparse.csr_array(TEXTS))
    for text, scores in zip(TEXTS[:4], together, strict=False):
        assert taught.scores(*vector(text)) == pytest.approx(scores, rel=1e-3)


def test_rows_behind_those_that_are_read_change_nothing(taught: Network) -> None:
    rows, values = vector(TEXTS[0])
    more = np.append(rows, [4, 9]), np.append(values, np.float32([1, 1]))
    assert (taught.scores(*more) == taught.scores(rows, values)).all()


def test_teaching_leaves_the_texts_as_they_are() -> None:
    matrix = sparse.csr_array(TEXTS)
    teach(matrix, PLACES, 2)
    assert (matrix.toarray() == TEXTS).all()


def test_a_louder_network_scores_so_many_times_more(taught: Network) -> None:
    scores = taught.scores(*vector(TEXTS[0]))
    assert taught.louder(3).scores(*vector(TEXTS[0])) == pytest.approx(3 * scores, rel=1e-4)


def test_a_silent_network_scores_nothing() -> None:
    assert (silent(4, 2).scores(*vector(TEXTS[0])) == 0).all()


def test_a_network_is_taught_of_many_examples_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fit(EXAMPLES, NAMES).network.inner.size == 0
    monkeypatch.setattr(training, "FEW", 5)
    many = fit(EXAMPLES, NAMES)
    heard = many.network.scores(*many.vocabulary.vector("where is the parcel"))
    assert many.labels[int(heard.argmax())] == "delivery"
