"""How far a reply has come: queued < sent < delivered < read, and never back."""

from collections.abc import Iterable

from django.db.models import Q, QuerySet
from django.utils import timezone

from channels_app.protocol import Event
from helpdesk import events
from helpdesk.models import Delivery, Outbox

# Which states each receipt may follow. A failure wins only over what is not confirmed yet.
_AFTER: dict[str, tuple[Delivery, ...]] = {
    Delivery.SENT: (Delivery.QUEUED, Delivery.SENDING, Delivery.UNKNOWN),
    Delivery.DELIVERED: (Delivery.QUEUED, Delivery.SENDING, Delivery.SENT, Delivery.UNKNOWN),
    Delivery.READ: (
        Delivery.QUEUED,
        Delivery.SENDING,
        Delivery.SENT,
        Delivery.UNKNOWN,
        Delivery.DELIVERED,
    ),
    Delivery.FAILED: (Delivery.QUEUED, Delivery.SENDING, Delivery.SENT),
}


def advance(rows: QuerySet[Outbox], status: str, *, error: str = "") -> list[int]:
    """Move these deliveries forward and tell it; returns the numbers of the entries that moved.

    Must run inside a transaction. A receipt that comes late or out of order changes nothing.
    """
    waiting = rows.filter(state__in=_AFTER[status]).select_for_update().order_by("message_id")
    moved = list(
        waiting.values_list(
            "message_id", "conversation_id", "message__entry__number", "organization_id"
        )
    )
    if not moved:
        return []
    Outbox.objects.filter(message_id__in=[row[0] for row in moved]).update(
        state=status, due_at=None, settled_at=timezone.now(), error=error[:300]
    )
    for _message_id, conversation_id, number, organization_id in moved:
        events.publish(events.DeliveryChanged(organization_id, conversation_id, number))
    return [row[2] for row in moved]


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


def apply(event: Event, channel_id: int) -> int:
    """Move forward what a receipt is about; returns how many deliveries it named, 0 for none."""
    about = Q(provider_id__in=event.references) & ~Q(provider_id="")
    about |= Q(message__letter__mail_id__in=[each for each in event.references if each])
    named = list(Outbox.objects.filter(about).values_list("pk", flat=True)[:100])
    advance(Outbox.objects.filter(pk__in=named), event.status, error=event.error)
    return len(named)
