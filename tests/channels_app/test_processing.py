"""What is stored becomes messages behind: once, in order, and nothing is given up silently."""

import dataclasses
from contextlib import suppress
from datetime import timedelta

import pytest
import time_machine
from django.db import OperationalError
from django.utils import timezone

from channels_app import processing, registry
from channels_app.models import InboundEvent
from channels_app.processing import claim_due, process, process_all, process_due
from channels_app.protocol import Attachment, ContactIdentity, Event
from channels_app.services import ingesting, quarantining
from channels_app.services.doors import find_door
from helpdesk.errors import NotFound, WrongState
from helpdesk.models import Conversation, Entry, Message
from helpdesk.registries import invariant_checks
from helpdesk.tenancy import organization_scope
from tests.races import at_once

ANN = ContactIdentity("ann", display_name="Ann")


@pytest.fixture
def door(world):
    return find_door(world.channel.public_id)


def said(key, text="怎么退货?", *, sender=ANN, **facts):
    return Event(kind="message", dedup_key=key, sender=sender, text=text, **facts)


def keep(door, *events, raw=b"raw", **facts):
    return ingesting.store(door, events, raw, **facts)


def process_after(seconds):
    """Work on everything that is due then, as the connector would."""
    now = timezone.now() + timedelta(seconds=seconds)
    with time_machine.travel(now):
        while claims := claim_due(timezone.now()):
            process_all(claims)


def texts(world):
    with world.transaction():
        return list(Message.objects.order_by("entry__number").values_list("text", flat=True))


def states(world):
    with world.transaction():
        return list(InboundEvent.objects.order_by("id").values_list("state", flat=True))


def test_an_event_is_stored_first_and_becomes_a_message_behind(world, door):
    assert len(keep(door, said("1"))) == 1
    assert (texts(world), states(world)) == ([], ["new"])
    assert process_due() == 1
    assert (texts(world), states(world)) == (["怎么退货?"], ["done"])
    assert process_due() == 0


def test_a_repeated_event_is_stored_once_and_keeps_its_first_bytes(world, door):
    keep(door, said("1"), raw=b"first")
    assert keep(door, said("1", "other"), raw=b"second") == []
    process_due()
    assert texts(world) == ["怎么退货?"]
    with world.transaction():
        assert bytes(InboundEvent.objects.get().raw) == b"first"


def test_the_same_at_once_is_one_event(world, door):
    at_once([lambda: keep(door, said("1"))] * 12)
    process_due()
    assert texts(world) == ["怎么退货?"]


def test_the_events_of_one_call_share_its_bytes(world, door):
    first, second = keep(door, said("1"), said("2"), raw=b"both")
    with world.transaction():
        kept = InboundEvent.objects.get(pk=second)
        assert (kept.raw_of_id, ingesting.raw_of(kept)) == (first, b"both")


def test_bytes_stay_when_only_the_second_event_of_a_call_is_new(world, door):
    keep(door, said("1"), raw=b"one")
    (second, third) = keep(door, said("1"), said("2"), said("3"), raw=b"three")
    with world.transaction():
        kept = InboundEvent.objects.in_bulk([second, third])
        assert {ingesting.raw_of(each) for each in kept.values()} == {b"three"}


def test_a_large_call_lies_in_a_file_and_a_repeated_one_leaves_none(
    world, door, settings, tmp_path
):
    settings.MEDIA_ROOT = tmp_path
    large = b"x" * (ingesting.MOST_RAW_IN_ROW + 1)
    (pk,) = keep(door, said("1"), raw=large)
    assert keep(door, said("1"), raw=large) == []
    with world.transaction():
        kept = InboundEvent.objects.get(pk=pk)
        assert bytes(kept.raw) == b""
        assert ingesting.raw_of(kept) == large
    assert len([each for each in tmp_path.rglob("*") if each.is_file()]) == 1


def test_a_long_key_is_shortened_without_two_becoming_one(world, door):
    keep(door, said("k" * 300 + "a"), said("k" * 300 + "b"))
    process_due()
    assert len(texts(world)) == 2


def test_another_sender_with_the_same_key_is_another_event(world, door):
    keep(door, said("1"), said("1", "hello", sender=ContactIdentity("bea")))
    process_due()
    assert sorted(texts(world)) == ["hello", "怎么退货?"]


def test_messages_of_one_sender_keep_their_order(world, door):
    for number in range(50):
        keep(door, said(str(number), f"text {number}"))
    process_due()
    assert texts(world) == [f"text {number}" for number in range(50)]


def test_what_fails_once_keeps_the_rest_of_its_lane_waiting_and_nobody_else(
    world, door, monkeypatch
):
    keep(
        door, said("1", "one"), said("2", "two"), said("3", "of bea", sender=ContactIdentity("bea"))
    )
    real, failed = processing.arriving.arrive, []

    def once(kept, event, files):
        if event.text == "one" and not failed:
            failed.append(1)
            raise RuntimeError("For a moment")
        return real(kept, event, files)

    monkeypatch.setattr(processing.arriving, "arrive", once)
    process_due()
    assert texts(world) == ["of bea"]
    process_after(5)
    assert texts(world)[-2:] == ["one", "two"] or texts(world) == ["one", "of bea", "two"]
    with world.transaction():
        ann = Message.objects.filter(conversation__identity__external_id="ann")
        assert list(ann.order_by("entry__number").values_list("text", flat=True)) == ["one", "two"]


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


