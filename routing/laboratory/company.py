"""The organization's own company to play with: its people, and customers drawn from those of the last weeks.

Skills with what they lately came to, capacity, working hours and lent time are as they are now. What nobody
knows of customers is assumed: how long each stays, how much each is more or less work than usual, and how it
ends with whom. Nobody in it has met before, and all come to a department at the topic that was judged.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from math import log, sqrt
from zoneinfo import ZoneInfo

import numpy as np

from helpdesk.models import Conversation, Organization, Staff, Topic
from helpdesk.tenancy import current_organization_id
from routing import needs
from routing.candidates import Need, Person
from routing.deciding.filters import codes
from routing.deciding.rules import URGENT
from routing.deciding.team import Floats, Team
from routing.facts import Facts, TopicRule
from routing.laboratory.world import BEGINS_AT, FAR, Arrival, Shift, World
from routing.people import people
from routing.queued import Kind
from routing.queueing import usual_hold

LOOK_BACK = timedelta(days=28)
MOST_READ = 5000
# With fewer conversations they are drawn from the topics. When fewer come in a day, or it is not known how
# many, as many are drawn as fill this part of the people's time.
ENOUGH, LEAST_A_DAY, USUAL_LOAD = 40, 60, 0.6
# A play has no more than this of each; larger companies are played as a part of themselves.
MOST_ARRIVALS, MOST_PEOPLE = 500, 120
LONGEST_HOURS, SHORTEST_HOURS = 8, 2
QUARTER = timedelta(minutes=15)
QUARTERS = 96
NINE = 4 * 9
NORMAL = 30
# Mean seconds for which customers stay; the work of one by the usual has this spread.
PATIENCE = {"urgent": 900.0, "normal": 1800.0, "low": 3600.0}
SPREAD = 0.9
_SIGMA = sqrt(log(1 + SPREAD**2))


@dataclass(frozen=True, slots=True)
class Sort:
    """One kind of customer: when in the window they came, and what they ask for."""

    at: float
    need: Need


@dataclass(frozen=True, slots=True)
class Company:
    """What plays are drawn from."""

    people: Sequence[Person]
    shifts: Sequence[Shift]
    lent: Mapping[int, float]
    sorts: Sequence[Sort]
    # Expected customers and seconds of a play.
    customers: float
    seconds: float
    usual_seconds: float
    # How many real conversations stand behind it; 0: drawn from the topics.
    seen: int
    # The active staff with capacity, of whom a part is played.
    staff: int
    begins_at: datetime
    # As many come as fill the people's time, not as many as were seen.
    is_filled: bool
    topics: Mapping[int, TopicRule]


class Nobody(Exception):
    """Nobody could answer, or there is nothing to ask."""


def gather(known: Facts, now: datetime) -> Company:
    """Return the organization's company; raises Nobody. The transaction is open."""
    zone = ZoneInfo(
        Organization.objects.values_list("timezone", flat=True).get(pk=current_organization_id())
    )
    staff = [_fresh(one) for one in people(known, now) if one.reaches and one.capacity >= 1]
    seen = _seen(known, now)
    if not staff or not (seen or known.rules):
        raise Nobody
    worked, day = _working(staff, known, now.astimezone(zone))
    usual = usual_hold(None, now).total_seconds()
    is_seen = len(seen) >= ENOUGH
    moments = [at.astimezone(zone) for at, _need in seen] if is_seen else []
    asked = [need for _at, need in seen] if is_seen else _of_topics(known)
    expected = _expected(moments, worked)
    is_filled = expected is None
    expected = _filling(asked, staff, usual) * worked if expected is None else expected
    first, hours = _window(expected, worked)
    begins_at, seconds = day + first * QUARTER, hours * 3600.0
    customers = float(expected[first : first + 4 * hours].sum())
    at_any_time = [Sort(-1.0, need) for need in asked]
    sorts = at_any_time if is_filled else _sorts(seen, begins_at, seconds)
    share = min(1.0, MOST_ARRIVALS / max(customers, 1.0), MOST_PEOPLE / len(staff))
    played = _part(staff, share)
    shifts = _shifts(played, known, begins_at, seconds)
    return Company(
        played,
        shifts,
        _lent(played, shifts, seconds),
        sorts,
        customers * share,
        seconds,
        usual,
        len(sorts) if is_seen else 0,
        len(staff),
        begins_at,
        is_filled,
        known.rules,
    )


