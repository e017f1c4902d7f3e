"""The tab of experiments: for administrators only, from the form to the end."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from routing.deciding.rules import DEFAULT_WEIGHTS
from routing.experiments import opening
from routing.models import Experiment, Policy, Slice
from tests.factories import World
from tests.routing.experiments.conftest import NOBODY_COUNTS_BUT_SKILL, Opened
from tests.routing.experiments.test_ending import RAILS, counted
from tests.routing.test_explain import client

LIST = "/routing/lab/experiments/"
ACTS = ("start", "stop", "discard", "adopt", "noted")


def entered(**changes: Any) -> dict[str, Any]:
    points = {f"weight_{name}": most for name, most in DEFAULT_WEIGHTS.items()}
    rules = {"urgent_seconds": 60, "calm_seconds": 1800, "calm_chat_seconds": 300}
    shares = {"slack_percent": 60, "patience_percent": 100}
    return {
        "name": "More skill",
        "department": "",
        "slice_minutes": 180,
        "washout_minutes": 30,
        "days": 28,
        "outcome_hours": 24,
        "primary": "resolution",
        "alpha_percent": 5,
        "rail_1_measure": "urgent_in_target",
        "rail_1_kind": "difference",
        "rail_1_limit": 2,
        "rail_3_measure": "rating",
        "rail_3_kind": "bound",
        "rail_3_limit": 4.5,
        **points,
        **rules,
        **shares,
        **changes,
    }


def test_a_form_becomes_an_experiment_that_waits(world: World) -> None:
    alice = client(world, "alice")
    page = alice.get(LIST + "open/").content.decode()
    assert 'name="weight_skill" value="32"' in page
    made = alice.post(LIST + "open/", entered(weight_skill=50))
    with world.transaction():
        experiment = Experiment.objects.get()
    assert made["Location"] == reverse("routing:experiment", args=[experiment.pk])
    assert (experiment.state, experiment.slices, experiment.alpha) == ("draft", 224, 0.05)
    assert experiment.draft["weights"]["skill"] == 50
    assert experiment.rails == [
        {"measure": "urgent_in_target", "is_bound": False, "limit": 0.02},
        {"measure": "rating", "is_bound": True, "limit": 4.5},
    ]
    page = alice.get(made["Location"]).content.decode()
    assert "More skill" in page
    assert "Skill: 32 → 50" in page


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("name", ""),
        ("slice_minutes", 10),
        ("slice_minutes", "many"),
        ("washout_minutes", 90),
        ("days", 0),
        ("days", 91),
        ("outcome_hours", 0),
        ("primary", "luck"),
        ("alpha_percent", 50),
        ("department", 999_999),
        ("weight_skill", -1),
        ("weight_skill", 101),
        ("urgent_seconds", 5),
        ("calm_seconds", 60),
        ("rail_1_limit", -1),
        ("rail_3_limit", 1e9),
    ],
)
def test_what_is_wrong_stands_at_its_field(world: World, field: str, wrong: Any) -> None:
    changes = {
        field: wrong,
        **({"urgent_seconds": 600, "calm_chat_seconds": 600} if field == "calm_seconds" else {}),
    }
    answer = client(world, "alice").post(LIST + "open/", entered(**changes))
    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == {field}
    with world.transaction():
        assert not Experiment.objects.exists()


def test_a_life_from_start_to_policy_by_its_buttons(world: World, opened: Opened) -> None:
    experiment = opened(rails=RAILS)
    alice, url = client(world, "alice"), reverse("routing:experiment", args=[experiment.pk])
    alice.post(url + "start/", {"starts_at": ""})
    page = alice.get(url).content.decode()
    assert "day 1 of 1" in page
    assert 'class="chart slices"' in page
    assert "Nothing is counted yet" in page
    with world.transaction():
        Experiment.objects.update(starts_at=timezone.now() - timedelta(hours=20))
        experiment.refresh_from_db()
    counted(world, experiment, 20, resolution=0.8)
    answer = alice.get(url)
    page = answer.content.decode()
    difference, unit = answer.context["shown"].rows[0].difference.split()
    assert (18 < float(difference) < 22, unit) == (True, "points")
    assert 'class="band"' in page
    assert "Slices by day: 20 of 24 are counted." in page
    assert "Rating, mean of the stars: not below 4.00" in page
    assert alice.post(url + "stop/", {"why": ""}).status_code == 302
    with world.transaction():
        assert Experiment.objects.get().state == "running"
    alice.post(url + "stop/", {"why": "Enough seen"})
    page = alice.get(url).content.decode()
    assert "Stopped by hand: Enough seen" in page
    with world.transaction():
        assert not Policy.objects.exists()
    alice.post(url + "adopt/")
    with world.transaction():
        assert Policy.objects.get().weights == NOBODY_COUNTS_BUT_SKILL


def test_the_list_shows_first_what_runs(world: World, opened: Opened) -> None:
    opened(begins=timezone.now(), name="Running now")
    opened(name="Newest and waiting")
    answer = client(world, "alice").get(LIST)
    assert str(answer.context["shown"].experiment) == "Running now"
    assert "Newest and waiting" in answer.content.decode()


def test_without_any_the_page_says_what_they_are_for(world: World) -> None:
    assert "No experiment is running" in client(world, "alice").get(LIST).content.decode()


def test_whoever_does_not_administer_finds_nothing(world: World, opened: Opened) -> None:
    experiment = opened(begins=timezone.now())
    url = reverse("routing:experiment", args=[experiment.pk])
    for name in ("bob", "carol", "frank"):
        browser = client(world, name)
        for address in (LIST, LIST + "open/", url):
            assert browser.get(address).status_code == 404
        assert browser.post(LIST + "open/", entered()).status_code == 404
        for act in ACTS:
            body = {"why": "x", "starts_at": ""}
            assert browser.post(f"{url}{act}/", body).status_code == 404, act
    with world.transaction():
        assert Experiment.objects.get().state == "running"


def test_another_organizations_experiment_is_not_there(
    world: World, other_world: World, opened: Opened
) -> None:
    experiment = opened()
    theirs = client(other_world, "alice")
    url = reverse("routing:experiment", args=[experiment.pk])
    assert theirs.get(url).status_code == 404
    assert theirs.get(LIST).status_code == 200
    for act in ("start", "discard"):
        assert theirs.post(f"{url}{act}/", {"starts_at": ""}).status_code == 404
    with world.transaction():
        assert Experiment.objects.get().state == "draft"


def test_a_page_asks_as_much_with_many_slices_as_with_few(world: World, opened: Opened) -> None:
    experiment = opened(begins=timezone.now() - timedelta(hours=24), rails=RAILS)
    url = reverse("routing:experiment", args=[experiment.pk])
    browser = client(world, "alice")

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            browser.get(url)
        return len(queries)

    asked()
    few = asked()
    counted(world, experiment, 24)
    assert asked() == few
    assert few <= 24


def test_both_languages_speak_of_it(world: World, opened: Opened) -> None:
    opened(begins=timezone.now(), rails=RAILS)
    page = client(world, "alice", "zh-hans").get(LIST).content.decode()
    for text in ("护栏", "现行策略", "草稿", "停止"):
        assert text in page
    with world.transaction():
        assert not Slice.objects.exists()


def test_the_end_is_told_until_it_is_noted(world: World, opened: Opened) -> None:
    experiment = opened(begins=timezone.now() - timedelta(hours=40), rails=[])
    counted(world, experiment, 24, resolution=0.8)
    with world.transaction():
        opening.ending._end_if_done(experiment, timezone.now())
    browser = client(world, "alice")
    url = reverse("routing:experiment", args=[experiment.pk])
    page = browser.get(url).content.decode()
    assert "The plan is done: better." in page
    browser.post(url + "noted/")
    assert "I have read this" not in browser.get(url).content.decode()
