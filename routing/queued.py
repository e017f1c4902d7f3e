"""The head of the queue, for as many or as few as wait: an index is stepped over, once for each thing asked for."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.db import connection
from psycopg import sql

from helpdesk.tenancy import current_organization_id

# So many things that are asked for are looked at together.
MOST_KINDS = 200
# Judged and without an owner, as the indexes of conversations say it.
_GIVEN_NEXT = sql.SQL(
    "c.organization_id = %(organization)s AND c.queue_id IS NOT NULL AND c.route_at IS NULL"
)
_ASKED = sql.SQL("""
WITH RECURSIVE line AS (
  (SELECT need_key, queued_at FROM helpdesk_conversation c WHERE {given_next}
   ORDER BY need_key, queued_at LIMIT 1)
  UNION ALL
  SELECT next.need_key, next.queued_at FROM line CROSS JOIN LATERAL (
    SELECT need_key, queued_at FROM helpdesk_conversation c
    WHERE {given_next} AND c.need_key > line.need_key ORDER BY need_key, queued_at LIMIT 1) next
)
SELECT need_key FROM line ORDER BY queued_at, need_key LIMIT %(most)s""").format(
    given_next=_GIVEN_NEXT
)
_HEADS = sql.SQL("""
SELECT head.id FROM unnest(%(keys)s::text[]) AS asked(need_key) CROSS JOIN LATERAL (
  SELECT c.id, c.urgency, c.queued_at FROM helpdesk_conversation c
  WHERE {given_next} AND c.need_key = asked.need_key AND NOT EXISTS (
    SELECT FROM routing_offer o WHERE o.organization_id = %(organization)s
    AND o.conversation_id = c.id AND o.state = 'pending')
  ORDER BY {order} LIMIT %(most)s) AS head
ORDER BY {order} LIMIT %(most)s""")
_URGENT_FIRST = _HEADS.format(given_next=_GIVEN_NEXT, order=sql.SQL("urgency DESC, queued_at, id"))
_CALM_FIRST = _HEADS.format(
    given_next=_GIVEN_NEXT + sql.SQL(" AND c.urgency < %(below)s"),
    order=sql.SQL("urgency DESC, queued_at, id"),
)
_OLDEST_FIRST = _HEADS.format(given_next=_GIVEN_NEXT, order=sql.SQL("queued_at, id"))


class Kind(NamedTuple):
    """What a conversation asks of whoever answers it, personal matters aside."""

    department_id: int
    topic_id: int | None
    language: str
    wanted_skill_id: int | None
    # Empty where the kind of channel does not matter.
    channel_kind: str = ""
    is_answered: bool = False


def keys() -> list[str]:
    """Return the different things that are asked for, as the conversations keep them.

    Those of which somebody waits longest come first: of too many, others are left for the next look.
    """
    return [str(key) for (key,) in _rows(_ASKED, most=MOST_KINDS)]


def kind(key: str, channel_kinds: Mapping[int, str]) -> Kind:
    """Return what a key stands for."""
    department, topic, skill, channel, answered, language = key.split(".", 5)
    return Kind(
        int(department),
        int(topic) if topic else None,
        language,
        int(skill) if skill else None,
        channel_kinds.get(int(channel), ""),
        bool(answered),
    )


def channel_of(key: str) -> int:
    """Return the channel of what a key stands for."""
    return int(key.split(".", 4)[3])


def urgent_first(wanted: Sequence[str], most: int) -> list[int]:
    """Return the conversations that ask for one of these things and are before nobody: most urgent, then oldest."""
    return [int(pk) for (pk,) in _rows(_URGENT_FIRST, keys=list(wanted), most=most)]


def oldest_first(wanted: Sequence[str], most: int) -> list[int]:
    """Return the same conversations, oldest first."""
    return [int(pk) for (pk,) in _rows(_OLDEST_FIRST, keys=list(wanted), most=most)]


def calm_first(wanted: Sequence[str], most: int, *, below: int) -> list[int]:
    """Return those of them that are less urgent, in the order of `urgent_first`."""
    found = _rows(_CALM_FIRST, keys=list(wanted), most=most, below=below)
    return [int(pk) for (pk,) in found]


def _rows(query: sql.Composed, **values: int | list[str]) -> list[tuple[Any, ...]]:
    """Return what the database finds. Any: columns are text or numbers, as the caller knows."""
    with connection.cursor() as cursor:
        cursor.execute(query, {"organization": current_organization_id(), **values})
        return list(cursor.fetchall())
