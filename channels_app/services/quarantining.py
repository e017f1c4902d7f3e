"""What cannot be read becomes visible: a line in a conversation, with the bytes to download and the reason."""

import logging

from django.db import DatabaseError
from django.db.models import F
from django.utils import timezone

from channels_app.models import InboundEvent
from channels_app.protocol import BadPayload, ContactIdentity, Event
from channels_app.registry import adapter_for
from channels_app.services.ingesting import request_of
from channels_app.services.outcomes import Outcome, State
from channels_app.services.senders import sender_of
from helpdesk import permissions
from helpdesk.access import Access, require
from helpdesk.errors import WrongState
from helpdesk.services import audit
from helpdesk.services.identifying import identify
from helpdesk.services.receiving import receive_unreadable
from helpdesk.tenancy import organization_transaction

logger = logging.getLogger(__name__)

# What may be read again; what became a message is one already.
AGAIN = (State.QUARANTINED, State.IGNORED)
UNKNOWN = ContactIdentity("unknown")


def quarantine(kept: InboundEvent, reason: str) -> Outcome:
    """Show colleagues what could not be read, with its sender where one can be told; the row is locked."""
    head = _head(kept)
    known = head.sender if head.sender and head.sender.external_id else UNKNOWN
    identity = identify(kept.channel, sender_of(known))
    entry = receive_unreadable(
        identity, subject=head.subject, event=kept.pk, reason=reason[:100], name=head.subject[:100]
    )
    return Outcome(State.QUARANTINED, entry.pk, reason)


def replay(by: Access, event_id: int) -> None:
    """Have an event that could not be read, or became nothing, processed once more: what was wrong is mended.

    Raises NotFound for anybody but administrators, WrongState for what waits or was processed.
    """
    require(by, permissions.ORGANIZATION_ADMINISTER)
    with organization_transaction():
        again = InboundEvent.objects.filter(pk=event_id, state__in=AGAIN).update(
            state=State.NEW,
            attempts=0,
            interruptions=0,
            # Whoever still works on it has lost it.
            fence=F("fence") + 1,
            due_at=timezone.now(),
            processed_at=None,
        )
        if not again:
            raise WrongState
        audit.record("inbound.replayed", InboundEvent.objects.get(pk=event_id), by)


def _head(kept: InboundEvent) -> Event:
    """Return what the adapter can tell of bytes that it cannot read, by looking at their beginning."""
    nothing = Event(kind="message", dedup_key=kept.dedup_key)
    if kept.kind != "raw":
        return nothing
    try:
        return adapter_for(kept.channel).parse(request_of(kept))[0]
    except (BadPayload, IndexError):
        return nothing
    except DatabaseError:
        raise
    except Exception:  # whatever its bytes do to whoever reads them
        logger.exception("Nothing can be told of an event that cannot be read: %s", kept.pk)
        return nothing
