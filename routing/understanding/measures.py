"""How good judgements are: accuracy by label, honesty of the confidence, telling what is unknown."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.floating]
Truths = npt.NDArray[np.bool_]

_BINS = 15


def calibration_error(confidence: Numbers, is_right: Truths) -> float:
    """Return how far confidence and truth are apart on average, over 15 equal steps of confidence."""
    if not len(confidence):
        return 0.0
    step = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = [
        abs(float((confidence[step == at] - is_right[step == at]).sum())) for at in range(_BINS)
    ]
    return sum(gaps) / len(confidence)


def macro_f1(truth: Sequence[str], found: Sequence[str]) -> float:
    """Return the mean over labels, those found or true, of the harmonic mean of precision and recall."""
    truths, founds = np.array(truth), np.array(found)
    scores = []
    for label in np.union1d(truths, founds):
        met = int(((truths == label) & (founds == label)).sum())
        scores.append(2 * met / int((truths == label).sum() + (founds == label).sum()))
    return float(np.mean(scores)) if scores else 0.0


def separation(known: Numbers, unknown: Numbers) -> float:
    """Return the probability that a known text scores above an unknown one (AUROC); ties count half."""
    ordered = np.sort(unknown)
    below = np.searchsorted(ordered, known, "left")
    not_above = np.searchsorted(ordered, known, "right")
    return float((below + not_above).sum() / (2 * len(known) * len(unknown)))


def recall_at(known: Numbers, unknown: Numbers, *, kept: float = 0.95) -> float:
    """Return the share of unknown texts below the score above which `kept` of the known ones are."""
    return float((unknown < np.quantile(known, 1 - kept)).mean())
