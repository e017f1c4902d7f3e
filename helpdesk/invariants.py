"""The core's laws of the data, checked on any database by `manage.py check_invariants`.

Each check looks at the organization in scope and yields one line for each breach.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta

from django.db import connection
from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from helpdesk.models import (
    OPEN,
    STANDING,
    Assignment,
    Conversation,
    ConversationLink,
    Delivery,
    Escalation,
    Outbox,
    Staff,
    State,
)
from helpdesk.registries import InvariantCheck, invariant_checks
from helpdesk.services import audit, grants

UNKNOWN_FOR = timedelta(minutes=10)

_NUMBERS = """
SELECT c.id, c.last_number, count(e.id), coalesce(min(e.number), 0), coalesce(max(e.number), 0)
FROM helpdesk_conversation c LEFT JOIN helpdesk_entry e
  ON e.organization_id = c.organization_id AND e.conversation_id = c.id
GROUP BY c.id, c.last_number
HAVING count(e.id) <> c.last_number OR coalesce(max(e.number), 0) <> c.last_number
  OR (c.last_number > 0 AND min(e.number) <> 1)
ORDER BY c.id
"""
_REPEATED_STEPS = """
SELECT escalation_id, level_id FROM helpdesk_escalationstep
GROUP BY escalation_id, level_id HAVING count(*) > 1
"""
_SPLIT_TWICE = """
SELECT l.source_id, n.number
FROM helpdesk_conversationlink l CROSS JOIN LATERAL unnest(l.numbers) AS n (number)
LEFT JOIN helpdesk_entry e ON e.organization_id = l.organization_id
  AND e.conversation_id = l.source_id AND e.number = n.number AND e.kind = 'message'
WHERE l.kind = 'split' AND l.undone_at IS NULL
GROUP BY l.source_id, n.number HAVING count(*) > 1 OR count(e.id) = 0
ORDER BY l.source_id, n.number
"""
_UNAUDITED = """
SELECT c.id FROM helpdesk_conversation c WHERE NOT EXISTS (
  SELECT 1 FROM helpdesk_auditentry a WHERE a.organization_id = c.organization_id
  AND a.subject = 'conversation' AND a.subject_id = c.id) ORDER BY c.id
