"""When a candidate counts as worse: by text, and by more than chance."""

import pytest

from routing.classify import TopicSource
from routing.comparing import Comparison, compare
from routing.lessons import Text, is_held_back
from tests.routing.teaching.shop import asked

RETURNS = 1


@pytest.mark.parametrize(
    ("gains", "losses", "is_worse"),
    [
        (0, 0, False),
        (0, 2, False),
        (0, 3, True),
        (30, 40, False),
        (30, 45, True),
        (9, 0, False),
        (300, 341, False),
        (300, 342, True),
    ],
)
def test_worse_is_more_lost_than_chance_would(gains: int, losses: int, is_worse: bool) -> None:
    assert Comparison(1000, 0.9, 0.9, 0.02, gains, losses).is_worse is is_worse


def test_examples_that_are_held_back_help_neither() -> None:
    held = [Text(text, RETURNS) for text in asked("退货") if is_held_back(text)]
    rest = [text for text in asked("发票") if not is_held_back(text)]
    sources = [
        TopicSource(RETURNS, None, (), (), tuple(one.text for one in held)),
        TopicSource(2, None, (), (), tuple(rest)),
    ]
    found = compare(sources, held, new=None, old=None)
    assert (found.held_back, found.accuracy) == (len(held), 0)
