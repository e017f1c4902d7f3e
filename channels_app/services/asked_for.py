"""What a customer's app asks for of its own conversations, and what it says of what came."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from channels_app.services import receipts, transcript, waiting
from channels_app.services.doors import Door
from channels_app.services.visiting import Visitor
from helpdesk.errors import NotFound
from helpdesk.models import Conversation, Identity
from helpdesk.services import lifecycle
from helpdesk.tenancy import organization_scope, organization_transaction

PAGE, MOST_PAGE = 50, 200
MOST_CONVERSATIONS = 20
# What changes from one moment to the next without being news.
_FLEETING = ("low", "high")

Values = dict[str, Any]  # Any: plain JSON values


def own(door: Door, visitor: Visitor, conversation_id: int) -> Conversation:
    """Return one of the customer's own conversations. Raises NotFound for all others."""
    with organization_scope(door.organization_id), organization_transaction():
        return _own(visitor, conversation_id)


def conversations(door: Door, visitor: Visitor, *, before: int) -> Values:
    """Return a page of the customer's conversations, the newest first."""
    with organization_scope(door.organization_id), organization_transaction():
        rows = Conversation.objects.filter(identity_id=visitor.identity_id or 0, pk__lt=before)
        found = list(rows.order_by("-pk")[: MOST_CONVERSATIONS + 1])
    shown = found[:MOST_CONVERSATIONS]
    return {
        "conversations": [
            {"id": each.pk, "state": each.state, "last_number": each.last_number} for each in shown
        ],
        "more": len(found) > len(shown),
    }


def history(door: Door, visitor: Visitor, conversation_id: int, *, after: int, most: int) -> Values:
    """Return a page of what follows a number, oldest first. Raises NotFound."""
    with organization_scope(door.organization_id), organization_transaction():
        found = _own(visitor, conversation_id)
        entries = transcript.entries_from(found, after, most + 1)
        drawn = transcript.drawn(
            found, entries[:most], public_id=door.public_id, language=visitor.language
        )
    return {"entries": drawn, "more": len(entries) > most, "last_number": found.last_number}


def mark(
    door: Door, visitor: Visitor, conversation_id: int, *, delivered: Sequence[int], read: int
) -> None:
    """Note which messages the app has, and up to which number the customer has read. Raises NotFound."""
    with organization_scope(door.organization_id), organization_transaction():
        _own(visitor, conversation_id)
        receipts.confirm(conversation_id, delivered)
        if read:
            lifecycle.seen_by_customer(conversation_id, read)
            receipts.read_up_to(conversation_id, read)


def current(door: Door, visitor: Visitor) -> int | None:
    """Return the newest conversation of the customer."""
    with organization_scope(door.organization_id), organization_transaction():
        rows = Conversation.objects.filter(identity_id=visitor.identity_id or 0)
        newest: int | None = rows.order_by("-pk").values_list("pk", flat=True).first()
        return newest


def news(
    door: Door, visitor: Visitor, *, conversation_id: int, after: int, got: Sequence[int]
) -> Values:
    """Return where things stand and what follows a number, after noting what the app has got by now.

    Of another conversation than the app knows, all is new. `version` is another one when anything but
    the entries is.
    """
    with organization_scope(door.organization_id), organization_transaction():
        identity_id = _identity_id(visitor)
        found = transcript.current_conversation(identity_id) if identity_id else None
        body = waiting.status(found, visitor.language)
        body |= {"entries": [], "last_number": 0, "read": 0}
        if found is not None:
            is_same = found.pk == conversation_id
            if is_same and got:
                receipts.confirm(found.pk, got)
            entries = transcript.entries_after(found, after if is_same else 0)
            body["entries"] = transcript.drawn(
                found, entries, public_id=door.public_id, language=visitor.language
            )
            body |= {"last_number": found.last_number, "read": found.owner_seen_number}
    return body | {"version": _version(body)}


def _identity_id(visitor: Visitor) -> int | None:
    """Return whose news it is; another device of theirs may have written the first message meanwhile."""
    if visitor.identity_id is not None:
        return visitor.identity_id
    rows = Identity.objects.filter(channel_id=visitor.channel_id, external_id=visitor.external_id)
    found: int | None = rows.values_list("pk", flat=True).first()
    return found


def _version(body: Values) -> str:
    """Return what stands for the state of things, without what is told by number."""
    told = {name: body[name] for name in body if name not in {"entries", "last_number"}}
    queue = told["queue"]
    if queue is not None:
        told["queue"] = {name: queue[name] for name in queue if name not in _FLEETING}
    text = json.dumps(told, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _own(visitor: Visitor, conversation_id: int) -> Conversation:
    rows = Conversation.objects.filter(pk=conversation_id, identity_id=visitor.identity_id or 0)
    found = rows.first()
    if found is None:
        raise NotFound
    return found
