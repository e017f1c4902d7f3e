"""What a slice came to: counted once, when all that opened in it has been watched for its time.

A conversation belongs to the arm whose turn it was when it opened, whatever became of it (intention to
treat), and to the department it was first routed for, which no arm can have changed. What opened during the
wash-out belongs to nobody. Each is watched for the same time after its opening, so that one still unresolved
counts alike in both arms.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from helpdesk.models import Department
from helpdesk.registries import live_kinds
from helpdesk.tenancy import current_organization_id, organization_transaction
from routing import policies
from routing.deciding.rules import URGENT
from routing.experiments.switching import acting, running
from routing.measures import Name
from routing.models import Experiment, Policy, Slice

# So many slices are counted in one go.
BATCH = 16
Figures = dict[int, list[float]]

# The conversations that count, each with the slice of its opening.
_OPENED = """
WITH opened AS MATERIALIZED (
  SELECT c.id, c.opened_at, c.urgency, c.first_replied_at,
    CASE WHEN h.kind = ANY(%(live)s) THEN %(calm_chat)s ELSE %(calm)s END AS calm,
    c.opened_at + %(watched)s AS watched_until,
    floor(extract(epoch FROM c.opened_at - %(starts)s) / %(seconds)s)::int AS slice
  FROM helpdesk_conversation c
  JOIN helpdesk_channel h ON h.organization_id = c.organization_id AND h.id = c.channel_id
  WHERE c.organization_id = %(organization)s
    AND c.opened_at >= %(since)s AND c.opened_at < %(until)s
    AND mod(extract(epoch FROM c.opened_at - %(starts)s), %(seconds)s) >= %(washout)s
    AND (
      SELECT (d.data -> 'need' ->> 'department')::bigint FROM routing_decision d
      WHERE d.organization_id = c.organization_id AND d.conversation_id = c.id
      ORDER BY d.id LIMIT 1
    ) = ANY(%(departments)s)
)
"""
_REPLY = "least(coalesce(o.first_replied_at, o.watched_until), o.watched_until) - o.opened_at"
_IN_TARGET = f"""
  extract(epoch FROM {_REPLY}) <= o.calm * power(
    %(urgent)s / o.calm, least(o.urgency / %(most)s, 1.0)
  ) AND o.first_replied_at IS NOT NULL