"""


def _rows(query: str) -> Iterator[tuple[int, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        yield from cursor.fetchall()


def undelivered() -> Iterator[str]:
    """I2: no reply without its outbox row, none in an unknown state for more than ten minutes unsaid."""
    lost = Conversation.objects.filter(messages__direction="out", messages__outbox__isnull=True)
    for pk in lost.order_by("id").values_list("id", flat=True).distinct().iterator():
        yield f"conversation {pk}: a reply without a place in the outbox"
    stuck = Outbox.objects.filter(state=Delivery.SENDING, due_at__lt=timezone.now() - UNKNOWN_FOR)
    for pk in stuck.values_list("pk", flat=True).iterator():
        yield f"reply {pk}: being sent for more than ten minutes"


def numbers() -> Iterator[str]:
    """I3: entry numbers run 1..n without gap or repeat."""
    for pk, last, count, lowest, highest in _rows(_NUMBERS):
        yield f"conversation {pk}: {count} entries from {lowest} to {highest}, last_number {last}"


def owners() -> Iterator[str]:
    """I4: an open conversation has exactly one owner or one queue, and its assignment says the same."""
    held = Q(assignments__ended_at__isnull=True, assignments__isnull=False)
    wrong = Conversation.objects.annotate(running=Count("assignments", filter=held)).filter(
        Q(owner__isnull=False) & ~Q(running=1) | Q(owner__isnull=True) & Q(running__gt=0)
    )
    for pk in wrong.order_by("id").values_list("id", flat=True).iterator():
        yield f"conversation {pk}: owner and running assignment differ"
    other = Assignment.objects.filter(ended_at__isnull=True).exclude(
        staff_id=F("conversation__owner_id")
    )
    for pk in other.order_by("id").values_list("id", flat=True).iterator():
        yield f"assignment {pk}: held by somebody other than the owner"
    neither = Conversation.objects.filter(OPEN, owner__isnull=True, queue__isnull=True)
    for pk in neither.values_list("id", flat=True).iterator():
        yield f"conversation {pk}: open, with neither owner nor queue"


def merged() -> Iterator[str]:
    """I4: what was merged is closed, belongs to one chain without a circle, and no message is in two parts."""
    standing = ConversationLink.objects.filter(STANDING, kind=ConversationLink.Kind.MERGE)
    still_open = standing.exclude(source__state=State.CLOSED)
    for pk in still_open.order_by("source_id").values_list("source_id", flat=True).iterator():
        yield f"conversation {pk}: merged, and not closed"
    into = dict(standing.values_list("source_id", "target_id"))
    for start in sorted(into):
        seen, at = {start}, into[start]
        while at in into and at not in seen:
            seen.add(at)
            at = into[at]
        if at in seen:
            yield f"conversation {start}: merged in a circle"
    for source_id, number in _rows(_SPLIT_TWICE):
        yield f"conversation {source_id}: message {number} was split off twice, or is none"


def loads() -> Iterator[str]:
    """I5: each load is the sum of the running weights, and above capacity only for a recorded reason.

    A customer who writes again weighs more than one who is waited for, so that what counts against
    the capacity is what it weighed when it was committed at the least: half for each conversation.
    """
    running = Q(assignments__ended_at__isnull=True)
    total = Coalesce(
        Sum("assignments__weight", filter=running), 0, output_field=Staff._meta.get_field("load")
    )
    people = Staff.objects.annotate(
        total=total,
        held=Count("assignments", filter=running & Q(assignments__weight__gt=0)),
        overrides=Count("assignments", filter=running & ~Q(assignments__override_reason="")),
    )
    for person in people.order_by("id").iterator():
        if person.load != person.total:
            yield f"staff {person.pk}: load {person.load}, running weights {person.total}"
        if (person.held - person.overrides) / 2 > person.capacity:
            yield f"staff {person.pk}: {person.held} held above capacity {person.capacity}"


def clocks() -> Iterator[str]:
    """I6: every running escalation has a due time or a reason why its clock stopped; each step happens once."""
    stopped = Escalation.objects.filter(
        ended_at__isnull=True,
        due_at__isnull=True,
        breached_at__isnull=True,
        claimed_by__isnull=True,
    )
    for pk in stopped.values_list("id", flat=True).iterator():
        yield f"escalation {pk}: no due time and no reason"
    for escalation_id, level_id in _rows(_REPEATED_STEPS):
        yield f"escalation {escalation_id}: entered level {level_id} twice"


def trail() -> Iterator[str]:
    """I10: every conversation has left a trail, and the hash chain verifies."""
    for (pk,) in _rows(_UNAUDITED):
        yield f"conversation {pk}: no audit entry"
    yield from audit.violations()


def one_open() -> Iterator[str]:
    """I11: one open conversation per channel, identity and thread key."""
    groups = Conversation.objects.filter(OPEN).values("channel_id", "identity_id", "thread_key")
    for group in groups.annotate(open=Count("id")).filter(open__gt=1).order_by().iterator():
        yield f"identity {group['identity_id']}: {group['open']} open conversations"


def derived_permissions() -> Iterator[str]:
    """I13: guardian's rows equal what both kinds of grant say."""
    yield from grants.violations()


CHECKS: dict[str, Callable[[], Iterator[str]]] = {
    "I2": undelivered,
    "I3": numbers,
    "I4": owners,
    "I4 merged": merged,
    "I5": loads,
    "I6": clocks,
    "I10": trail,
    "I11": one_open,
    "I13": derived_permissions,
}

for _name, _check in CHECKS.items():
    _label = (_check.__doc__ or "").partition(": ")[2].splitlines()[0]
    invariant_checks.register(_name, InvariantCheck(_label, _check))
