"""What a visitor may see of their conversation: messages that were sent, and who came."""

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils.crypto import salted_hmac

from channels_app.services.files import visitor_key
from helpdesk.models import Attachment, Conversation, Delivery, Direction, Entry, Staff, Transfer

LIMIT = 200
_SHOWN_EVENTS = (Entry.Kind.ASSIGNED, Entry.Kind.RESOLVED, Entry.Kind.REOPENED)
# What still waits, was taken back or never left is not the visitor's to see.
_ARRIVED = (Delivery.SENT, Delivery.DELIVERED, Delivery.READ, Delivery.UNKNOWN)


def current_conversation(identity_id: int) -> Conversation | None:
    """Return the newest conversation of an identity."""
    rows = Conversation.objects.filter(identity_id=identity_id)
    return rows.select_related("owner__department", "topic", "channel").order_by("-id").first()


def entries_after(conversation: Conversation, number: int) -> list[Entry]:
    """Return the shown entries after a number, and those sent that no browser has confirmed."""
    unconfirmed = Q(message__outbox__state=Delivery.SENT)
    rows = _shown(conversation).filter(Q(number__gt=number) | unconfirmed)
    return list(reversed(rows.order_by("-number")[:LIMIT]))


def entries_since(conversation: Conversation, number: int, again: set[int]) -> list[Entry]:
    """Return the shown entries after a number, up to the newest known one, and any sent since."""
    newer = Q(number__gt=max(number, conversation.last_number - LIMIT))
    sent = Q(number__in=again, message__outbox__state=Delivery.SENT)
    rows = _shown(conversation).filter(newer | sent, number__lte=conversation.last_number)
    return list(rows.order_by("number"))


def entries_from(conversation: Conversation, number: int, most: int) -> list[Entry]:
    """Return the shown entries that follow a number, oldest first, so many at most."""
    return list(_shown(conversation).filter(number__gt=number).order_by("number")[:most])


def drawn(
    conversation: Conversation, entries: list[Entry], *, public_id: str, language: str
) -> list[dict[str, Any]]:
    """Return the entries as the widget's script draws them."""
    files = _files([entry.pk for entry in entries], public_id)
    return [_entry(conversation, entry, files.get(entry.pk, []), language) for entry in entries]


def person(staff: Any, language: str) -> dict[str, Any]:  # Any: Staff, or None for nobody
    """Return how the widget shows a colleague."""
    if staff is None:
        return {}
    name = _named(staff, language)
    return {
        # The same person in every frame, and no row's id.
        "id": salted_hmac("everydesk.person", str(staff.pk)).hexdigest()[:12],
        "name": name,
        "initial": name[:1],
        "tone": staff.department.color,
        "department": _named(staff.department, language),
    }


def _named(thing: Any, language: str) -> str:  # Any: whatever has both names
    return str(thing.name_en if language == "en" and thing.name_en else thing.name)


def _shown(conversation: Conversation) -> QuerySet[Entry]:
    said = Q(kind=Entry.Kind.MESSAGE) & (
        Q(message__direction=Direction.IN)
        | Q(message__direction=Direction.OUT, message__outbox__state__in=_ARRIVED)
    )
    return (
        Entry.objects.filter(conversation=conversation)
        .filter(said | (Q(kind__in=_SHOWN_EVENTS) & ~_may_be_undone()))
        .select_related("actor__department", "message")
    )


def _may_be_undone() -> Q:
    """Return what fits arrivals that a handover brought about and an undo may have ended.

    The widget tells of these once the person answers, from the author of the message.
    """
    handovers = Transfer.objects.filter(
        conversation_id=OuterRef("conversation_id"),
        at__lte=OuterRef("at"),
        undo_until__gte=OuterRef("at"),
    )
    return Q(kind=Entry.Kind.ASSIGNED) & Q(Exists(handovers))


def _files(entry_ids: list[int], public_id: str) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for each in Attachment.objects.filter(message_id__in=entry_ids).order_by("id"):
        path = reverse("channels:visitor-file", args=[public_id, each.public_id])
        found.setdefault(each.message_id, []).append(
            {
                "id": str(each.public_id),
                "name": each.name,
                "mime": each.mime,
                "size": each.size_bytes,
                "image": each.kind == Attachment.Kind.IMAGE,
                "width": each.width,
                "height": each.height,
                "url": f"{path}?key={visitor_key(each)}",
            }
        )
    return found


def _entry(
    conversation: Conversation, entry: Entry, files: list[dict[str, Any]], language: str
) -> dict[str, Any]:
    drawn: dict[str, Any] = {
        "conversation": conversation.pk,
        "number": entry.number,
        "kind": entry.kind,
        "at": entry.at.isoformat(),
    }
    if entry.kind != Entry.Kind.MESSAGE:
        return drawn | {"author": _arrived(entry, conversation, language)}
    message = entry.message
    drawn |= {"direction": message.direction, "text": message.text, "files": files}
    if message.direction == Direction.IN:
        is_read = entry.number <= conversation.owner_seen_number
        return drawn | {"client_ref": message.client_ref, "state": "read" if is_read else "stored"}
    if entry.actor is None:
        return drawn | {"author": {}, "automatic": True}
    return drawn | {"author": person(entry.actor, language)}


def _arrived(entry: Entry, conversation: Conversation, language: str) -> dict[str, Any]:
    if entry.kind != Entry.Kind.ASSIGNED:
        return {}
    return person(_assigned_staff(entry), language)


def _assigned_staff(entry: Entry) -> Any:  # Any: Staff or None
    staff_id = entry.data.get("staff") or entry.actor_id or 0
    return Staff.objects.select_related("department").filter(pk=staff_id).first()
