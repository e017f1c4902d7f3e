"""A trained model of topics: labels, a vocabulary, a column of weights for each label, a network."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from routing.understanding.calibration import Calibration
from routing.understanding.features import Floats, Vocabulary
from routing.understanding.network import Network


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a text is about: `label` is None when that cannot be told, `best` is named all the same.

    `confidence` is the probability that `best` is right; `is_known` tells a text like those learned from.
    """

    best: str
    confidence: float
    runner_up: str
    runner_up_confidence: float
    is_known: bool

    @property
    def label(self) -> str | None:
        """Return the best label of a text that is like those learned from."""
        return self.best if self.is_known else None


@dataclass(frozen=True)
class TopicModel:
    """Judges texts; made by `training.fit`, kept as bytes by `storing`."""

    labels: tuple[str, ...]
    vocabulary: Vocabulary
    # Half precision halves what is stored and kept; nothing is lost that could be measured.
    weights: npt.NDArray[np.float16]
    bias: Floats
    network: Network
    calibration: Calibration
    # Figures of the training: how many examples, accuracy on those held back ...
    figures: dict[str, float] = field(default_factory=dict)

    def probabilities(self, text: str) -> dict[str, float]:
        """Return the probability of every label: none at all of a text unlike those learned from."""
        shares, familiarity = self._shares(text)
        if not self.calibration.knows(float(shares.max()), familiarity):
            return dict.fromkeys(self.labels, 0.0)
        return {label: float(share) for label, share in zip(self.labels, shares, strict=True)}

    def judge(self, text: str) -> Judgement:
        """Return the likeliest label and the next, and whether the text is like those learned from."""
        shares, familiarity = self._shares(text)
        second, first = (int(place) for place in np.argsort(shares, kind="stable")[-2:])
        confidence = float(shares[first])
        return Judgement(
            best=self.labels[first],
            confidence=round(confidence, 4),
            runner_up=self.labels[second],
            runner_up_confidence=round(float(shares[second]), 4),
            is_known=self.calibration.knows(confidence, familiarity),
        )

    def _shares(self, text: str) -> tuple[Floats, float]:
        """Return the probability of each label by its place, and how familiar the text is."""
        rows, values = self.vocabulary.vector(text)
        scores = values @ self.weights[rows].astype(np.float32) + self.bias
        scores += self.network.scores(rows, values)
        familiarity = float(np.linalg.norm(values))
        shares = self.calibration.shares(scores[None, :])[0]
        return self.calibration.doubted(shares, familiarity), familiarity
