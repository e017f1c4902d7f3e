"""Whatever goes wrong while an event is worked on: it is tried again, or put aside where somebody sees it."""

from contextlib import suppress
from datetime import timedelta

import time_machine
from django.db import OperationalError
from django.utils import timezone

from channels_app import processing
from channels_app.models import InboundEvent
from channels_app.processing import claim_due, process, process_all, process_due
from channels_app.protocol import Attachment, ContactIdentity, Event
from channels_app.services.doors import find_door
from helpdesk.models import Conversation, Entry
from helpdesk.tenancy import organization_scope
from tests.channels_app.reported import ANN, keep, process_after, said, states, texts


def test_an_event_that_always_fails_is_quarantined_after_three_attempts(world, door, monkeypatch):
    keep(door, said("1", "one"), said("2", "two"))
    real = processing.arriving.arrive

    def never(kept, event, files):
        if event.text == "one":
            raise RuntimeError("Always")
        return real(kept, event, files)

    monkeypatch.setattr(processing.arriving, "arrive", never)
    for seconds in (0, 5, 10, 15):
        process_after(seconds)
    assert states(world) == ["quarantined", "done"]
    with world.transaction():
        kept = InboundEvent.objects.get(state="quarantined")
        assert (kept.attempts, kept.reason) == (2, "RuntimeError")
        entry = Entry.objects.get(kind=Entry.Kind.QUARANTINED)
        assert (entry.data["event"], kept.entry_id) == (kept.pk, entry.pk)
        assert Conversation.objects.get(pk=entry.conversation_id).state == "queued"


def test_a_slow_vendor_takes_nobody_away_from_a_message(world, door, monkeypatch):
    file = Attachment("file", "a.txt", url="http://slow.example/a")
    keep(door, said("1", "look", attachments=(file,)), said("2", "later"))
    asked = []
    with time_machine.travel(timezone.now() + timedelta(seconds=1), tick=False) as clock:

        class Slow:
            def fetch_media(self, attachment):
                asked.append(1)
                clock.shift(60)
                process_after(0)  # another loop of the connector
                return b"file", "text/plain"

        monkeypatch.setattr(processing.arriving, "adapter_for", lambda channel: Slow())
        process_after(0)
    assert (len(asked), states(world), texts(world)) == (1, ["done", "done"], ["look", "later"])


def test_what_comes_after_a_slow_file_of_somebody_else_does_not_wait(world, door, monkeypatch):
    file = Attachment("file", "a.txt", url="http://slow.example/a")
    bea = ContactIdentity("bea")
    keep(door, said("1", "look", attachments=(file,)), said("2", "of bea", sender=bea))
    seen = []

    class Slow:
        def fetch_media(self, attachment):
            process_after(0)  # another loop of the connector
            seen.extend(texts(world))
            return b"file", "text/plain"

    monkeypatch.setattr(processing.arriving, "adapter_for", lambda channel: Slow())
    process_after(0)
    assert seen == ["of bea"]


def test_a_database_that_hesitates_is_no_death(world, door, monkeypatch):
    keep(door, said("1"))
    real, left = processing.arriving.arrive, [1] * 5

    def hesitant(*given):
        if left and left.pop():
            raise OperationalError("deadlock detected")
        return real(*given)

    monkeypatch.setattr(processing.arriving, "arrive", hesitant)
    for number in range(7):
        with suppress(OperationalError):
            process_after(number * (processing.LEASE.total_seconds() + 1))
    assert (states(world), texts(world)) == (["done"], ["怎么退货?"])


def test_organizations_take_turns(world, other_world, monkeypatch):
    for place in (world, other_world):
        with organization_scope(place.organization.pk):
            for number in range(3 * processing.BATCH):
                keep(find_door(place.channel.public_id), said(str(number)))
    turns = []
    real = processing.process_all

    def noted(claims):
        turns.append(claims[0].event.organization_id if claims else 0)
        return real(claims)

    monkeypatch.setattr(processing, "process_all", noted)
    process_due()
    for at in range(0, 6, 2):
        assert set(turns[at : at + 2]) == {world.organization.pk, other_world.organization.pk}


def test_a_batch_that_takes_long_gives_back_what_is_left(world, door, monkeypatch):
    monkeypatch.setattr(processing, "BATCH_SECONDS", 0.0)
    for number in range(3):
        keep(door, said(str(number), sender=ContactIdentity(str(number))))
    assert process_all(claim_due(timezone.now())) == 1
    assert len(claim_due(timezone.now())) == 2


class Killed(BaseException):
    """The process is gone: nothing is noted, nothing is given back."""


def test_what_kills_whoever_works_on_it_is_quarantined_after_three_times(world, door, monkeypatch):
    keep(door, said("1", "one"), said("2", "two"))
    real, deaths = processing.arriving.arrive, []

    def deadly(kept, event, files):
        if event.text == "one":
            deaths.append(1)
            raise Killed
        return real(kept, event, files)

    monkeypatch.setattr(processing.arriving, "arrive", deadly)
    for number in range(5):
        with suppress(Killed):
            process_after(number * (processing.LEASE.total_seconds() + 1))
    assert (len(deaths), states(world)) == (3, ["quarantined", "done"])
    with world.transaction():
        assert InboundEvent.objects.get(state="quarantined").reason == "interrupted"


def test_who_only_was_claimed_with_it_loses_no_try(world, door):
    keep(door, said("1"))
    now = timezone.now()
    for number in range(10):
        assert len(claim_due(now + number * (processing.LEASE + timedelta(seconds=1)))) == 1
    process_after(3600)
    assert texts(world) == ["怎么退货?"]


def test_what_waits_long_for_something_else_is_not_taken_for_deadly(world, door):
    keep(door, Event(kind="edit", dedup_key="e", provider_id="later", text="new", sender=ANN))
    for seconds in range(0, 500, 40):
        process_after(seconds)
    assert states(world) == ["parked"]
    with world.transaction():
        assert InboundEvent.objects.get().interruptions == 0


def test_a_message_without_anything_in_it_is_quarantined_and_not_lost(world, door):
    keep(door, said("1", "  "))
    process_due()
    assert states(world) == ["quarantined"]


def test_a_lease_that_was_lost_changes_nothing(world, door):
    keep(door, said("1"))
    now = timezone.now()
    (late,) = claim_due(now)
    later = now + processing.LEASE + timedelta(seconds=1)
    (fresh,) = claim_due(later)
    assert process(late) is False
    assert texts(world) == []
    assert process(fresh) is True
    assert process(late) is False
    assert texts(world) == ["怎么退货?"]
