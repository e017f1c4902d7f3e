"""Who may, can and is there for a kind of conversation; and why nobody is, where nobody is."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from helpdesk.services.working_hours import Calendar, next_work
from routing.candidates import (
    CERTIFICATE,
    FULL,
    HOLIDAY,
    HOURS,
    INACTIVE,
    LANGUAGE,
    LEAVE,
    PERMISSION,
    SKILL,
    TOPIC,
    Need,
    Person,
)
from routing.deciding.filters import BITS, codes
from routing.deciding.team import Team
from routing.facts import Facts

MAY = BITS[INACTIVE] | BITS[PERMISSION] | BITS[TOPIC]
CAN = BITS[SKILL] | BITS[LANGUAGE] | BITS[CERTIFICATE]
OFF = BITS[HOURS] | BITS[HOLIDAY] | BITS[LEAVE]
# Whose calendars are asked when they begin again.
MOST_CALENDARS = 50

NOT_PERMITTED = "permission"
NOT_SKILLED = "skill"
OUTSIDE_HOURS = "hours"
ALL_AWAY = "away"
ALL_FULL = "full"
REASONS: dict[str, str | Promise] = {
    NOT_PERMITTED: _("nobody has the permission"),
    NOT_SKILLED: _("nobody has the skill at this level, the exam or the language"),
    OUTSIDE_HOURS: _("outside working hours"),
    ALL_AWAY: _("all are away"),
    ALL_FULL: _("all are full"),
}


@dataclass(frozen=True, slots=True)
class There:
    """Rows of the team who may, can and are there, free or full; and why the others cannot help now."""

    rows: frozenset[int]
    free: int
    able: int
    reason: str = ""
    # When the first of them begins to work again, outside their hours.
    opens_at: datetime | None = None


def there_for(need: Need, team: Team, known: Facts, now: datetime) -> There:
    """Return who could answer now, and the reason where nobody can at once."""
    lacks = codes(team, need, now.timestamp())
    able = (lacks & (MAY | CAN)) == 0
    there = np.flatnonzero((lacks & ~BITS[FULL]) == 0)
    free = int((lacks == 0).sum())
    reason, opens_at = "", None
    if not ((lacks & MAY) == 0).any():
        reason = NOT_PERMITTED
    elif not able.any():
        reason = NOT_SKILLED
    elif not len(there):
        is_off = bool(((lacks[able] & OFF) != 0).all())
        reason = OUTSIDE_HOURS if is_off else ALL_AWAY
        opens_at = opening([team.people[int(row)] for row in np.flatnonzero(able)], known, now)
    elif not free:
        reason = ALL_FULL
    opens_at = opens_at if reason == OUTSIDE_HOURS else None
    return There(frozenset(map(int, there)), free, int(able.sum()), reason, opens_at)


def opening(people: Iterable[Person], known: Facts, now: datetime) -> datetime | None:
    """Return when the first of some people begins to work; None where nobody does within weeks."""
    calendars: dict[tuple[int, str], Calendar] = {}
    for person in people:
        calendar = known.hours.calendar(person.id, person.timezone)
        calendars.setdefault(known.hours.alike(person.id, person.timezone), calendar)
        if len(calendars) >= MOST_CALENDARS:
            break
    starts = [start for each in calendars.values() if (start := next_work(each, now))]
    return min(starts, default=None)


def is_closed(department_id: int, team: Team) -> bool:
    """Tell whether nobody who answers in a department works now, by their calendars."""
    answering = [
        person.off in {HOURS, HOLIDAY, LEAVE}
        for person in team.people
        if any(department_id in reach.departments for reach in person.reaches)
    ]
    return bool(answering) and all(answering)
