from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from helpdesk.models import (
    Assignment,
    AuditEntry,
    Conversation,
    Entry,
    Message,
    Presence,
    Staff,
    StaffSkill,
    Topic,
)
from helpdesk.registries import invariant_checks
from helpdesk.services import assignment, lifecycle, presence, replying
from routing import engine, judging, leases, recording
from routing.facts import facts
from routing.models import Decision, Policy, RouterLease
from tests.factories import World
from tests.routing.conftest import decisions, route


def capacity(world: World, **people: int) -> None:
    with world.transaction():
        for name, slots in people.items():
            Staff.objects.filter(pk=world.people[name].pk).update(capacity=Decimal(slots))


def away(world: World, *names: str) -> None:
    with world.transaction():
        Presence.objects.filter(staff__in=[world.people[name] for name in names]).update(
            status="away"
        )


def violations(world: World) -> list[str]:
    with world.transaction():
        return [line for _name, check in invariant_checks.items() for line in check.violations()]


def test_a_message_is_judged_and_given_to_somebody_who_may_answer_it(world: World) -> None:
    received = world.message("怎么退货? 急!")
    outcome = route(world)
    conversation = world.conversation(received.conversation_id)
    assert (outcome.judged, outcome.placed) == (1, 1)
    assert conversation.state == "open"
    assert conversation.owner in {world.carol, world.dave}
    assert conversation.language == "zh"
    assert conversation.urgency > 20
    with world.transaction():
        message = Message.objects.get(conversation=conversation)
        assert message.topic == conversation.topic == Topic.objects.get(name="退货")
        assert message.language == "zh"
        assert message.urgency is not None
    assert violations(world) == []


def test_the_topic_moves_a_new_conversation_to_the_department_that_answers_it(world: World) -> None:
    received = world.message("H2 网关支持 Matter 吗")
    route(world)
    conversation = world.conversation(received.conversation_id)
    assert conversation.department == world.sales
    assert conversation.owner == world.erin


def test_an_unknown_topic_is_answered_where_it_came_in(world: World) -> None:
    received = world.message("你好")
    route(world)
    conversation = world.conversation(received.conversation_id)
    assert conversation.topic is None
    assert conversation.department == world.support
    assert conversation.owner in {world.carol, world.dave}


def test_decision_entry_and_audit_come_with_the_assignment(world: World) -> None:
    received = world.message("怎么退货")
    route(world)
    (decision,) = decisions(world, received.conversation_id)
    with world.transaction():
        entry = Entry.objects.get(kind="assigned")
        assert Assignment.objects.get().mode == "automatic"
        assert AuditEntry.objects.filter(action="conversation.assigned").count() == 1
    assert decision.outcome == "assigned"
    assert entry.data["decision"] == decision.pk
    assert entry.data["score"] == float(decision.score)
    reading = recording.read(decision)
    assert {one.person.id for one in reading.ranked} == {world.carol.pk, world.dave.pk}
    assert reading.ranked[0].person.id == decision.staff_id
    assert reading.excluded[world.erin.pk] == ("permission",)
    assert "permission" in reading.excluded[world.frank.pk]
    assert "offline" in reading.excluded[world.bob.pk]


def test_a_decision_replays_to_the_same_ranking(world: World) -> None:
    world.skill("耳机", carol=4, dave=2)
    with world.transaction():
        Topic.objects.filter(name="退货").update(skill=StaffSkill.objects.first().skill_id)
    received = world.message("怎么退货")
    route(world)
    (decision,) = decisions(world, received.conversation_id)
    replayed = recording.replay(decision)
    assert [(one.person.id, one.total) for one in replayed] == [
        (one.person.id, one.total) for one in recording.read(decision).ranked
    ]
    assert replayed[0].person.id == world.carol.pk
    assert recording.replay(decision, {"load": 100})[0].total != replayed[0].total


def test_nobody_free_leaves_it_queued_and_says_why(world: World) -> None:
    away(world, "carol", "dave")
    received = world.message("怎么退货")
    outcome = route(world)
    route(world)
    conversation = world.conversation(received.conversation_id)
    assert outcome.placed == 0
    assert conversation.state == "queued"
    (decision,) = decisions(world, received.conversation_id)
    assert decision.outcome == "queued"
    assert recording.read(decision).excluded[world.carol.pk] == ("away",)


