"""Offers: a conversation put before one person, accepted, declined with a reason, or passed on in time."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy

from helpdesk import events
from helpdesk.access import Access
from helpdesk.errors import (
    AlreadyTaken,
    HelpdeskError,
    Invalid,
    NotAvailable,
    NotFound,
    OverCapacity,
    TooLate,
)
from helpdesk.models import Assignment, Conversation, Staff, State
from helpdesk.models.batches import insert_each
from helpdesk.services import audit, lending, loads, timeline
from helpdesk.services.holding import Gift, assign_waiting, lock_receivers
from helpdesk.services.loads import Loads
from helpdesk.tenancy import current_organization_id, organization_transaction
from routing.models import Decision, Offer, Policy
from routing.recording import practice_of

BATCH = 200
# What the audit trail calls what happens to offers.
AUDITED = {
    "offer.accepted": gettext_lazy("Offer accepted"),
    "offer.declined": gettext_lazy("Offer declined"),
    "offer.expired": gettext_lazy("Offer ran out"),
    "offer.made": gettext_lazy("Offer made"),
    "offer.withdrawn": gettext_lazy("Offer withdrawn"),
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """A decision to put a conversation before somebody, what it weighs, and how long they have."""

    decision: Decision
    staff_id: int
    weight: Decimal
    lasts: timedelta


def make(proposals: Sequence[Proposal]) -> tuple[list[Offer], HelpdeskError | None]:
    """Put conversations before people, in the order given; the rows must be locked and queued.

    Ends before the first for which load and other offers leave no room, and tells so.
    """
    people = lock_receivers({proposal.staff_id for proposal in proposals})
    fitting: list[Proposal] = []
    refusal: HelpdeskError | None = None
    reserved = reserved_weights(people)
    held, kinds = _held_by_kind(people, proposals)
    without_time = lending.without_time(people.values(), timezone.now())
    for proposal in proposals:
        staff = people.get(proposal.staff_id)
        if staff is None or not staff.is_active or staff.pk in without_time:
            refusal = NotAvailable()
            break
        kind = kinds.get(proposal.decision.conversation_id, "")
        is_over = staff.load + reserved[staff.pk] + proposal.weight > staff.capacity
        if is_over or not held.has_room(staff.pk, kind):
            refusal = OverCapacity()
            break
        held.give(staff.pk, kind, State.OPEN)
        reserved[staff.pk] += proposal.weight
        fitting.append(proposal)
    return _store(fitting), refusal


def reserved_weights(staff_ids: Iterable[int] | None = None) -> dict[int, Decimal]:
    """Return what offers that wait for an answer weigh, for each of the people or for everybody."""
    pending = Offer.objects.filter(state=Offer.State.PENDING)
    if staff_ids is not None:
        pending = pending.filter(staff_id__in=list(staff_ids))
    sums = pending.order_by().values_list("staff_id").annotate(Sum("weight"))
    return defaultdict(Decimal, sums)


def count_pending(counted: Loads) -> None:
    """Count what waits for somebody's answer as if it was in hand."""
    pending = Offer.objects.filter(state=Offer.State.PENDING).order_by("pk")
    for staff_id, kind in pending.values_list("staff_id", "conversation__channel__kind"):
        counted.give(staff_id, kind, State.OPEN)


def _held_by_kind(
    people: Mapping[int, Staff], proposals: Sequence[Proposal]
) -> tuple[Loads, Mapping[int, str]]:
    """Return what people have of each kind, and the kinds of what is proposed, where kinds matter at all."""
    if not any(getattr(person, "weighs_by_kind", False) for person in people.values()):
        return Loads(), {}
    held = loads.rules()
    loads.count(held, people)
    count_pending(held)
    ids = [proposal.decision.conversation_id for proposal in proposals]
    kinds = Conversation.objects.filter(pk__in=ids).values_list("pk", "channel__kind")
    return held, dict(kinds)


def _store(proposals: Sequence[Proposal]) -> list[Offer]:
    now = timezone.now()
    insert_each([proposal.decision for proposal in proposals])
    made = [
        Offer(
            conversation_id=proposal.decision.conversation_id,
            staff_id=proposal.staff_id,
            decision=proposal.decision,
            weight=proposal.weight,
            made_at=now,
            due_at=now + proposal.lasts,
        )
        for proposal in proposals
    ]
    insert_each(made)
    audit.record_each(
        "offer.made",
        [
            (offer, {"staff": offer.staff_id, "conversation": offer.conversation_id})
            for offer in made
        ],
    )
    for offer in made:
        _tell(offer)
    return made


def pending_offer(by: Access) -> Offer | None:
    """Return the offer that waits for the person's answer, the most urgent one first."""
    rows = Offer.objects.filter(
        staff_id=by.staff_id, state=Offer.State.PENDING, due_at__gt=timezone.now()
    )
    # Nearly always there is none, and asking that is cheap.
    if not by.is_active or not rows.exists():
        return None
    rows = rows.select_related("conversation__customer", "conversation__topic", "decision")
    return rows.order_by("-conversation__urgency", "made_at").first()


