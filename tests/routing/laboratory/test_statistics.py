"""What slices tell, and what they do not."""

import numpy as np
import pytest
from scipy import stats

from routing.laboratory import statistics
from routing.laboratory.rails import Rail
from routing.laboratory.statistics import Pairs, Sliced, Verdict

WORSE_WAIT = Rail("first_reply", higher_is_better=False, is_bound=False, limit=0.0)


def pairs(differences: list[float], weights: list[float] | None = None, used: float = 0.5) -> Pairs:
    """Return pairs with these differences; the draft has the first half of every second one."""
    slices = []
    for number, difference in enumerate(differences):
        weight = 2 * (weights[number] if weights else 1.0)
        draft = 2 * number + number % 2
        slices.append(Sliced(draft, True, used + difference, weight))
        slices.append(Sliced(draft ^ 1, False, used, weight))
    return Pairs.of(slices)


def test_a_slice_without_its_other_half_is_left_out() -> None:
    found = Pairs.of(
        [
            Sliced(0, True, 0.9, 10),
            Sliced(1, False, 0.5, 10),
            Sliced(2, True, 0.1, 10),
            Sliced(4, True, 0.1, 10),
            Sliced(5, False, 0.1, 0),
        ]
    )
    assert found.numbers == (0,)
    assert found.difference == pytest.approx(0.4)


def test_the_interval_of_equal_pairs_is_students() -> None:
    differences = [0.1, -0.2, 0.3, 0.05, 0.0, 0.12, 0.2, -0.1]
    found = statistics.estimate(pairs(differences), 0.05)
    low, high = stats.t.interval(0.95, 7, np.mean(differences), stats.sem(differences))
    assert (found.low, found.high) == pytest.approx((low, high))


def test_the_coins_of_few_pairs_are_all_turned() -> None:
    assert statistics.chance(pairs([0.1, 0.2, 0.3, 0.1, 0.2, 0.3])) == 2 / 64
    assert statistics.chance(pairs([0.1, -0.1])) == 1.0
    assert statistics.chance(pairs([])) == 1.0


def test_a_heavy_pair_counts_for_more_and_is_one_witness_all_the_same() -> None:
    light = statistics.estimate(pairs([0.1] * 4 + [-0.1] * 4), 0.05)
    heavy = statistics.estimate(pairs([0.1] * 4 + [-0.1] * 4, [50, *[1] * 7]), 0.05)
    assert light.difference == pytest.approx(0)
    assert heavy.difference > 0.05
    assert heavy.high - heavy.low > light.high - light.low  # type: ignore[operator]


@pytest.mark.parametrize(
    ("differences", "higher_is_better", "said"),
    [
        ([0.1, 0.12, 0.08, 0.11, 0.09, 0.1, 0.13], True, Verdict.BETTER),
        ([0.1, 0.12, 0.08, 0.11, 0.09, 0.1, 0.13], False, Verdict.WORSE),
        ([-0.1, -0.12, -0.08, -0.11, -0.09, -0.1, -0.13], True, Verdict.WORSE),
        ([0.1, -0.12, 0.08, -0.11, 0.09, -0.1, 0.13], True, Verdict.NO_DIFFERENCE),
        ([0.1] * 5, True, Verdict.TOO_FEW),
        ([], True, Verdict.TOO_FEW),
    ],
)
def test_the_verdict_knows_the_direction(
    differences: list[float], higher_is_better: bool, said: Verdict
) -> None:
    found = statistics.estimate(pairs(differences), 0.05)
    assert statistics.verdict(found, 0.05, higher_is_better=higher_is_better) == said


def test_evidence_never_grows_on_average_while_only_coins_differ() -> None:
    sizes = np.array([0.3, 1.0, 2.0, 0.1, 5.0, 0.7, 0.2, 1.1, 0.4, 3.0])
    coins = 1.0 - 2.0 * ((np.arange(1024)[:, None] >> np.arange(10)) & 1)
    ends = [statistics.evidence(sizes * signs, np.ones(10))[-1] for signs in coins]
    assert np.mean(ends) == pytest.approx(1.0)


def test_evidence_is_the_same_in_other_units() -> None:
    excess, weights = np.array([0.3, 1.0, -0.2, 0.4, 0.5]), np.ones(5)
    found = statistics.evidence(excess, weights)
    assert statistics.evidence(1000 * excess, 7 * weights) == pytest.approx(found)
    assert not np.any(statistics.evidence(np.zeros(9), np.ones(9)) != 1)


def test_a_rail_breaks_by_harm_and_never_by_gain() -> None:
    certain = statistics.certain_at(0.05, 1)
    assert certain == pytest.approx(100)
    slower, faster = pairs([30.0] * 14), pairs([-30.0] * 14)
    assert statistics.harm(slower, WORSE_WAIT).max() >= certain
    assert statistics.harm(faster, WORSE_WAIT).max() < 1.1


def test_what_a_rail_tolerates_does_not_break_it() -> None:
    tolerant = Rail("first_reply", higher_is_better=False, is_bound=False, limit=40.0)
    luck = np.random.default_rng(1)
    slower = pairs([float(30 + x) for x in luck.normal(0, 8, 60)])
    certain = statistics.certain_at(0.05, 1)
    assert statistics.harm(slower, WORSE_WAIT).max() >= certain
    assert statistics.harm(slower, tolerant).max() < certain


def test_a_bound_looks_at_the_draft_alone() -> None:
    rail = Rail("rating", higher_is_better=True, is_bound=True, limit=4.55)
    certain = statistics.certain_at(0.05, 1)
    assert statistics.harm(pairs([0.0] * 14, used=4.4), rail).max() >= certain
    assert statistics.harm(pairs([-0.2] * 14, used=4.8), rail).max() < certain


def test_a_band_narrows_and_holds_the_difference() -> None:
    luck = np.random.default_rng(3)
    known = statistics.bands(pairs([float(0.1 + x) for x in luck.normal(0, 0.05, 80)]), 0.05)
    assert known[0].low is None
    assert known[0].high is None
    later = [band for band in known if band.low is not None and band.high is not None]
    assert all(band.low < 0.1 < band.high for band in later)  # type: ignore[operator]
    widths = [band.high - band.low for band in later]  # type: ignore[operator]
    assert widths[-1] < widths[0] / 2
    assert known[-1].low > 0  # type: ignore[operator]


def test_many_pairs_are_drawn_at_few_places() -> None:
    luck = np.random.default_rng(3)
    known = statistics.bands(pairs([float(x) for x in luck.normal(0, 0.05, 300)]), 0.05, most=20)
    assert len(known) == 20
    assert known[-1].pair == 299


def test_the_way_to_certainty_adds_up() -> None:
    assert statistics.reached_share(1.0, 100.0) == 0
    assert statistics.reached_share(10.0, 100.0) == pytest.approx(0.5)
    assert statistics.reached_share(500.0, 100.0) == 1
    assert statistics.reached_share(0.01, 100.0) == 0
