"""One look at one organization: judge what is new, then give the most urgent waiting work to the best who is free."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from django.db import DataError, IntegrityError, OperationalError
from django.utils import timezone

from helpdesk.models import Conversation
from helpdesk.tenancy import organization_scope, organization_transaction
from routing import judging, leases, needs, offers
from routing.assignment import Choice, choose, commit, propose, record_waiting
from routing.candidates import Need, Person, candidates
from routing.facts import Facts, facts, people
from routing.handlers import quietly
from routing.models import Decision, Policy

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
            stale = offers.stale()
        outcome.judged = _judge(due, known) if due else 0
        for conversation_id in stale:
            offers.withdraw(conversation_id)
        placed, is_full = _drain(known, fence, batch)
        outcome.placed = len(placed)
        _record_newly_waiting([pk for pk in due if pk not in placed], known)
    outcome.is_unfinished = is_full or len(due) == judging.BATCH
    return outcome


def _judge(conversation_ids: Sequence[int], known: Facts) -> int:
    """Judge conversations together; where that fails each by itself, so that one keeps back no other."""
    try:
        return judging.judge(conversation_ids, known, timezone.now())
    except OperationalError:
        raise
    except Exception:
        if len(conversation_ids) > 1:
            return sum(_judge([conversation_id], known) for conversation_id in conversation_ids)
        logger.exception("could not judge conversation %s", conversation_ids[0])
        judging.pass_over(conversation_ids[0])
        return 0


def _drain(known: Facts, fence: int | None, batch: int) -> tuple[set[int], bool]:
    """Place waiting conversations, most urgent first, then oldest; returns which, and whether there may be more."""
    now = timezone.now()
    with organization_transaction():
        staff = {person.id: person for person in people(known, now)}
        waiting = _servable(list(staff.values()), known, now, batch)
        asked = needs.needs(waiting, known, now)
    placed = _place(asked, staff, known, fence)
    return placed, bool(placed) and len(asked) == batch


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


def _place(
    asked: Sequence[Need], staff: dict[int, Person], known: Facts, fence: int | None
) -> set[int]:
    """Give each need to the best for it, in the order given; returns the conversations that were placed.

    What the database refuses, and all that follows, is decided again by what is known then.
    """
    placed: set[int] = set()
    size = len(asked)
    while asked:
        choices = _plan(asked[:size], staff, known)
        try:
            done, refused = _commit(choices, fence)
        except (IntegrityError, DataError):
            if size == 1:
                logger.exception("could not place conversation %s", asked[0].conversation_id)
                asked = asked[1:]
            # One row that cannot be written must not keep back the others.
            size = 1
            continue
        for choice in done:
            _load(staff, choice)
        placed.update(choice.need.conversation_id for choice in done)
        if refused is None:
            asked = asked[size:]
            continue
        person = refused.best.person
        staff[person.id] = replace(person, load=person.capacity)
        asked = [need for need in asked if need.conversation_id not in placed]
    return placed


def _plan(asked: Sequence[Need], staff: Mapping[int, Person], known: Facts) -> list[Choice]:
    """Return whom each need should go to, as if those before it were placed; without those nobody can take."""
    after = dict(staff)
    choices = []
    for need in asked:
        choice = choose(after.values(), need, known.policy(need.department_id), timezone.now())
        if choice.ranked:
            _load(after, choice)
            choices.append(choice)
    return choices


def _load(staff: dict[int, Person], choice: Choice) -> None:
    person = staff[choice.best.person.id]
    load = person.load + choice.need.weight
    staff[person.id] = replace(person, load=load, last_assigned_at=choice.at)


def _commit(choices: Sequence[Choice], fence: int | None) -> tuple[list[Choice], Choice | None]:
    """Commit the choices, those of one mode together, up to the first that is refused."""
    done: list[Choice] = []
    for mode, together in groupby(choices, key=lambda choice: choice.policy.mode):
        act = propose if mode == Policy.Mode.OFFER else commit
        committed = act(list(together), fence)
        done += committed.done
        if committed.refused:
            return done, committed.refused
    return done, None


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
    choices = [choose(staff, need, known.policy(need.department_id), now) for need in left]
    nobody = [choice for choice in choices if not choice.ranked]
    if nobody:
        record_waiting(nobody)


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
