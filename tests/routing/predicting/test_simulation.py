"""What is predicted comes true as often as it says."""

import math
import time
from dataclasses import replace

import numpy as np
import pytest

from routing.predicting.holds import Floats, Holds
from routing.predicting.simulation import Running, Situation, Stream, forecast
from tests.routing.predicting.queue_play import HOLDS, LINES, Call, Play, Seen

USUAL = Holds.usual()


def situation(*streams: Stream, people: int = 1, running: int = 0, **changes: object) -> Situation:
    known = Situation(
        capacity=[1.0] * people,
        running=[Running(person, 60.0, 0) for person in range(running)],
        lines=[frozenset(range(people))],
        streams=streams,
        holds=[USUAL],
        newcomers=[(20, 300.0)],
    )
    return replace(known, **changes)  # type: ignore[arg-type]  # each by its own name


def line(*waited: float, urgency: int = 20, **facts: object) -> Stream:
    return Stream(0, urgency, 300.0, waited=waited, **facts)  # type: ignore[arg-type]  # as above


def rule_of_thumb(seen: Seen, call: Call) -> float:
    """Return what was told before: the usual hold, by place and people, half of it to one and a half."""
    same = [one for ones in seen.waiting for one in ones if one.line == call.line]
    before = sum((-one.urgency, one.came) < (-call.urgency, call.came) for one in same)
    return HOLDS[call.line][0] * (1 + before) / len(LINES[call.line])


def loss(share: float, told: Floats, came: Floats) -> float:
    """Return how far a quantile was off, the less the better (Koenker and Bassett, 1978)."""
    off = came - told
    return float(np.maximum(share * off, (share - 1) * off).mean())


@pytest.mark.parametrize("load", [0.8, 0.9])
def test_half_wait_less_than_the_middle_and_nine_of_ten_less_than_the_late_one(load: float) -> None:
    told = []
    for seed in range(4):
        for seen in Play(seed, load).seen(every=600.0):
            waits = forecast(seen.situation, seed=1)
            for stream, calls in enumerate(seen.waiting):
                for number, call in enumerate(calls):
                    middle, late = waits.middle[stream][number], waits.late[stream][number]
                    told.append((middle, late, call.began - seen.at, rule_of_thumb(seen, call)))
    middle, late, came, thumb = np.array(told).T
    assert len(told) > 300
    assert 0.40 <= (came <= middle).mean() <= 0.60
    assert 0.85 <= (came <= late).mean() <= 0.95
    # The rule of thumb promised one and a half times its middle to everybody.
    assert (came <= 1.5 * thumb).mean() < 0.7
    assert loss(0.5, middle, came) < 0.85 * loss(0.5, thumb, came)
    assert loss(0.9, late, came) < 0.6 * loss(0.9, 1.5 * thumb, came)


def test_whoever_finds_a_free_place_waits_for_nothing() -> None:
    waits = forecast(situation(line(5.0), people=2, running=1))
    assert (waits.middle[0][0], waits.late[0][0]) == (0.0, 0.0)


def test_without_anybody_nobody_is_promised_anything() -> None:
    waits = forecast(situation(line(5.0), people=0))
    assert math.isinf(waits.middle[0][0])
    assert math.isinf(waits.newcomer_middle[0])


def test_whoever_stands_further_behind_waits_longer_and_more_people_make_it_shorter() -> None:
    few = forecast(situation(line(*range(200, 0, -10)), people=2, running=2))
    many = forecast(situation(line(*range(200, 0, -10)), people=8, running=8))
    assert (np.diff(few.middle[0]) >= 0).all()
    assert few.newcomer_middle[0] >= few.middle[0][0]
    assert few.middle[0][10] > 2.5 * many.middle[0][10]


def test_more_urgent_work_that_keeps_coming_makes_calm_ones_wait() -> None:
    quiet = situation(line(5.0, urgency=0), people=1, running=1)
    urgent = Stream(0, 90, 60.0, per_second=1 / 600)
    busy = replace(quiet, streams=[*quiet.streams, urgent])
    assert forecast(busy).late[0][0] > 1.2 * forecast(quiet).late[0][0]


def test_half_a_conversation_leaves_no_place_for_a_whole_one() -> None:
    half = [Running(0, 60.0, 0, weight=0.5)]
    held = forecast(replace(situation(line(5.0)), running=half))
    assert held.middle[0][0] > 0


def test_what_runs_for_long_is_expected_by_what_is_known_of_long_ones() -> None:
    known = Holds.of([60.0] * 50 + [3600.0] * 50, [True] * 100)
    assert known is not None
    luck = np.linspace(0.01, 0.99, 99)
    fresh, old = known.left(np.zeros(99), luck), known.left(np.full(99, 120.0), luck)
    assert np.median(fresh) <= 3600
    assert fresh.min() == 60.0
    assert set(old) == {3480.0}


def test_conversations_that_have_not_ended_yet_count_up_to_their_age() -> None:
    ended = Holds.of([300.0] * 20, [True] * 20)
    both = Holds.of([300.0] * 20 + [1200.0] * 20, [True] * 20 + [False] * 20)
    assert ended is not None
    assert both is not None
    luck = np.linspace(0.01, 0.99, 99)
    assert both.left(np.zeros(99), luck).mean() > 2 * ended.left(np.zeros(99), luck).mean()


def test_too_few_holds_say_nothing() -> None:
    assert Holds.of([300.0] * 11, [True] * 11) is None
    assert Holds.of([300.0] * 30, [False] * 30) is None


def test_a_thousand_who_wait_cost_less_than_a_few_seconds() -> None:
    waited = [float(second) for second in range(1000, 0, -1)]
    streams = [line(*waited[at::20], urgency=5 * at, per_second=0.01) for at in range(20)]
    known = situation(*streams, people=300, running=300)
    began = time.perf_counter()
    forecast(known)
    assert time.perf_counter() - began < 4.0
