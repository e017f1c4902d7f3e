"""Gives conversations to people: capacity, assignment, entry and audit, for one or for many at once.

The people's rows are locked, lowest id first, before their room is counted: whoever races for the last
slot, one wins.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Exists, OuterRef
from django.utils import timezone

from helpdesk import events
from helpdesk.access import Access, accesses_of
from helpdesk.errors import (
    AlreadyTaken,
    HelpdeskError,
    NobodyBehind,
    NotAvailable,
    OverCapacity,
)
from helpdesk.models import (
    Assignment,
    Conversation,
    Entry,
    KindLimit,
    KindLoad,
    Staff,
    State,
)
from helpdesk.models.batches import insert_each, update_each
from helpdesk.services import audit, backing, lending, loads, timeline
from helpdesk.services.loads import Loads
from helpdesk.services.practices import Practice

# What changes of a conversation that somebody gets; its department may just have been chosen.
_CHANGED = (
    "department",
    "owner",
    "queue",
    "state",
    "queued_at",
    "snoozed_until",
    "return_at",
    "wanted_skill",
    "last_number",
)


@dataclass(frozen=True, slots=True)
class Gift:
    """A conversation for a person; its row is locked and nobody holds it."""

    conversation: Conversation
    staff_id: int
    mode: Assignment.Mode
    # Recorded, and reaches above the capacity.
    override_reason: str = ""
    # After so long without an answer it goes back to the queue.
    answer_within: timedelta | None = None
    # Joins the entry. Any: small JSON facts.
    facts: Mapping[str, Any] = field(default_factory=dict)
    # Who could stand behind the person, who is learning; one of them will, or it is refused.
    practice: Practice | None = None

    @property
    def state(self) -> State:
        """Return the state in which the person gets it."""
        return State.OPEN if self.conversation.waiting_since else State.WAITING


def assign_waiting(gifts: Sequence[Gift]) -> tuple[list[Assignment], HelpdeskError | None]:
    """Give queued conversations to people who may answer them, in the order given: the engine's commit.

    Ends before the first that is refused and tells why: AlreadyTaken, NotAvailable or OverCapacity.
    """
    return _give(gifts, by=None)


def give(
    conversation: Conversation,
    staff_id: int,
    mode: Assignment.Mode,
    *,
    by: Access,
    override_reason: str = "",
) -> Assignment:
    """Give a conversation to somebody who was found to be the right one; raises NotAvailable, OverCapacity."""
    made, refusal = _give([Gift(conversation, staff_id, mode, override_reason)], by=by)
    if refusal:
        raise refusal
    return made[0]


def _give(
    gifts: Sequence[Gift], *, by: Access | None
) -> tuple[list[Assignment], HelpdeskError | None]:
    people = lock_receivers({gift.staff_id for gift in gifts})
    weigh = _Weighing(gifts, people)
    # What the engine decided nobody has checked before.
    accesses = accesses_of(people.values()) if by is None else None
    without_time = lending.without_time(people.values(), timezone.now()) if by is None else set()
    fitting: list[Gift] = []
    backed = {
        gift.conversation.pk: backing.choose(gift.practice, gift.conversation)
        for gift in gifts
        if gift.practice
    }
    refusal = None
    for gift in gifts:
        receiver = people.get(gift.staff_id)
        refusal = _refusal(gift, receiver, weigh, accesses)
        # An offer is accepted by the person, who may always give more than the share of the day.
        if gift.mode == Assignment.Mode.AUTOMATIC and gift.staff_id in without_time:
            refusal = refusal or NotAvailable()
        if gift.practice and backed[gift.conversation.pk] is None:
            refusal = refusal or NobodyBehind()
        if receiver is None or refusal:
            break
        receiver.load += weigh.give(gift)
        fitting.append(gift)
    if not fitting:
        return [], refusal
    changed = {gift.staff_id for gift in fitting}
    update_each([people[staff_id] for staff_id in changed], "load")
    return _write(fitting, weigh, by, backed), refusal


class _Weighing:
    """What each gift weighs for whom; asks the database only where an organization has rules of its own."""

    def __init__(self, gifts: Sequence[Gift], people: Mapping[int, Staff]) -> None:
        self.loads, self.kinds = Loads(), {}
        if any(getattr(person, "weighs_by_kind", False) for person in people.values()):
            self.loads = loads.rules()
            self.kinds = loads.kinds_of(gift.conversation.channel_id for gift in gifts)
            loads.count(self.loads, people)

    def kind(self, gift: Gift) -> str:
        return self.kinds.get(gift.conversation.channel_id, "")

    def weights(self, gift: Gift) -> loads.Weights:
        return self.loads.weights(self.kind(gift))

    def weight(self, gift: Gift) -> Decimal:
        return self.weights(gift).of(gift.state)

    def has_room(self, gift: Gift, receiver: Staff) -> bool:
        fits = receiver.load + self.weight(gift) <= receiver.capacity
        return fits and self.loads.has_room(gift.staff_id, self.kind(gift))

    def give(self, gift: Gift) -> Decimal:
        """Note a gift and return what it weighs."""
        self.loads.give(gift.staff_id, self.kind(gift), gift.state)
        return self.weight(gift)


def lock_receivers(staff_ids: Iterable[int]) -> dict[int, Staff]:
    """Return the people, their rows locked until the transaction ends, in the order of their ids."""
    by_kind = Exists(KindLoad.objects.all()) | Exists(
        KindLimit.objects.filter(staff_id=OuterRef("pk"))
    )
    rows = Staff.objects.filter(pk__in=sorted(staff_ids)).order_by("pk")
    rows = rows.annotate(weighs_by_kind=by_kind)
    needed = (
        "organization_id",
        "user_id",
        "permission_epoch",
        "is_active",
        "capacity",
        "load",
        "lent_percent",
    )
    return {
        person.pk: person
        for person in rows.only(*needed).select_for_update(no_key=True, of=("self",))
    }


def lock_handover(conversation: Conversation, staff_id: int) -> None:
    """Lock who holds the conversation and who shall get it together, before the load of either changes.

    One after the other could meet somebody who locks them the other way round.
    """
    lock_receivers({staff_id, conversation.owner_id or staff_id})


def _refusal(
    gift: Gift,
    receiver: Staff | None,
    weigh: "_Weighing",
    accesses: Mapping[int, Access] | None,
) -> HelpdeskError | None:
    """Return why the person does not get it; what people may do is asked where `accesses` are given."""
    if receiver is None or not receiver.is_active:
        return NotAvailable()
    conversation = gift.conversation
    if accesses is not None:
        if conversation.state != State.QUEUED:
            return AlreadyTaken()
        access = accesses[receiver.pk]
        if not access.can_answer(conversation.department_id, conversation.topic_id):
            return NotAvailable()
    if not gift.override_reason and not weigh.has_room(gift, receiver):
        return OverCapacity()
    return None


def _write(
    gifts: Sequence[Gift], weigh: _Weighing, by: Access | None, backed: Mapping[int, int | None]
) -> list[Assignment]:
    """Write assignments, entries and audit, and change the conversations; told of after the commit."""
    now = timezone.now()
    made = [
        Assignment(
            conversation=gift.conversation,
            staff_id=gift.staff_id,
            episode=gift.conversation.episode,
            mode=gift.mode,
            weight=weigh.weight(gift),
            open_weight=weigh.weights(gift).open,
            waiting_weight=weigh.weights(gift).waiting,
            starts_at=now,
            override_reason=gift.override_reason[:200],
        )
        for gift in gifts
    ]
    insert_each(made)
    for gift in gifts:
        _change(gift, now)
    assigned = [_entry(gift, by, now) for gift in gifts]
    backings = _backings(gifts, backed, now)
    timeline.append([*assigned, *backings])
    update_each([gift.conversation for gift in gifts], *_CHANGED)
    audit.record_each("conversation.assigned", [_trail(gift) for gift in gifts], by)
    backing.give_access(backings)
    events.publish(*(event for gift in gifts for event in _told(gift)))
    return made


def _change(gift: Gift, now: datetime) -> None:
    conversation = gift.conversation
    conversation.state = gift.state
    conversation.owner_id = gift.staff_id
    conversation.queue = None
    conversation.queued_at = None
    conversation.snoozed_until = None
    within = gift.answer_within if gift.state == State.OPEN else None
    conversation.return_at = now + within if within else None
    conversation.wanted_skill = None


def _entry(gift: Gift, by: Access | None, at: datetime) -> Entry:
    return timeline.next_entry(
        gift.conversation,
        Entry.Kind.ASSIGNED,
        at=at,
        actor_id=by.staff_id if by else None,
        staff=gift.staff_id,
        mode=gift.mode,
        **gift.facts,
    )


def _backings(gifts: Sequence[Gift], backed: Mapping[int, int | None], at: datetime) -> list[Entry]:
    """Return the entries of those who stand behind somebody from now on."""
    found = []
    for gift in gifts:
        staff_id = backed.get(gift.conversation.pk)
        if gift.practice and staff_id:
            found.append(
                backing.entry(
                    gift.conversation,
                    gift.practice,
                    staff_id=staff_id,
                    learner_id=gift.staff_id,
                    at=at,
                )
            )
    return found


def _trail(gift: Gift) -> tuple[Conversation, dict[str, object]]:
    data = {"staff": gift.staff_id, "mode": gift.mode, "override": gift.override_reason[:200]}
    return gift.conversation, data


def _told(gift: Gift) -> Iterator[events.Event]:
    conversation = gift.conversation
    organization_id = conversation.organization_id
    yield events.ConversationAssigned(
        organization_id, conversation.pk, conversation.last_number, staff_id=gift.staff_id
    )
    yield events.StaffChanged(organization_id, gift.staff_id)
