"""Turns scores into probabilities that come true, and says below which one a text is unknown."""

from dataclasses import dataclass

import numpy as np

from routing.understanding.features import Floats, Integers

# Of the examples held back, this share is still told after the margin for unknown was set.
KEPT = 0.95
# However sure a model is of nearly all, nothing that it is so sure of is called unknown for that.
SURE = 0.9
# Nearly all texts on a topic have something that was met before.
_FAMILIAR = 0.99
_SHARPNESS = np.geomspace(0.25, 32, 57)
_STEPS = 30
_BLUNTNESS = 0.25
# How firmly the curve stays gentle, in held-back examples.
_PRIOR = 1.0
_EDGE = 1e-6


@dataclass(frozen=True, slots=True)
class Calibration:
    """How scores become probabilities: sharpened for the labels among each other, and a curve for the best.

    The curve looks at shares that are much less sharp: they fall with a rival that is close as well
    as with a score that is low everywhere, which is how a text of an unknown kind shows.
    """

    sharpness: float = 1.0
    slope: float = 1.0
    shift: float = 0.0
    least_confidence: float = 0.0
    least_familiarity: float = 0.0

    def doubted(self, shares: Floats, familiarity: float) -> Floats:
        """Return the probabilities made smaller, for a text that is stranger than nearly all held back."""
        if familiarity >= self.least_familiarity:
            return shares
        return shares * np.float32(familiarity / self.least_familiarity)

    def knows(self, confidence: float, familiarity: float) -> bool:
        """Say whether a text is like those learned from; familiarity is the length of its vector."""
        return confidence >= self.least_confidence and familiarity >= self.least_familiarity

    def shares(self, scores: Floats) -> Floats:
        """Return the probability of each label, a row for each text; the rest up to one is "none of them"."""
        shares = _softmax(scores * np.float32(self.sharpness))
        top = shares.max(1)
        wanted = _sigmoid(self.slope * _standing(scores, self.sharpness) + self.shift)
        others = np.minimum(wanted / top, (1 - wanted) / np.maximum(1 - top, _EDGE))
        found = shares * others[:, None]
        found[np.arange(len(found)), scores.argmax(1)] = wanted
        return np.asarray(found, np.float32)


def calibrate(scores: Floats, places: Integers, familiarity: Floats) -> Calibration:
    """Return the calibration by scores of examples held back, their right places and familiarity."""
    rows = np.arange(len(places))
    losses = [
        -np.log(np.maximum(_softmax(scores * np.float32(sharp))[rows, places], _EDGE)).mean()
        for sharp in _SHARPNESS
    ]
    sharpness = float(_SHARPNESS[int(np.argmin(losses))])
    is_right = (scores.argmax(1) == places).astype(np.float64)
    slope, shift = _curve(_standing(scores, sharpness), is_right)
    confidence = _sigmoid(slope * _standing(scores, sharpness) + shift)
    return Calibration(
        sharpness,
        slope,
        shift,
        least_confidence=min(float(np.quantile(confidence, 1 - KEPT)), SURE),
        least_familiarity=float(np.quantile(familiarity, 1 - _FAMILIAR)),
    )


def _standing(scores: Floats, sharpness: float) -> np.ndarray:
    """Return the log-odds of the best score among the others, bluntly."""
    top = _softmax(scores * np.float32(sharpness * _BLUNTNESS)).max(1)
    return _log_odds(top)


def _curve(standing: np.ndarray, is_right: np.ndarray) -> tuple[float, float]:
    """Return slope and shift of the logistic curve that meets how often the best was right."""
    mean, spread = standing.mean(), standing.std() or 1.0
    inputs = np.column_stack([(standing - mean) / spread, np.ones_like(standing)])
    found = start = np.array([1.0, 0.0])
    for _ in range(_STEPS):
        expected = _sigmoid(inputs @ found)
        gradient = inputs.T @ (expected - is_right) + _PRIOR * (found - start)
        curvature = (inputs * (expected * (1 - expected))[:, None]).T @ inputs
        step = np.linalg.solve(curvature + _PRIOR * np.eye(2), gradient)
        found = found - np.clip(step, -1, 1)
    slope = max(float(found[0]), 0.05) / float(spread)
    return slope, float(found[1] - slope * mean)


def _softmax(scores: Floats) -> Floats:
    raised = np.exp(scores - scores.max(1, keepdims=True))
    shares: Floats = raised / raised.sum(1, keepdims=True)
    return shares


def _sigmoid(odds: np.ndarray) -> np.ndarray:
    found: np.ndarray = 1 / (1 + np.exp(-np.clip(odds, -40, 40)))
    return found


def _log_odds(share: np.ndarray) -> np.ndarray:
    inner = np.clip(share.astype(np.float64), _EDGE, 1 - _EDGE)
    found: np.ndarray = np.log(inner) - np.log1p(-inner)
    return found
