"""What people's time is worth now and how much work each had lately: kept for a minute, since both change slowly."""

import time
from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.db.models import Count

from helpdesk.models import Assignment, Conversation
from helpdesk.tenancy import current_organization_id
from routing import needs
from routing.candidates import Need
from routing.deciding.prices import prices
from routing.deciding.team import Floats, Team
from routing.facts import Facts
from routing.queued import Kind
from routing.queueing import usual_hold

KEPT_SECONDS = 60.0
KEPT_ORGANIZATIONS = 200
# How far back demand says something about the next hour, and how long work counts as recent.
DEMAND_LOOK_BACK = timedelta(hours=4)
WORK_LOOK_BACK = timedelta(hours=8)
# So many of the newest conversations tell what is asked for.
MOST_DEMAND = 400
# Above this many pairs of people and needs only the most frequent needs are looked at.
MOST_PAIRS = 400_000


@dataclass(frozen=True, slots=True)
class _Kept:
    made_at: float
    prices: Mapping[int, float]
    recent: Counter[int]


_kept: OrderedDict[int, _Kept] = OrderedDict()


def price(team: Team, known: Facts, now: datetime) -> None:
    """Write onto the team what everybody's time is worth and how much they had; the transaction is open."""
    organization_id = current_organization_id()
    kept = _kept.get(organization_id)
    if kept is None or time.monotonic() - kept.made_at >= KEPT_SECONDS:
        if kept is not None:
            # From where the search begins.
            team.reckon(_column(team, kept.prices), _column(team, kept.recent))
        kept = _Kept(time.monotonic(), _priced(team, known, now), _recent(now))
        _keep(organization_id, kept)
    team.reckon(_column(team, kept.prices), _column(team, kept.recent))


def note(staff_id: int) -> None:
    """Count a conversation that somebody was given."""
    kept = _kept.get(current_organization_id())
    if kept is not None:
        kept.recent[staff_id] += 1


def _keep(organization_id: int, kept: _Kept) -> None:
    _kept[organization_id] = kept
    _kept.move_to_end(organization_id)
    while len(_kept) > KEPT_ORGANIZATIONS:
        _kept.popitem(last=False)


def _column(team: Team, by_staff: Mapping[int, float]) -> Floats:
    return np.array([by_staff.get(int(pk), 0.0) for pk in team.ids], dtype=np.float64)


def _recent(now: datetime) -> Counter[int]:
    rows = Assignment.objects.filter(starts_at__gt=now - WORK_LOOK_BACK).order_by()
    return Counter(dict(rows.values_list("staff_id").annotate(Count("pk"))))


def _priced(team: Team, known: Facts, now: datetime) -> dict[int, float]:
    demand, counts, per_second = _demand(known, now, MOST_PAIRS // max(len(team), 1))
    found = prices(
        demand,
        team,
        counts=counts,
        conversations_per_second=per_second,
        usual_seconds=usual_hold(None, now).total_seconds(),
        now=now.timestamp(),
    )
    pairs = zip(team.ids, found, strict=True)
    return {int(pk): round(float(value), 4) for pk, value in pairs if value > 0}


def _demand(known: Facts, now: datetime, most: int) -> tuple[list[Need], list[int], float]:
    """Return what was asked for lately, most frequent first, how often, and how much of it comes in a second."""
    rows = Conversation.objects.filter(opened_at__gt=now - DEMAND_LOOK_BACK)
    fields = ("opened_at", "department_id", "topic_id", "language", "wanted_skill_id")
    lately = list(rows.order_by("-opened_at", "-id").values_list(*fields)[:MOST_DEMAND])
    if not lately:
        return [], [], 0.0
    kinds = Counter(Kind(*asked) for _opened_at, *asked in lately).most_common(max(most, 1))
    demand = [needs.need_of_kind(kind, known) for kind, _count in kinds]
    seconds = (now - lately[-1][0]).total_seconds()
    return demand, [count for _kind, count in kinds], len(lately) / max(seconds, 60.0)
