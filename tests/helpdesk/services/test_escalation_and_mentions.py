"""Calling colleagues in, and climbing along a path."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from helpdesk import access
from helpdesk.errors import Invalid, NotFound, Refused, WrongState
from helpdesk.models import Escalation, EscalationLevel, EscalationPath, EscalationStep, Mention
from helpdesk.services import assignment, escalation, grants, lifecycle, mentions, replying


@pytest.fixture
def path(world):
    with world.transaction():
        made = EscalationPath.objects.create(name="技术升级")
        EscalationLevel.objects.create(
            path=made, order=1, name="客服", department=world.support, timer=timedelta(minutes=15)
        )
        EscalationLevel.objects.create(
            path=made, order=2, name="销售", department=world.sales, timer=timedelta(minutes=30)
        )
    return made


def test_called_in_colleague_sees_writes_a_note_and_loses_access(world):
    ref = world.message().conversation_id
    carol, erin = world.access("carol"), world.access("erin")
    assignment.take(carol, ref)
    replying.note(
        carol, ref, text="@Erin 请看", mention_ids=[world.erin.pk], access_for=timedelta(hours=1)
    )
    replying.note(erin, ref, text="是固件问题")
    with pytest.raises(Refused):
        replying.reply(erin, ref, text="不能直接答复客户")
    with world.transaction():
        mention = Mention.objects.get()
        assert mention.answered_at
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        assert mentions.end_due(timezone.now()) == 1
        with pytest.raises(NotFound):
            replying.note(erin, ref, text="晚了")


def test_strangers_cannot_be_called_in(world, other_world):
    ref = world.message().conversation_id
    with pytest.raises(Invalid):
        replying.note(
            world.access("carol"), ref, text="@?", mention_ids=[other_world.people["erin"].pk]
        )


def test_climbs_by_timer_and_is_claimed_by_the_next_level(world, path):
    ref = world.message().conversation_id
    carol, erin = world.access("carol"), world.access("erin")
    assignment.take(carol, ref)
    started = escalation.escalate(carol, ref, reason="客户要求")
    with pytest.raises(NotFound):
        escalation.claim(erin, started.pk)
    later = timezone.now() + timedelta(minutes=16)
    assert escalation.climb_due(later) == 1
    assert escalation.climb_due(later) == 0
    with world.transaction():
        climbed = Escalation.objects.get()
        assert climbed.level.order == 2
        first = EscalationStep.objects.order_by("id").first()
        assert first.breached_at is not None
        assert access.visible_conversations(erin).filter(pk=ref).exists()
    escalation.claim(erin, started.pk)
    conversation = world.conversation(ref)
    assert (conversation.owner_id, conversation.department_id) == (world.erin.pk, world.sales.pk)
    with pytest.raises(WrongState):
        escalation.claim(erin, started.pk)


def test_top_level_breaches_once_and_resolution_ends_the_climb(world, path):
    ref = world.message().conversation_id
    carol = world.access("carol")
    escalation.escalate(carol, ref)
    escalation.climb_due(timezone.now() + timedelta(minutes=16))
    late = timezone.now() + timedelta(hours=2)
    assert escalation.climb_due(late) == 1
    assert escalation.climb_due(late) == 0
    with world.transaction():
        assert Escalation.objects.get().breached_at
    lifecycle.resolve(carol, ref)
    with world.transaction():
        assert Escalation.objects.get().state == Escalation.State.RESOLVED
    assert world.conversation(ref).escalated_to_id is None


def test_without_a_path_escalation_is_refused(world):
    with pytest.raises(Invalid):
        escalation.escalate(world.access("carol"), world.message().conversation_id)


@pytest.mark.parametrize("is_active", [True, False])
def test_a_path_that_is_switched_off_is_closed_to_who_may_use_it_too(world, path, is_active):
    ref = world.message().conversation_id
    with world.transaction():
        EscalationPath.objects.update(department=world.sales, is_active=is_active)
    grants.set_object_grants(world.carol, path, ["path_use"])
    carol = world.access("carol")
    if is_active:
        assert escalation.escalate(carol, ref, path_id=path.pk).path_id == path.pk
    else:
        with pytest.raises(Invalid):
            escalation.escalate(carol, ref, path_id=path.pk)


def test_losing_the_role_gives_the_work_back(world):
    ref = world.message().conversation_id
    assignment.take(world.access("carol"), ref)
    with world.transaction():
        held = world.people["carol"].role_grants.get()
    grants.revoke_role(held)
    conversation = world.conversation(ref)
    assert conversation.owner_id is None
    assert conversation.state == "queued"
    with pytest.raises(NotFound):
        replying.note(world.access("carol"), ref, text="?")


def test_object_grant_opens_a_department_and_closes_it_again(world):
    ref = world.message().conversation_id
    grants.set_object_grants(world.people["frank"], world.support, ["conversation_view"])
    with world.transaction():
        assert access.visible_conversations(world.access("frank")).filter(pk=ref).exists()
        assert grants.violations() == []
    grants.set_object_grants(world.people["frank"], world.support, [])
    with world.transaction():
        assert not access.visible_conversations(world.access("frank")).filter(pk=ref).exists()
