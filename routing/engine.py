"""One look at one organization: judge what is new, then give the most urgent waiting work to the best who is free."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils import timezone

from helpdesk.errors import HelpdeskError
from helpdesk.models import Conversation
from helpdesk.tenancy import organization_scope, organization_transaction
from routing import judging, leases, needs, offers
from routing.assignment import Choice, Moved, choose, commit, record_waiting
from routing.candidates import Need, Person, candidates
from routing.facts import Facts, facts, people
from routing.handlers import quietly
from routing.models import Decision

logger = logging.getLogger(__name__)
BATCH = 64
MOST_KINDS = 200


@dataclass(slots=True)
class Outcome:
    """What one look has done."""

    judged: int = 0
    placed: int = 0
    is_unfinished: bool = False


def route(organization_id: int, *, fence: int | None = None, batch: int = BATCH) -> Outcome:
    """Look at an organization once; bounded work, safe to run many times and in many processes at once.

    `fence` is the number of the router's lease; None works without one.
    """
    outcome = Outcome()
    with quietly(), organization_scope(organization_id):
        with organization_transaction():
            known = facts()
            due = judging.due(timezone.now())
        for conversation_id in due:
            outcome.judged += _judge(conversation_id, known)
        for conversation_id in _stale_offers():
            offers.withdraw(conversation_id)
        outcome.placed, is_full = _drain(known, fence, batch)
        _record_newly_waiting(due, known)
    outcome.is_unfinished = is_full or len(due) == judging.BATCH
    return outcome


def _judge(conversation_id: int, known: Facts) -> int:
    try:
        judging.judge(conversation_id, known, timezone.now())
    except HelpdeskError:
        logger.exception("could not judge conversation %s", conversation_id)
        return 0
    return 1


def _stale_offers() -> list[int]:
    with organization_transaction():
        return offers.stale()


def _drain(known: Facts, fence: int | None, batch: int) -> tuple[int, bool]:
    """Place waiting conversations, most urgent first, then oldest; tells whether there may be more."""
    now = timezone.now()
    with organization_transaction():
        staff = {person.id: person for person in people(known, now)}
        waiting = _servable(list(staff.values()), known, now, batch)
        asked = needs.needs(waiting, known, now)
    placed = 0
    for need in asked:
        placed += _place(need, staff, known, fence)
    return placed, placed > 0 and len(asked) == batch


def _servable(
    staff: Sequence[Person], known: Facts, now: datetime, batch: int
) -> list[Conversation]:
    """Return the waiting conversations that somebody free could take, so that the head of the queue blocks nobody."""
    free = [person for person in staff if person.free > 0]
    if not free:
        return []
    kinds = needs.kinds()[:MOST_KINDS]
    servable = [kind for kind in kinds if candidates(free, needs.need_of_kind(kind, known), now)[0]]
    if not servable:
        return []
    rows = needs.waiting().filter(needs.of_kinds(servable)).select_related("customer")
    return list(rows[:batch])


def _place(need: Need, staff: dict[int, Person], known: Facts, fence: int | None) -> bool:
    now = timezone.now()
    choice = choose(staff.values(), need, known.policy(need.department_id), now)
    try:
        chosen, refused = commit(choice, fence)
    except Moved:
        return False
    for staff_id in refused:
        person = staff[staff_id]
        staff[staff_id] = replace(person, load=person.capacity)
    if chosen is None:
        return False
    staff[chosen.id] = replace(chosen, load=chosen.load + need.weight, last_assigned_at=now)
    return True


def _record_newly_waiting(conversation_ids: Sequence[int], known: Facts) -> None:
    """Record once for each newly judged conversation that nobody was free for it."""
    if not conversation_ids:
        return
    now = timezone.now()
    with organization_transaction():
        explained = Decision.objects.filter(
            conversation_id__in=conversation_ids, outcome=Decision.Outcome.QUEUED
        ).values("conversation_id")
        rows = needs.waiting().filter(pk__in=conversation_ids).exclude(pk__in=explained)
        left = needs.needs(list(rows.select_related("customer")), known, now)
        staff = people(known, now) if left else []
    for need in left:
        choice: Choice = choose(staff, need, known.policy(need.department_id), now)
        if not choice.ranked:
            record_waiting(choice)


def work(organization_id: int, holder: str, *, with_lease: bool = True) -> Outcome:
    """Look at an organization under the router's lease; does nothing while another router holds it."""
    with organization_scope(organization_id):
        fence = leases.acquire(holder) if with_lease else None
    if with_lease and fence is None:
        return Outcome()
    try:
        return route(organization_id, fence=fence)
    except leases.Fenced:
        logger.warning("lease of organization %s went to another router", organization_id)
        return Outcome()
