"""One look at one organization: judge what is new, then give what waits where it is worth most."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from django.db import DataError, IntegrityError, OperationalError
from django.utils import timezone

from helpdesk.models import Conversation
from helpdesk.services.loads import kinds_of
from helpdesk.tenancy import organization_scope, organization_transaction
from routing import judging, learning, leases, needs, offers, pricing, queued
from routing.assignment import Choice, choose, commit, propose, record_waiting
from routing.candidates import Need
from routing.deciding.filters import codes
from routing.deciding.matching import decide
from routing.deciding.rules import Rules
from routing.deciding.standing import stand_again
from routing.deciding.team import Team
from routing.experiments import switching
from routing.facts import Facts, facts
from routing.handlers import quietly
from routing.models import Decision, Policy
from routing.narrowing import narrow, narrow_again
from routing.overflow import firing
from routing.people import people

logger = logging.getLogger(__name__)
# So many are decided about together, and so many of them are there because they wait longest.
BATCH = 256
OLDEST = 64
# So many are committed in one transaction.
COMMITTED = 128
# So many are looked at that only people in training could take.
FOR_LEARNERS = 32


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
        _beside(lambda: switching.note(known.experiments.values(), timezone.now()))
        outcome.judged = _judge(due, known) if due else 0
        _beside(lambda: firing.begin(due, known))
        _beside(lambda: firing.follow_due(timezone.now()))
        for conversation_id in stale:
            offers.withdraw(conversation_id)
        placed, is_full = _drain(known, fence, batch)
        outcome.placed = len(placed)
        _record_newly_waiting([pk for pk in due if pk not in placed], known)
    outcome.is_unfinished = is_full or len(due) == judging.BATCH
    return outcome


def _beside(act: Callable[[], object]) -> None:
    """Do what belongs to a look; when it fails, whatever waits is placed all the same."""
    try:
        act()
    except OperationalError:
        raise
    except Exception:
        logger.exception("a part of a look failed")


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
    """Place waiting conversations; returns which, and whether there may be more."""
    now = timezone.now()
    with organization_transaction():
        waiting_for = _asked(known)
        if not waiting_for:
            return set(), False
        team = Team.of(people(known, now))
        waiting = _servable(waiting_for, team, known, now, batch)
        asked = narrow(needs.needs(waiting, known, now), team, known, now, RulesOf(known, now))
        if asked:
            pricing.price(team, known, now)
    placed = _place(asked, team, known, fence)
    return placed, bool(placed) and len(asked) >= batch


def _servable(
    asked: Mapping[str, Need], team: Team, known: Facts, now: datetime, batch: int
) -> list[Conversation]:
    """Return the waiting conversations that somebody free could take, so that the head of the queue blocks nobody.

    The most urgent, and among them always some of the oldest: whatever comes, nothing waits for ever.
    """
    if not (team.free > 0).any():
        return []
    moment = now.timestamp()
    servable = [key for key, need in asked.items() if (codes(team, need, moment) == 0).any()]
    first = _most_pressing(servable, batch) if servable else []
    if known.has_practice:
        rest = {key: need for key, need in asked.items() if key not in servable}
        first += _only_for_learners(rest, team, known, now)
    if not first:
        return []
    rows = needs.read(Conversation.objects.all()).in_bulk(first)
    return [rows[pk] for pk in first]


def _asked(known: Facts) -> dict[str, Need]:
    """Return the different things that are asked for, by their keys."""
    keys = queued.keys()
    kinds = {} if known.loads.is_plain else kinds_of(map(queued.channel_of, keys))
    return {key: needs.need_of_kind(queued.kind(key, kinds), known) for key in keys}


def _most_pressing(keys: Sequence[str], batch: int) -> list[int]:
    first = queued.urgent_first(keys, batch)
    if len(first) < batch:
        return first
    oldest = queued.oldest_first(keys, OLDEST)
    return list(dict.fromkeys([*oldest, *first]))[:batch]


def _only_for_learners(
    asked: Mapping[str, Need], team: Team, known: Facts, now: datetime
) -> list[int]:
    """Return some of what nobody could take now but people in training, with a colleague behind who has no room."""
    rules_of = RulesOf(known, now)
    keys = [
        key
        for key, need in asked.items()
        if learning.possible(need, team, known.rules, rules_of(need), now)
    ]
    return queued.calm_first(keys, FOR_LEARNERS, below=learning.EASY_BELOW) if keys else []


def _place(asked: Sequence[Need], team: Team, known: Facts, fence: int | None) -> set[int]:
    """Give each need to whom it is worth most; returns the conversations that were placed.

    What the database refuses is decided again, with all that is left, by what is known then.
    """
    placed: set[int] = set()
    size = COMMITTED
    while asked:
        choices = _choices(asked, team, known)
        done, refused, bad = _commit_all(choices, size, fence)
        for choice in done:
            team.give(choice.given_row, choice.need, choice.at)
            pricing.note(choice.staff_id)
            placed.add(choice.need.conversation_id)
        if bad is not None:
            # One row that cannot be written must not keep back the others.
            asked = [need for need in asked if size > 1 or need.conversation_id != bad]
            size = 1
        elif refused is not None:
            team.fill(refused.staff_id)
        elif not done:
            break
        left = [need for need in asked if need.conversation_id not in placed]
        now = timezone.now()
        asked = narrow_again(left, team, known, now, RulesOf(known, now))
    return placed


class RulesOf:
    """The policy of each need's department and its rules, at one moment and read once for a look."""

    def __init__(self, known: Facts, at: datetime) -> None:
        self._known, self._at = known, at
        self._read: dict[int, tuple[Policy, Rules]] = {}

    def __call__(self, need: Need) -> Rules:
        return self._of(need)[1]

    def policy(self, need: Need) -> Policy:
        """Return the policy that the need's department is routed by."""
        return self._of(need)[0]

    def _of(self, need: Need) -> tuple[Policy, Rules]:
        department_id = need.department_id
        if department_id not in self._read:
            policy = self._known.policy(department_id, self._at)
            self._read[department_id] = policy, policy.rules
        return self._read[department_id]


