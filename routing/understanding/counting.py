"""Counts the grams of many texts once, and makes vocabularies and matrices of any part of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from routing.understanding.features import LENGTH, SHARES, Floats, Integers, Vocabulary, grams

# Weights of a model at most: the rarest grams go first. 16 million are 32 MB.
MOST_WEIGHTS = 16_000_000


@dataclass(frozen=True)
class Learned:
    """A vocabulary, where its grams stand among those counted, and the vectors it was learned from."""

    vocabulary: Vocabulary
    kept: tuple[Integers, ...]
    matrix: sparse.csr_array


@dataclass(frozen=True)
class Counts:
    """How often each gram stands in each text, as 1 + log; one matrix for each block."""

    grams: tuple[tuple[str, ...], ...]
    often: tuple[sparse.csr_array, ...]

    def learn(self, rows: Integers, places: Integers, *, labels: int, is_few: bool) -> Learned:
        """Return what the texts in `rows` teach, `places` being the places of their labels.

        A gram says more the fewer texts hold it. Among few texts chance decides how many those
        are: there it says more the fewer labels share it. A gram that one text alone holds is
        kept of few texts only, a pair never.
        """
        chosen = [one[rows] for one in self.often]
        holders = [np.bincount(one.indices, minlength=one.shape[1]) for one in chosen]
        kept = _kept(holders, 1 if is_few else 2, MOST_WEIGHTS // labels)
        total = labels if is_few else len(rows)
        shared: Sequence[np.ndarray] = holders
        if is_few:
            shared = [_labels_sharing(one, places, labels) for one in chosen]
        sharing = np.concatenate([have[keep] for have, keep in zip(shared, kept, strict=True)])
        rareness = (np.log((1 + total) / (1 + sharing)) + 1).astype(np.float32)
        blocks = tuple(
            tuple(names[at] for at in keep) for names, keep in zip(self.grams, kept, strict=True)
        )
        vocabulary = Vocabulary(blocks, rareness, math.log((1 + total) / 2) + 1)
        matrix = self._vectors(rows, vocabulary, kept, unknown_weighs=False)
        return Learned(vocabulary, kept, matrix)

    def vectors(self, rows: Integers, learned: Learned) -> sparse.csr_array:
        """Return the vectors of other texts, as the vocabulary makes them."""
        return self._vectors(rows, learned.vocabulary, learned.kept, unknown_weighs=True)

    def _vectors(
        self,
        rows: Integers,
        vocabulary: Vocabulary,
        kept: Sequence[Integers],
        *,
        unknown_weighs: bool,
    ) -> sparse.csr_array:
        parts, first = [], 0
        for often, keep, share in zip(self.often, kept, SHARES, strict=True):
            chosen = often[rows]
            known = chosen[:, keep]
            known = known @ sparse.diags_array(vocabulary.rareness[first : first + len(keep)])
            mass = _mass(known)
            if unknown_weighs:
                mass += vocabulary.rare**2 * (_mass(chosen) - _mass(chosen[:, keep]))
            scale = share / LENGTH / np.sqrt(np.where(mass > 0, mass, 1.0))
            parts.append(sparse.diags_array(scale) @ known)
            first += len(keep)
        matrix = sparse.csr_array(sparse.hstack(parts, format="csr"), dtype=np.float32)
        # scikit-learn takes no wider indices.
        matrix.indices, matrix.indptr = (
            part.astype(np.int32) for part in (matrix.indices, matrix.indptr)
        )
        return matrix


def count(texts: Sequence[str]) -> Counts:
    """Count the grams of every text."""
    numbers: list[dict[str, int]] = [{} for _ in SHARES]
    columns: list[list[int]] = [[] for _ in SHARES]
    values: list[list[float]] = [[] for _ in SHARES]
    ends: list[list[int]] = [[0] for _ in SHARES]
    for text in texts:
        for block, counted in enumerate(grams(text)):
            number = numbers[block]
            columns[block] += [number.setdefault(gram, len(number)) for gram in counted]
            values[block] += [1 + math.log(many) for many in counted.values()]
            ends[block].append(len(columns[block]))
    often = tuple(
        sparse.csr_array(
            (np.array(values[b], np.float32), np.array(columns[b], np.int64), ends[b]),
            shape=(len(texts), len(numbers[b])),
        )
        for b in range(len(SHARES))
    )
    return Counts(tuple(tuple(number) for number in numbers), often)


def _kept(holders: Sequence[Integers], least: int, most: int) -> tuple[Integers, ...]:
    """Return the grams of each block that enough texts hold, few enough for the weights to be kept."""
    while True:
        kept = tuple(
            np.flatnonzero(have >= max(least, 2 if is_pairs else 1))
            for have, is_pairs in zip(holders, (False, False, False, True), strict=True)
        )
        if sum(map(len, kept)) <= most:
            return kept
        least += 1


def _labels_sharing(often: sparse.csr_array, places: Integers, labels: int) -> Floats:
    """Return by how many labels each gram is shared; one that holds most of it counts for more."""
    label_of = np.repeat(places, np.diff(often.indptr))
    ones = np.ones(len(label_of))
    holders = sparse.csr_array((ones, (label_of, often.indices)), shape=(labels, often.shape[1]))
    total = np.asarray(holders.sum(axis=0))
    share = holders.data / total[holders.indices]
    entropy = np.bincount(holders.indices, -share * np.log(share), minlength=often.shape[1])
    return np.exp(entropy).astype(np.float32)


def _mass(matrix: sparse.csr_array) -> npt.NDArray[np.float64]:
    return np.asarray(matrix.multiply(matrix).sum(axis=1), np.float64).ravel()
