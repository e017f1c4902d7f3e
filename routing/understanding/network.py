"""A small network over words and their neighbours: it learns which words matter together.

A sum of weights beside it is surer of spelling and rare words; the two err differently, so that
their scores added are right more often than either.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from routing.understanding.features import Floats, Integers

if TYPE_CHECKING:
    from scipy import sparse

# Of the blocks of a vocabulary, these many: words and neighbours.
READ_BLOCKS = 2
_HIDDEN = 256
_ROUNDS = 20
_BATCH = 64
# So much of the words, and of what is hidden, is left out by chance in each step.
_LEFT_OUT_WORDS = 0.4
_LEFT_OUT_HIDDEN = 0.5
# Vectors are about one long, inputs should be about that in each word.
_LOUDNESS = 10.0
_FIRST_STEP = 0.03
_SMALLEST = 1e-6
_SEED = 20261126


@dataclass(frozen=True)
class Network:
    """One hidden layer, whose rows are the first of a vocabulary; one without width says nothing."""

    inner: npt.NDArray[np.float16]
    outer: Floats

    def scores(self, rows: Integers, values: Floats) -> Floats:
        """Return the score of each label for one text, given by its vector."""
        is_read = rows < len(self.inner)
        return self._outward(values[is_read] @ self.inner[rows[is_read]].astype(np.float32))

    def all_scores(self, matrix: "sparse.csr_array") -> Floats:
        """Return the scores of many texts, a row for each."""
        return self._outward(matrix[:, : len(self.inner)] @ self.inner.astype(np.float32))

    def fits(self, inputs: int, labels: int) -> bool:
        """Tell whether the layers belong together, and to so many inputs and labels."""
        if self.inner.ndim != 2 or self.outer.ndim != 2:
            return False
        same_width = self.inner.shape[1] == self.outer.shape[0]
        return same_width and (len(self.inner), self.outer.shape[1]) == (inputs, labels)

    def louder(self, factor: float) -> "Network":
        """Return the network with all scores multiplied."""
        return Network(self.inner, self.outer * np.float32(factor))

    def _outward(self, hidden: Floats) -> Floats:
        scores: Floats = np.maximum(hidden, 0) @ self.outer
        return scores


def silent(inputs: int, labels: int) -> Network:
    """Return a network that scores every label zero."""
    return Network(np.zeros((inputs, 0), np.float16), np.zeros((0, labels), np.float32))


def teach(matrix: "sparse.csr_array", places: Integers, labels: int) -> Network:
    """Return a network that tells the labels of the texts apart; rows of the matrix are texts."""
    learner = _Learner(matrix.shape[1], labels)
    matrix = matrix * np.float32(_LOUDNESS)
    steps = _ROUNDS * -(-len(places) // _BATCH)
    done = 0
    for _ in range(_ROUNDS):
        order = learner.chance.permutation(len(places))
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            learner.step(matrix[rows], places[rows], _FIRST_STEP * (1 - done / steps))
            done += 1
    inner = (learner.inner * np.float32(_LOUDNESS)).astype(np.float16)
    return Network(inner, learner.outer)


class _Learner:
    """Walks down the slope, in shorter steps where the slope was steep before (Adagrad)."""

    def __init__(self, inputs: int, labels: int) -> None:
        self.chance = np.random.default_rng(_SEED)
        self.inner = self._small(inputs, _HIDDEN)
        self.outer = self._small(_HIDDEN, labels)
        self._steepness_inner = np.full((inputs, 1), _SMALLEST, np.float32)
        self._steepness_outer = np.full((_HIDDEN, labels), _SMALLEST, np.float32)

    def step(self, texts: "sparse.csr_array", places: Integers, length: float) -> None:
        texts.data *= self._left(texts.data.shape, _LEFT_OUT_WORDS)
        hidden = texts @ self.inner
        gate = (hidden > 0) * self._left(hidden.shape, _LEFT_OUT_HIDDEN)
        hidden = hidden * gate
        scores = hidden @ self.outer
        shares = np.exp(scores - scores.max(1, keepdims=True))
        errors = shares / shares.sum(1, keepdims=True)
        errors[np.arange(len(places)), places] -= 1
        errors /= np.float32(len(places))
        slope_hidden = (errors @ self.outer.T) * gate
        by_word = texts.T.tocsr()
        words = np.flatnonzero(np.diff(by_word.indptr))
        slope = by_word[words] @ slope_hidden
        self._steepness_inner[words] += (slope * slope).mean(1, keepdims=True)
        self.inner[words] -= np.float32(length) * slope / np.sqrt(self._steepness_inner[words])
        slope = hidden.T @ errors
        self._steepness_outer += slope * slope
        self.outer -= np.float32(length) * slope / np.sqrt(self._steepness_outer)

    def _small(self, *shape: int) -> Floats:
        return np.float32(0.05) * self.chance.standard_normal(shape, np.float32)

    def _left(self, shape: tuple[int, ...], left_out: float) -> Floats:
        """Return zero by chance, else what keeps the mean."""
        is_left = self.chance.random(shape, np.float32) > left_out
        return is_left.astype(np.float32) / np.float32(1 - left_out)
