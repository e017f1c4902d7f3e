"""Learns a model of topics from examples; the only module that needs scikit-learn."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

from routing.classify import gist
from routing.understanding.calibration import calibrate
from routing.understanding.counting import Counts, Learned, count
from routing.understanding.features import Floats, Integers
from routing.understanding.measures import calibration_error
from routing.understanding.model import TopicModel
from routing.understanding.network import READ_BLOCKS, Network, silent, teach

# Up to here a softmax regression is quick and the better one; above, one machine for each label
# is, and a network beside it adds what it knows.
FEW = 2_000
MOST_EXAMPLES = 20_000
MOST_LABELS = 1_000
# Each of few examples is held back once; of many, every fifth.
_FOLDS_OF_FEW = 6
_PART_OF_MANY = 5
_SEED = 20261126


class NotEnough(ValueError):
    """There is too little to learn from."""


class TooMuch(ValueError):
    """There is more than can be learned in bounded time."""


class Example(NamedTuple):
    """A customer's text and the label that people gave it."""

    text: str
    label: str


class _Taught(NamedTuple):
    """What was learned from some of the texts."""

    learned: Learned
    weights: Floats
    bias: Floats
    network: Network


class _Held(NamedTuple):
    """What models said of examples they had not seen: by weights, and by the network."""

    by_weights: Floats
    by_network: Floats
    places: Integers
    familiarity: Floats


def fit(examples: Sequence[Example], names: Mapping[str, str] | None = None) -> TopicModel:
    """Return a model of the examples; the same ones in the same order give the same model.

    `names` says what labels are called, which is one more example of each. Raises NotEnough below
    two labels with two examples each, TooMuch above MOST_EXAMPLES or MOST_LABELS.
    """
    labels = tuple(sorted({one.label for one in examples}))
    _check(examples, labels)
    named = [Example(text, label) for label, text in (names or {}).items() if label in labels]
    counts = count([one.text for one in (*examples, *named)])
    place_of = {label: place for place, label in enumerate(labels)}
    places = np.array([place_of[one.label] for one in (*examples, *named)], np.int64)
    is_few = len(examples) <= FEW
    fold_of = _folds(examples, places, _FOLDS_OF_FEW if is_few else _PART_OF_MANY)
    held = _hold_back(counts, places, fold_of, is_few=is_few)
    loudness = _spread(held.by_weights) / (_spread(held.by_network) or 1.0)
    scores = held.by_weights + np.float32(loudness) * held.by_network
    calibration = calibrate(scores, held.places, held.familiarity)
    taught = _teach(counts, np.arange(len(places)), places, is_few=is_few)
    figures = {
        "examples": len(examples),
        "labels": len(labels),
        **_figures(calibration.shares(scores), held.places),
    }
    return TopicModel(
        labels,
        taught.learned.vocabulary,
        taught.weights.astype(np.float16),
        taught.bias,
        taught.network.louder(loudness),
        calibration,
        figures,
    )


def _spread(scores: Floats) -> float:
    """Return how far the scores of one text lie apart, on average."""
    return float(scores.std(axis=1).mean())


def _figures(shares: Floats, truth: Integers) -> dict[str, float]:
    is_right = shares.argmax(1) == truth
    return {
        "held_back": len(truth),
        "accuracy": round(float(is_right.mean()), 4),
        "calibration_error": round(calibration_error(shares.max(1), is_right), 4),
    }


def _check(examples: Sequence[Example], labels: Sequence[str]) -> None:
    numbers = Counter(one.label for one in examples)
    if sum(number > 1 for number in numbers.values()) < 2:
        raise NotEnough("at least two labels need two examples each")
    if len(examples) > MOST_EXAMPLES or len(labels) > MOST_LABELS:
        raise TooMuch(f"more than {MOST_EXAMPLES} examples or {MOST_LABELS} labels")


def _folds(examples: Sequence[Example], places: Integers, folds: int) -> Integers:
    """Deal the examples of each label over the folds, equal texts together; names are never held back."""
    shuffled = np.random.default_rng(_SEED).permutation(len(examples))
    by_label = shuffled[np.argsort(places[shuffled], kind="stable")]
    fold_of = np.full(len(places), -1, np.int64)
    fold_of_text: dict[str, int] = {}
    for turn, at in enumerate(by_label):
        fold_of[at] = fold_of_text.setdefault(gist(examples[at].text), turn % folds)
    return fold_of


def _hold_back(counts: Counts, places: Integers, fold_of: Integers, *, is_few: bool) -> _Held:
    """Judge examples by models taught without them: each of few in turn, a fifth of many."""
    parts: list[_Held] = []
    for fold in range(_FOLDS_OF_FEW if is_few else 1):
        rest, out = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        if len(np.unique(places[rest])) < 2:
            continue
        # Nobody can name a label that was not taught.
        out = out[np.isin(places[out], places[rest])]
        taught = _teach(counts, rest, places, is_few=is_few)
        vectors = counts.vectors(out, taught.learned)
        lengths = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel())
        by_weights = vectors @ taught.weights + taught.bias
        by_network = taught.network.all_scores(vectors)
        parts.append(_Held(by_weights, by_network, places[out], lengths))
    if not sum(len(part.places) for part in parts):
        raise NotEnough("no example can be held back")
    return _Held(*map(np.concatenate, zip(*parts, strict=True)))


def _teach(counts: Counts, rows: Integers, places: Integers, *, is_few: bool) -> _Taught:
    """Learn from the texts in `rows`; of few, a network would know too little."""
    labels = int(places.max()) + 1
    learned = counts.learn(rows, places[rows], labels=labels, is_few=is_few)
    weights, bias = _solve(learned.matrix, places[rows], labels, is_few=is_few)
    inputs = sum(map(len, learned.vocabulary.blocks[:READ_BLOCKS]))
    network = silent(inputs, labels)
    if not is_few:
        network = teach(learned.matrix[:, :inputs], places[rows], labels)
    return _Taught(learned, weights, bias, network)


def _solve(
    matrix: sparse.csr_array, places: Integers, classes: int, *, is_few: bool
) -> tuple[Floats, Floats]:
    """Return a column of weights and a bias for each label; a label without examples never wins."""
    # scikit-learn takes a second to load, and most that asks for this package only judges.
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.svm import LinearSVC  # noqa: PLC0415

    if not matrix.shape[1]:
        raise NotEnough("the texts hold nothing to learn")
    solver = (
        LogisticRegression(C=20, max_iter=60, tol=1e-3)
        if is_few
        else LinearSVC(C=2, random_state=_SEED)
    )
    solver.fit(matrix, places)
    found, bias = solver.coef_, solver.intercept_
    if len(solver.classes_) == 2:
        found, bias = np.vstack([-found, found]) / 2, np.concatenate([-bias, bias]) / 2
    weights = np.zeros((matrix.shape[1], classes), np.float32)
    weights[:, solver.classes_] = found.T
    biases = np.full(classes, bias.min() - 1, np.float32)
    biases[solver.classes_] = bias
    return weights, biases
