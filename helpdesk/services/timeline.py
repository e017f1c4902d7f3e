"""The timeline of a conversation: locking it, numbering entries, and the load of its owner.

Lock order everywhere: conversations by id, then staff by id, then outbox.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import OperationalError, transaction
from django.db.models import F
from django.utils import timezone
from psycopg.errors import LockNotAvailable

from helpdesk import events
from helpdesk.errors import NotFound
from helpdesk.models import Assignment, Conversation, Entry, Mention, Staff, State
from helpdesk.models.batches import insert_each

PREVIEW_LENGTH = 200


def lock(conversation_id: int) -> Conversation:
    """Return the conversation, its row locked until the transaction ends; raises NotFound."""
    rows = Conversation.objects.select_for_update(no_key=True).filter(pk=conversation_id)
    found = next(iter(rows), None)
    if found is None:
        raise NotFound
    return found


def lock_all(conversation_ids: Iterable[int]) -> None:
    """Lock the rows of conversations until the transaction ends, in the order of their ids."""
    rows = Conversation.objects.filter(pk__in=list(conversation_ids)).order_by("pk")
    list(rows.select_for_update(no_key=True).values_list("pk"))


def lock_together(conversation_ids: Iterable[int]) -> None:
    """Lock the rows of conversations until the transaction ends, waiting for none while one of them is held.

    Whoever receives a message may hold the higher id already: its row was locked before it was seen to be closed.
    """
    waiting = sorted(set(conversation_ids))
    rows = Conversation.objects.order_by("pk").values_list("pk")
    while True:
        first, *others = waiting
        try:
            with transaction.atomic():
                list(rows.filter(pk=first).select_for_update(no_key=True))
                list(rows.filter(pk__in=others).select_for_update(no_key=True, nowait=True))
        except OperationalError as busy:
            if not isinstance(busy.__cause__, LockNotAvailable):
                raise
            waiting = [*others, first]
        else:
            return


def add_entry(
    conversation: Conversation,
    kind: Entry.Kind,
    *,
    at: datetime | None = None,
    actor_id: int | None = None,
    **data: Any,  # Any: small JSON facts
) -> Entry:
    """Append an entry under the conversation's lock; the caller saves `last_number`."""
    entry = next_entry(conversation, kind, at=at, actor_id=actor_id, **data)
    append([entry])
    return entry


def next_entry(
    conversation: Conversation,
    kind: Entry.Kind,
    *,
    at: datetime | None = None,
    actor_id: int | None = None,
    **data: Any,  # Any: small JSON facts
) -> Entry:
    """Return an entry with the conversation's next number, to be appended in this transaction."""
    conversation.last_number += 1
    return Entry(
        conversation=conversation,
        number=conversation.last_number,
        kind=kind,
        at=at or timezone.now(),
        actor_id=actor_id,
        data=data,
    )


def append(entries: Sequence[Entry]) -> None:
    """Store entries; the callers save the `last_number` of their conversations."""
    insert_each(entries)
    events.publish(
        *(
            events.EntryAdded(entry.organization_id, entry.conversation_id, entry.number)
            for entry in entries
        )
    )


def preview(text: str) -> str:
    """Return the beginning of a text, on one line, as lists show it."""
    return " ".join(text[: PREVIEW_LENGTH * 2].split())[:PREVIEW_LENGTH]


def shift_load(changes: dict[int, Decimal]) -> None:
    """Add to the loads of staff, in the order of their ids; nobody is guarded."""
    for staff_id in sorted(changes):
        if changes[staff_id]:
            Staff.objects.filter(pk=staff_id).update(load=F("load") + changes[staff_id])


def running_assignment(conversation: Conversation) -> Assignment | None:
    """Return the assignment of the conversation's owner."""
    return Assignment.objects.filter(conversation=conversation, ended_at__isnull=True).first()


def set_state(conversation: Conversation, state: State) -> None:
    """Change between the states in which somebody holds it, and weigh its assignment anew.

    The caller saves the conversation.
    """
    if conversation.state == state:
        return
    conversation.state = state
    conversation.return_at = None
    held = running_assignment(conversation)
    if held is None:
        return
    weights = {State.OPEN: held.open_weight, State.WAITING: held.waiting_weight}
    weight = weights.get(state, Decimal(0))
    change = weight - held.weight
    if change:
        Assignment.objects.filter(pk=held.pk).update(weight=weight)
        shift_load({held.staff_id: change})
        _tell_load(conversation, held.staff_id, freed=change < 0)


def end_assignment(
    conversation: Conversation, ending: Assignment.Ending, at: datetime
) -> int | None:
    """End the owner's assignment and free the capacity; returns the former owner's id.

    The caller sets owner, queue and state, and saves the conversation.
    """
    conversation.return_at = None
    held = running_assignment(conversation)
    if held is None:
        return None
    Assignment.objects.filter(pk=held.pk).update(ended_at=at, ending=ending)
    _let_go(conversation, held.staff_id, at)
    shift_load({held.staff_id: -held.weight})
    _tell_load(conversation, held.staff_id, freed=True)
    return int(held.staff_id)


def _let_go(conversation: Conversation, staff_id: int, at: datetime) -> None:
    """Let the access run out of whoever stands behind this person and was called by nobody."""
    Mention.objects.filter(
        conversation=conversation,
        behind_id=staff_id,
        by__isnull=True,
        ended_at__isnull=True,
        access_until__gt=at,
    ).update(access_until=at)


def _tell_load(conversation: Conversation, staff_id: int, *, freed: bool) -> None:
    organization_id = conversation.organization_id
    events.publish(events.StaffChanged(organization_id, staff_id))
    if freed:
        events.publish(
            events.ConversationReleased(
                organization_id, conversation.pk, conversation.last_number, staff_id=staff_id
            )
        )


def changed(conversation: Conversation) -> None:
    """Tell that something shown of the conversation changed."""
    events.publish(
        events.ConversationChanged(
            conversation.organization_id, conversation.pk, conversation.last_number
        )
    )


def wake_router(conversation: Conversation, delay: timedelta = timedelta()) -> None:
    """Have the router look at the conversation; the caller saves it."""
    conversation.route_at = timezone.now() + delay
