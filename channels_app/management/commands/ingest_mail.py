"""Takes in mails from files, folders and mbox files, as if a mailbox had received them."""

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from channels_app.mail_files import mails_in
from channels_app.mails.reading.head import is_mail
from channels_app.models import InboundEvent
from channels_app.processing import process_now
from channels_app.protocol import BadPayload, RawRequest
from channels_app.registry import make_adapter
from channels_app.services import ingesting
from channels_app.services.doors import Door, find_door
from channels_app.services.outcomes import State
from helpdesk.models import Channel, Direction, Letter, Organization
from helpdesk.tenancy import all_organizations, organization_scope, organization_transaction

PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.1
# A delivery report joins what it is about, and so does a colleague's answer.
_PLACED = {"joined": "joined", "held": "held", "receipt": "joined", "by_staff": "joined"}
OUTCOMES = {State.QUARANTINED: "quarantined", State.IGNORED: "ignored"}


class Command(BaseCommand):
    help = "Take in the mails of PATH (files, folders, mbox); prints one line of JSON for each."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
        parser.add_argument("--channel", type=int, help="the mailbox; the demo's unless said")

    # Any: the options of argparse have no narrower type.
    def handle(self, *args: Any, **options: Any) -> None:
        door = _door(options["channel"])
        missing = [str(path) for path in options["paths"] if not path.exists()]
        if missing:
            raise CommandError(f"There is no {', '.join(missing)}.")
        for path in options["paths"]:
            for name, raw in mails_in(path):
                line = {"file": name, **_take_in(door, raw)}
                self.stdout.write(json.dumps(line, ensure_ascii=False))


def _door(channel_id: int | None) -> Door:
    """Return the mailbox. Raises CommandError when there is none of this number, or no demo."""
    for organization_id in all_organizations():
        with organization_scope(organization_id), organization_transaction():
            rows = Channel.objects.filter(kind="mail", is_active=True).order_by("id")
            if channel_id is None:
                is_demo = Organization.objects.filter(pk=organization_id, is_demo=True).exists()
                rows = rows if is_demo else rows.none()
            else:
                rows = rows.filter(pk=channel_id)
            found = rows.first()
        if found is not None:
            return find_door(found.public_id)
    raise CommandError("There is no such mailbox.")


def _take_in(door: Door, raw: bytes) -> dict[str, Any]:
    """Return what became of one file's bytes."""
    if not is_mail(raw):
        return _line("ignored", reason="no_mail")
    request = RawRequest("POST", "", (), {}, raw, timezone.now())
    try:
        events = make_adapter(door.kind, door.config).parse(request)
    except BadPayload as error:
        return _line("ignored", reason=str(error.message))
    new = ingesting.store(door, events, raw)
    with organization_scope(door.organization_id):
        if not new:
            return _told(ingesting.stored_before(door, events[0]), is_repeated=True)
        return _told(_processed(new[0]))


def _processed(event_id: int) -> InboundEvent:
    """Return the event once it is processed, by us or by a connector that was faster."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        process_now(event_id)
        with organization_transaction():
            event = InboundEvent.objects.defer("raw").get(pk=event_id)
        if event.processed_at is not None or time.monotonic() > deadline:
            return event
        time.sleep(PAUSE_SECONDS)


def _told(event: InboundEvent, *, is_repeated: bool = False) -> dict[str, Any]:
    with organization_transaction():
        letter = (
            Letter.objects.filter(message_id=event.entry_id or 0)
            .select_related("message__entry")
            .first()
        )
        outcome = _outcome(event)
        facts: dict[str, Any] = {"conversation": _conversation_id(event), "reason": event.reason}
        if letter is not None and letter.message.direction == Direction.IN:
            facts |= {
                "message_id": letter.mail_id,
                "sender": letter.sender_address,
                "subject": letter.subject,
                "text_length": len(letter.full_text or letter.message.text),
                "reply_length": len(letter.message.text),
                "attachments": letter.message.attachments.count(),
                "automatic": letter.automatic,
            }
    return _line("repeated" if is_repeated else outcome, **facts)


def _outcome(event: InboundEvent) -> str:
    if event.state == State.DONE:
        return _PLACED.get(event.reason, "stored")
    return OUTCOMES.get(State(event.state), "waiting")


def _conversation_id(event: InboundEvent) -> int | None:
    return event.entry.conversation_id if event.entry is not None else None


def _line(outcome: str, **facts: Any) -> dict[str, Any]:
    nothing: dict[str, Any] = {
        "outcome": outcome,
        "conversation": None,
        "message_id": "",
        "sender": "",
        "subject": "",
        "text_length": 0,
        "reply_length": 0,
        "attachments": 0,
        "automatic": "",
        "reason": "",
    }
    return nothing | facts
