"""Overflow rules: refused when they cannot hold, followed once, and never round in circles."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from helpdesk.errors import Invalid
from helpdesk.models import AuditEntry, Conversation, Department, Entry, Message, Presence, Staff
from helpdesk.tenancy import organization_scope, organization_transaction
from routing.facts import facts
from routing.models import OverflowFiring, OverflowRule, OverflowWatch
from routing.overflow import firing
from routing.overflow.checking import check
from routing.predicting import outlook
from tests.factories import World
from tests.routing.conftest import route

TEXTS = {
    "text_zh": "您排在第 {position} 位，大约 {minutes_from} 到 {minutes_to} 分钟。",
    "text_en": "You are number {position}: {minutes_from} to {minutes_to} minutes.",
}
PLAIN = {"text_zh": "请留下电话。", "text_en": "Please leave your phone number."}


def rule(world: World, **facts: Any) -> OverflowRule:
    facts = {"name": "溢出", "when": "before", "condition": "nobody", "action": "message"} | facts
    if facts["action"] != "move":
        facts = PLAIN | facts
    with world.transaction():
        made = OverflowRule(**facts)
        check(made)
        made.save()
    return made


def nobody(world: World) -> None:
    with world.transaction():
        Presence.objects.update(lease_until=timezone.now() - timedelta(minutes=1))
    outlook.forget()


def full(world: World) -> None:
    with world.transaction():
        Staff.objects.update(load=3, capacity=3)
    outlook.forget()


def said(world: World, conversation_id: int) -> list[str]:
    with world.transaction():
        rows = Message.objects.filter(conversation_id=conversation_id, direction="out")
        return list(rows.order_by("pk").values_list("text", flat=True))


def told(world: World, conversation_id: int) -> list[dict[str, Any]]:
    with world.transaction():
        rows = Entry.objects.filter(conversation_id=conversation_id, kind="overflowed")
        return list(rows.order_by("number").values_list("data", flat=True))


def later(world: World, conversation_id: int, seconds: int) -> int:
    """Have so much time gone by, and the sweeper look."""
    with world.transaction():
        past = timezone.now() - timedelta(seconds=seconds)
        Conversation.objects.filter(pk=conversation_id).update(queued_at=past)
        OverflowWatch.objects.filter(due_at__isnull=False).update(due_at=past)
    with organization_scope(world.organization.pk):
        return firing.follow_due(timezone.now())


WRONG = [
    ("after_seconds", {"when": "after"}),
    ("after_seconds", {"when": "before", "after_seconds": 60}),
    ("threshold", {"condition": "length"}),
    ("threshold", {"condition": "wait"}),
    ("threshold", {"condition": "nobody", "threshold": 3}),
    ("to_department", {"action": "move"}),
    ("to_department", {"action": "message", "to_department": "sales"}),
    ("to_department", {"action": "move", "department": "sales", "to_department": "sales"}),
    ("text_zh", {"text_zh": " "}),
    ("text_en", {"text_en": ""}),
    ("text_zh", {"text_zh": "还要 {minutes} 分钟"}),
    ("text_en", {"text_en": "In {minutes_to minutes"}),
    ("text_en", {"text_en": "{position!r}"}),
    ("link", {"action": "form"}),
    ("link", {"link": "javascript:alert(1)"}),
]


@pytest.mark.parametrize(("field", "facts"), WRONG)
def test_a_rule_that_cannot_hold_is_refused_with_its_field(
    world: World, field: str, facts: dict[str, Any]
) -> None:
    given = {
        name: getattr(world, value) if name.endswith("department") else value
        for name, value in facts.items()
    }
    with pytest.raises(Invalid) as refused:
        rule(world, **given)
    assert refused.value.details["field"] == field


def test_departments_never_pass_conversations_round(world: World) -> None:
    with world.transaction():
        third = Department.objects.create(name="研发部", parent=world.support.parent)
    rule(world, action="move", department=world.support, to_department=world.sales)
    rule(world, action="move", department=world.sales, to_department=third)
    for source, target in (
        (world.sales, world.support),
        (third, world.support),
        (None, world.support),
    ):
        with pytest.raises(Invalid) as refused:
            rule(world, action="move", department=source, to_department=target)
        assert refused.value.details["field"] == "to_department"
    # What never meets is no circle; nor is a rule that is not followed.
    returns, matter = world.topic("甲", world.support), world.topic("乙", world.support)
    with world.transaction():
        OverflowRule.objects.update(topic=returns)
    rule(world, action="move", topic=matter, department=third, to_department=world.support)
    rule(world, action="move", is_active=False, department=third, to_department=world.support)


def test_two_administrators_who_save_at_the_same_time_make_no_circle(world: World) -> None:
    ready = threading.Barrier(2, timeout=10)
    refused: list[str] = []

    def save(source: Department, target: Department) -> None:
        with organization_scope(world.organization.pk), organization_transaction():
            made = OverflowRule(
                name="x", condition="nobody", action="move", department=source, to_department=target
            )
            ready.wait()
            try:
                check(made)
                made.save()
            except Invalid as error:
                refused.append(str(error.details["field"]))
        connection.close()

    pairs = ((world.support, world.sales), (world.sales, world.support))
    threads = [threading.Thread(target=save, args=pair) for pair in pairs]
    for each in threads:
        each.start()
    for each in threads:
        each.join(20)
    with world.transaction():
        assert OverflowRule.objects.count() == 1
    assert refused == ["to_department"]


def test_a_message_before_queueing_goes_out_once_and_is_marked(world: World) -> None:
    nobody(world)
    made = rule(world)
    pk = world.message("怎么退货").conversation_id
    for _look in range(3):
        route(world)
        later(world, pk, 100)
    assert said(world, pk) == ["请留下电话。"]
    assert (
        told(world, pk)[0] | {"rule": made.pk, "does": "message", "condition": "nobody"}
        == told(world, pk)[0]
    )
    with world.transaction():
        entry = Message.objects.get(direction="out").entry
        conversation = Conversation.objects.get(pk=pk)
        assert entry.data == {"automatic": True}
        assert entry.actor_id is None
        assert conversation.waiting_since is not None
        assert conversation.first_replied_at is None
        assert (conversation.state, conversation.last_direction) == ("queued", "in")
        assert AuditEntry.objects.filter(action="overflow.followed", subject_id=pk).count() == 1
        assert OverflowFiring.objects.get().episode == 1


def test_somebody_there_needs_no_message(world: World) -> None:
    rule(world)
    pk = world.message("怎么退货").conversation_id
    route(world)
    assert said(world, pk) == []


def test_after_waiting_means_after_waiting(world: World) -> None:
    full(world)
    rule(world, when="after", after_seconds=120, condition="length", threshold=1)
    first = world.message("怎么退货", "v1").conversation_id
    second = world.message("怎么退货", "v2").conversation_id
    route(world)
    assert later(world, second, 60) == 0
    assert said(world, second) == []
    assert later(world, second, 121) >= 1
    assert said(world, second) == ["请留下电话。"]
    assert told(world, second)[0]["number"] == 1
    assert said(world, first) == []


def test_a_rule_after_waiting_whose_condition_comes_later_is_followed_then(world: World) -> None:
    full(world)
    rule(world, when="after", after_seconds=10)
    pk = world.message("怎么退货").conversation_id
    route(world)
    assert later(world, pk, 30) == 0
    nobody(world)
    assert later(world, pk, 60) == 1


def test_a_conversation_moves_on_and_stays_there(world: World) -> None:
    nobody(world)
    rule(world, action="move", department=world.support, to_department=world.sales)
    pk = world.message("怎么退货").conversation_id
    route(world)
    assert world.conversation(pk).department == world.sales
    assert told(world, pk)[0]["to_department"] == world.sales.pk
    with world.transaction():
        Conversation.objects.filter(pk=pk).update(route_at=timezone.now())
    route(world)
    assert world.conversation(pk).department == world.sales


def test_at_run_time_nothing_moves_twice_into_a_department(world: World) -> None:
    nobody(world)
    rule(world, action="move", department=world.support, to_department=world.sales)
    with world.transaction():
        # As if the check had been got round.
        OverflowRule.objects.create(
            name="zurück", condition="nobody", action="move",
            department=world.sales, to_department=world.support,
        )  # fmt: skip
    pk = world.message("怎么退货").conversation_id
    route(world)
    for _look in range(3):
        later(world, pk, 1000)
    assert world.conversation(pk).department == world.sales
    assert len(told(world, pk)) == 1


def test_an_honest_time_is_filled_in_and_never_made_up(world: World) -> None:
    full(world)
    rule(world, condition="length", threshold=1, **TEXTS)
    world.message("怎么退货", "v1")
    route(world)
    second = world.message("怎么退货", "v2").conversation_id
    route(world)
    assert said(world, second)[0].startswith("您排在第 2 位，大约 ")
    assert "{" not in said(world, second)[0]
    nobody(world)
    third = world.message("I want to return this please", "v3").conversation_id
    route(world)
    assert said(world, third) == ["We have received your message and answer as soon as we can."]


def test_a_new_episode_follows_the_rules_anew(world: World) -> None:
    nobody(world)
    rule(world)
    pk = world.message("怎么退货").conversation_id
    route(world)
    with world.transaction():
        Conversation.objects.filter(pk=pk).update(
            state="resolved", queue=None, queued_at=None, waiting_since=None, route_at=None,
            resolved_at=timezone.now(),
        )  # fmt: skip
    world.message("还有一个问题")
    route(world)
    assert len(said(world, pk)) == 2


def test_one_customer_gets_three_automatic_messages_a_day_at_most(world: World) -> None:
    nobody(world)
    for number in range(5):
        rule(world, name=f"r{number}")
    pk = world.message("怎么退货").conversation_id
    route(world)
    assert len(told(world, pk)) == 5
    assert len(said(world, pk)) == 3


def test_another_organizations_rules_do_nothing_here(world: World, other_world: World) -> None:
    nobody(world)
    with organization_scope(other_world.organization.pk):
        rule(other_world)
    pk = world.message("怎么退货").conversation_id
    route(world)
    assert said(world, pk) == []


def test_administrators_write_rules_and_are_told_what_is_wrong(world: World, settings: Any) -> None:
    storage = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": storage}
    browser = Client(headers={"accept-language": "en"})
    browser.force_login(world.alice.user, "django.contrib.auth.backends.ModelBackend")
    url = "/admin/routing/overflowrule/add/"
    form = {
        "name": "下班", "order": 1, "is_active": "on", "when": "before", "condition": "closed",
        "action": "move", "department": world.support.pk, "to_department": world.sales.pk,
    }  # fmt: skip
    assert browser.get(url).status_code == 200
    for field, wrong in (
        ("to_department", {"to_department": world.support.pk}),
        ("to_department", {"to_department": ""}),
        ("after_seconds", {"when": "after", "after_seconds": -5}),
        ("after_seconds", {"when": "after", "after_seconds": ""}),
        ("threshold", {"condition": "length", "threshold": 0}),
        ("order", {"order": -1}),
    ):
        answer = browser.post(url, form | wrong)
        assert answer.status_code == 200
        assert set(answer.context["adminform"].form.errors) == {field}, wrong
    assert browser.post(url, form).status_code == 302
    back = form | {"department": world.sales.pk, "to_department": world.support.pk}
    answer = browser.post(url, back)
    assert set(answer.context["adminform"].form.errors) == {"to_department"}
    assert browser.get("/admin/routing/overflowrule/").status_code == 200
    browser.force_login(world.bob.user, "django.contrib.auth.backends.ModelBackend")
    assert browser.post(url, form).status_code in {302, 403, 404}
    with world.transaction():
        assert OverflowRule.objects.count() == 1
        assert AuditEntry.objects.filter(action="overflowrule.created").count() == 1


def test_many_for_whom_no_rule_applies_cost_as_many_queries_as_one(world: World) -> None:
    full(world)
    ids = [world.message("怎么退货", f"v{number}").conversation_id for number in range(20)]
    route(world)
    rule(world, when="after", after_seconds=60)
    costs = []
    with organization_scope(world.organization.pk):
        with organization_transaction():
            known = facts()
        for chosen in (ids[:1], ids[1:2], ids[2:]):
            with CaptureQueriesContext(connection) as queries:
                firing.begin(chosen, known)
            costs.append(len(queries))
        with organization_transaction():
            assert OverflowWatch.objects.filter(due_at__isnull=False).count() == 20
        assert firing.follow_due(timezone.now() + timedelta(seconds=90)) == 0
    assert costs[1] == costs[2]