def accept(by: Access, offer_id: int) -> Conversation:
    """Take what was offered; raises NotFound, TooLate, AlreadyTaken, NotAvailable, OverCapacity."""
    with organization_transaction():
        offer, conversation = _answerable(by, offer_id)
        _end(offer, Offer.State.ACCEPTED)
        audit.record("offer.accepted", offer, by, conversation=conversation.pk)
        facts = {
            "decision": offer.decision_id,
            "topic": conversation.topic_id,
            "urgency": conversation.urgency,
        }
        gift = Gift(
            conversation,
            by.staff_id,
            Assignment.Mode.OFFER,
            answer_within=Policy.of(conversation.department_id).answer_within,
            facts=facts,
            practice=practice_of(offer.decision),
        )
        _made, refusal = assign_waiting([gift])
        if refusal:
            raise refusal
    return conversation


def decline(by: Access, offer_id: int, reason: str) -> None:
    """Pass the offer on, saying why; raises NotFound, Invalid, TooLate, AlreadyTaken."""
    with organization_transaction():
        offer, conversation = _answerable(by, offer_id)
        if reason not in Offer.Reason.values:
            raise Invalid(field="reason")
        _end(offer, Offer.State.DECLINED, reason=reason)
        audit.record("offer.declined", offer, by, conversation=conversation.pk, reason=reason)
        _tell_queued(conversation)


def _answerable(by: Access, offer_id: int) -> tuple[Offer, Conversation]:
    """Return the person's own pending offer and its conversation, both locked, conversation first."""
    own = Offer.objects.filter(pk=offer_id, staff_id=by.staff_id)
    found = own.first() if by.is_active else None
    if found is None:
        raise NotFound
    conversation = timeline.lock(found.conversation_id)
    offer = own.select_for_update().get()
    if offer.state == Offer.State.WITHDRAWN or conversation.state != State.QUEUED:
        raise AlreadyTaken
    if offer.state != Offer.State.PENDING or offer.due_at <= timezone.now():
        raise TooLate
    return offer, conversation


def expire_due(now: datetime) -> int:
    """End offers whose time is over, and those whose conversation is no longer waiting; returns how many."""
    with organization_transaction():
        rows = Offer.objects.filter(state=Offer.State.PENDING, due_at__lte=now).order_by("due_at")
        ids = list(rows.values_list("pk", "conversation_id")[:BATCH])
    return sum(_expire(offer_id, conversation_id, now) for offer_id, conversation_id in ids)


def _expire(offer_id: int, conversation_id: int, now: datetime) -> bool:
    with organization_transaction():
        conversation = timeline.lock(conversation_id)
        rows = Offer.objects.select_for_update().filter(pk=offer_id, state=Offer.State.PENDING)
        offer = rows.filter(due_at__lte=now).first()
        if offer is None:
            return False
        is_waiting = conversation.state == State.QUEUED
        _end(offer, Offer.State.EXPIRED if is_waiting else Offer.State.WITHDRAWN)
        audit.record("offer.expired", offer, conversation=conversation_id, staff=offer.staff_id)
        if is_waiting:
            _tell_queued(conversation)
    return True


def withdraw(conversation_id: int) -> int:
    """End the pending offer of a conversation that somebody took another way; returns how many."""
    with organization_transaction():
        conversation = timeline.lock(conversation_id)
        rows = Offer.objects.select_for_update().filter(
            conversation=conversation, state=Offer.State.PENDING
        )
        offer = rows.first()
        if offer is None or conversation.state == State.QUEUED:
            return 0
        _end(offer, Offer.State.WITHDRAWN)
        audit.record("offer.withdrawn", offer, conversation=conversation_id, staff=offer.staff_id)
    return 1


def stale(limit: int = BATCH) -> list[int]:
    """Return the conversations with a pending offer that no longer wait."""
    rows = Offer.objects.filter(state=Offer.State.PENDING).exclude(conversation__state=State.QUEUED)
    return list(rows.values_list("conversation_id", flat=True)[:limit])


def _end(offer: Offer, state: Offer.State, *, reason: str = "") -> None:
    offer.state, offer.reason, offer.answered_at = state, reason, timezone.now()
    offer.save(update_fields=["state", "reason", "answered_at"])
    _tell(offer)


def _tell(offer: Offer) -> None:
    """Have the person's screens ask for their offer again."""
    events.publish(events.StaffChanged(current_organization_id(), offer.staff_id))


def _tell_queued(conversation: Conversation) -> None:
    events.publish(
        events.ConversationQueued(
            conversation.organization_id, conversation.pk, conversation.last_number
        )
    )
