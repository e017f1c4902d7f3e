"""What conversations came to changes what a level counts as: little, only when it differs, and never for ever."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.deciding.evidence import MOST_CHANGE, OF_ONE_LEVEL, PRIOR, Evidence, Tally, reckon

SKILL, TOPIC = 7, 1
shares = st.floats(0, 1)
weights = st.floats(0.01, 500)


def tally(staff: int, weight: float, share: float, **facts: float) -> Tally:
    return Tally(staff, SKILL, TOPIC, weight, weight * share, round(weight) + 1, **facts)


def rated(staff: int, weight: float, share: float, stars: float) -> Tally:
    """Return conversations that were all rated alike."""
    return tally(
        staff,
        weight,
        share,
        rated=weight,
        rated_resolved=weight * share,
        liked=weight * (stars - 1) / 4,
    )


def changes(*tallies: Tally, levels: dict[int, float] | None = None) -> dict[int, float]:
    """Return everybody's change; whose level is not told is at 3."""
    held = {(one.staff, one.skill): 3.0 for one in tallies}
    held |= {(staff, SKILL): level for staff, level in (levels or {}).items()}
    return {staff: found.change for (staff, _skill), found in reckon(tallies, held).items()}


def test_who_resolves_more_than_colleagues_of_the_same_level_counts_as_a_little_more() -> None:
    found = changes(tally(1, 40, 0.9), tally(2, 40, 0.7))
    assert found == {1: pytest.approx(0.51, abs=0.01), 2: pytest.approx(-0.51, abs=0.01)}


def test_without_conversations_nothing_is_known() -> None:
    assert reckon([], {(1, SKILL): 3}) == {}
    assert reckon([tally(1, 0, 0)], {(1, SKILL): 3}) == {}


def test_who_answers_alone_is_compared_with_nobody() -> None:
    assert changes(tally(1, 100, 0.1)) == {1: 0.0}


@given(weights, shares, shares)
def test_two_alike_but_for_luck_differ_by_the_same(weight: float, one: float, two: float) -> None:
    found = changes(tally(1, weight, one), tally(2, weight, two))
    assert found[1] == pytest.approx(-found[2])
    swapped = changes(tally(2, weight, one), tally(1, weight, two))
    assert swapped == {1: found[2], 2: found[1]}


@given(st.lists(st.tuples(weights, shares, st.floats(0, 5)), min_size=1, max_size=8))
def test_a_change_is_bounded_and_the_level_that_counts_is_one(
    drawn: list[tuple[float, float, float]],
) -> None:
    levels = {at: round(level) for at, (_weight, _share, level) in enumerate(drawn)}
    rows = [tally(at, weight, share) for at, (weight, share, _level) in enumerate(drawn)]
    for at, change in changes(*rows, levels={**levels}).items():
        assert abs(change) <= MOST_CHANGE
        assert 0 <= levels[at] + change <= 5


@given(weights, shares, shares, weights)
def test_a_colleague_who_does_as_all_do_changes_nobody(
    weight: float, one: float, two: float, more: float
) -> None:
    before = changes(tally(1, weight, one), tally(2, weight, two))
    after = changes(tally(1, weight, one), tally(2, weight, two), tally(3, more, (one + two) / 2))
    assert after == {1: before[1], 2: before[2], 3: pytest.approx(0, abs=0.01)}


def test_what_is_old_says_less_and_at_last_nothing() -> None:
    found = [
        changes(tally(1, weight, 0.9), tally(2, weight, 0.5))[1] for weight in (80, 40, 20, 1, 0.05)
    ]
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.9
    assert found[-1] == 0


def test_as_many_conversations_as_come_before_count_half() -> None:
    found = changes(tally(1, PRIOR, 0.7), tally(2, PRIOR, 0.5))
    assert found[1] == pytest.approx(0.1 / 2 / OF_ONE_LEVEL, abs=0.01)


def test_a_hard_topic_is_held_against_nobody() -> None:
    easy = [tally(1, 50, 0.95), tally(2, 50, 0.95)]
    hard = [replace(tally(3, 50, 0.4), topic=2), replace(tally(4, 50, 0.4), topic=2)]
    assert set(changes(*easy, *hard).values()) == {0.0}


def test_what_levels_explain_is_not_counted_again() -> None:
    steps = [tally(level, 100, 0.4 + OF_ONE_LEVEL * level) for level in range(1, 5)]
    levels: dict[int, float] = {level: level for level in range(1, 5)}
    assert set(changes(*steps, levels=levels).values()) == {0.0}


def test_where_all_levels_do_alike_only_what_differs_counts() -> None:
    alike = [tally(level, 100, 0.9) for level in range(6)]
    levels: dict[int, float] = {level: level for level in range(6)}
    assert set(changes(*alike, levels=levels).values()) == {0.0}
    better = changes(*alike, replace(alike[0], staff=9, resolved=97), levels={**levels, 9: 3})
    assert better[9] > 0.3
    assert max(abs(better[level]) for level in range(6)) < 0.15


def test_who_answers_without_the_skill_is_compared_with_and_has_no_evidence() -> None:
    found = reckon([tally(1, 40, 0.9), tally(2, 40, 0.5)], {(1, SKILL): 3})
    assert list(found) == [(1, SKILL)]


def test_stars_are_half_of_what_a_rated_conversation_is_worth() -> None:
    found = changes(rated(1, 40, 0.9, 5), rated(2, 40, 0.9, 3))
    assert found[1] == pytest.approx(40 * 0.25 / 2 / (40 + PRIOR) / OF_ONE_LEVEL, abs=0.01)
    assert found[2] == -found[1]


def test_to_be_rated_is_not_held_against_anybody() -> None:
    found = changes(rated(1, 40, 0.9, 4.2), tally(2, 40, 0.9))
    assert found == {1: 0.0, 2: 0.0}


def test_exams_are_compared_with_exams() -> None:
    exams = [
        Tally(1, SKILL, None, 10, 9.5),
        Tally(2, SKILL, None, 10, 7.5),
    ]
    held = {(1, SKILL): 3.0, (2, SKILL): 3.0}
    found = reckon(exams, held)
    assert found[1, SKILL] == Evidence(pytest.approx(0.26, abs=0.01), exam_percent=95)
    assert found[2, SKILL].change == -found[1, SKILL].change
    more = reckon([*exams, tally(1, 40, 0.8), tally(2, 40, 0.8)], held)
    assert more[1, SKILL].resolved == 0.8
    assert more[1, SKILL].exam_percent == 95


def test_the_figures_are_those_that_people_read() -> None:
    rows = [rated(1, 30, 0.9, 4.6), rated(2, 30, 0.6, 4)]
    found = reckon(rows, {(1, SKILL): 5.0, (2, SKILL): 2.0})[1, SKILL]
    assert (found.conversations, found.resolved, found.stars) == (31, 0.9, 4.6)
    # Of the difference between the two, all that the levels can explain is expected.
    assert 0.75 < (found.expected or 0) <= 0.95
