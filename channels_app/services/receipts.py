"""How far what left has come: queued < sent < failed < delivered < read, and never back.

So every order in which receipts come ends alike: what was delivered after all has not failed.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from channels_app.models import Dispatch, SentPart
from channels_app.protocol import Event
from helpdesk import events
from helpdesk.models import Deliverable, Delivery, Letter, Outbox

_LEAVING = (Delivery.QUEUED, Delivery.SENDING, Delivery.UNKNOWN)
# Which states each receipt may follow.
_AFTER: dict[str, tuple[Delivery, ...]] = {
    Delivery.SENT: _LEAVING,
    Delivery.FAILED: (*_LEAVING, Delivery.SENT),
    Delivery.DELIVERED: (*_LEAVING, Delivery.SENT, Delivery.FAILED),
    Delivery.READ: (*_LEAVING, Delivery.SENT, Delivery.FAILED, Delivery.DELIVERED),
}
# What one receipt speaks of at most.
MOST_MATCHED = 500


def apply(event: Event, channel_id: int) -> int | None:
    """Move what a receipt speaks of forward; returns how much it speaks of, 0 when that has not come yet.

    Anybody may write a delivery report: it counts for what went to the addresses that it names, unless
    our own server has disproved its sender.
    Must run inside a transaction. None when the receipt says nothing that we know.
    """
    if event.status not in _AFTER:
        return None
    found = match(
        channel_id,
        references=event.references,
        client_ref=event.client_ref,
        watermark=event.watermark,
        sender=event.sender.external_id if event.sender else "",
        thread_key=event.thread_key,
    )
    others = _dispatches(channel_id, event.references, event.client_ref)
    if event.letter is not None:
        found = [row for row in found if _went_to(event, _addresses(row))]
        others = [row for row in others if _went_to(event, {row.recipient})]
    rows = Outbox.objects.filter(pk__in=[row.pk for row in found])
    advance(rows, event.status, error=event.error)
    parts = _parts(channel_id, event.references)
    if event.status == Delivery.FAILED:
        _fail_parts(parts, event.error)
    forward(
        Dispatch.objects.filter(pk__in=[row.pk for row in others]), event.status, error=event.error
    )
    return len(found) + len(others) + len(parts)


def match(
    channel_id: int,
    *,
    references: Sequence[str] = (),
    client_ref: str = "",
    watermark: datetime | None = None,
    sender: str = "",
    thread_key: str = "",
) -> list[Outbox]:
    """Return the replies of a channel that a receipt names: by our id, the vendor's, or the letter's.

    A watermark speaks of everything that had left by then to its sender, in one thread when it names one.
    """
    named = _named(references, client_ref)
    if references:
        named |= Q(message__letter__mail_id__in=references)
    if watermark is not None and sender:
        thread = Q(conversation__identity__external_id=sender, message__entry__at__lte=watermark)
        thread &= Q(state__in=[Delivery.SENT, Delivery.DELIVERED, Delivery.UNKNOWN])
        named |= thread & (Q(conversation__thread_key=thread_key) if thread_key else Q())
    if not named:
        return []
    rows = Outbox.objects.filter(named, channel_id=channel_id)
    return list(rows.order_by("-message_id")[:MOST_MATCHED])


def advance(rows: QuerySet[Outbox], status: str, *, error: str = "") -> list[int]:
    """Move these replies forward and tell it; returns the numbers of the entries that moved.

    Must run inside a transaction. A receipt that comes late or out of order changes nothing.
    """
    moved = Outbox.objects.filter(pk__in=forward(rows, status, error=error)).order_by("message_id")
    numbers = list(
        moved.values_list("organization_id", "conversation_id", "message__entry__number")
    )
    for organization_id, conversation_id, number in numbers:
        events.publish(events.DeliveryChanged(organization_id, conversation_id, number))
    return [number for _organization_id, _conversation_id, number in numbers]


def forward(
    rows: QuerySet[Any], status: str, *, error: str = ""
) -> list[int]:  # Any: either kind of Deliverable
    """Move what leaves forward; returns the keys of what moved. Must run inside a transaction."""
    waiting = rows.filter(state__in=_AFTER[status]).select_for_update(of=("self",)).order_by("pk")
    moved = list(waiting.values_list("pk", flat=True))
    if moved:
        model: type[Deliverable] = rows.model
        facts: dict[str, Any] = {"error": error[:300]}  # Any: values of columns
        if status != Delivery.FAILED:
            facts["error_code"] = ""
        model.objects.filter(pk__in=moved).update(
            state=status, due_at=None, settled_at=timezone.now(), **facts
        )
    return moved


def confirm(conversation_id: int, numbers: Iterable[int]) -> list[int]:
    """Note that the customer's side has these messages."""
    rows = Outbox.objects.filter(
        conversation_id=conversation_id,
        message__entry__number__in=list(numbers),
        state=Delivery.SENT,
    )
    return advance(rows, Delivery.DELIVERED)


def read_up_to(conversation_id: int, number: int) -> list[int]:
    """Note that the customer has read everything up to a number that had reached them."""
    rows = Outbox.objects.filter(
        conversation_id=conversation_id,
        message__entry__number__lte=number,
        state__in=[Delivery.SENT, Delivery.DELIVERED, Delivery.UNKNOWN],
    )
    return advance(rows, Delivery.READ)


def _went_to(event: Event, addresses: set[str]) -> bool:
    """Tell whether a delivery report names one of these addresses, and may be genuine."""
    listed: Any = event.data.get("recipients", ())  # Any: a JSON list
    named = {str(each).lower() for each in listed}
    is_forged = event.letter is not None and event.letter.is_authentic is False
    return bool(named & addresses) and not is_forged


def _addresses(row: Outbox) -> set[str]:
    rows = Letter.objects.filter(message_id=row.message_id).values_list("to", "cc")
    return {str(address).lower() for to, cc in rows for address, _name in (*to, *cc)}


def _dispatches(channel_id: int, references: Sequence[str], client_ref: str) -> list[Dispatch]:
    named = _named(references, client_ref)
    if not named:
        return []
    rows = Dispatch.objects.filter(named, channel_id=channel_id)
    return list(rows.order_by("-pk")[:MOST_MATCHED])


def _parts(channel_id: int, references: Sequence[str]) -> list[int]:
    """Return the replies of which a receipt names a part before the last, which alone tells how far they came."""
    if not references:
        return []
    rows = SentPart.objects.filter(outbox__channel_id=channel_id, provider_id__in=references)
    return list(rows.order_by("-outbox_id").values_list("outbox_id", flat=True)[:MOST_MATCHED])


def _fail_parts(outbox_ids: Sequence[int], error: str) -> None:
    """Note that a part was not delivered: the reply has failed, or arrived with a gap in it."""
    rows = Outbox.objects.filter(pk__in=outbox_ids)
    moved = advance(rows, Delivery.FAILED, error=error)
    if len(moved) < len(outbox_ids):
        rows.exclude(state=Delivery.FAILED).update(
            error=_("A part of it was not delivered: %(reason)s") % {"reason": error[:200]}
        )


def _named(references: Sequence[str], client_ref: str) -> Q:
    """Return what fits the ids of a receipt; vendors name a message by our id among the others too."""
    named = Q()
    if references:
        named |= Q(provider_id__in=references)
    ours = [found for each in (client_ref, *references) if (found := _as_uuid(each))]
    return named | Q(client_ref__in=ours) if ours else named


def _as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if len(text) in {32, 36} else None
    except ValueError:
        return None
