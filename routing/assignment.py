"""Chooses among the candidates and commits: by the core's guarded service, with the decision beside it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef

from helpdesk.errors import AlreadyTaken, NotAvailable, NotFound, OverCapacity
from helpdesk.models import Assignment, Conversation, Staff, State
from helpdesk.services import timeline
from helpdesk.services.assignment import assign_waiting
from helpdesk.tenancy import organization_transaction
from routing import leases, offers, recording
from routing.candidates import Need, Person, candidates
from routing.models import Decision, Offer, Policy
from routing.scoring import Scored, rank


class Moved(Exception):
    """The conversation is no longer what was decided about: look again."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The ranking for one need at one moment."""

    need: Need
    ranked: tuple[Scored, ...]
    excluded: Mapping[int, tuple[str, ...]]
    at: datetime
    policy: Policy


def choose(people: Iterable[Person], need: Need, policy: Policy, now: datetime) -> Choice:
    """Return who could take it, best first, and why the others cannot."""
    eligible, excluded = candidates(people, need, now)
    return Choice(need, tuple(rank(eligible, need, now, policy.points)), excluded, now, policy)


def commit(choice: Choice, fence: int | None = None) -> tuple[Person | None, list[int]]:
    """Give (or offer) the conversation to the best candidate whom the database lets have it.

    Returns who that is, None for nobody, and the ids of those who turned out to be full or gone.
    Raises Moved when somebody else was faster. `fence` is the number of the lease under which we work.
    """
    refused: list[int] = []
    for scored in choice.ranked:
        try:
            with organization_transaction():
                leases.check(fence)
                _act(choice, scored)
        except (OverCapacity, NotAvailable):
            refused.append(scored.person.id)
        except (AlreadyTaken, NotFound) as error:
            raise Moved from error
        else:
            return scored.person, refused
    return None, refused


def _lock_unless_busy(conversation_id: int) -> Conversation:
    """Return the conversation, locked; raises AlreadyTaken when it is before somebody, or somebody is at it.

    Waiting would line up all routers behind one row instead of spreading them over the queue.
    """
    pending = Offer.objects.filter(conversation_id=OuterRef("pk"), state=Offer.State.PENDING)
    rows = Conversation.objects.select_for_update(no_key=True, skip_locked=True)
    found = next(iter(rows.filter(~Exists(pending), pk=conversation_id)), None)
    if found is None:
        raise AlreadyTaken
    return found


def _act(choice: Choice, scored: Scored) -> None:
    conversation = _lock_unless_busy(choice.need.conversation_id)
    _check_unmoved(conversation, choice.need)
    if choice.policy.mode == Policy.Mode.OFFER:
        offers.make(choice.need, scored, choice.policy, data=_data(choice), at=choice.at)
        return
    decision = recording.record(
        choice.need,
        Decision.Outcome.ASSIGNED,
        data=_data(choice),
        policy=choice.policy,
        at=choice.at,
        chosen=scored,
    )
    assign_waiting(
        conversation,
        _staff(scored.person.id),
        Assignment.Mode.AUTOMATIC,
        decision=decision.pk,
        score=scored.total,
        topic=conversation.topic_id,
        urgency=conversation.urgency,
    )


def _check_unmoved(conversation: Conversation, need: Need) -> None:
    """Refuse to act on a conversation that was taken, or judged anew, since it was read."""
    asked = (need.department_id, need.topic_id)
    if (conversation.department_id, conversation.topic_id) != asked:
        raise AlreadyTaken
    if conversation.state != State.QUEUED:
        raise AlreadyTaken


def _staff(staff_id: int) -> Staff:
    needed = ("id", "organization_id", "user_id", "permission_epoch", "is_active")
    found = next(iter(Staff.objects.filter(pk=staff_id).only(*needed)), None)
    if found is None:
        raise NotAvailable
    return found


def _data(choice: Choice) -> recording.Json:
    return recording.compose(choice.need, choice.ranked, choice.excluded, choice.policy.points)


def record_waiting(choice: Choice) -> None:
    """Record that nobody was free, so that "why not me?" has an answer while it waits."""
    with organization_transaction():
        conversation = timeline.lock(choice.need.conversation_id)
        if conversation.state != State.QUEUED:
            return
        recording.record(
            choice.need,
            Decision.Outcome.QUEUED,
            data=_data(choice),
            policy=choice.policy,
            at=choice.at,
        )