def test_two_processes_do_not_take_a_lane_apart(world, door):
    for number in range(processing.BATCH + 5):
        keep(door, said(str(number)))
    now = timezone.now()
    first = claim_due(now)
    assert len(first) == processing.BATCH
    assert claim_due(now) == []
    process_all(first)
    assert len(claim_due(now)) == 5


def test_many_processes_make_each_event_one_message_in_order(world, door):
    for number in range(60):
        sender = ContactIdentity(f"sender-{number % 3}")
        keep(door, said(str(number), f"{number}", sender=sender))
    at_once([process_due] * 6)
    while process_due():
        pass
    with world.transaction():
        for sender in range(3):
            own = Message.objects.filter(conversation__identity__external_id=f"sender-{sender}")
            found = [
                int(text) for text in own.order_by("entry__number").values_list("text", flat=True)
            ]
            assert found == list(range(sender, 60, 3))


def test_what_is_live_goes_before_the_past(world, door):
    keep(door, said("old", "old", sender=ContactIdentity("old")), is_backlog=True)
    keep(door, said("new", "new", sender=ContactIdentity("new")))
    (first, second) = claim_due(timezone.now())
    process(first)
    assert texts(world) == ["new"]
    process(second)
    assert texts(world) == ["new", "old"]


def test_an_edit_before_its_message_waits_for_it(world, door):
    edit = Event(
        kind="edit", dedup_key="e", sender=ANN, provider_id="p1", text="better", sequence=2
    )
    keep(door, edit)
    process_due()
    assert states(world) == ["parked"]
    keep(door, said("1", "worse", provider_id="p1", sequence=1))
    process_after(90)
    assert (texts(world), states(world)) == (["better"], ["done", "done"])


def test_an_older_edit_that_comes_late_changes_nothing(world, door):
    keep(door, said("1", "first", provider_id="p1", sequence=1))
    for number in (3, 2):
        keep(
            door,
            Event("edit", f"e{number}", ANN, provider_id="p1", text=f"v{number}", sequence=number),
        )
    process_due()
    assert texts(world) == ["v3"]


def test_what_was_taken_back_stays_taken_back(world, door):
    keep(door, said("1", "first", provider_id="p1", sequence=1))
    keep(door, Event("delete", "d", ANN, provider_id="p1"))
    keep(door, Event("edit", "e", ANN, provider_id="p1", text="again", sequence=9))
    process_due()
    assert texts(world) == [""]


def test_nobody_edits_anothers_message(world, door):
    keep(door, said("1", "mine", provider_id="p1"))
    keep(door, Event("edit", "e", ContactIdentity("eve"), provider_id="p1", text="x", sequence=9))
    process_due()
    assert texts(world) == ["mine"]
    assert "parked" in states(world)


def test_an_edit_without_a_sender_finds_its_message_by_id(world, door):
    keep(door, said("1", "first", provider_id="p1", sequence=1))
    keep(door, Event("edit", "e", provider_id="p1", text="better", sequence=2))
    process_due()
    assert texts(world) == ["better"]


def test_what_nothing_came_for_is_said_to_be_unmatched(world, door):
    keep(door, Event(kind="receipt", dedup_key="r", status="read", references=("nothing",)))
    process_due()
    assert states(world) == ["parked"]
    process_after(processing.PARKED_FOR.total_seconds() + 120)
    with world.transaction():
        kept = InboundEvent.objects.get()
        assert (kept.state, kept.reason) == ("ignored", "unmatched")


def test_administrators_have_a_quarantined_event_tried_again(world, door, monkeypatch):
    keep(door, said("1"))
    with monkeypatch.context() as patch:
        patch.setattr(processing.arriving, "_message", None)
        patch.setitem(processing.arriving._HANDLERS, "message", _broken)
        for seconds in (0, 5, 10):
            process_after(seconds)
    assert states(world) == ["quarantined"]
    with world.transaction():
        (pk,) = InboundEvent.objects.values_list("pk", flat=True)
    quarantining.replay(world.access("alice"), pk)
    process_due()
    assert (texts(world), states(world)) == (["怎么退货?"], ["done"])
    with pytest.raises(WrongState):
        quarantining.replay(world.access("alice"), pk)
    with pytest.raises(NotFound):
        quarantining.replay(world.access("carol"), pk)


def _broken(kept, event, files):
    raise RuntimeError("Broken for now")


def test_a_call_that_could_not_be_read_is_shown_and_read_again_when_it_can_be(
    world, door, client, monkeypatch
):
    request = dataclasses.replace(
        quarantining.request_of(InboundEvent(received_at=timezone.now())), body=b"{broken"
    )
    ingesting.store_unreadable(door, request, reason="not_json")
    ingesting.store_unreadable(door, request, reason="not_json")
    process_due()
    assert states(world) == ["quarantined"]
    adapter = registry._adapter_class("webchat")
    monkeypatch.setattr(adapter, "parse", lambda self, request: [said("1", "now readable")])
    with world.transaction():
        (pk,) = InboundEvent.objects.values_list("pk", flat=True)
    quarantining.replay(world.access("alice"), pk)
    process_due()
    process_due()
    assert texts(world) == ["now readable"]


def test_the_invariants_see_what_was_not_processed(world, door):
    keep(door, said("1"))
    process_due()
    checks = [check for name, check in invariant_checks.items() if name in {"I1", "I12"}]
    with world.transaction():
        assert not [line for check in checks for line in check.violations()]
        InboundEvent.objects.update(entry=None)
        assert [line for check in checks for line in check.violations()]
        InboundEvent.objects.update(raw=b"", reason="")
        assert len([line for check in checks for line in check.violations()]) > 1
