"""Two conversations of one customer about one matter become one, and two again. No entry ever moves.

What is merged is closed as by any other ending, and shown in the other one to those who may see both. Undone, each
is as it was before, as far as the time since allows: what came since stays where it came, an escalation that ended
does not begin anew, and an owner who may no longer answer there gives way to the queue.
"""

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from helpdesk import access, events, permissions
from helpdesk.access import Access, access_of
from helpdesk.errors import Invalid, NotFound, WrongState
from helpdesk.models import (
    OPEN_STATES,
    Assignment,
    Conversation,
    ConversationLink,
    Direction,
    Entry,
    Mention,
    Queue,
    Staff,
    State,
)
from helpdesk.services import audit, backing, holding, lifecycle, links, timeline
from helpdesk.services.receiving import queue_of
from helpdesk.tenancy import organization_transaction

Kind = ConversationLink.Kind
_TIMES = (
    *("queued_at", "waiting_since", "snoozed_until", "return_at", "resolved_at", "closed_at"),
    "route_at",
)
_FACTS = ("state", "owner_id", "queue_id", "wanted_skill_id", *_TIMES)


def merge(by: Access, kept_id: int, gone_id: int) -> ConversationLink:
    """Merge one conversation into another that is open; what its customer waits for, they wait for there.

    Asks for the right to answer in the one and to resolve the other. Raises NotFound, Refused, Invalid for the same
    one twice and for those of two customers, WrongState for one that is over or merged already.
    """
    if kept_id == gone_id:
        raise Invalid(field="conversation")
    with organization_transaction():
        kept, gone = both(
            by, {kept_id: permissions.CONVERSATION_REPLY, gone_id: permissions.CONVERSATION_RESOLVE}
        )
        if kept.customer_id != gone.customer_id:
            raise Invalid(_("These are conversations of two customers."), field="conversation")
        if not kept.is_open:
            raise WrongState(_("A conversation that is over takes none up: reopen it first."))
        if links.is_merged(gone.pk):
            raise WrongState(_("It was merged into another conversation already."))
        return _merge(by, kept, gone)


def both(by: Access, rights: dict[int, str]) -> list[Conversation]:
    """Return conversations in which a person has these rights, in the order named, locked.

    Raises NotFound, Refused.
    """
    timeline.lock_together(rights)
    return [access.conversation(by, pk, right, lock=True) for pk, right in rights.items()]


def locked(by: Access, link_id: int, kind: str) -> tuple[ConversationLink, list[Conversation]]:
    """Return a standing link with its source and target, for somebody who may undo it, all of them locked.

    That is who may resolve what undoing ends or brings back, or `needs_no_right` to, and may answer in the other one.
    Raises NotFound, Refused, WrongState when it was undone already.
    """
    row = ConversationLink.objects.filter(pk=link_id, kind=kind).first()
    if row is None:
        raise NotFound
    stays, goes = row.source_id, row.target_id
    if kind == Kind.MERGE:
        stays, goes = goes, stays
    timeline.lock_together([stays, goes])
    older = access.conversation(by, stays, permissions.CONVERSATION_REPLY, lock=True)
    if not needs_no_right(by, row, older, timeline.lock(goes)):
        access.conversation(by, goes, permissions.CONVERSATION_RESOLVE, lock=True)
    row = ConversationLink.objects.select_for_update().get(pk=link_id)
    if row.undone_at:
        raise WrongState(_("This was undone already."))
    return row, [timeline.lock(pk) for pk in (row.source_id, row.target_id)]


def needs_no_right(
    by: Access, row: ConversationLink, stays: Conversation, goes: Conversation
) -> bool:
    """Tell whether a person may undo a link because they made it, without the right to resolve in what `goes`.

    What they split off is theirs to end only while nobody holds it and it is where it began.
    """
    if row.by_id != by.staff_id:
        return False
    is_where_it_began = goes.owner_id is None and goes.department_id == stays.department_id
    return row.kind == Kind.MERGE or is_where_it_began


