"""What cannot be read is shown whatever its bytes do, and whoever had it before a second try has lost it."""

import pytest
from django.utils import timezone

from channels_app.models import InboundEvent
from channels_app.processing import claim_due, process, process_due
from channels_app.protocol import ContactIdentity, Event
from channels_app.services import ingesting, quarantining
from channels_app.services.doors import find_door
from helpdesk.models import Conversation


@pytest.fixture
def door(world):
    return find_door(world.channel.public_id)


def only(world):
    with world.transaction():
        return InboundEvent.objects.get()


def keep(door, *, text=" ", **facts):
    event = Event("message", "1", ContactIdentity("ann"), text=text, **facts)
    ingesting.store(door, [event], b"raw")


def test_who_had_an_event_before_it_is_read_again_changes_nothing(world, door):
    keep(door)
    (claim,) = claim_due(timezone.now())
    process(claim)
    assert only(world).state == "quarantined"
    quarantining.replay(world.access("alice"), claim.event_id)
    again = only(world)
    assert (again.state, again.attempts, again.interruptions) == ("new", 0, 0)
    assert again.fence > claim.fence
    assert process(claim) is False
    assert only(world).state == "new"
    process_due()
    assert only(world).state == "quarantined"


def test_what_is_read_again_more_than_once_is_still_read(world, door):
    keep(door)
    process_due()
    for _time in range(4):
        quarantining.replay(world.access("alice"), only(world).pk)
        process_due()
        found = only(world)
        assert (found.state, found.reason) == ("quarantined", "invalid")


@pytest.mark.parametrize("error", [ValueError("odd"), RecursionError(), MemoryError(), OSError()])
def test_bytes_that_break_whoever_looks_at_them_are_shown(world, monkeypatch, caplog, error):
    class Adapter:
        def parse(self, request):
            raise error

    door = find_door(world.channel.public_id)
    ingesting.store(door, [Event("raw", "1", error="too_deep")], b"raw")
    monkeypatch.setattr(quarantining, "adapter_for", lambda channel: Adapter())
    process_due()
    found = only(world)
    assert (found.state, found.reason) == ("quarantined", "too_deep")
    with world.transaction():
        assert Conversation.objects.count() == 1
    assert f"an event that cannot be read: {found.pk}" in caplog.text
