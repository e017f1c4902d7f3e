"""Who would get what really waits, by the rules in use and by a draft; nothing is written, nothing is locked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.utils import timezone

from helpdesk.access import Access, visible_conversations
from helpdesk.models import Conversation, Staff
from routing import needs, pricing
from routing.candidates import Need
from routing.deciding.matching import Decided, decide
from routing.deciding.rules import Rules
from routing.deciding.team import Team
from routing.facts import Facts, facts
from routing.laboratory.drafts import rules_under
from routing.narrowing import narrow, narrow_again
from routing.people import people

SHOWN = 20
# So many of the most urgent are decided about together: those out of sight compete, and are not shown.
DECIDED = 64


@dataclass(frozen=True, slots=True)
class Fate:
    """What would become of one conversation now.

    It is given, held for somebody better, waits for the one who suits best and is full, or nobody is there.
    """

    kind: str
    staff: Staff | None = None
    # Whoever stands behind the person, who would learn with it.
    behind: Staff | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One waiting conversation under both."""

    conversation: Conversation
    now: Fate
    then: Fate

    @property
    def is_different(self) -> bool:
        return self.now != self.then


@dataclass(frozen=True, slots=True)
class Preview:
    """What a draft would change at this moment."""

    lines: Sequence[Line]

    @property
    def different(self) -> int:
        return sum(line.is_different for line in self.lines)

    @property
    def learning(self) -> tuple[int, int]:
        """Return how many would be given to people in training, by the policy in use and by the draft."""
        fates = [(line.now.behind, line.then.behind) for line in self.lines]
        return sum(now is not None for now, _ in fates), sum(then is not None for _, then in fates)


def preview(by: Access, draft: Rules, department_id: int | None) -> Preview:
    """Return the waiting conversations that the person may see and the draft would be asked about.

    The transaction is open. Most urgent first, then oldest.
    """
    now, known = timezone.now(), facts()
    waiting = list(needs.waiting().select_related("customer", "topic", "channel")[:DECIDED])
    seen = set(
        visible_conversations(by)
        .filter(pk__in=[one.pk for one in waiting])
        .values_list("pk", flat=True)
    )
    shown = [one for one in waiting if one.pk in seen and _is_meant(one, department_id, known)]
    if not shown:
        return Preview([])
    team = Team.of(people(known, now))
    asked = needs.needs(waiting, known, now)
    pricing.price(team, known, now)
    present = _fates(
        asked, team, known, lambda need: known.policy(need.department_id, now).rules, now
    )
    future = _fates(asked, team, known, rules_under(draft, department_id, known, now), now)
    names = _names([*present.values(), *future.values()])
    lines = [
        Line(one, _told(present.get(one.pk), names), _told(future.get(one.pk), names))
        for one in shown[:SHOWN]
    ]
    return Preview(lines)


def _is_meant(waiting: Conversation, department_id: int | None, known: Facts) -> bool:
    if department_id is not None:
        return waiting.department_id == department_id
    return waiting.department_id not in known.policies


@dataclass(frozen=True, slots=True)
class _Found:
    """A fate by the ids of people."""

    kind: str
    staff_id: int | None = None
    behind_id: int | None = None


def _fates(
    waiting: Sequence[Need],
    team: Team,
    known: Facts,
    rules_of: Callable[[Need], Rules],
    now: datetime,
) -> dict[int, _Found]:
    """Return by conversation what would become of it.

    What was kept for people in training, who have none left to spare, is asked of everybody next, as the router does.
    """
    asked, team = narrow(waiting, team, known, now, rules_of), team.copy()
    found: dict[int, _Found] = {}
    while asked:
        decided = decide(asked, team, rules_of, now.timestamp())
        told = _told_by(decided, team)
        found |= told
        if not decided.given:
            break
        for at, row in decided.given:
            team.give(row, decided.needs[at], now)
        left = [need for need in asked if found[need.conversation_id].kind != "given"]
        asked = narrow_again(left, team, known, now, rules_of)
    return found


def _told_by(decided: Decided, team: Team) -> dict[int, _Found]:
    standings = decided.standings
    if standings is None:
        return {}
    given = dict(decided.given)
    found: dict[int, _Found] = {}
    for at, need in enumerate(decided.needs):
        there = standings.is_there[at]
        if at in given:
            behind_id = need.practice.staff_ids[0] if need.practice else None
            found[need.conversation_id] = _Found("given", int(team.ids[given[at]]), behind_id)
        elif not there.any():
            found[need.conversation_id] = _Found("nobody")
        else:
            best = standings.rows[int(np.where(there, standings.totals[at], -1).argmax())]
            kind = "held" if at in decided.held else "full"
            found[need.conversation_id] = _Found(kind, int(team.ids[best]))
    return found


def _names(fates: Sequence[_Found]) -> dict[int, Staff]:
    ids = {pk for fate in fates for pk in (fate.staff_id, fate.behind_id) if pk is not None}
    rows = Staff.objects.filter(pk__in=ids).select_related("department").order_by()
    return {one.pk: one for one in rows}


def _told(fate: _Found | None, names: Mapping[int, Staff]) -> Fate:
    if fate is None:
        return Fate("nobody")
    return Fate(
        fate.kind,
        names.get(fate.staff_id or 0),
        names.get(fate.behind_id or 0),
    )