def test_freed_capacity_goes_to_the_most_urgent_then_to_the_oldest(world: World) -> None:
    capacity(world, carol=1, dave=0)
    first = world.message("怎么退货", "v1")
    route(world)
    old = world.message("怎么退货", "v2").conversation_id
    new = world.message("怎么退货", "v3").conversation_id
    urgent = world.message("退货！！！充电器冒烟了", "v4").conversation_id
    assert route(world).placed == 0
    taken = []
    held = first.conversation_id
    for _turn in range(3):
        with world.transaction():
            lifecycle.resolve(world.access("carol"), held)
        assert route(world).placed == 1
        with world.transaction():
            held = Conversation.objects.get(owner=world.carol).pk
        taken.append(held)
    assert taken == [urgent, old, new]


def test_the_head_of_the_queue_blocks_nobody_behind_it(world: World) -> None:
    away(world, "carol", "dave")
    for number in range(5):
        world.message("退货！！！冒烟了", f"stuck-{number}")
    behind = world.message("支持 Matter 吗", "behind")
    outcome = engine_route(world, batch=2)
    assert outcome == 1
    assert world.conversation(behind.conversation_id).owner == world.erin


def engine_route(world: World, batch: int) -> int:
    return engine.route(world.organization.pk, batch=batch).placed


def test_nobody_gets_more_than_the_capacity(world: World) -> None:
    capacity(world, carol=2, dave=1)
    for number in range(6):
        world.message("怎么退货", f"v{number}")
    while route(world).placed:
        pass
    with world.transaction():
        loads = dict(Staff.objects.values_list("name", "load"))
        assert Conversation.objects.filter(state="queued").count() == 3
    assert (loads["Carol"], loads["Dave"]) == (2, 1)
    assert violations(world) == []


