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
from routing.deciding.matching import decide
from routing.deciding.rules import Rules
from routing.deciding.team import Team
from routing.facts import Facts, facts
from routing.laboratory.drafts import rules_under
from routing.narrowing import narrow
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
    asked = narrow(needs.needs(waiting, known, now), team, known, now)
    pricing.price(team, known, now)
    present = _fates(asked, team, lambda need: known.policy(need.department_id, now).rules, now)
    future = _fates(asked, team, rules_under(draft, department_id, known, now), now)
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


def _fates(
    asked: Sequence[Need], team: Team, rules_of: Callable[[Need], Rules], now: datetime
) -> dict[int, tuple[str, int | None]]:
    """Return by conversation what would become of it, and with whom."""
    decided = decide(asked, team, rules_of, now.timestamp())
    standings = decided.standings
    if standings is None:
        return {}
    given = dict(decided.given)
    found: dict[int, tuple[str, int | None]] = {}
    for at, need in enumerate(decided.needs):
        there = standings.is_there[at]
        if at in given:
            found[need.conversation_id] = ("given", int(team.ids[given[at]]))
        elif not there.any():
            found[need.conversation_id] = ("nobody", None)
        else:
            best = standings.rows[int(np.where(there, standings.totals[at], -1).argmax())]
            kind = "held" if at in decided.held else "full"
            found[need.conversation_id] = (kind, int(team.ids[best]))
    return found


def _names(fates: Sequence[tuple[str, int | None]]) -> dict[int, Staff]:
    ids = {staff_id for _kind, staff_id in fates if staff_id is not None}
    rows = Staff.objects.filter(pk__in=ids).select_related("department").order_by()
    return {one.pk: one for one in rows}


def _told(fate: tuple[str, int | None] | None, names: Mapping[int, Staff]) -> Fate:
    kind, staff_id = fate or ("nobody", None)
    return Fate(kind, names.get(staff_id) if staff_id is not None else None)
