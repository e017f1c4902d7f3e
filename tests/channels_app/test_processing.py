"""What is stored becomes messages behind: once, in order, and nothing is given up silently."""

import dataclasses

import pytest
from django.utils import timezone

from channels_app import processing, registry
from channels_app.models import InboundEvent
from channels_app.processing import claim_due, process, process_all, process_due
from channels_app.protocol import Attachment, ContactIdentity, Event
from channels_app.services import ingesting, quarantining
from helpdesk.errors import NotFound, WrongState
from helpdesk.models import Message
from helpdesk.registries import invariant_checks
from tests.channels_app.reported import ANN, keep, process_after, said, states, texts
from tests.races import at_once


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
    adapter = registry.adapter_class("webchat")
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


def test_what_was_said_in_the_vendors_own_app_is_nothing_that_a_customer_said(world, door):
    echo = dataclasses.replace(
        said("echo"),
        direction="out",
        attachments=(Attachment("image", media_ref="never fetched"),),
    )
    keep(door, echo)
    process_due()
    with world.transaction():
        assert not Message.objects.exists()
        assert InboundEvent.objects.get().reason == "said_elsewhere"