def facts_of(conversation: Conversation) -> dict[str, Any]:  # Any: JSON
    """Return who holds a conversation, where it waits and what its clocks say, as `time_of` reads it."""
    found = {name: getattr(conversation, name) for name in _FACTS}
    return found | {name: found[name].isoformat() for name in _TIMES if found[name]}


def time_of(facts: dict[str, Any], name: str) -> datetime | None:  # Any: JSON
    """Return an instant of `facts_of`."""
    return parse_datetime(facts[name]) if facts[name] else None


def wait_for(conversation: Conversation, since: datetime | None) -> None:
    """Have the customer wait in an open conversation since then, if not for longer; the caller saves it."""
    if since is None:
        return
    conversation.waiting_since = min(conversation.waiting_since or since, since)
    if conversation.state in {State.WAITING, State.SNOOZED}:
        conversation.snoozed_until = None
        timeline.set_state(conversation, State.OPEN)
    timeline.wake_router(conversation)


def wait_again(conversation: Conversation, facts: dict[str, Any], since: datetime | None) -> None:
    """Have the customer of an open conversation wait since then, or no longer; set aside again as it was.

    The caller saves it.
    """
    conversation.waiting_since = since
    if conversation.state not in {State.OPEN, State.WAITING}:
        return
    until = time_of(facts, "snoozed_until")
    if until and until > timezone.now() and since == time_of(facts, "waiting_since"):
        timeline.set_state(conversation, State.SNOOZED)
        conversation.snoozed_until = until
    elif since is None and facts["state"] in {State.WAITING, State.SNOOZED}:
        timeline.set_state(conversation, State.WAITING)


def tell(
    kind: Entry.Kind, by: Access, row: ConversationLink, conversations: list[Conversation]
) -> None:
    """Write into the timelines and the trail of both, source and target, what was done, and save them."""
    source, target = conversations
    action = f"conversation.{_ACTIONS[kind]}"
    for one, other in ((source, target), (target, source)):
        goes_on = one is source
        timeline.add_entry(
            one, kind, actor_id=by.staff_id, link=row.pk, other=other.pk, goes_on=goes_on
        )
        one.save()
        audit.record(action, one, by, link=row.pk, conversation=other.pk)
        timeline.changed(one)


_ACTIONS = {
    Entry.Kind.MERGED: "merged",
    Entry.Kind.MERGE_UNDONE: "unmerged",
    Entry.Kind.SPLIT: "split",
    Entry.Kind.SPLIT_UNDONE: "split_undone",
}


def _merge(by: Access, kept: Conversation, gone: Conversation) -> ConversationLink:
    now = timezone.now()
    called = Mention.objects.filter(conversation=gone, ended_at__isnull=True)
    before = {
        "kept": facts_of(kept),
        "gone": facts_of(gone),
        "mentions": list(called.order_by("pk").values_list("pk", flat=True)),
    }
    row = ConversationLink.objects.create(
        kind=Kind.MERGE, source=gone, target=kept, at=now, by_id=by.staff_id, before=before
    )
    if gone.is_open:
        since = gone.waiting_since
        lifecycle.finish(gone, Assignment.Ending.MERGED, now, by=by)
        wait_for(kept, since)
    gone.state = State.CLOSED
    gone.closed_at = gone.closed_at or now
    tell(Entry.Kind.MERGED, by, row, [gone, kept])
    return row


def undo(by: Access, link_id: int) -> ConversationLink:
    """Make two conversations of one again: each with its owner, its state and its clocks where that still may be.

    One whose thread has another open conversation by now stays closed. Raises NotFound, Refused, WrongState.
    """
    with organization_transaction():
        row, (gone, kept) = locked(by, link_id, Kind.MERGE)
        now = timezone.now()
        since = _give_back_wait(row, kept)
        ConversationLink.objects.filter(pk=row.pk).update(undone_at=now, undone_by_id=by.staff_id)
        row.undone_at, row.undone_by_id = now, by.staff_id
        tell(Entry.Kind.MERGE_UNDONE, by, row, [gone, kept])
        _bring_back(by, row, gone, since)
    return row