def test_a_refused_commit_goes_to_the_next_candidate(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.skill("耳机", carol=5, dave=1)
    with world.transaction():
        Topic.objects.filter(name="退货").update(skill=StaffSkill.objects.first().skill_id)
    received = world.message("怎么退货")
    before = engine.people

    def then_full(*args: object, **facts: object) -> object:
        found = before(*args, **facts)  # type: ignore[arg-type]
        # Between looking and committing, somebody else fills carol up.
        Staff.objects.filter(pk=world.carol.pk).update(load=Decimal(3))
        return found

    monkeypatch.setattr(engine, "people", then_full)
    route(world)
    assert world.conversation(received.conversation_id).owner == world.dave


def test_a_new_message_is_judged_again_and_the_owner_keeps_it(world: World) -> None:
    received = world.message("怎么退货")
    route(world)
    owner = world.conversation(received.conversation_id).owner
    calm = world.conversation(received.conversation_id).urgency
    world.message("再不处理我就投诉!!!")
    route(world)
    angry = world.conversation(received.conversation_id)
    assert angry.urgency > calm
    assert angry.owner == owner


@pytest.mark.parametrize("words", ["不急，慢慢来", "谢谢", "好的", "怎么退货", "no rush"])
def test_only_our_answer_lets_the_urgency_fall(world: World, words: str) -> None:
    pk = world.message("充电器冒烟了！").conversation_id
    route(world)
    danger = world.conversation(pk).urgency
    world.message(words)
    route(world)
    assert world.conversation(pk).urgency == danger
    owner = world.conversation(pk).owner
    assert owner
    name = next(name for name, person in world.people.items() if person == owner)
    with world.transaction():
        replying.reply(world.access(name), pk, text="请先拔掉电源。")
    world.message(words)
    route(world)
    assert world.conversation(pk).urgency < danger


def test_of_messages_judged_together_the_most_urgent_counts(world: World) -> None:
    pk = world.message("充电器冒烟了！").conversation_id
    world.message("在吗")
    route(world)
    alone = world.message("充电器冒烟了！", visitor="another").conversation_id
    route(world)
    assert world.conversation(pk).urgency >= world.conversation(alone).urgency


def test_a_topic_chosen_by_a_colleague_is_left_alone(world: World) -> None:
    received = world.message("你好")
    route(world)
    with world.transaction():
        topic = Topic.objects.get(name="兼容性")
        Conversation.objects.update(topic=topic, topic_is_fixed=True)
    world.message("怎么退货")
    route(world)
    assert world.conversation(received.conversation_id).topic_id == topic.pk


def test_a_question_in_pieces_is_judged_together(world: World) -> None:
    received = world.message("你好")
    route(world)
    world.message("我买的耳机想")
    world.message("退货")
    route(world)
    with world.transaction():
        assert world.conversation(received.conversation_id).topic == Topic.objects.get(name="退货")


def test_what_a_colleague_has_moved_is_not_moved_back(world: World) -> None:
    received = world.message("怎么退货")
    route(world)
    target = assignment.Target(department_id=world.sales.pk)
    owner = world.conversation(received.conversation_id).owner
    name = "carol" if owner == world.carol else "dave"
    with world.transaction():
        assignment.transfer(world.access(name), received.conversation_id, target)
    world.message("还是怎么退货")
    route(world)
    conversation = world.conversation(received.conversation_id)
    assert conversation.department == world.sales
    assert conversation.owner == world.erin


def test_looking_twice_changes_nothing(world: World) -> None:
    received = world.message("怎么退货")
    route(world)
    before = world.conversation(received.conversation_id)
    assert route(world).judged == 0
    with world.transaction():
        judging.judge([received.conversation_id], facts(), timezone.now())
    after = world.conversation(received.conversation_id)
    assert (after.last_number, after.urgency) == (before.last_number, before.urgency)
    assert len(decisions(world, received.conversation_id)) == 1


def test_facts_are_read_anew_when_a_topic_changes(world: World) -> None:
    with world.transaction():
        known = facts()
        assert facts() is known
        Topic.objects.filter(name="退货").update(keywords=["送回"])
        assert facts() is not known


def test_a_topic_is_recognised_by_its_description(world: World) -> None:
    received = world.message("the battery swells")
    route(world)
    assert world.conversation(received.conversation_id).topic is None
    with world.transaction():
        Topic.objects.filter(name="退货").update(description="Batteries that swell, or leak.")
    world.message("the battery swells", visitor="visitor-2")
    route(world)
    with world.transaction():
        newest = Conversation.objects.select_related("topic").latest("pk")
    assert str(newest.topic) == "退货"


def test_waiting_makes_more_urgent(world: World) -> None:
    away(world, "carol", "dave")
    received = world.message("怎么退货")
    route(world)
    before = world.conversation(received.conversation_id).urgency
    past = timezone.now() - timedelta(minutes=30)
    with world.transaction():
        Conversation.objects.update(queued_at=past, waiting_since=past)
        assert judging.age_waiting(timezone.now()) == 1
    route(world)
    assert world.conversation(received.conversation_id).urgency > before


def test_work_of_somebody_who_vanished_goes_to_another(world: World) -> None:
    received = world.message("怎么退货")
    route(world)
    gone = world.conversation(received.conversation_id).owner
    with world.transaction():
        Presence.objects.filter(staff=gone).update(lease_until=timezone.now())
        presence.return_absent(timezone.now())
    route(world)
    other = world.conversation(received.conversation_id).owner
    assert {gone, other} == {world.carol, world.dave}
    with world.transaction():
        assert set(Assignment.objects.values_list("ending", flat=True)) == {"vanished", ""}


def test_the_department_policy_overrides_the_organizations(world: World) -> None:
    with world.transaction():
        Policy.objects.create(weights={"skill": 50})
        Policy.objects.create(department=world.sales, weights={"fairness": 7})
    sold, returned = world.message("支持 Matter 吗", "v1"), world.message("怎么退货", "v2")
    route(world)
    assert decisions(world, sold.conversation_id)[0].data["weights"] == [["fairness", 7]]
    assert decisions(world, returned.conversation_id)[0].data["weights"] == [["skill", 50]]


def test_one_router_at_a_time_holds_the_lease_and_a_stale_one_is_fenced_off(world: World) -> None:
    with world.transaction():
        number = leases.acquire("one")
        assert leases.acquire("one") == number
        assert leases.acquire("two") is None
    received = world.message("怎么退货")
    assert engine.work(world.organization.pk, "two").placed == 0
    with world.transaction():
        RouterLease.objects.update(until=timezone.now() - timedelta(seconds=1))
        assert leases.acquire("two") == (number or 0) + 1
    with pytest.raises(leases.Fenced):
        engine.route(world.organization.pk, fence=number)
    assert world.conversation(received.conversation_id).state == "queued"
    assert engine.work(world.organization.pk, "two").placed == 1


def test_every_decision_to_assign_has_its_assignment(world: World) -> None:
    received = world.message("怎么退货")
    route(world)
    with world.transaction():
        Decision.objects.create(
            conversation_id=received.conversation_id,
            staff=world.erin,
            outcome="assigned",
            at=timezone.now(),
        )
    assert [line for line in violations(world) if "assigned nobody" in line]


def test_a_look_with_nobody_to_place_forgets_no_price(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(engine.pricing, "price", lambda team, known, now: asked.append(len(team)))
    received = world.message("怎么退货")
    assert route(world).placed == 1
    with world.transaction():
        Conversation.objects.filter(pk=received.conversation_id).update(route_at=timezone.now())
    route(world)
    assert 0 not in asked
