import numpy as np
import pytest

from routing.understanding.calibration import SURE, Calibration, calibrate
from routing.understanding.measures import calibration_error, macro_f1, recall_at, separation


def test_confidence_that_comes_true_has_no_error() -> None:
    confidence = np.full(10, 0.7)
    is_right = np.arange(10) < 7
    assert calibration_error(confidence, is_right) == pytest.approx(0)
    assert calibration_error(np.full(10, 0.9), is_right) == pytest.approx(0.2)
    assert calibration_error(np.array([1.0, 0.0]), np.array([True, False])) == 0
    assert calibration_error(np.array([]), np.array([], bool)) == 0


def test_macro_f1_counts_each_label_alike() -> None:
    assert macro_f1(["a", "a", "b"], ["a", "a", "b"]) == 1
    assert macro_f1(["a", "a", "b"], ["a", "a", "a"]) == pytest.approx((0.8 + 0) / 2)
    assert macro_f1([], []) == 0


def test_separation_counts_ties_as_half() -> None:
    assert separation(np.array([0.9, 0.8]), np.array([0.1, 0.2])) == 1
    assert separation(np.array([0.5]), np.array([0.5])) == 0.5
    assert separation(np.array([0.1]), np.array([0.9])) == 0


def test_recall_is_taken_where_most_of_the_known_are_kept() -> None:
    known = np.linspace(0.5, 1, 101)
    assert recall_at(known, np.array([0.4, 0.5, 0.53, 0.9])) == 0.5


def test_calibration_finds_the_chance_of_being_right() -> None:
    chance = np.random.default_rng(1)
    truth = chance.integers(0, 5, 4_000)
    scores = chance.normal(0, 1, (4_000, 5)).astype(np.float32)
    scores[np.arange(4_000), truth] += 1.5
    scores *= 20
    half = slice(0, 2_000), slice(2_000, 4_000)
    found = calibrate(scores[half[0]], truth[half[0]], np.ones(2_000, np.float32))
    confidence = found.shares(scores[half[1]]).max(1)
    is_right = scores[half[1]].argmax(1) == truth[half[1]]
    assert calibration_error(confidence, is_right) < 0.04
    assert calibration_error(Calibration().shares(scores[half[1]]).max(1), is_right) > 0.1
    assert (confidence < found.least_confidence).mean() == pytest.approx(0.05, abs=0.03)


def test_nothing_is_called_unknown_that_a_model_is_sure_of() -> None:
    right = np.zeros(200, np.int64)
    scores = np.column_stack([np.linspace(5, 6, 200), np.zeros(200)]).astype(np.float32)
    found = calibrate(scores, right, np.ones(200, np.float32))
    assert found.least_confidence == SURE
    assert found.knows(SURE + 0.01, 1.0)
    assert not found.knows(SURE - 0.01, 1.0)
