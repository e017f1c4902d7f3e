"""Which arm acts is reckoned from the plan alone, and each pair of slices is fair."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from routing.laboratory.schedule import Plan

BEGIN = datetime(2026, 3, 6, 9, tzinfo=UTC)


def plan(seed: int = 1, slices: int = 80) -> Plan:
    return Plan(BEGIN, slice_minutes=180, washout_minutes=30, slices=slices, seed=seed)


@given(st.integers(0, 2**48), st.integers(0, 1000))
def test_each_pair_gives_each_arm_one_slice(seed: int, pair: int) -> None:
    first, second = (plan(seed).is_draft(2 * pair + half) for half in (0, 1))
    assert first != second


def test_which_half_of_a_pair_is_the_drafts_is_a_coin() -> None:
    firsts = [plan(seed).is_draft(2 * pair) for seed in range(50) for pair in range(40)]
    assert 900 < sum(firsts) < 1100
    assert len({tuple(plan(seed).is_draft(2 * n) for n in range(40)) for seed in range(50)}) == 50


def test_another_process_reckons_the_same_arms() -> None:
    firsts = [plan(7).is_draft(2 * pair) for pair in range(6)]
    assert firsts == [True, False, False, True, True, False]


def test_a_slice_runs_from_its_first_moment_to_the_next_ones() -> None:
    one = plan()
    assert one.slice_at(BEGIN - timedelta(microseconds=1)) is None
    assert one.slice_at(BEGIN) == 0
    assert one.slice_at(BEGIN + timedelta(hours=3) - timedelta(microseconds=1)) == 0
    assert one.slice_at(BEGIN + timedelta(hours=3)) == 1
    assert one.slice_at(one.ends_at - timedelta(microseconds=1)) == 79
    assert one.slice_at(one.ends_at) is None
    assert one.ends_at == BEGIN + timedelta(days=10)
    assert one.counts_from(1) == BEGIN + timedelta(hours=3, minutes=30)