def draw(company: Company, seed: int) -> World:
    """Return one day of the company; the same seed draws the same customers and the same luck."""
    luck = np.random.default_rng(seed)
    count = max(int(luck.poisson(company.customers)), 1)
    chosen = [company.sorts[at] for at in luck.integers(0, len(company.sorts), count)]
    # The last customers come early enough to be answered.
    last = 0.92 * company.seconds
    moments = [
        float(np.clip(one.at + luck.normal(0, 600), 0, last))
        if one.at >= 0
        else float(luck.uniform(0, last))
        for one in chosen
    ]
    arrivals = [
        _arrival(at, one.need, luck)
        for at, one in sorted(zip(moments, chosen, strict=True), key=lambda pair: pair[0])
    ]
    return World(
        people=tuple(company.people),
        arrivals=tuple(arrivals),
        ends_at=company.seconds,
        shifts=tuple(company.shifts),
        lent=company.lent,
        usual_seconds=company.usual_seconds,
        topics=company.topics,
    )


def _arrival(at: float, need: Need, luck: np.random.Generator) -> Arrival:
    level = need.urgency
    urgency = "urgent" if level >= URGENT else "normal" if level >= NORMAL else "low"
    return Arrival(
        at=at,
        need={skill: 1 / len(need.skills) for skill in need.skills},
        urgency=urgency,
        patience=float(luck.exponential(PATIENCE[urgency])),
        effort=float(luck.lognormal(-(_SIGMA**2) / 2, _SIGMA)),
        first_luck=float(luck.random()),
        second_luck=float(luck.random()),
        asked=need,
    )


def _fresh(one: Person) -> Person:
    """Return somebody at the beginning of a day."""
    return replace(
        one, load=Decimal(0), reserved=Decimal(0), status="online", lease_until=FAR, off="",
        has_lent_time=True, last_assigned_at=None, recent=0.0, price=0.0,
        is_practising=False, stands_behind=0,
    )  # fmt: skip


def _seen(known: Facts, now: datetime) -> list[tuple[datetime, Need]]:
    rows = Conversation.objects.filter(opened_at__gt=now - LOOK_BACK).order_by("-opened_at", "-id")
    fields = ("opened_at", "urgency", "customer__place", "department_id", "topic_id", "language")
    return [
        (
            at,
            replace(
                needs.need_of_kind(Kind(department_id, topic_id, language, skill_id), known),
                weight=Decimal(1),
                urgency=urgency,
                place=place,
            ),
        )
        for at, urgency, place, department_id, topic_id, language, skill_id in rows.values_list(
            *fields, "wanted_skill_id"
        )[:MOST_READ]
    ]


def _of_topics(known: Facts) -> list[Need]:
    """Return what each topic asks for, as urgent as it is by itself."""
    found = []
    for topic_id, department_id in (
        Topic.objects.filter(is_active=True).order_by("id").values_list("id", "department_id")
    ):
        need = needs.need_of_kind(Kind(department_id, topic_id, "", None), known)
        found.append(replace(need, weight=Decimal(1), urgency=known.rules[topic_id].base_urgency))
    return found


def _working(staff: Sequence[Person], known: Facts, now: datetime) -> tuple[Floats, datetime]:
    """Return by quarter of an hour how many work on the busiest of the next seven days, and its midnight."""
    zones = dict(
        Staff.objects.filter(pk__in=[one.id for one in staff]).values_list("pk", "timezone")
    )
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    best = None
    for number in range(1, 8):
        day = midnight + timedelta(days=number)
        counts = np.zeros(QUARTERS)
        for quarter in range(QUARTERS):
            at = day + quarter * QUARTER
            counts[quarter] = sum(
                known.hours.spell(one.id, zones[one.id], at).is_on for one in staff
            )
        if best is None or counts.sum() > best[0].sum():
            best = (counts, day)
    if best is None or not best[0].any():
        raise Nobody
    return best


def _expected(moments: Sequence[datetime], worked: Floats) -> Floats | None:
    """Return how many came in each quarter of a day while somebody works; None where they are too few."""
    counts = np.zeros(QUARTERS)
    for at in moments:
        counts[_quarter(at)] += 1
    seen: Floats = counts / (len({at.date() for at in moments}) or 1) * (worked > 0)
    return seen if seen.sum() >= LEAST_A_DAY else None