"""
_HAPPENED = """EXISTS (
  SELECT 1 FROM helpdesk_entry e WHERE e.organization_id = %(organization)s
    AND e.conversation_id = o.id AND e.kind = '{}' AND e.at < o.watched_until
)"""


def _share(condition: str, where: str = "true") -> str:
    """Return a query for the share of conversations of which a condition holds."""
    return f"""
      SELECT o.slice, avg(CASE WHEN {condition} THEN 1.0 ELSE 0.0 END), count(*)
      FROM opened o WHERE {where} GROUP BY o.slice
    """  # noqa: S608  (constants of this module)


QUERIES: dict[str, str] = {
    Name.RESOLUTION: _share(
        f"{_HAPPENED.format('resolved')} AND NOT {_HAPPENED.format('reopened')}"
    ),
    Name.FIRST_REPLY: f"""
      SELECT o.slice,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM {_REPLY})), count(*)
      FROM opened o GROUP BY o.slice
    """,  # noqa: S608
    Name.IN_TARGET: _share(_IN_TARGET),
    Name.URGENT_IN_TARGET: _share(_IN_TARGET, "o.urgency >= %(most)s"),
    Name.RATING: """
      SELECT o.slice, avg(r.score), count(*)
      FROM opened o JOIN helpdesk_rating r ON r.organization_id = %(organization)s
        AND r.conversation_id = o.id AND r.at < o.watched_until
      GROUP BY o.slice
    """,
    Name.OFFERS_REFUSED: """
      SELECT o.slice, avg(CASE WHEN f.state = 'accepted' THEN 0.0 ELSE 1.0 END), count(*)
      FROM opened o JOIN routing_offer f ON f.organization_id = %(organization)s
        AND f.conversation_id = o.id AND f.made_at < o.watched_until
      WHERE f.state IN ('accepted', 'declined', 'expired') GROUP BY o.slice
    """,
    Name.TRANSFERS: _share(_HAPPENED.format("transferred")),
    # Among all who got anything since a day before, so that who was passed over counts.
    Name.LOAD_VARIATION: """
      , loads AS (
        SELECT o.slice, a.staff_id, count(*)::float AS got
        FROM opened o JOIN helpdesk_assignment a ON a.organization_id = %(organization)s
          AND a.conversation_id = o.id AND a.starts_at < o.watched_until
        GROUP BY o.slice, a.staff_id
      ), everybody AS (
        SELECT s.id, greatest(s.capacity, 1)::float AS capacity
        FROM helpdesk_staff s WHERE s.organization_id = %(organization)s AND s.id IN (
          SELECT a.staff_id FROM helpdesk_conversation c
          JOIN helpdesk_assignment a ON a.organization_id = c.organization_id
            AND a.conversation_id = c.id
          WHERE c.organization_id = %(organization)s AND c.opened_at < %(until)s
            AND c.opened_at >= %(since)s - interval '1 day'
            AND c.department_id = ANY(%(departments)s)
        )
      ), parts AS (SELECT slice, sum(got) AS got FROM loads GROUP BY slice)
      SELECT p.slice, stddev_pop(coalesce(l.got, 0) / e.capacity)
          / nullif(avg(coalesce(l.got, 0) / e.capacity), 0), max(p.got)
      FROM parts p CROSS JOIN everybody e
      LEFT JOIN loads l ON l.slice = p.slice AND l.staff_id = e.id
      GROUP BY p.slice
    """,
}


@dataclass(frozen=True, slots=True)
class _Span:
    """Slices that are counted together."""

    experiment: Experiment
    rows: Sequence[Slice]

    def parameters(self) -> dict[str, Any]:  # Any: parameters of a query
        """Return what the queries ask with."""
        plan = self.experiment.plan
        rules = policies.in_use(self.experiment.department_id).rules
        return {
            "organization": current_organization_id(),
            "watched": timedelta(hours=self.experiment.outcome_hours),
            "starts": plan.starts_at,
            "since": plan.begins(min(row.number for row in self.rows)),
            "until": plan.begins(max(row.number for row in self.rows) + 1),
            "seconds": 60 * plan.slice_minutes,
            "washout": 60 * plan.washout_minutes,
            "departments": departments_of(self.experiment),
            "urgent": rules.urgent_seconds,
            "calm": rules.calm_seconds,
            "calm_chat": rules.calm_chat_seconds,
            "live": list(live_kinds()),
            "most": float(URGENT),
        }


def departments_of(experiment: Experiment) -> list[int]:
    """Return the departments that take part, as the engine tells it."""
    experiments, policies = running(), set(Policy.objects.values_list("department_id", flat=True))
    return [
        department_id
        for department_id in Department.objects.order_by("pk").values_list("pk", flat=True)
        if (found := acting(experiments, policies, department_id)) and found.id == experiment.pk
    ]


def measure_due(experiment: Experiment, now: datetime) -> int:
    """Count slices of a running experiment whose conversations have all been watched; returns how many."""
    plan, watched = experiment.plan, timedelta(hours=experiment.outcome_hours)
    with organization_transaction():
        waiting = Slice.objects.filter(experiment=experiment, measured_at__isnull=True)
        rows = [row for row in waiting[:BATCH] if plan.begins(row.number + 1) + watched <= now]
        if not rows:
            return 0
        found = figures(_Span(experiment, rows).parameters())
        for row in rows:
            row.figures = {
                name: values[row.number] for name, values in found.items() if row.number in values
            }
            row.measured_at = timezone.now()
        Slice.objects.bulk_update(rows, ["figures", "measured_at"])
    return len(rows)


def figures(parameters: dict[str, Any]) -> dict[str, Figures]:  # Any: as above
    """Return each measure by slice, with its value and of how many; one query each."""
    found = {}
    with connection.cursor() as cursor:
        for name, query in QUERIES.items():
            cursor.execute(_OPENED + query, parameters)
            found[str(name)] = {
                int(number): [float(value), float(count)]
                for number, value, count in cursor.fetchall()
                if value is not None
            }
    return found
