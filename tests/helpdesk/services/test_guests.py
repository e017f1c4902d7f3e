"""Who gives guests of a conversation their access, and who ends it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from helpdesk import access, events
from helpdesk.errors import NotFound, Refused
from helpdesk.models import AuditEntry, Mention
from helpdesk.services import assignment, lifecycle, mentions, replying


@pytest.fixture
def ref(world):
    """A conversation that carol holds, whose department bob supervises and dave answers in."""
    pk = world.message().conversation_id
    assignment.take(world.access("carol"), pk)
    world.person("gina", world.sales)
    return pk


def call(world, ref, by, *names, hours=8):
    replying.note(
        world.access(by),
        ref,
        text="@",
        mention_ids=[world.people[name].pk for name in names],
        access_for=timedelta(hours=hours),
    )


def running(world, ref, name):
    with world.transaction():
        rows = Mention.objects.filter(conversation_id=ref, staff=world.people[name])
        return rows.filter(ended_at__isnull=True).first()


def end(world, ref, by, name):
    mentions.end_access(world.access(by), running(world, ref, name).pk, conversation_id=ref)


def sees(world, ref, name):
    by = world.access(name)
    with world.transaction():
        return access.visible_conversations(by).filter(pk=ref).exists()


@pytest.mark.parametrize(
    ("first", "second", "hours", "giver"),
    [
        ("bob", "dave", 2, "bob"),
        ("bob", "dave", 20, "dave"),
        ("bob", "frank", 2, "bob"),
        ("bob", "frank", 20, "bob"),
        ("frank", "bob", 2, "bob"),
        ("frank", "gina", 2, "frank"),
        ("frank", "gina", 20, "gina"),
    ],
)
def test_the_weightier_call_decides_whose_access_it_is(world, ref, first, second, hours, giver):
    call(world, ref, "carol", "frank", "gina", hours=100)
    call(world, ref, first, "erin", hours=8)
    before = running(world, ref, "erin")
    call(world, ref, second, "erin", hours=hours)
    after = running(world, ref, "erin")
    assert after.by_id == world.people[giver].pk
    assert (after.pk == before.pk) == (giver == first)
    lasts = hours if giver == second else 8
    assert after.access_until - timezone.now() > timedelta(hours=max(lasts, 8) - 1)
    if giver == first:
        assert after.access_until == before.access_until


@pytest.mark.parametrize("hours", [2, 20])
def test_who_is_called_in_once_more_is_told_and_has_not_answered(world, ref, hours, monkeypatch):
    call(world, ref, "bob", "erin")
    replying.note(world.access("erin"), ref, text="seen and answered")
    lifecycle.seen_by_owner(world.access("erin"), ref, 1)
    told = []
    monkeypatch.setattr(events, "publish", lambda *those: told.extend(those))
    call(world, ref, "dave", "erin", hours=hours)
    number = world.conversation(ref).last_number
    assert [
        (event.staff_id, event.number) for event in told if isinstance(event, events.StaffMentioned)
    ] == [(world.erin.pk, number)]
    now = running(world, ref, "erin")
    assert (now.seen_at, now.answered_at) == (None, None)
    with world.transaction():
        trail = AuditEntry.objects.filter(action="conversation.mentioned", staff=world.dave)
        assert trail.count() == 1


@pytest.mark.parametrize(
    ("who", "may_end"),
    [("bob", True), ("dave", True), ("carol", True), ("alice", False), ("frank", False)],
)
def test_whoever_called_a_colleague_in_ends_it_but_a_guest_only_their_own(world, ref, who, may_end):
    call(world, ref, "carol", "frank", hours=100)
    call(world, ref, "frank", "erin")
    call(world, ref, "bob", "erin", hours=10)
    call(world, ref, "dave", "erin", hours=20)
    call(world, ref, "frank", "erin", hours=30)
    if may_end:
        end(world, ref, who, "erin")
    else:
        with pytest.raises(NotFound):
            end(world, ref, who, "erin")
    assert sees(world, ref, "erin") != may_end


def test_a_guest_ends_what_only_guests_have_given(world, ref):
    call(world, ref, "carol", "frank")
    call(world, ref, "frank", "erin")
    end(world, ref, "frank", "erin")
    assert not sees(world, ref, "erin")


def test_with_an_access_ends_what_its_holder_gave_as_a_guest(world, ref):
    call(world, ref, "carol", "erin")
    call(world, ref, "erin", "frank")
    call(world, ref, "frank", "gina")
    end(world, ref, "carol", "erin")
    assert [sees(world, ref, name) for name in ("erin", "frank", "gina")] == [False] * 3
    with world.transaction():
        trail = AuditEntry.objects.filter(action="conversation.access_ended")
        assert list(trail.values_list("staff_id", flat=True)) == [world.carol.pk] * 3


def test_what_colleagues_gave_outlasts_an_access_that_they_do_not_need(world, ref):
    call(world, ref, "carol", "bob")
    call(world, ref, "bob", "erin")
    end(world, ref, "carol", "bob")
    assert sees(world, ref, "erin")


@pytest.mark.parametrize("ended", ["by hand", "by time", "by resolving"])
def test_who_was_sent_away_is_called_back_by_colleagues_only(world, ref, ended):
    call(world, ref, "carol", "erin", hours=2)
    call(world, ref, "carol", "frank", hours=100)
    if ended == "by hand":
        end(world, ref, "carol", "erin")
    elif ended == "by time":
        assert mentions.end_due(timezone.now() + timedelta(hours=3)) == 1
    else:
        lifecycle.resolve(world.access("carol"), ref)
        lifecycle.reopen(world.access("carol"), ref)
        call(world, ref, "bob", "frank")
    assert not sees(world, ref, "erin")
    if ended == "by hand":
        with pytest.raises(Refused):
            call(world, ref, "frank", "erin")
        assert not sees(world, ref, "erin")
        call(world, ref, "bob", "erin")
    else:
        call(world, ref, "frank", "erin")
    assert sees(world, ref, "erin")
