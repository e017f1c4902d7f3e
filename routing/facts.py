"""What routing knows of an organization and what changes slowly: kept until it does."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from django.db import connection

from helpdesk.models import (
    Organization,
    StaffSkill,
    Topic,
    TopicExample,
)
from helpdesk.services import loads
from helpdesk.services.calendars import times
from helpdesk.services.loads import Loads
from helpdesk.tenancy import current_organization_id
from routing.classify import TopicIndex, TopicSource
from routing.deciding import demands
from routing.deciding.evidence import Evidence
from routing.experiments import switching
from routing.kept_hours import KeptHours
from routing.kept_lending import KeptLending
from routing.kept_rings import read_rings
from routing.models import OverflowRule, Policy, SkillEvidence

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
    if organization_id not in _facts and len(_facts) >= _KEPT:
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
