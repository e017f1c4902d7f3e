"""What customers say of messages with signs: found like receipts, and the last word counts."""

from itertools import permutations
from typing import Any

import pytest
from django.utils import timezone

from channels_app import signs
from channels_app.models import InboundEvent, SentPart
from channels_app.protocol import ContactIdentity, Event, SendResult
from channels_app.services.doors import Door, find_door
from channels_app.signs import reaction_data
from helpdesk import events
from helpdesk.models import Channel, Conversation, Customer, Entry, Message, Outbox
from helpdesk.portal.reactions import MOST_SIGNS
from helpdesk.portal.timeline import entries_of, lines_of
from helpdesk.services import organizations, parting, reacting
from tests.channels_app import vendors
from tests.channels_app.reported import ANN, keep, process_after, said, states
from tests.channels_app.vendors import Vendor
from tests.delivering import deliver_due
from tests.factories import World

BOB = ContactIdentity("bob", display_name="Bob")


@pytest.fixture
def door(world: World) -> Door:
    return find_door(world.channel.public_id)


def reacted(
    key: str,
    emoji: str = "👍",
    *,
    about: str = "m1",
    at: int = 1,
    sender: ContactIdentity = ANN,
    **told: bool,
) -> Event:
    return Event(
        kind="reaction",
        dedup_key=key,
        sender=sender,
        references=(about,),
        sequence=at,
        data=reaction_data(emoji, **told),
    )


def shown(world: World) -> list[Any]:
    """Return what stands below each message, conversation by conversation."""
    with world.transaction():
        lines = []
        for pk in Conversation.objects.order_by("pk").values_list("pk", flat=True):
            entries = list(entries_of(pk, after=0, up_to=1000))
            lines += [each for each in lines_of(entries, "Ann") if "direction" in each]
        return [[tuple(each) for each in line["reactions"]] for line in lines]


def happen(door: Door, *told: Event) -> None:
    keep(door, *told)
    process_after(0)


def test_a_reaction_stands_below_its_message_until_it_is_taken_back(
    world: World, door: Door
) -> None:
    happen(door, said("1", provider_id="m1"), reacted("2"))
    assert shown(world) == [[("👍", 1, [])]]
    happen(door, reacted("3", at=2, is_gone=True))
    assert shown(world) == [[]]


def test_one_that_comes_before_its_message_waits_for_it(world: World, door: Door) -> None:
    happen(door, reacted("1"))
    assert states(world) == ["parked"]
    happen(door, said("2", provider_id="m1"))
    process_after(60)
    assert shown(world) == [[("👍", 1, [])]]
    assert states(world) == ["done", "done"]


def test_every_order_ends_with_the_last_word(world: World, door: Door) -> None:
    words = [
        ("👍", 1, {"is_gone": False}),
        ("👍", 2, {"is_gone": True}),
        ("🎉", 2, {"is_gone": False}),
        ("👍", 3, {"is_gone": False}),
    ]
    for number, order in enumerate(permutations(words)):
        happen(door, said(f"m{number}", provider_id=f"m{number}"))
        for place, (emoji, at, told) in enumerate(order):
            keep(door, reacted(f"{number}:{place}", emoji, about=f"m{number}", at=at, **told))
        process_after(0)
    assert {tuple(each[0] for each in line) for line in shown(world)} == {("🎉", "👍")}


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_where_there_is_one_of_each_person_a_newer_one_takes_its_place(
    world: World, door: Door, order: tuple[int, ...]
) -> None:
    words = [("👍", 1, False), ("❤️", 2, False), ("", 2, True)]
    happen(door, said("1", provider_id="m1"))
    for place in order:
        emoji, at, is_gone = words[place]
        keep(door, reacted(f"r{place}", emoji, at=at, is_gone=is_gone, is_only=True))
    process_after(0)
    assert shown(world) == [[]]
    happen(door, reacted("4", "❤️", at=4, is_only=True))
    assert shown(world) == [[("❤️", 1, [])]]


def test_it_adds_no_entry_and_asks_nobody(world: World, door: Door) -> None:
    happen(door, said("1", provider_id="m1"))
    with world.transaction():
        before = Conversation.objects.values().get()
        entries = Entry.objects.count()
    happen(door, reacted("2"))
    assert shown(world) == [[("👍", 1, [])]]
    with world.transaction():
        assert Conversation.objects.values().get() == before
        assert Entry.objects.count() == entries
        assert Message.objects.get().edited_at is None


def test_screens_are_told_once(world: World, door: Door) -> None:
    told: list[events.MessageChanged] = []
    events.subscribe(events.MessageChanged, told.append)
    try:
        happen(door, said("1", provider_id="m1"))
        happen(door, reacted("2"), reacted("3"), reacted("4", at=0, is_gone=True))
        assert [each.number for each in told] == [shown_number(world)]
    finally:
        events.unsubscribe(events.MessageChanged, told.append)


