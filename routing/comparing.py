"""Compares two models on texts that neither was taught, text by text."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from math import sqrt

import numpy as np
import numpy.typing as npt

from routing.classify import TopicIndex, TopicSource
from routing.lessons import Text, is_held_back
from routing.understanding.measures import calibration_error
from routing.understanding.model import TopicModel

# In standard deviations of what chance does, were both equally good.
_MARGIN = 1.64


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many texts of those held back are told rightly, and what changes against the one before.

    `gains` are told rightly by the new one only, `losses` by the old one only.
    """

    held_back: int
    accuracy: float
    accuracy_before: float
    calibration_error: float
    gains: int
    losses: int

    @property
    def is_worse(self) -> bool:
        """Tell whether more was lost than gained, by more than chance does in nineteen cases of twenty."""
        return self.losses - self.gains > _MARGIN * sqrt(self.gains + self.losses)

    def figures(self) -> dict[str, float]:
        return asdict(self)


def compare(
    sources: Iterable[TopicSource],
    held: Sequence[Text],
    *,
    new: TopicModel | None,
    old: TopicModel | None,
) -> Comparison:
    """Return how the new model does in the place of the old one, or of none.

    Both judge as in use, with keywords and examples; without the examples that are held back.
    """
    known = [
        replace(one, examples=tuple(text for text in one.examples if not is_held_back(text)))
        for one in sources
    ]
    index, index_before = TopicIndex.of(known, new), TopicIndex.of(known, old)
    verdicts = [index.judge(one.text) for one in held]
    told = _are_right([one.topic_id for one in verdicts], held)
    told_before = _are_right([index_before.judge(one.text).topic_id for one in held], held)
    likeliest = _are_right([one.topic_id or one.runner_up_id for one in verdicts], held)
    confidence = np.array([one.confidence for one in verdicts])
    return Comparison(
        held_back=len(held),
        accuracy=round(float(told.mean()), 4),
        accuracy_before=round(float(told_before.mean()), 4),
        calibration_error=round(calibration_error(confidence, likeliest), 4),
        gains=int((told & ~told_before).sum()),
        losses=int((told_before & ~told).sum()),
    )


def _are_right(found: Sequence[int | None], held: Sequence[Text]) -> npt.NDArray[np.bool_]:
    return np.array([one == other.topic_id for one, other in zip(found, held, strict=True)])
