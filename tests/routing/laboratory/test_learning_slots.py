"""Learning slots in the laboratory: given by the engine's own code, counted, and within the bound."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.urls import reverse

from helpdesk.models import Staff, StaffSkill, Topic
from helpdesk.tenancy import organization_scope
from routing import learning
from routing.candidates import Need
from routing.deciding.rules import Rules
from routing.laboratory import trials
from routing.laboratory import world as played
from routing.laboratory.bound import bound
from routing.laboratory.company import draw
from routing.laboratory.figures import figures
from routing.laboratory.world import Play, Start
from tests.factories import World
from tests.routing.laboratory.test_pages import client
from tests.routing.laboratory.test_trials import few, ours, the

__all__ = ["few"]
HALF = Rules(learning_percent=50)


@pytest.fixture
def training(world: World) -> Iterator[World]:
    """Carol can what is asked about returns, Dave is in training for it, below the level that is asked."""
    skill = world.skill("耳机", carol=5, dave=1)
    with world.transaction():
        StaffSkill.objects.filter(staff=world.dave).update(is_learning=True)
        Topic.objects.filter(name="退货").update(skill=skill, minimum_level=3)
        Staff.objects.update(capacity=3)
    with organization_scope(world.organization.pk):
        yield world


def day(training: World, seed: int = 1) -> played.World:
    return draw(ours(training), seed)


def slots(world: played.World, rules: Rules) -> list[Start]:
    return [start for start in Play(world, rules).starts() if start.is_learning]


def test_the_share_of_a_day_goes_to_people_in_training_one_at_a_time(training: World) -> None:
    world = day(training)
    found = slots(world, HALF)
    assert len(found) >= 5
    assert {world.people[start.person].id for start in found} == {training.dave.pk}
    ends_at = 0.0
    for start in found:
        number = 2 * start.conversation + start.is_second
        assert learning.is_drawn(Need(number, 1), HALF)
        assert start.at >= ends_at
        ends_at = start.ends_at
    assert slots(world, HALF) == found
    assert slots(world, Rules()) == []
    assert figures(world, list(Play(world, HALF).starts())).learning == len(found)


def test_what_no_learner_has_time_for_is_asked_of_everybody(
    training: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "is_drawn", lambda _need, rules: rules.learning_percent > 0)
    world = day(training)
    with training.transaction():
        returns = Topic.objects.get(name="退货").pk
    one = next(each for each in world.arrivals if each.asked and each.asked.topic_id == returns)
    three = replace(world, arrivals=(replace(one, at=60.0, first_luck=0.0),) * 3, shifts=())
    first = [start for start in Play(three, HALF).starts() if start.at == 60.0]
    names = sorted(three.people[start.person].id for start in first)
    assert names == [training.carol.pk, training.carol.pk, training.dave.pk]


def test_nobody_learns_where_nobody_stands_behind(training: World) -> None:
    with training.transaction():
        StaffSkill.objects.filter(staff=training.carol).update(level=2)
    assert slots(day(training), HALF) == []


def test_the_bound_holds_for_people_in_training_too(training: World) -> None:
    for seed in range(3):
        world = day(training, seed)
        reached = figures(world, list(Play(world, HALF).starts()))
        assert reached.first_contact_resolution <= bound(world) + 1e-5
    only = tuple(one for one in world.people if one.id == training.dave.pk)
    taught = tuple(replace(one, learning=frozenset()) for one in only)
    assert bound(replace(world, people=only)) > bound(replace(world, people=taught))


def test_a_replay_tells_how_many_learned_under_both(training: World) -> None:
    asked = trials.ask(training.access("alice"), None, HALF)
    trials.play()
    told = the(training, asked.pk).figures["learning"]
    assert told["now"] == 0
    assert told["then"] >= 10
    page = reverse("routing:lab") + f"?trial={asked.pk}"
    html = client(training, "alice").get(page).content.decode()
    assert f"{told['then']} conversations went to people in training" in html
    html = client(training, "alice", "zh-hans").get(page).content.decode()
    assert f"按草稿有 {told['then']} 个会话给了学习者，现行 0 个" in html
