"""What the platform of a conversation sets to answers: how long they may be, and until when they are taken."""

from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk.errors import Refused
from helpdesk.models import Conversation, Direction, Message
from helpdesk.registries import Limits, channel_kinds

# What a refused answer names as its reason for programs.
GATE = "window"


def limits_of(conversation: Conversation) -> Limits:
    """Return what the platform of a conversation sets."""
    channel = conversation.channel
    known = channel.kind in channel_kinds
    return channel_kinds.get(channel.kind).limits(channel.settings) if known else Limits()


def closes_at(conversation: Conversation) -> datetime | None:
    """Return until when the customer may be answered; None where nothing is set, or nobody has written."""
    window = limits_of(conversation).reply_window
    if window is None:
        return None
    written = Message.objects.filter(conversation_id=conversation.pk, direction=Direction.IN)
    wrote_at: datetime | None = written.order_by("-pk").values_list("entry__at", flat=True).first()
    return wrote_at + window if wrote_at else None


def check_window(conversation: Conversation) -> None:
    """Raise Refused once the time for an answer is over: the platform would not take it."""
    until = closes_at(conversation)
    if until is not None and until <= timezone.now():
        raise Refused(closed_reason(conversation), gate=GATE, closed_at=until.isoformat())


def closed_reason(conversation: Conversation) -> str:
    """Return why the customer cannot be answered any more."""
    window = limits_of(conversation).reply_window
    hours = round(window.total_seconds() / 3600) if window else 0
    return _(
        "%(platform)s takes answers for %(hours)s hours after the customer last wrote. They have to write again first."
    ) % {"platform": channel_kinds.get(conversation.channel.kind).label, "hours": hours}
