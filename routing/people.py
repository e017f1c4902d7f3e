"""The people of an organization as they are now: kept by the process, and of each look only what changed is read."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock
from time import monotonic
from typing import Any

from django.db import connection
from django.db.models import BooleanField, F, OuterRef, Subquery
from django.db.models.expressions import RawSQL

from helpdesk.access import Access, accesses_of
from helpdesk.models import Assignment, Staff
from helpdesk.permissions import CONVERSATION_REPLY
from helpdesk.services import loads
from helpdesk.services.loads import Loads
from helpdesk.tenancy import current_organization_id
from routing.candidates import Person, Reach
from routing.facts import Facts
from routing.offers import count_pending, reserved_weights
from routing.practising import Practising, practising

# A row counts as changed when the transaction that wrote it had not ended at the last look.
_CHANGED = "age(helpdesk_staff.xmin) <= age(%s::xid) OR age(helpdesk_presence.xmin) <= age(%s::xid)"
_NOW = """
SELECT pg_snapshot_xmin(pg_current_snapshot())::xid::text, pg_current_xact_id_if_assigned() IS NULL,
       (SELECT count(*) FROM helpdesk_staff WHERE is_active), pg_postmaster_start_time()
"""
# Everything is read anew after so long; of so many organizations people are kept.
KEPT_SECONDS = 3600.0
KEPT_ORGANIZATIONS = 200


@dataclass(slots=True)
class _Kept:
    """The active staff at one moment, with what they are to routing but for what time and others change."""

    read_at: float
    # Since when the server runs: another, after a failover or with a backup put back, numbers transactions by itself.
    server: datetime
    since: str = ""
    staff: dict[int, Staff] = field(default_factory=dict)
    accesses: dict[int, Access] = field(default_factory=dict)
    known: Facts | None = None
    people: dict[int, Person] = field(default_factory=dict)


_kept: dict[int, _Kept] = {}
# One for each organization: reading all of a large one keeps nobody else waiting.
_locks: dict[int, Lock] = defaultdict(Lock)


def people(known: Facts, now: datetime) -> list[Person]:
    """Return the active staff as they are now, by id: access, presence, load and what is reserved for offers."""
    with _locks[current_organization_id()]:
        kept = _current()
        _note(kept, known)
        staff, found = list(kept.staff.values()), [kept.people[pk] for pk in sorted(kept.people)]
    reserved = reserved_weights()
    held = _held(known, kept.staff)
    without_time = known.lending.without_time(staff, now)
    now_practising = practising(known.learning) if known.has_practice else Practising()
    return [
        _as_of_now(
            person,
            off=known.hours.spell(person.id, person.timezone, now).reason,
            reserved=reserved[person.id],
            has_lent_time=person.id not in without_time,
            is_practising=person.id in now_practising.learners,
            stands_behind=now_practising.behind[person.id],
            **_of_kinds(person.id, held),
        )
        for person in found
    ]


def _current() -> _Kept:
    """Return who is active now; reads the rows that changed, and all of them where that cannot be told."""
    organization_id = current_organization_id()
    with connection.cursor() as cursor:
        cursor.execute(_NOW)
        since, is_reading, count, server = cursor.fetchone()
    kept = _kept.get(organization_id)
    # What this transaction has written itself may yet be taken back.
    if not (is_reading and kept and _holds(kept, server)):
        kept = _Kept(monotonic(), server)
    _read(kept)
    if len(kept.staff) != count:
        kept = _Kept(monotonic(), server)
        _read(kept)
    kept.since = since
    if is_reading:
        if organization_id not in _kept and len(_kept) >= KEPT_ORGANIZATIONS:
            _kept.clear()
        _kept[organization_id] = kept
    else:
        _kept.pop(organization_id, None)
    return kept


def _holds(kept: _Kept, server: datetime) -> bool:
    """Tell whether what changed since can be told by the numbers of its transactions."""
    return kept.server == server and monotonic() - kept.read_at <= KEPT_SECONDS


def _read(kept: _Kept) -> None:
    """Take over what has changed since the rows were read, or all of them."""
    last = Assignment.objects.filter(staff_id=OuterRef("pk")).order_by("-starts_at")
    rows = Staff.objects.order_by("pk").annotate(
        status=F("presence__status"),
        lease_until=F("presence__lease_until"),
        last_assigned_at=Subquery(last.values("starts_at")[:1]),
    )
    if kept.since:
        rows = rows.filter(RawSQL(_CHANGED, [kept.since] * 2, output_field=BooleanField()))  # noqa: S611  (constant)
    else:
        rows = rows.filter(is_active=True)
    changed = list(rows)
    for one in changed:
        kept.people.pop(one.pk, None)
        kept.staff.pop(one.pk, None)
    active = [one for one in changed if one.is_active]
    kept.accesses |= accesses_of(active)
    kept.staff |= {one.pk: one for one in active}


def _note(kept: _Kept, known: Facts) -> None:
    """Write down what those are to routing who are new or have changed, or all where the slow facts have."""
    if kept.known is not known:
        kept.known, kept.people = known, {}
    for staff_id in kept.staff.keys() - kept.people.keys():
        staff = kept.staff[staff_id]
        kept.people[staff_id] = _person(staff, kept.accesses[staff_id], known)


def _person(
    staff: Any, access: Access, known: Facts
) -> Person:  # Any: with what is annotated above
    return Person(
        id=staff.pk,
        reaches=_reaches(access),
        department_id=staff.department_id,
        certified={skill: until.timestamp() for skill, until in access.certified.items()},
        skills=known.skills.get(staff.pk, {}),
        evidence=known.evidence.get(staff.pk, {}),
        learning=known.learning.get(staff.pk, frozenset()),
        languages=tuple(code.split("-")[0].lower() for code in staff.languages),
        place=staff.place,
        capacity=staff.capacity,
        load=staff.load,
        is_active=staff.is_active,
        status=staff.status or "away",
        lease_until=staff.lease_until,
        last_assigned_at=staff.last_assigned_at,
        timezone=staff.timezone,
    )


def _reaches(access: Access) -> tuple[Reach, ...]:
    """Return where and on what the person may answer, as `Access.can_answer` tells it."""
    replying = access.allowed(CONVERSATION_REPLY)
    named = tuple(
        Reach(answering.departments & replying, answering.topics) for answering in access.answering
    )
    # A reply permission of one's own, without a role's topics, answers what has no topic yet.
    alone = replying.difference(*(reach.departments for reach in named))
    return (*named, Reach(alone, frozenset())) if alone else named


def _as_of_now(person: Person, **facts: Any) -> Person:  # Any: fields of a person
    """Return the person with these facts; the same one where nothing is new."""
    if all(getattr(person, name) == value for name, value in facts.items()):
        return person
    return replace(person, **facts)


def _held(known: Facts, staff_ids: Iterable[int]) -> Loads:
    """Return the rules of kinds with what people have in hand; asks nothing where there are none."""
    if known.loads.is_plain:
        return known.loads
    counted = Loads(known.loads.kinds, known.loads.limits)
    loads.count(counted, staff_ids)
    count_pending(counted)
    return counted


def _of_kinds(staff_id: int, held: Loads) -> dict[str, Any]:  # Any: fields of a person
    if held.is_plain:
        return {}
    limited = {*held.kinds, *(kind for _staff_id, kind in held.limits)}
    most = {kind: held.most(staff_id, kind) for kind in limited}
    return {
        "is_filled": staff_id in held.filled,
        "held": {kind: held.held[staff_id, kind] for kind in limited},
        "most": {kind: number for kind, number in most.items() if number is not None},
    }
