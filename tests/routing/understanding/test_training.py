import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.understanding import training
from routing.understanding.storing import to_bytes
from routing.understanding.training import Example, NotEnough, TooMuch, fit
from tests.routing.understanding.questions import ASKED, EXAMPLES, NAMES
from tests.source import PROJECT

MODEL = fit(EXAMPLES, NAMES)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I would like to return my earbuds", "returns"),
        ("还能不能退货", "returns"),
        ("the invoice needs our VAT number", "invoice"),
        ("发票抬头错了", "invoice"),
        ("when does my parcel arrive", "delivery"),
        ("快递还没收到", "delivery"),
        ("ＷＨＥＲＥ is my pacel", "delivery"),
    ],
)
def test_the_label_is_found_in_both_languages(text: str, label: str) -> None:
    judgement = MODEL.judge(text)
    assert judgement.label == label
    assert judgement.runner_up != label
    assert judgement.confidence > judgement.runner_up_confidence


@pytest.mark.parametrize(
    "text",
    [
        "",
        "😀" * 40,
        "สวัสดีครับ ผมชื่อสมชาย",
        "Какая сегодня погода",
        "12345",
        "天上的星星真亮",
        "x" * 1_000_000,
    ],
)
def test_what_was_not_taught_is_unknown(text: str) -> None:
    judgement = MODEL.judge(text)
    assert judgement.label is None
    assert judgement.confidence < 0.8
    assert judgement.best in MODEL.labels


@given(st.text(max_size=300))
def test_confidence_is_a_probability(text: str) -> None:
    judgement = MODEL.judge(text)
    shares = MODEL.probabilities(text)
    assert 0 <= judgement.runner_up_confidence <= judgement.confidence <= 1
    assert set(shares) == set(MODEL.labels)
    assert sum(shares.values()) <= 1 + 1e-4
    best = judgement.confidence if judgement.is_known else 0
    assert max(shares.values()) == pytest.approx(best, abs=1e-3)


def test_the_same_examples_give_the_same_bytes() -> None:
    assert to_bytes(fit(EXAMPLES, NAMES)) == to_bytes(MODEL)


def test_many_examples_are_taught_by_machines_and_judged_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training, "FEW", 5)
    many = fit(EXAMPLES, NAMES)
    assert to_bytes(many) == to_bytes(fit(EXAMPLES, NAMES))
    assert many.judge("where is the parcel").best == "delivery"
    assert many.figures["held_back"] < MODEL.figures["held_back"] == len(EXAMPLES)


def test_two_labels_are_enough() -> None:
    two = fit([one for one in EXAMPLES if one.label != "invoice"])
    assert two.judge("怎么退货").best == "returns"
    assert two.judge("包裹还没有收到").best == "delivery"


def test_the_name_of_a_label_teaches() -> None:
    taught = fit(EXAMPLES, {**NAMES, "invoice": "Billing"})
    assert taught.judge("billing").best == "invoice"
    assert "billing" not in fit(EXAMPLES, NAMES).vocabulary.blocks[0]


def test_a_label_of_one_example_can_be_told() -> None:
    lone = fit([*EXAMPLES, Example("Does the hub support Matter and HomeKit?", "matter")])
    assert lone.judge("Does it support Matter and HomeKit").best == "matter"


@pytest.mark.parametrize(
    "examples",
    [
        [],
        [Example("a", "one")],
        [Example(text, "returns") for text in ASKED["returns"]],
        [Example("one", "1"), Example("two", "2")],
        [Example("", "1"), Example("", "1"), Example("", "2"), Example("", "2")],
    ],
)
def test_too_little_to_learn_from_is_said(examples: list[Example]) -> None:
    with pytest.raises(NotEnough):
        fit(examples)


def test_too_much_to_learn_from_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "MOST_EXAMPLES", len(EXAMPLES) - 1)
    with pytest.raises(TooMuch):
        fit(EXAMPLES)
    monkeypatch.setattr(training, "MOST_EXAMPLES", len(EXAMPLES))
    assert fit(EXAMPLES).labels == MODEL.labels
    monkeypatch.setattr(training, "MOST_LABELS", 2)
    with pytest.raises(TooMuch):
        fit(EXAMPLES)


def test_equal_texts_are_held_back_together() -> None:
    doubled = fit([*EXAMPLES, *EXAMPLES], NAMES)
    assert doubled.figures["accuracy"] < 1


def test_processes_that_serve_people_load_no_library_that_learns_or_solves() -> None:
    command = (
        "import django; django.setup(); import helpdesk.urls, sys;"
        "print(sorted({'scipy', 'sklearn'} & set(sys.modules)))"
    )
    environment = [sys.executable, "-c", command]
    said = subprocess.run(environment, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
