"""Reckons each night what everybody's skills lately came to, from conversations, ratings and exams."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils import timezone

from helpdesk.models import Assignment, Exam, Organization, StaffSkill
from helpdesk.tenancy import current_organization_id, organization_transaction
from routing.deciding.evidence import Evidence, Key, Tally, reckon
from routing.models import Objection, SkillEvidence, SkillReckoning

LOOK_BACK = timedelta(days=360)
HALF_LIFE = timedelta(days=90)
# A customer who comes back within this time was not helped.
COMES_BACK_WITHIN = timedelta(hours=72)
EXAM_COUNTS_AS = 10.0
# In the organization's own time. Organizations are spread over this many minutes from then on.
AT_HOUR, SPREAD_MINUTES = 2, 120
LEAST_APART = timedelta(hours=12)
# A task that has not ended by then was lost.
END_WITHIN = timedelta(minutes=20)
# A row that is new is due.
AT_ONCE = datetime(2000, 1, 1, tzinfo=UTC)
Ending = Assignment.Ending
# How a conversation ends with somebody who did not resolve it. What a supervisor or a clock moves says nothing.
PASSED_ON = (Ending.TRANSFERRED, Ending.RETURNED, Ending.UNANSWERED)

# What each held conversation whose topic has a skill came to; the rating is of whoever had it last.
_HELD = """
WITH held AS (
  SELECT a.staff_id, t.skill_id, t.id AS topic_id, r.score,
    power(0.5, extract(epoch FROM %(now)s - a.ended_at) / %(half_life)s) AS weight,
    CASE WHEN a.ending = %(resolved)s AND NOT (c.episode > a.episode AND EXISTS (
      SELECT 1 FROM helpdesk_entry e WHERE e.organization_id = a.organization_id
        AND e.conversation_id = a.conversation_id AND e.kind = 'reopened'
        AND e.at >= a.ended_at AND e.at < a.ended_at + %(comes_back)s
    )) THEN 1.0 ELSE 0.0 END AS resolved
  FROM helpdesk_assignment a
  JOIN helpdesk_conversation c ON c.organization_id = a.organization_id AND c.id = a.conversation_id
  JOIN helpdesk_topic t ON t.organization_id = a.organization_id AND t.id = c.topic_id
  LEFT JOIN helpdesk_rating r ON r.organization_id = a.organization_id
    AND r.conversation_id = a.conversation_id AND r.episode = a.episode
    AND a.ending = %(resolved)s AND (r.staff_id = a.staff_id OR r.staff_id IS NULL)
  WHERE a.organization_id = %(organization)s AND t.skill_id IS NOT NULL
    AND a.ended_at > %(since)s AND a.ended_at <= %(now)s
    AND (a.ending = %(resolved)s OR a.ending = ANY(%(passed_on)s)
      OR (a.ending = %(objected)s AND EXISTS (
        SELECT 1 FROM routing_objection o WHERE o.organization_id = a.organization_id
          AND o.conversation_id = a.conversation_id AND o.staff_id = a.staff_id
          AND o.reason = %(cannot)s
      )))
)
SELECT staff_id, skill_id, topic_id, sum(weight), sum(weight * resolved), count(*),
  coalesce(sum(weight) FILTER (WHERE score IS NOT NULL), 0),
  coalesce(sum(weight * resolved) FILTER (WHERE score IS NOT NULL), 0),
  coalesce(sum(weight * (score - 1) / 4.0), 0)
FROM held GROUP BY staff_id, skill_id, topic_id ORDER BY staff_id, skill_id, topic_id
"""


def is_due(now: datetime) -> bool:
    """Tell whether a task should reckon now; it is then due again later, should that task be lost."""
    with organization_transaction():
        SkillReckoning.objects.get_or_create(defaults={"due_at": AT_ONCE})
        rows = SkillReckoning.objects.select_for_update(skip_locked=True)
        row = rows.filter(due_at__lte=now).first()
        if row is None:
            return False
        row.due_at = now + END_WITHIN
        row.save(update_fields=["due_at"])
    return True


def renew() -> int | None:
    """Reckon the evidence of the organization in scope anew; returns of how many skills there is some.

    Returns None for a second task within the same night. Whoever comes meanwhile waits.
    """
    now = timezone.now()
    with organization_transaction():
        SkillReckoning.objects.get_or_create(defaults={"due_at": AT_ONCE})
        row = SkillReckoning.objects.select_for_update().get()
        if row.reckoned_at and row.reckoned_at > now - LEAST_APART:
            return None
        found = _store(now)
        row.reckoned_at, row.due_at = now, next_night(now)
        row.save(update_fields=["reckoned_at", "due_at"])
    return found


def next_night(now: datetime) -> datetime:
    """Return when the organization in scope is due after `now`."""
    organization_id = current_organization_id()
    name = Organization.objects.values_list("timezone", flat=True).get(pk=organization_id)
    local = (now + LEAST_APART).astimezone(ZoneInfo(name))
    minutes = 60 * AT_HOUR + organization_id % SPREAD_MINUTES
    night = local.replace(hour=minutes // 60, minute=minutes % 60, second=0, microsecond=0)
    if night < local:
        night += timedelta(days=1)
    return night.astimezone(UTC)


def _store(now: datetime) -> int:
    levels = {
        (staff_id, skill_id): level
        for staff_id, skill_id, level in StaffSkill.objects.order_by().values_list(
            "staff_id", "skill_id", "level"
        )
    }
    found = reckon([*_conversations(now), *_exams(now)], levels)
    SkillEvidence.objects.all().delete()
    SkillEvidence.objects.bulk_create(
        [_row(key, levels[key], evidence) for key, evidence in found.items()], batch_size=1000
    )
    return len(found)


def _row(key: Key, level: int, evidence: Evidence) -> SkillEvidence:
    return SkillEvidence(
        staff_id=key[0],
        skill_id=key[1],
        level=level,
        change=evidence.change,
        conversations=evidence.conversations,
        resolved=evidence.resolved,
        expected=evidence.expected,
        stars=evidence.stars,
        exam_percent=evidence.exam_percent,
    )


def _conversations(now: datetime) -> Iterable[Tally]:
    parameters: dict[str, Any] = {  # Any: parameters of a query
        "organization": current_organization_id(),
        "now": now,
        "since": now - LOOK_BACK,
        "half_life": HALF_LIFE.total_seconds(),
        "comes_back": COMES_BACK_WITHIN,
        "resolved": Ending.RESOLVED,
        "passed_on": [str(ending) for ending in PASSED_ON],
        "objected": Ending.OBJECTED,
        "cannot": Objection.Reason.SKILL,
    }
    with connection.cursor() as cursor:
        cursor.execute(_HELD, parameters)
        for staff, skill, topic, weight, resolved, count, *rated in cursor.fetchall():
            yield Tally(
                staff, skill, topic, float(weight), float(resolved), count, *map(float, rated)
            )


def _exams(now: datetime) -> Iterable[Tally]:
    """Yield the newest exam of each person and skill, as so many conversations."""
    rows = Exam.objects.filter(taken_on__gt=(now - LOOK_BACK).date(), taken_on__lte=now.date())
    newest = rows.order_by("staff_id", "skill_id", "-taken_on", "-id").distinct(
        "staff_id", "skill_id"
    )
    for exam in newest:
        age = timedelta(days=(now.date() - exam.taken_on).days)
        weight = EXAM_COUNTS_AS * 0.5 ** (age / HALF_LIFE)
        yield Tally(exam.staff_id, exam.skill_id, None, weight, weight * exam.score_percent / 100)
