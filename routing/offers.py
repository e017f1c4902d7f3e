"""Offers: a conversation put before one person, accepted, declined with a reason, or passed on in time."""

from datetime import datetime, timedelta

from django.utils import timezone

from helpdesk import events
from helpdesk.access import Access
from helpdesk.errors import AlreadyTaken, Invalid, NotFound, OverCapacity, TooLate
from helpdesk.models import Assignment, Conversation, Staff, State
from helpdesk.services import audit, timeline
from helpdesk.services.assignment import assign_waiting
from helpdesk.tenancy import current_organization_id, organization_transaction
from routing import recording
from routing.candidates import Need
from routing.models import Decision, Offer, Policy
from routing.scoring import Scored

BATCH = 200


def make(
    need: Need, scored: Scored, policy: Policy, *, data: recording.Json, at: datetime
) -> Offer:
    """Put the conversation before the person; its row must be locked and queued.

    Raises AlreadyTaken when it is before somebody already, OverCapacity when offers fill the person up.
    """
    staff = Staff.objects.select_for_update(no_key=True).get(pk=scored.person.id)
    pending = Offer.objects.filter(state=Offer.State.PENDING)
    if pending.filter(conversation_id=need.conversation_id).exists():
        raise AlreadyTaken
    reserved = sum(pending.filter(staff=staff).values_list("weight", flat=True))
    if staff.load + reserved + need.weight > staff.capacity:
        raise OverCapacity
    outcome = Decision.Outcome.OFFERED
    decision = recording.record(need, outcome, data=data, policy=policy, at=at, chosen=scored)
    now = timezone.now()
    offer = Offer.objects.create(
        conversation_id=need.conversation_id,
        staff=staff,
        decision=decision,
        weight=need.weight,
        made_at=now,
        due_at=now + timedelta(seconds=policy.offer_seconds),
    )
    audit.record("offer.made", offer, staff=staff.pk, conversation=need.conversation_id)
    _tell(offer)
    return offer


def pending_offer(by: Access) -> Offer | None:
    """Return the offer that waits for the person's answer, the most urgent one first."""
    rows = Offer.objects.filter(
        staff_id=by.staff_id, state=Offer.State.PENDING, due_at__gt=timezone.now()
    ).select_related("conversation__customer", "conversation__topic", "decision")
    return rows.order_by("-conversation__urgency", "made_at").first() if by.is_active else None


def accept(by: Access, offer_id: int) -> Conversation:
    """Take what was offered; raises NotFound, TooLate, AlreadyTaken, NotAvailable, OverCapacity."""
    with organization_transaction():
        offer, conversation = _answerable(by, offer_id)
        _end(offer, Offer.State.ACCEPTED)
        audit.record("offer.accepted", offer, by, conversation=conversation.pk)
        staff = Staff.objects.get(pk=by.staff_id)
        assign_waiting(
            conversation,
            staff,
            Assignment.Mode.OFFER,
            decision=offer.decision_id,
            topic=conversation.topic_id,
            urgency=conversation.urgency,
        )
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
