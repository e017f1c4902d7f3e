"""What a visitor does: say, see, confirm, rate, end, leave an address. Each is one transaction."""

import hashlib
from dataclasses import dataclass, replace
from typing import Any

from django.utils import timezone

from channels_app.models import InboundEvent
from channels_app.services import receipts, transcript, visiting, waiting
from channels_app.services.doors import Door
from channels_app.services.visiting import Visitor
from helpdesk.errors import WrongState
from helpdesk.models import AuditEntry, Channel, Conversation, Entry, Identity, IdentityAlias
from helpdesk.services import lifecycle, ratings, timeline
from helpdesk.services.aliases import Known
from helpdesk.services.identifying import typed
from helpdesk.services.receiving import receive
from helpdesk.tenancy import organization_scope, organization_transaction


@dataclass(frozen=True, slots=True)
class Said:
    """Where a message went, and who said it."""

    visitor: Visitor
    conversation_id: int
    number: int
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class Welcome:
    """What a browser gets on arrival."""

    visitor: Visitor
    conversation_id: int | None
    last_number: int
    body: dict[str, Any]


def welcome(door: Door, visitor: Visitor, *, conversation_id: int | None, after: int) -> Welcome:
    """Return the visitor's conversation: what follows `after`, or all of it when it is another one."""
    with organization_scope(door.organization_id), organization_transaction():
        found = (
            transcript.current_conversation(visitor.identity_id) if visitor.identity_id else None
        )
        number = after if found is not None and found.pk == conversation_id else 0
        body = waiting.status(found, visitor.language)
        body |= {"channel": visiting.described(door), "address": visitor.email, "entries": []}
        if found is None:
            return Welcome(visitor, None, 0, body)
        entries = transcript.entries_after(found, number)
        body["entries"] = transcript.drawn(
            found, entries, public_id=door.public_id, language=visitor.language
        )
        receipts.confirm(found.pk, [entry.number for entry in entries])
        return Welcome(visitor, found.pk, found.last_number, body)


def say(
    door: Door, visitor: Visitor, *, text: str, client_ref: str, files: list[str], raw: bytes
) -> Said:
    """Store a message once, its raw bytes with it; the same reference again answers alike.

    Raises Invalid.
    """
    with organization_scope(door.organization_id), organization_transaction():
        event, is_new = _remember(door, visitor, client_ref, raw)
        if not is_new:
            return _said_before(event, visitor)
        visitor = visiting.settle(visitor)
        stored = receive(
            Channel.objects.get(pk=door.channel_id),
            visiting.sender_of(visitor),
            text=text,
            client_ref=client_ref,
            attachment_ids=files,
        )
        InboundEvent.objects.filter(pk=event.pk).update(
            entry_id=stored.message_id, processed_at=timezone.now()
        )
        return Said(visitor, stored.conversation_id, stored.number, stored.is_repeated)


def see(organization_id: int, conversation_id: int, number: int) -> None:
    """Note that the visitor has seen everything up to a number."""
    with organization_scope(organization_id), organization_transaction():
        lifecycle.seen_by_customer(conversation_id, number)
        receipts.read_up_to(conversation_id, number)


def acknowledge(organization_id: int, conversation_id: int, number: int) -> None:
    """Note that the visitor's browser has a message."""
    with organization_scope(organization_id), organization_transaction():
        receipts.confirm(conversation_id, [number])


def end(organization_id: int, conversation_id: int) -> None:
    """Resolve the conversation for the visitor. Raises WrongState when it is over already."""
    with organization_scope(organization_id), organization_transaction():
        conversation = timeline.lock(conversation_id)
        lifecycle.resolve_locked(conversation, actor=AuditEntry.Actor.CUSTOMER)


def rate(
    organization_id: int, conversation_id: int, *, score: int, reasons: list[str], comment: str
) -> None:
    """Keep the visitor's rating of the episode that has ended. Raises WrongState."""
    with organization_scope(organization_id):
        ratings.rate(conversation_id, score=score, reasons=reasons, comment=comment)


def leave_address(door: Door, visitor: Visitor, email: str) -> Visitor:
    """Keep where an answer may go while the visitor is away; it proves nothing about who they are."""
    with organization_scope(door.organization_id), organization_transaction():
        visitor = visiting.settle(visitor)
        identity = Identity.objects.select_for_update().get(pk=visitor.identity_id or 0)
        identity.data = {**identity.data, "email": email}
        identity.save(update_fields=["data"])
        typed(identity, [Known(IdentityAlias.Kind.MAIL, email)])
        found = transcript.current_conversation(identity.pk)
        if found is not None:
            timeline.changed(found)
        return replace(visitor, email=email)


def _remember(
    door: Door, visitor: Visitor, client_ref: str, raw: bytes
) -> tuple[InboundEvent, bool]:
    who = hashlib.sha256(visitor.external_id.encode()).hexdigest()
    return InboundEvent.objects.get_or_create(
        channel_id=door.channel_id,
        dedup_key=f"{who}:{client_ref}",
        # Becomes a message in this very transaction.
        defaults={
            "raw": raw,
            "size_bytes": len(raw),
            "state": InboundEvent.State.DONE,
            "received_at": timezone.now(),
        },
    )


def _said_before(event: InboundEvent, visitor: Visitor) -> Said:
    entry: Entry | None = event.entry
    if entry is None:
        raise WrongState
    # Somebody who has signed in took their conversation along: the token alone leads there no more.
    own = Conversation.objects.filter(identity__external_id=visitor.external_id)
    identity_id = own.values_list("identity_id", flat=True).filter(pk=entry.conversation_id).first()
    if identity_id is None:
        raise WrongState
    return Said(
        replace(visitor, identity_id=identity_id),
        entry.conversation_id,
        entry.number,
        is_repeated=True,
    )
