"""An honest place in the queue: how many are before a conversation, and how long that will take."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from helpdesk.access import Access, conversation
from helpdesk.models import Assignment, Conversation
from routing.predicting.outlook import Line, Outlook, outlook
from routing.queued import Kind

# The estimate looks at how long work like this was held lately.
LOOK_BACK = timedelta(days=7)
LOOK_AT = 200
USUAL_HOLD = timedelta(minutes=8)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a waiting conversation stands; `position` 1 is next, the waits are None when nobody is there."""

    position: int
    people: int
    # Half wait less than the first, nine of ten less than the second.
    middle: timedelta | None = None
    late: timedelta | None = None
    # Why nobody can answer at once, as `presence.REASONS` words it, and when work begins again.
    reason: str = ""
    opens_at: datetime | None = None

    @property
    def minutes(self) -> tuple[int | None, int | None]:
        """Return the expected wait in whole minutes, from and to."""
        return _minutes(self.middle), _minutes(self.late)


def place_of(waiting: Conversation) -> Place | None:
    """Return the conversation's place, or None when it does not wait; needs an open transaction."""
    return None if waiting.queue_id is None else place_in(outlook(waiting.pk), waiting)


def place_in(found: Outlook, waiting: Conversation) -> Place:
    """Return the place of a conversation that waits; behind all where it is not among those looked at."""
    placed = found.place(waiting.pk)
    if placed is not None:
        return _place(*placed)
    kind = Kind(waiting.department_id, waiting.topic_id, waiting.language, waiting.wanted_skill_id)
    line = found.line(kind)
    return Place(1, 0) if line is None else _place(len(line.middle), line)


def _place(position: int, line: Line) -> Place:
    there = line.there
    told = Place(position, len(there.rows), reason=there.reason, opens_at=there.opens_at)
    wait = line.wait(position)
    return told if wait is None else replace(told, middle=_rounded(wait[0]), late=_rounded(wait[1]))


def place(by: Access, conversation_id: int) -> Place | None:
    """Return the place of a conversation the person may see; raises NotFound."""
    return place_of(conversation(by, conversation_id))


def usual_hold(department_id: int | None, now: datetime) -> timedelta:
    """Return the median time for which conversations were lately held, of one department or of all."""
    ended = Assignment.objects.filter(ended_at__gt=now - LOOK_BACK).order_by("-id")
    if department_id is not None:
        ended = ended.filter(conversation__department_id=department_id)
    recent = ended.values_list("starts_at", "ended_at")[:LOOK_AT]
    holds = sorted(end - start for start, end in recent if end is not None)
    if len(holds) < 5:
        return USUAL_HOLD
    return min(max(holds[len(holds) // 2], timedelta(minutes=1)), timedelta(hours=2))


def _rounded(wait: timedelta) -> timedelta:
    """Return the wait in whole minutes, never less than one: finer would pretend to know."""
    return timedelta(minutes=max(1, round(wait.total_seconds() / 60)))


def as_json(found: Place) -> dict[str, int | str | None]:
    """Return a place as plain values, waits in minutes."""
    return {
        "position": found.position,
        "people": found.people,
        "shortest_minutes": found.minutes[0],
        "longest_minutes": found.minutes[1],
        "reason": found.reason,
        "opens_at": found.opens_at.isoformat() if found.opens_at else None,
    }


def _minutes(wait: timedelta | None) -> int | None:
    return None if wait is None else int(wait.total_seconds() // 60)
