"""Rings and the last owner: who is asked first, for how long, and what is never given up."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from helpdesk.models import Assignment, Conversation, Exam, Presence, Staff, Topic
from helpdesk.services import assignment, grants, lifecycle
from helpdesk.services.holding import Gift, assign_waiting
from routing.models import Decision, Policy, Ring
from tests.factories import World
from tests.routing.conftest import decisions, left_out, route


def waited(world: World, conversation_id: int, seconds: int) -> None:
    """Have the conversation be queued so long ago."""
    with world.transaction():
        since = timezone.now() - timedelta(seconds=seconds)
        Conversation.objects.filter(pk=conversation_id).update(queued_at=since)


def owner(world: World, conversation_id: int) -> Staff | None:
    return world.conversation(conversation_id).owner


def ring(world: World, number: int, seconds: int, **facts: Any) -> Ring:
    with world.transaction():
        topic = facts.pop("topic", "退货")
        found = Topic.objects.get(name=topic) if topic else None
        return Ring.objects.create(topic=found, number=number, seconds=seconds, **facts)


def fill(world: World, *names: str) -> None:
    with world.transaction():
        for name in names:
            Staff.objects.filter(pk=world.people[name].pk).update(load=Decimal(3))


def status(world: World, name: str, value: str) -> None:
    with world.transaction():
        Presence.objects.filter(staff=world.people[name]).update(status=value)


@pytest.fixture
def expert(world: World) -> int:
    """Carol is good at refunds, Dave a beginner; the first ring asks for the good."""
    skill = world.skill("退款", carol=4, dave=1)
    ring(world, 1, 30, skills={"skill": skill.pk, "level": 3})
    return skill.pk


def test_a_ring_waits_for_somebody_inside_and_opens_in_time(world: World, expert: int) -> None:
    fill(world, "carol")
    pk = world.message("怎么退货").conversation_id
    route(world)
    assert owner(world, pk) is None
    (decision,) = decisions(world, pk)
    assert left_out(decision, "ring") == [world.dave.pk]
    waited(world, pk, 29)
    route(world)
    assert owner(world, pk) is None
    waited(world, pk, 31)
    route(world)
    assert owner(world, pk) == world.dave


def test_a_ring_without_anybody_there_is_passed_over_at_once(world: World, expert: int) -> None:
    status(world, "carol", "away")
    pk = world.message("怎么退货").conversation_id
    route(world)
    assert owner(world, pk) == world.dave


def test_rings_of_a_topic_above_hold_below_and_those_for_all_elsewhere(world: World) -> None:
    with world.transaction():
        above = Topic.objects.get(name="退货")
    world.topic("换货", world.support, parent=above, keywords=["换货"])
    ring(world, 1, 30, department=world.sales, topic=None)
    ring(world, 1, 30, places=["杭州"])
    with world.transaction():
        Staff.objects.filter(pk=world.dave.pk).update(place="杭州")
    for text, visitor in (("怎么退货", "a"), ("我要换货", "b"), ("你好", "c")):
        fill(world, "dave")
        pk = world.message(text, visitor).conversation_id
        route(world)
        is_ringed = text != "你好"
        assert (owner(world, pk) is None) == is_ringed, text


def test_no_ring_opens_beyond_level_and_permission(world: World, expert: int) -> None:
    with world.transaction():
        Topic.objects.filter(name="退货").update(skill_id=expert, minimum_level=2)
    fill(world, "carol")
    pk = world.message("怎么退货").conversation_id
    route(world)
    waited(world, pk, 100_000)
    route(world)
    assert owner(world, pk) is None


def served_by(world: World, name: str, visitor: str) -> None:
    """Have somebody have resolved something for this visitor yesterday."""
    pk = world.message("怎么退货", visitor).conversation_id
    with world.transaction():
        assignment.take(world.access(name), pk)
        lifecycle.resolve(world.access(name), pk)
    with world.transaction():
        yesterday = timezone.now() - timedelta(days=1)
        Assignment.objects.filter(conversation_id=pk).update(starts_at=yesterday)
        Conversation.objects.filter(pk=pk).update(state="closed", closed_at=timezone.now())


def test_it_waits_a_little_for_whoever_served_the_customer_last(world: World) -> None:
    served_by(world, "carol", "known")
    fill(world, "carol")
    pk = world.message("怎么退货", "known").conversation_id
    route(world)
    assert owner(world, pk) is None
    assert left_out(decisions(world, pk)[-1], "sticky") == [world.dave.pk]
    waited(world, pk, 16)
    route(world)
    assert owner(world, pk) == world.dave


@pytest.mark.parametrize("absent", ["away", "offline", "focus"])
def test_nobody_waits_for_an_absent_colleague(world: World, absent: str) -> None:
    served_by(world, "carol", "known")
    if absent == "offline":
        with world.transaction():
            Presence.objects.filter(staff=world.carol).update(lease_until=None)
    else:
        status(world, "carol", absent)
    pk = world.message("怎么退货", "known").conversation_id
    route(world)
    assert owner(world, pk) == world.dave


def test_a_policy_may_switch_waiting_for_the_last_owner_off(world: World) -> None:
    with world.transaction():
        Policy.objects.create(sticky_seconds=0)
    served_by(world, "carol", "known")
    fill(world, "carol")
    pk = world.message("怎么退货", "known").conversation_id
    route(world)
    assert owner(world, pk) == world.dave


def test_only_whoever_has_passed_the_exam_is_given_it(world: World) -> None:
    skill = world.skill("退款", carol=4, dave=4)
    today = timezone.now().date()
    with world.transaction():
        Topic.objects.filter(name="退货").update(skill=skill, needs_exam=True)
        Exam.objects.create(
            staff=world.dave,
            skill=skill,
            taken_on=today - timedelta(days=400),
            score_percent=90,
            valid_until=today,
        )
        grants.refresh()
    pk = world.message("怎么退货").conversation_id
    route(world)
    assert owner(world, pk) == world.dave
    assert left_out(decisions(world, pk)[-1], "certificate") == [world.carol.pk]
    assert not world.access("carol").can_answer(world.support.pk, world.conversation(pk).topic_id)


@pytest.mark.parametrize(
    ("passed", "until", "again"), [(False, 30, None), (True, -2, None), (True, 30, False)]
)
def test_a_failed_an_old_or_a_repeated_exam_does_not_count(
    world: World, passed: bool, until: int, again: bool | None
) -> None:
    skill = world.skill("退款", carol=4, dave=4)
    today = timezone.now().date()
    facts = {"staff": world.dave, "skill": skill, "score_percent": 50}
    with world.transaction():
        Topic.objects.filter(name="退货").update(skill=skill, needs_exam=True)
        taken, ends = today - timedelta(days=40), today + timedelta(days=until)
        Exam.objects.create(taken_on=taken, is_passed=passed, valid_until=ends, **facts)
        if again is not None:
            Exam.objects.create(taken_on=today, is_passed=again, **facts)
        grants.refresh()
    pk = world.message("怎么退货").conversation_id
    route(world)
    assert owner(world, pk) is None


def test_the_commit_refuses_whoever_lost_the_exam_meanwhile(world: World) -> None:
    skill = world.skill("退款", carol=4, dave=4)
    pk = world.message("怎么退货").conversation_id
    with world.transaction():
        topic = Topic.objects.get(name="退货")
        Conversation.objects.filter(pk=pk).update(topic=topic)
        Topic.objects.filter(pk=topic.pk).update(skill=skill, needs_exam=True)
        grants.refresh()
        conversation = Conversation.objects.get(pk=pk)
        made, refusal = assign_waiting(
            [Gift(conversation, world.carol.pk, Assignment.Mode.AUTOMATIC)]
        )
    assert made == []
    assert refusal is not None


@pytest.fixture
def client(world: World, settings: Any) -> Client:
    storage = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": storage}
    browser = Client(headers={"accept-language": "en"})
    browser.force_login(world.alice.user, "django.contrib.auth.backends.ModelBackend")
    return browser


def form(**changes: Any) -> dict[str, Any]:
    return {
        "topic": "",
        "number": 1,
        "seconds": 30,
        "skills": "",
        "department": "",
        "places": "",
        "most_load_percent": "",
        **changes,
    }


def test_rings_are_written_in_words_and_what_is_wrong_names_its_field(
    world: World, client: Client
) -> None:
    skill = world.skill("Refunds", carol=4, dave=1)
    url = "/admin/routing/ring/add/"
    assert client.post(url, form(skills="refunds >= 3 and not (Refunds >= 5)")).status_code == 302
    with world.transaction():
        made = Ring.objects.get()
    assert made.skills == {
        "all": [{"skill": skill.pk, "level": 3}, {"not": {"skill": skill.pk, "level": 5}}]
    }
    shown = client.get("/admin/routing/ring/").content.decode()
    assert "Refunds &gt;= 3 and not Refunds &gt;= 5" in shown
    assert 'value="1"' in client.get(f"/admin/routing/ring/{made.pk}/change/").content.decode()
    wrong = [
        ("skills", form(number=2, skills="Refund >= 3")),
        ("skills", form(number=2)),
        ("seconds", form(number=2, skills="Refunds", seconds="")),
        ("seconds", form(number=2, skills="Refunds", seconds=4)),
        ("seconds", form(number=2, skills="Refunds", seconds=3601)),
        ("most_load_percent", form(number=2, most_load_percent=101)),
        ("number", form(number=10, skills="Refunds")),
    ]
    for field, sent in wrong:
        answer = client.post(url, sent)
        assert answer.status_code == 200
        assert set(answer.context["adminform"].form.errors) == {field}, sent
    assert client.post(url, form(skills="Refunds")).status_code == 200
    with world.transaction():
        assert Ring.objects.count() == 1
        assert not Decision.objects.exists()


def test_only_administrators_see_rings(world: World, client: Client) -> None:
    for name, seen in (("alice", 200), ("bob", 404), ("frank", 404)):
        client.force_login(world.people[name].user, "django.contrib.auth.backends.ModelBackend")
        assert client.get("/admin/routing/ring/").status_code == seen


def test_a_topic_that_is_no_longer_used_still_asks_for_its_exam(world: World) -> None:
    skill = world.skill("退款", carol=4, dave=4)
    pk = world.message("怎么退货").conversation_id
    other = world.message("你好", "other").conversation_id
    with world.transaction():
        topic = Topic.objects.get(name="退货")
        Conversation.objects.filter(pk=pk).update(topic=topic, topic_is_fixed=True, urgency=90)
        Topic.objects.filter(pk=topic.pk).update(skill=skill, needs_exam=True, is_active=False)
        grants.refresh()
    route(world)
    assert owner(world, pk) is None
    assert owner(world, other) is not None
