"""What routing knows of an organization: slow facts kept until they change, and people as they are now."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db import connection
from django.db.models import OuterRef, Subquery

from helpdesk.access import Access, access_of
from helpdesk.models import (
    Assignment,
    Organization,
    Staff,
    StaffSkill,
    Topic,
    TopicExample,
)
from helpdesk.permissions import CONVERSATION_REPLY
from helpdesk.services import loads
from helpdesk.services.calendars import times
from helpdesk.services.loads import Loads
from helpdesk.tenancy import current_organization_id
from routing.candidates import Person, Reach
from routing.classify import TopicIndex, TopicSource
from routing.deciding import demands
from routing.deciding.evidence import Evidence
from routing.experiments import switching
from routing.kept_hours import KeptHours
from routing.kept_lending import KeptLending
from routing.kept_rings import read_rings
from routing.models import OverflowRule, Policy, SkillEvidence
from routing.offers import count_pending, reserved_weights
from routing.practising import Practising, practising

# Tables whose rows make up the slow facts; a changed row has another xmin.
_WATCHED = (
    "helpdesk_topic",
    "helpdesk_topicexample",
    "helpdesk_staffskill",
    "helpdesk_workingperiod",
    "helpdesk_leave",
    "helpdesk_focustime",
    "helpdesk_organization",  # for its country
    "helpdesk_kindload",
    "helpdesk_kindlimit",
    "helpdesk_department",  # for who is below whom
    "routing_policy",
    "routing_ring",
    "routing_topicmodel",
    "routing_overflowrule",
    "routing_experiment",
    "routing_skillreckoning",  # changes whenever evidence does, which is many rows
)
_KEPT = 200


@dataclass(frozen=True, slots=True)
class TopicRule:
    """What a topic asks for."""

    department_id: int
    base_urgency: int
    skill_id: int | None = None
    minimum_level: int = 0
    needs_exam: bool = False


@dataclass(frozen=True)
class Facts:
    """The slow facts of one organization."""

    sources: Sequence[TopicSource]
    rules: Mapping[int, TopicRule]
    skills: Mapping[int, Mapping[int, int]]
    # staff -> skills in which they are in training
    learning: Mapping[int, frozenset[int]]
    hours: KeptHours
    loads: Loads
    lending: KeptLending
    policies: Mapping[int | None, Policy] = field(default_factory=dict)
    # By topic; None holds for all topics without rings of their own or above them.
    rings: Mapping[int | None, Sequence[demands.Ring]] = field(default_factory=dict)
    # In their order; only those that are followed.
    overflow_rules: Sequence[OverflowRule] = ()
    experiments: Mapping[int | None, switching.Running] = field(default_factory=dict)
    # By person and skill.
    evidence: Mapping[int, Mapping[int, Evidence]] = field(default_factory=dict)

    @cached_property
    def index(self) -> TopicIndex:
        """Return what judges texts, with the trained model in use; made when it is first asked."""
        # Most processes know these facts and never judge: a model is slow to load, and large.
        from routing.kept_models import model_in_use  # noqa: PLC0415

        return TopicIndex.of(self.sources, model_in_use())

    def rings_of(self, topic_id: int | None) -> Sequence[demands.Ring]:
        """Return the rings of a topic or of one above it, else those for all topics."""
        return self.rings.get(topic_id) or self.rings.get(None, ())

    @cached_property
    def has_practice(self) -> bool:
        """Tell whether anything is given to people in training at all."""
        percents = [policy.learning_percent for policy in self.policies.values()]
        return bool(self.learning) and any(percents)

    def policy(self, department_id: int, at: datetime) -> Policy:
        """Return the department's policy, else the organization's, else the one delivered.

        While an experiment runs there, it is the one of the arm whose turn it is at that moment.
        """
        used = self.policies.get(department_id) or self.policies.get(None) or Policy()
        experiment = switching.acting(self.experiments, self.policies, department_id)
        return experiment.policy(used, at) if experiment else used


_facts: dict[int, tuple[str, Facts]] = {}


def facts() -> Facts:
    """Return the facts of the organization in scope; reads them anew only when a row has changed."""
    organization_id, stamp = current_organization_id(), _stamp()
    known = _facts.get(organization_id)
    if known is not None and known[0] == stamp:
        return known[1]
    if len(_facts) >= _KEPT:
        _facts.clear()
    found = _read(organization_id)
    _facts[organization_id] = (stamp, found)
    return found


def _stamp() -> str:
    one = "(SELECT count(*) || '.' || coalesce(sum(xmin::text::bigint), 0) FROM {})"
    query = " || ' ' || ".join(one.format(connection.ops.quote_name(name)) for name in _WATCHED)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {query}")
        return str(cursor.fetchone()[0])


def _read(organization_id: int) -> Facts:
    # What a topic asks for holds for what waits with it, even after nothing new is about it.
    every = list(Topic.objects.all())
    topics = [topic for topic in every if topic.is_active]
    examples: dict[int, list[str]] = defaultdict(list)
    for topic_id, text in TopicExample.objects.values_list("topic_id", "text"):
        examples[topic_id].append(text)
    skills: dict[int, dict[int, int]] = defaultdict(dict)
    learning: dict[int, set[int]] = defaultdict(set)
    held = StaffSkill.objects.values_list("staff_id", "skill_id", "level", "is_learning")
    for staff_id, skill_id, level, is_learning in held:
        skills[staff_id][skill_id] = level
        if is_learning:
            learning[staff_id].add(skill_id)
    country = Organization.objects.values_list("country", flat=True).get(pk=organization_id)
    hours = KeptHours(times(), country)
    return Facts(
        sources=[_source(topic, examples[topic.pk]) for topic in topics],
        rules={topic.pk: _rule(topic) for topic in every},
        skills=dict(skills),
        learning={staff_id: frozenset(each) for staff_id, each in learning.items()},
        hours=hours,
        loads=loads.rules(),
        lending=KeptLending(hours),
        policies={policy.department_id: policy for policy in Policy.objects.all()},
        rings=read_rings({topic.pk: topic.parent_id for topic in topics}),
        overflow_rules=list(OverflowRule.objects.filter(is_active=True)),
        experiments=switching.running(),
        evidence=_evidence(skills),
    )


def _evidence(skills: Mapping[int, Mapping[int, int]]) -> dict[int, dict[int, Evidence]]:
    """Return what skills lately came to; a level that was stated anew since then counts alone."""
    found: dict[int, dict[int, Evidence]] = defaultdict(dict)
    for row in SkillEvidence.objects.order_by("id"):
        if skills.get(row.staff_id, {}).get(row.skill_id) == row.level:
            found[row.staff_id][row.skill_id] = row.plain
    return dict(found)


def _source(topic: Topic, examples: list[str]) -> TopicSource:
    return TopicSource(
        id=topic.pk,
        parent_id=topic.parent_id,
        names=tuple(name for name in (topic.name, topic.name_en) if name),
        keywords=tuple(topic.keywords),
        examples=tuple(examples),
        description=topic.description,
        base_urgency=topic.base_urgency,
    )


def _rule(topic: Topic) -> TopicRule:
    return TopicRule(
        topic.department_id,
        topic.base_urgency,
        topic.skill_id,
        topic.minimum_level,
        topic.needs_exam,
    )


def people(known: Facts, now: datetime, *, staff_ids: Sequence[int] | None = None) -> list[Person]:
    """Return the active staff as they are now: access, presence, load and what is reserved for offers."""
    rows = Staff.objects.filter(is_active=True)
    if staff_ids is not None:
        rows = rows.filter(pk__in=staff_ids)
    last = Assignment.objects.filter(staff_id=OuterRef("pk")).order_by("-starts_at")
    moments = {
        staff_id: _Moment(status or "away", lease_until, last_assigned_at)
        for staff_id, status, lease_until, last_assigned_at in rows.order_by().values_list(
            "pk",
            "presence__status",
            "presence__lease_until",
            Subquery(last.values("starts_at")[:1]),
        )
    }
    reserved = reserved_weights(moments)
    staff = [one for one in rows if one.pk in moments]
    held = _held(known, moments)
    without_time = known.lending.without_time(staff, now)
    now_practising = practising(known.learning) if known.has_practice else Practising()
    return [
        replace(
            _person(one, moments[one.pk], known, reserved[one.pk], now),
            has_lent_time=one.pk not in without_time,
            is_practising=one.pk in now_practising.learners,
            stands_behind=now_practising.behind[one.pk],
            **_of_kinds(one.pk, held),
        )
        for one in staff
    ]


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


@dataclass(frozen=True, slots=True)
class _Moment:
    status: str
    lease_until: datetime | None
    last_assigned_at: datetime | None


def _person(
    staff: Staff, moment: _Moment, known: Facts, reserved: Decimal, now: datetime
) -> Person:
    access = access_of(staff)
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
        reserved=reserved,
        is_active=staff.is_active,
        status=moment.status,
        lease_until=moment.lease_until,
        off=known.hours.spell(staff.pk, staff.timezone, now).reason,
        last_assigned_at=moment.last_assigned_at,
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
