"""What leaves through a channel and is no reply."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from channels_app.models import Dispatch
from helpdesk.models import Channel, Conversation

MOST_AUTOMATIC = 3
DAY = timedelta(days=1)


def dispatch(
    channel: Channel,
    kind: str,
    *,
    dedup_key: str,
    payload: dict[str, Any],
    recipient: str = "",
    conversation: Conversation | None = None,
) -> Dispatch | None:
    """Have something sent; the same key again is the same dispatch and gives None."""
    made, is_new = Dispatch.objects.get_or_create(
        channel=channel,
        dedup_key=dedup_key[:200],
        defaults={
            "kind": kind,
            "recipient": recipient,
            "payload": payload,
            "conversation": conversation,
            "due_at": timezone.now(),
        },
    )
    return made if is_new else None


def automatic_allowed(
    channel: Channel, recipient: str, *, conversation: Conversation | None, now: datetime
) -> bool:
    """Tell whether an automatic mail may go: a few a day to one address and in one conversation."""
    recent = Dispatch.objects.filter(
        kind__in=[Dispatch.Kind.ACKNOWLEDGEMENT, Dispatch.Kind.PROOF], created_at__gt=now - DAY
    )
    same = Q(recipient=recipient) | Q(conversation=conversation, conversation__isnull=False)
    return int(recent.filter(same).count()) < MOST_AUTOMATIC
