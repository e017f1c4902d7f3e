"""A conversation about two matters becomes two, and one again. No entry ever moves.

The messages that are split off stay where they are and begin the new conversation: whoever may see it may see
them. It is answered through the same channel and in the same thread of the vendor. What arrives says to which of
the two it belongs where it answers a letter; else it goes to the older one while that is open, then to the newer.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk import events, permissions
from helpdesk.access import Access
from helpdesk.access import conversation as visible_conversation
from helpdesk.errors import Invalid, Refused, WrongState
from helpdesk.models import (
    Assignment,
    Conversation,
    ConversationLink,
    Delivery,
    Direction,
    Entry,
    Identity,
    Message,
    State,
)
from helpdesk.registries import shows_one
from helpdesk.services import assignment, lifecycle, links, timeline
from helpdesk.services.joining import facts_of, locked, tell, time_of, wait_for
from helpdesk.services.receiving import queue_of
from helpdesk.tenancy import organization_transaction

Kind = ConversationLink.Kind
# Messages that are split off at once.
MOST_SPLIT = 200


def split(
    by: Access,
    conversation_id: int,
    *,
    numbers: Collection[int] = (),
    since: int | None = None,
    keeps: bool = False,
) -> ConversationLink:
    """Begin another conversation with some messages of an open one: those with these numbers, and all from `since` on.

    It waits in the queue, or is held by who split it with `keeps`. Raises NotFound, Refused where the customer's side
    shows one conversation only, Invalid for what are no messages, none of the customer's or all of theirs or too
    many, WrongState for one that is over, and what `assignment.take` raises.
    """
    with organization_transaction():
        found = visible_conversation(by, conversation_id, permissions.CONVERSATION_REPLY)
        if not found.is_open:
            # Whoever receives a message may hold it, and lock its identity only then.
            raise WrongState
        # Whoever merges customers waits for us, or we see whose it is by now.
        Identity.objects.select_for_update(no_key=True).get(pk=found.identity_id)
        source = visible_conversation(
            by, conversation_id, permissions.CONVERSATION_REPLY, lock=True
        )
        if not source.is_open or source.identity_id != found.identity_id:
            raise WrongState
        if shows_one(source.channel.kind):
            raise Refused(_("The customer sees one conversation here: it cannot be split."))
        messages = _chosen(source, numbers, since)
        return _split(by, source, messages, keeps=keeps)


def _chosen(source: Conversation, numbers: Collection[int], since: int | None) -> list[Message]:
    """Return the messages that are meant, in order; raises Invalid."""
    wanted = set(numbers)
    if (not wanted and since is None) or len(wanted) > MOST_SPLIT:
        raise Invalid(field="messages")
    rows = Message.objects.filter(conversation=source).select_related("entry", "letter")
    named = rows.filter(entry__number__in=wanted)
    later = rows.filter(entry__number__gte=since) if since is not None else rows.none()
    found = list((named | later).order_by("pk")[: MOST_SPLIT + 1])
    chosen = {message.entry.number for message in found}
    if len(found) > MOST_SPLIT or not wanted <= chosen:
        raise Invalid(field="messages", limit=MOST_SPLIT)
    taken = links.standing(Kind.SPLIT).filter(source=source, numbers__overlap=sorted(chosen))
    theirs = rows.filter(direction=Direction.IN)
    if not any(message.direction == Direction.IN for message in found) or taken.exists():
        raise Invalid(_("Please choose messages of the customer."), field="messages")
    if not theirs.exclude(entry__number__in=chosen).exists():
        raise Invalid(_("A message of the customer has to stay."), field="messages")
    return found


def _split(
    by: Access, source: Conversation, messages: Sequence[Message], *, keeps: bool
) -> ConversationLink:
    before = {"source": facts_of(source)}
    numbers = [message.entry.number for message in messages]
    since, rest = _waits(source, numbers)
    target = _begin(source, messages, since)
    if since is not None:
        source.waiting_since = rest
        if rest is None and source.state == State.OPEN:
            timeline.set_state(source, State.WAITING)
    before["after"] = facts_of(source)
    row = ConversationLink.objects.create(
        kind=Kind.SPLIT,
        source=source,
        target=target,
        numbers=numbers,
        at=timezone.now(),
        by_id=by.staff_id,
        before=before,
    )
    tell(Entry.Kind.SPLIT, by, row, [source, target])
    if keeps:
        assignment.take_locked(by, target)
    else:
        events.publish(
            events.ConversationQueued(target.organization_id, target.pk, target.last_number)
        )
    return row


def _waits(
    source: Conversation, numbers: Collection[int]
) -> tuple[datetime | None, datetime | None]:
    """Return since when the customer waits for an answer to these messages, and to the others."""
    waits = source.waiting_since
    if waits is None:
        return None, None
    entries = Entry.objects.filter(conversation=source)
    answers = entries.filter(message__direction=Direction.OUT, actor__isnull=False)
    answers = answers.exclude(message__outbox__state=Delivery.CANCELLED)
    last = answers.order_by("-number").values_list("number", flat=True).first() or 0
    waiting = entries.filter(number__gt=last, message__direction=Direction.IN).order_by("number")
    mine = waiting.filter(number__in=numbers).values_list("at", flat=True).first()
    rest = waiting.exclude(number__in=numbers).values_list("at", flat=True).first()
    return mine and max(mine, waits), rest and max(rest, waits)


def _begin(
    source: Conversation, messages: Sequence[Message], since: datetime | None
) -> Conversation:
    """Make the conversation that these messages begin, in the queue of the same department."""
    now = timezone.now()
    asked = [message for message in messages if message.direction == Direction.IN]
    said = [message for message in messages if message.direction != Direction.NOTE]
    letter = getattr(asked[0], "letter", None)
    topics = [message.topic_id for message in asked if message.topic_id]
    urgencies = [message.urgency for message in asked if message.urgency is not None]
    return Conversation.objects.create(
        customer_id=source.customer_id,
        identity_id=source.identity_id,
        channel_id=source.channel_id,
        thread_key=links.part_key(source, source.last_number + 1),
        subject=(letter.subject if letter else source.subject)[:200],
        priority=source.priority,
        topic_id=topics[-1] if topics else None,
        urgency=max(urgencies, default=source.urgency),
        language=asked[-1].language or source.language,
        department_id=source.department_id,
        queue=queue_of(source.department_id),
        last_text=timeline.preview(said[-1].text),
        last_direction=said[-1].direction,
        last_message_at=said[-1].entry.at,
        opened_at=now,
        queued_at=now,
        waiting_since=since,
        route_at=now,
    )


def undo(by: Access, link_id: int) -> ConversationLink:
    """Make one conversation of two again: the newer one is closed, and its customer waits in the older one.

    Raises NotFound, Refused, and WrongState where something was written in the newer one since: that is merged back
    instead, with all that was written. So too where the older one is over while the customer waits.
    """
    with organization_transaction():
        row, (source, target) = locked(by, link_id, Kind.SPLIT)
        _check_untouched(target)
        if target.waiting_since and not source.is_open:
            raise WrongState(
                _("The customer waits, and the other conversation is over: reopen it first.")
            )
        now = timezone.now()
        _take_back_wait(row, source, target)
        if target.is_open:
            lifecycle.finish(target, Assignment.Ending.UNDONE, now, by=by)
        target.state = State.CLOSED
        target.closed_at = target.closed_at or now
        ConversationLink.objects.filter(pk=row.pk).update(undone_at=now, undone_by_id=by.staff_id)
        row.undone_at, row.undone_by_id = now, by.staff_id
        tell(Entry.Kind.SPLIT_UNDONE, by, row, [source, target])
    return row


def _check_untouched(target: Conversation) -> None:
    """Raise WrongState for one in which something was written, or that was merged or split itself."""
    written = Entry.objects.filter(
        conversation=target, kind__in=[Entry.Kind.MESSAGE, Entry.Kind.CALL]
    )
    if written.exists():
        raise WrongState(_("Something was written there since: merge it back instead."))
    others = links.standing(Kind.MERGE)
    if (others.filter(source=target) | others.filter(target=target)).exists():
        raise WrongState(_("It was merged with another conversation since: undo that first."))


def _take_back_wait(row: ConversationLink, source: Conversation, target: Conversation) -> None:
    """Have the customer wait in the older one as before, or since they wait in the newer one."""
    before, after = row.before["source"], row.before["after"]
    if not source.is_open:
        return
    waited = time_of(after, "waiting_since")
    if (source.state, source.waiting_since) != (after["state"], waited):
        wait_for(source, target.waiting_since)
        return
    source.waiting_since = time_of(before, "waiting_since")
    if source.state != before["state"]:
        timeline.set_state(source, State(before["state"]))
