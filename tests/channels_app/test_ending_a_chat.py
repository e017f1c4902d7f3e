"""Who the trail says has ended a conversation, and what ended with it."""

from datetime import timedelta

import pytest

from channels_app.services import chatting
from helpdesk.models import AuditEntry, EscalationLevel, EscalationPath
from helpdesk.services import assignment, escalation, lifecycle, mentions, replying, timeline


@pytest.fixture
def conversation_id(world):
    """A conversation that carol holds, in which erin is called in and a climb is running."""
    pk = world.message().conversation_id
    carol = world.access("carol")
    with world.transaction():
        path = EscalationPath.objects.create(name="path")
        EscalationLevel.objects.create(
            path=path, order=1, department=world.support, timer=timedelta(minutes=15)
        )
    assignment.take(carol, pk)
    replying.note(carol, pk, text="@Erin", mention_ids=[world.erin.pk])
    escalation.escalate(carol, pk)
    return pk


def trail(world, *actions):
    with world.transaction():
        rows = AuditEntry.objects.filter(action__in=actions).order_by("action")
        return list(rows.values_list("action", "actor", "staff_id"))


@pytest.mark.parametrize("who", ["customer", "staff", "system"])
def test_the_trail_names_who_ended_the_conversation(world, conversation_id, who):
    if who == "customer":
        chatting.end(world.organization.pk, conversation_id)
    elif who == "staff":
        lifecycle.resolve(world.access("carol"), conversation_id)
    else:
        with world.transaction():
            lifecycle.resolve_locked(timeline.lock(conversation_id))
    staff_id = world.carol.pk if who == "staff" else None
    ended = ["conversation.access_ended", "conversation.resolved", "escalation.ended"]
    assert trail(world, *ended) == [(action, who, staff_id) for action in ended]


@pytest.mark.parametrize("is_by_hand", [True, False])
def test_the_trail_names_who_ended_an_access(world, conversation_id, is_by_hand):
    carol = world.access("carol")
    with world.transaction():
        mention = world.conversation(conversation_id).mentions.get()
    if is_by_hand:
        mentions.end_access(carol, mention.pk)
    else:
        assert mentions.end_due(mention.access_until) == 1
    expected = ("staff", carol.staff_id) if is_by_hand else ("system", None)
    assert trail(world, "conversation.access_ended") == [("conversation.access_ended", *expected)]