def _filling(asked: Sequence[Need], staff: Sequence[Person], usual: float) -> float:
    """Return how many in a quarter, by each who works, fill the people of the busiest department."""
    team, now = Team.of(staff), BEGINS_AT.timestamp()
    able: dict[int, set[int]] = defaultdict(set)
    for need in {_kind(one): one for one in asked}.values():
        able[need.department_id].update(map(int, np.flatnonzero(codes(team, need, now) == 0)))
    parts = Counter(need.department_id for need in asked)
    rates = [
        sum(float(staff[row].capacity) for row in rows) * len(asked) / parts[department_id]
        for department_id, rows in able.items()
        if rows
    ]
    return USUAL_LOAD * min(rates, default=1.0) * QUARTER.total_seconds() / usual / len(staff)


def _kind(need: Need) -> Hashable:
    return (need.department_id, need.topic_id, need.language, tuple(need.skills))


def _quarter(at: datetime) -> int:
    return 4 * at.hour + at.minute // 15


def _offset(at: datetime, begins_at: datetime) -> float:
    """Return the seconds by which a time of day is after the beginning, whatever the day."""
    local = at.astimezone(begins_at.tzinfo)
    first = begins_at.hour * 3600 + begins_at.minute * 60
    return float(local.hour * 3600 + local.minute * 60 + local.second - first)


def _window(expected: Floats, worked: Floats) -> tuple[int, int]:
    """Return the quarter in which a play begins, and its hours: when most come, then when most work.

    The more come, the shorter it is.
    """
    hours = LONGEST_HOURS
    while hours > SHORTEST_HOURS and _most(expected, 4 * hours) > MOST_ARRIVALS:
        hours -= 1
    length = 4 * hours
    keys = [
        (
            round(float(expected[at : at + length].sum()), 6),
            worked[at : at + length].sum(),
            -abs(at - NINE),
        )
        for at in range(QUARTERS - length + 1)
    ]
    return max(range(len(keys)), key=keys.__getitem__), hours


def _sorts(
    seen: Sequence[tuple[datetime, Need]], begins_at: datetime, seconds: float
) -> list[Sort]:
    """Return those who came in the window, whatever the day."""
    found = [(_offset(at, begins_at), need) for at, need in seen]
    return [Sort(at, need) for at, need in found if 0 <= at < seconds]


def _most(counts: Floats, length: int) -> float:
    return float(max(counts[at : at + length].sum() for at in range(QUARTERS - length + 1)))


def _part(staff: Sequence[Person], share: float) -> list[Person]:
    """Return every so manieth of the people, in order; everybody where the share is whole."""
    count = max(round(share * len(staff)), 1)
    return [staff[int(at * len(staff) / count)] for at in range(count)]


def _shifts(
    staff: Sequence[Person], known: Facts, begins_at: datetime, seconds: float
) -> list[Shift]:
    zones = dict(
        Staff.objects.filter(pk__in=[one.id for one in staff]).values_list("pk", "timezone")
    )
    found = []
    for row, one in enumerate(staff):
        was_on = True
        for quarter in range(int(seconds // QUARTER.total_seconds())):
            at = begins_at + quarter * QUARTER
            is_on = known.hours.spell(one.id, zones[one.id], at).is_on
            if is_on != was_on:
                found.append(Shift(quarter * QUARTER.total_seconds(), row, is_on))
            was_on = is_on
    return sorted(found, key=lambda one: (one.at, one.row))


def _lent(staff: Sequence[Person], shifts: Sequence[Shift], seconds: float) -> dict[int, float]:
    """Return the seconds that lenders lend in the window."""
    rows = Staff.objects.filter(pk__in=[one.id for one in staff], lent_percent__isnull=False)
    lending = {pk: percent or 0 for pk, percent in rows.values_list("pk", "lent_percent")}
    on = worked_seconds(len(staff), shifts, seconds)
    return {
        row: on[row] * lending[one.id] / 100 for row, one in enumerate(staff) if one.id in lending
    }


def worked_seconds(count: int, shifts: Sequence[Shift], seconds: float) -> list[float]:
    """Return for how long each of so many people works in a play."""
    found, since = [0.0] * count, dict.fromkeys(range(count), 0.0)
    for shift in shifts:
        if shift.is_on:
            since[shift.row] = shift.at
        else:
            found[shift.row] += shift.at - since.pop(shift.row, shift.at)
    for row, at in since.items():
        found[row] += seconds - at
    return found