def _choices(asked: Sequence[Need], team: Team, known: Facts) -> list[Choice]:
    """Decide about all together; whoever gets more than one stands as they do after those before it."""
    now = timezone.now()
    rules_of = RulesOf(known, now)
    decided = decide(asked, team, rules_of, now.timestamp())
    if decided.standings is None:
        return []
    after, given = team.copy(), set[int]()
    after.usual = team.usual_recent
    choices = []
    for number, row in decided.given:
        need = decided.needs[number]
        standings, at = decided.standings, number
        if row in given:
            standings, at = stand_again(standings, number, after.copy(), list(given)), 0
        choices.append(Choice(standings, at, row, now, rules_of.policy(need)))
        after.give(row, need, now)
        given.add(row)
    return choices


def _commit_all(
    choices: Sequence[Choice], size: int, fence: int | None
) -> tuple[list[Choice], Choice | None, int | None]:
    """Commit in parts, up to the first that is refused or cannot be written; returns which, and what it was."""
    done: list[Choice] = []
    for part in _parts(choices, size):
        try:
            made, refused = _commit(part, fence)
        except (IntegrityError, DataError):
            if size == 1:
                logger.exception("could not place conversation %s", part[0].need.conversation_id)
            return done, None, part[0].need.conversation_id
        done += made
        if refused is not None:
            return done, refused, None
    return done, None, None


def _parts(choices: Sequence[Choice], size: int) -> Iterator[Sequence[Choice]]:
    for at in range(0, len(choices), size):
        yield choices[at : at + size]


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
    """Record once for each newly judged conversation why it waits."""
    if not conversation_ids:
        return
    now = timezone.now()
    explaining = [Decision.Outcome.QUEUED, Decision.Outcome.HELD]
    with organization_transaction():
        explained = Decision.objects.filter(
            conversation_id__in=conversation_ids, outcome__in=explaining
        ).values("conversation_id")
        rows = needs.waiting().filter(pk__in=conversation_ids).exclude(pk__in=explained)
        left = needs.needs(list(needs.read(rows)), known, now)
        if not left:
            return
        team = Team.of(people(known, now))
        pricing.price(team, known, now)
        policies = RulesOf(known, now)
        left = narrow(left, team, known, now, policies)
    choices = [choose(team, need, policies.policy(need), now) for need in left]
    for outcome, is_held in ((Decision.Outcome.QUEUED, False), (Decision.Outcome.HELD, True)):
        waiting = [each.nobody() for each in choices if (each.row is not None) == is_held]
        if waiting:
            record_waiting(waiting, outcome)


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
