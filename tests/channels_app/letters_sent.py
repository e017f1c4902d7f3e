"""Letters as a mail channel reports them, without the mail: who wrote what to whom, referring to what."""

from itertools import count
from typing import Any

from channels_app.models import InboundEvent
from channels_app.processing import process_due
from channels_app.protocol import ContactIdentity, Event, Letter
from channels_app.services import ingesting
from channels_app.services.doors import Door, find_door
from helpdesk.models import Channel, Conversation, Message
from helpdesk.services import organizations
from tests.factories import World

MAILBOX = "service@desk.example"
ANN, EVE, BOB = "ann@shop.example", "eve@evil.example", "bob@shop.example"
# The id of the answer to the first letter.
OURS = "ours@desk.example"
_numbers = count(1)


def open_mailbox(world: World, **settings: Any) -> Channel:
    """Connect a mailbox to the world's organization."""
    with world.transaction():
        return organizations.open_channel(
            Channel(kind="mail", name="邮箱", settings={"address": MAILBOX, **settings})
        )


def letter(
    address: str = "ann@shop.example",
    text: str = "Where is my parcel?",
    *,
    subject: str = "Parcel",
    mail_id: str = "",
    references: tuple[str, ...] = (),
    to: str = MAILBOX,
    automatic: str = "",
    is_authentic: bool | None = None,
    **facts: Any,
) -> Event:
    """Return a letter that came."""
    mail_id = mail_id or f"mail-{next(_numbers)}@shop.example"
    return Event(
        kind="message",
        dedup_key=mail_id,
        sender=ContactIdentity(address, display_name=address.partition("@")[0].title()),
        provider_id=mail_id,
        text=text,
        subject=subject,
        is_automatic=bool(automatic),
        letter=Letter(
            mail_id=mail_id,
            references=references,
            to=((to, ""),),
            full_text=text,
            automatic=automatic,
            is_authentic=is_authentic,
        ),
        **facts,
    )


def arrive(channel: Channel, *events: Event, **facts: Any) -> None:
    """Have letters come, one after the other, and be processed."""
    door: Door = find_door(channel.public_id)
    for event in events:
        ingesting.store(door, [event], b"From: somebody", **facts)
        process_due()


def conversations(world: World) -> list[Conversation]:
    with world.transaction():
        return list(Conversation.objects.order_by("id"))


def messages(world: World, conversation: Conversation) -> list[tuple[str, str]]:
    """Return which way each message went, and what it says."""
    with world.transaction():
        rows = Message.objects.filter(conversation=conversation).order_by("entry__number")
        return [(row.direction, row.text) for row in rows]


def reasons(world: World) -> list[tuple[str, str]]:
    """Return what became of each report, and why."""
    with world.transaction():
        return list(InboundEvent.objects.order_by("id").values_list("state", "reason"))
