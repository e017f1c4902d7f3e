"""The waits of an organization as its supervisors see them: by topic and department, with the reason."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.utils.translation import gettext as _

from helpdesk.models import Department, Skill, Topic
from helpdesk.templatetags.portal import full_moment, spell
from routing.predicting.known import Waiter
from routing.predicting.outlook import Line, Outlook, outlook
from routing.predicting.presence import REASONS
from routing.queued import Kind

MOST_ROWS = 20


@dataclass(frozen=True, slots=True)
class WaitRow:
    """One topic of a department: how many wait, and how long somebody who comes now would."""

    department: Department
    topic: Topic | None
    skill: Skill | None
    waiting: int
    oldest: datetime | None
    line: Line
    # Of the widest wait on the board, in percent.
    middle_percent: int = 0
    late_percent: int = 0

    @property
    def reason(self) -> str:
        """Return why nobody can answer at once, and until when if that is known; empty where somebody can."""
        there = self.line.there
        reason = str(REASONS.get(there.reason, ""))
        if there.opens_at is None:
            return reason
        return _("%(reason)s, until %(at)s") % {"reason": reason, "at": full_moment(there.opens_at)}

    @property
    def is_uncovered(self) -> bool:
        """Tell whether somebody waits for whom nobody is there."""
        return bool(self.waiting) and not self.line.there.rows

    @property
    def wait(self) -> tuple[str, str] | None:
        """Return how long somebody who comes now would wait: half of them less, nine of ten less."""
        found = _newcomer(self.line)
        return None if found is None else (spell(int(found[0])), spell(int(found[1])))


def wait_rows(departments: Collection[int]) -> list[WaitRow]:
    """Return what waits, and what would if it came now, longest wait first; the transaction is open."""
    found = outlook()
    grouped = _grouped(found, departments)
    names = _Names(grouped)
    lines = {key: found.line(kinds[0]) for key, (kinds, _waiters) in grouped.items()}
    widest = max((_late(line) for line in lines.values() if line), default=1.0)
    rows = [
        WaitRow(
            names.departments[key[0]],
            names.topics.get(key[1] or 0),
            names.skills.get(key[2] or 0),
            len(waiters),
            min((waiter.since for waiter in waiters), default=None),
            line,
            *_percents(line, widest),
        )
        for key, (_kinds, waiters) in grouped.items()
        if (line := lines[key]) is not None and key[0] in names.departments
    ]
    rows = [row for row in rows if row.waiting or row.reason or _late(row.line) > 1]
    rows.sort(key=lambda row: (row.oldest is None, row.oldest, row.department.pk))
    return rows[:MOST_ROWS]


_Key = tuple[int, int | None, int | None]


def _grouped(
    found: Outlook, departments: Collection[int]
) -> dict[_Key, tuple[list[Kind], list[Waiter]]]:
    """Return by department, topic and wanted skill: the kinds, the most asked for first, and who waits."""
    grouped: dict[_Key, tuple[list[Kind], list[Waiter]]] = {}
    kinds = [waiter.kind for waiter in found.waiting] + list(found.line_of)
    for kind in kinds:
        if kind.department_id in departments:
            grouped.setdefault(_key(kind), ([], []))[0].append(kind)
    for waiter in found.waiting:
        if waiter.kind.department_id in departments:
            grouped[_key(waiter.kind)][1].append(waiter)
    return grouped


def _key(kind: Kind) -> _Key:
    return kind.department_id, kind.topic_id, kind.wanted_skill_id


class _Names:
    """What the rows are called, in three queries."""

    def __init__(self, keys: Collection[_Key]) -> None:
        self.departments = Department.objects.in_bulk({key[0] for key in keys})
        self.topics = Topic.objects.in_bulk({key[1] for key in keys if key[1]})
        self.skills = Skill.objects.in_bulk({key[2] for key in keys if key[2]})


def _newcomer(line: Line) -> tuple[float, float] | None:
    if not line.there.rows or not np.isfinite(line.middle[-1]):
        return None
    return float(line.middle[-1]), float(min(line.late[-1], 24 * 3600.0))


def _late(line: Line) -> float:
    found = _newcomer(line)
    return max(found[1], 1.0) if found else 1.0


def _percents(line: Line, widest: float) -> Sequence[int]:
    found = _newcomer(line)
    return [int(100 * one / widest) for one in found] if found else [0, 0]