def shown_number(world: World) -> int:
    with world.transaction():
        return int(Message.objects.get().entry.number)


def test_what_was_split_off_shows_it_too(world: World, door: Door) -> None:
    with world.transaction():
        Channel.objects.update(kind="telegram")
    happen(door, said("1", provider_id="m0"), said("2", provider_id="m1"))
    with world.transaction():
        first = Conversation.objects.get()
        number = first.last_number
    part_id = parting.split(world.access("carol"), first.pk, since=number).target_id
    told: list[events.MessageChanged] = []
    events.subscribe(events.MessageChanged, told.append)
    try:
        happen(door, reacted("3"))
    finally:
        events.unsubscribe(events.MessageChanged, told.append)
    assert [each.conversation_id for each in told] == [first.pk, part_id]


def test_who_else_is_in_the_thread_is_named(world: World, door: Door) -> None:
    group = {"thread_key": "g"}
    happen(door, said("1", provider_id="m1", **group))
    happen(door, said("2", "Me, too", sender=BOB, provider_id="m2", **group))
    happen(door, reacted("3"), reacted("4", sender=BOB), reacted("5", "🎉", sender=BOB))
    assert shown(world) == [[("👍", 2, ["Bob"]), ("🎉", 1, ["Bob"])], []]


def test_nobody_becomes_a_customer_by_reacting(world: World, door: Door) -> None:
    happen(door, said("1", provider_id="m1"), reacted("2", sender=BOB))
    assert (shown(world), states(world)) == ([[]], ["done", "ignored"])
    with world.transaction():
        assert Customer.objects.count() == 1


def test_another_channel_and_an_empty_name_find_nothing(world: World, door: Door) -> None:
    with world.transaction():
        other = organizations.open_channel(Channel(kind="webchat", name="Other"))
    happen(door, said("1", provider_id="m1"), said("2"))
    keep(find_door(other.public_id), reacted("3"))
    happen(door, reacted("4", about=""))
    assert shown(world) == [[], []]
    assert states(world)[2:] == ["parked", "ignored"]


@pytest.mark.parametrize("named", ["theirs", "part"])
def test_a_reply_of_ours_is_found_in_whole_and_in_part(
    world: World, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    vendor = Vendor()
    vendor.answer = lambda message: SendResult(provider_ids=("theirs",))
    vendors.connect(monkeypatch, fake=vendor)
    channel = vendors.channel(world, "fake")
    vendors.write(world, channel, "Gladly", visitor="ann")
    deliver_due()
    with world.transaction():
        SentPart.objects.create(outbox=Outbox.objects.get(), number=0, provider_id="part")
    happen(find_door(channel.public_id), reacted("1", about=named))
    assert [("👍", 1, [])] in shown(world)


def test_no_more_is_kept_and_shown_than_there_is_room_for(world: World, door: Door) -> None:
    happen(door, said("1", provider_id="m1"))
    with world.transaction():
        message = Message.objects.get()
        identity_id = message.conversation.identity_id
        for number in range(reacting.MOST_KEPT + 5):
            word = reacting.Reaction(chr(0x1F600 + number) * 60, f"n{number}", number)
            reacting.react(message.pk, identity_id, word)
        kept = Message.objects.get().reactions
    assert len(kept) == reacting.MOST_KEPT
    assert {len(sign) for _revision, sign in kept.values()} == {reacting.LONGEST_SIGN}
    assert len(shown(world)[0]) == MOST_SIGNS


def test_a_thread_asks_no_more_for_the_reactions_of_its_customer(
    world: World, door: Door, django_assert_num_queries: Any
) -> None:
    happen(door, said("1", provider_id="m1"), reacted("2"))
    with world.transaction():
        entries = list(entries_of(Conversation.objects.get().pk, after=0, up_to=1000))
        lines_of(entries, "Ann")
        with django_assert_num_queries(0):
            lines_of([each for each in entries if hasattr(each, "message")], "Ann")


@pytest.mark.parametrize(
    ("told", "sign"),
    [
        ("👍🏽", "👍🏽"),
        ("1️⃣", "1️⃣"),
        ("thumbsup", "👍"),
        ("+1::skin-tone-3", "👍"),
        ("THUMBSUP", "👍"),
        (":tada:", "🎉"),
        ("party_parrot", ":party_parrot:"),
        ("x" * 90, f":{'x' * 48}:"),
        ("", ""),
    ],
)
def test_names_are_shown_as_the_sign_that_they_mean(told: str, sign: str) -> None:
    assert signs.shown(told) == sign


def test_what_says_nothing_is_ignored(world: World, door: Door) -> None:
    happen(door, said("1", provider_id="m1"), reacted("2", ""))
    assert states(world) == ["done", "ignored"]
    with world.transaction():
        row = InboundEvent.objects.latest("pk")
        assert (row.reason, row.processed_at is not None) == ("not_needed", True)
        assert row.processed_at <= timezone.now()
