"""What nobody answered in time goes back to the queue, its history kept, unless its owner keeps it."""

import logging
from datetime import datetime

from helpdesk import permissions
from helpdesk.access import Access
from helpdesk.access import conversation as visible_conversation
from helpdesk.errors import HelpdeskError, WrongState
from helpdesk.models import Assignment, Conversation
from helpdesk.registries import Sweep, sweeps
from helpdesk.services import assignment, audit, timeline
from helpdesk.tenancy import organization_transaction

logger = logging.getLogger(__name__)
BATCH = 100


def keep(by: Access, conversation_id: int) -> Conversation:
    """Keep a conversation that would go back: its owner is at it. Kept already changes nothing.

    Raises NotFound, and WrongState for anybody but the owner.
    """
    with organization_transaction():
        conversation = visible_conversation(
            by, conversation_id, permissions.CONVERSATION_REPLY, lock=True
        )
        if conversation.owner_id != by.staff_id:
            raise WrongState
        if conversation.return_at is not None:
            conversation.return_at = None
            conversation.save(update_fields=["return_at"])
            audit.record("conversation.kept", conversation, by)
            timeline.changed(conversation)
    return conversation


def return_due(now: datetime) -> int:
    """Put back what was not answered in time; returns how many."""
    with organization_transaction():
        due = Conversation.objects.filter(return_at__lte=now).order_by("return_at", "id")
        ids = list(due.values_list("pk", flat=True)[:BATCH])
    return sum(_try_return(conversation_id, now) for conversation_id in ids)


def _try_return(conversation_id: int, now: datetime) -> bool:
    """Put one back; one that cannot be keeps back no other."""
    try:
        return _return(conversation_id, now)
    except HelpdeskError:
        logger.exception("could not put conversation %s back", conversation_id)
        return False


def _return(conversation_id: int, now: datetime) -> bool:
    with organization_transaction():
        conversation = timeline.lock(conversation_id)
        if conversation.return_at is None or conversation.return_at > now:
            return False
        assignment.release(conversation, Assignment.Ending.UNANSWERED)
    return True


sweeps.register("unanswered", Sweep(run=return_due, queue="return"))