def _give_back_wait(row: ConversationLink, kept: Conversation) -> datetime | None:
    """Return since when the customer waits in what was merged, now that they wait there and not here.

    None where they were answered since, or did not wait.
    """
    theirs = time_of(row.before["gone"], "waiting_since")
    own = time_of(row.before["kept"], "waiting_since")
    if row.before["gone"]["state"] not in OPEN_STATES or theirs is None:
        return None
    if not kept.is_open or kept.waiting_since != min(own or theirs, theirs):
        return None
    if own is None:
        later = Entry.objects.filter(
            conversation=kept, at__gt=row.at, message__direction=Direction.IN
        )
        own = later.order_by("number").values_list("at", flat=True).first()
    wait_again(kept, row.before["kept"], own)
    return theirs


def _bring_back(
    by: Access, row: ConversationLink, gone: Conversation, since: datetime | None
) -> None:
    """Restore what was merged."""
    before = row.before["gone"]
    if before["state"] not in OPEN_STATES:
        gone.state = State(before["state"])
        gone.resolved_at, gone.closed_at = (
            time_of(before, "resolved_at"),
            time_of(before, "closed_at"),
        )
        gone.save()
        return
    if lifecycle.has_successor(gone):
        return
    gone.closed_at, gone.waiting_since = None, since
    gone.wanted_skill_id = before["wanted_skill_id"]
    owner = Staff.objects.filter(pk=before["owner_id"] or 0).first()
    if owner is not None and _may_hold(owner, gone):
        _give_back(by, row, gone, owner)
    else:
        _queue_again(gone, before)
    _call_in_again(row, gone)
    timeline.changed(gone)


def _may_hold(owner: Staff, conversation: Conversation) -> bool:
    may = access_of(owner)
    return may.is_active and may.can_answer(conversation.department_id, conversation.topic_id)


def _give_back(by: Access, row: ConversationLink, gone: Conversation, owner: Staff) -> None:
    before, now = row.before["gone"], timezone.now()
    holding.give(gone, owner.pk, Assignment.Mode.REOPENED, by=by, override_reason="undo")
    wait_again(gone, before, gone.waiting_since)
    return_at = time_of(before, "return_at")
    if gone.state == State.OPEN and return_at and return_at > now:
        gone.return_at = return_at
    if before["route_at"]:
        timeline.wake_router(gone)
    gone.save()
    backing.again(gone, owner.pk, since=row.at)


def _queue_again(gone: Conversation, before: dict[str, Any]) -> None:  # Any: JSON
    """Let it wait where it did and for as long as it has; an owner's goes to the queue of its department."""
    gone.state = State.QUEUED
    gone.queue = Queue.objects.filter(pk=before["queue_id"] or 0).first() or queue_of(
        gone.department_id
    )
    gone.queued_at = time_of(before, "queued_at") or timezone.now()
    timeline.wake_router(gone)
    gone.save()
    events.publish(events.ConversationQueued(gone.organization_id, gone.pk, gone.last_number))


def _call_in_again(row: ConversationLink, gone: Conversation) -> None:
    """Let those see it again who were called in and whose time is not over."""
    now = timezone.now()
    running = Mention.objects.filter(conversation=gone, ended_at__isnull=True)
    again = Mention.objects.filter(pk__in=row.before["mentions"], access_until__gt=now)
    again = again.exclude(staff_id__in=list(running.values_list("staff_id", flat=True)))
    for pk, staff_id in again.order_by("pk").values_list("pk", "staff_id"):
        Mention.objects.filter(pk=pk).update(ended_at=None)
        events.publish(events.AccessChanged(gone.organization_id, staff_id))
