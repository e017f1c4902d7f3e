"""An honest place in the queue: how many are before a conversation, and how long that will take."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from helpdesk.access import Access, conversation
from helpdesk.models import Assignment, Conversation
from routing.candidates import FULL
from routing.deciding.filters import BITS, codes
from routing.deciding.team import Team
from routing.facts import facts, people
from routing.needs import need_of_kind

# The estimate looks at how long work like this was held lately.
LOOK_BACK = timedelta(days=7)
LOOK_AT = 200
USUAL_HOLD = timedelta(minutes=8)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a waiting conversation stands; `position` 1 is next, the waits are None when nobody is there."""

    position: int
    people: int
    shortest: timedelta | None = None
    longest: timedelta | None = None

    @property
    def minutes(self) -> tuple[int | None, int | None]:
        """Return the expected wait in whole minutes, from and to."""
        return _minutes(self.shortest), _minutes(self.longest)


def ahead(waiting: Conversation) -> int:
    """Return how many conversations of the same queue come before this one: more urgent, or as urgent and older."""
    before = Q(urgency__gt=waiting.urgency) | Q(
        urgency=waiting.urgency, queued_at__lt=waiting.queued_at
    )
    tied = Q(urgency=waiting.urgency, queued_at=waiting.queued_at, pk__lt=waiting.pk)
    return Conversation.objects.filter(before | tied, queue=waiting.queue).count()


def place_of(waiting: Conversation, now: datetime | None = None) -> Place | None:
    """Return the conversation's place, or None when it does not wait; needs an open transaction.

    The range is that of the time until enough work has ended: honest about not knowing better.
    """
    if waiting.queue_id is None:
        return None
    now = now or timezone.now()
    position = ahead(waiting) + 1
    there = _there_for(waiting, now)
    if not there:
        return Place(position, 0)
    hold = usual_hold(waiting.department_id, now)
    middle = hold * position / there
    return Place(position, there, _rounded(middle * 0.5), _rounded(middle * 1.5))


def place(by: Access, conversation_id: int) -> Place | None:
    """Return the place of a conversation the person may see; raises NotFound."""
    return place_of(conversation(by, conversation_id))


def _there_for(waiting: Conversation, now: datetime) -> int:
    """Return how many people who may and can answer this are there now, free or full."""
    known = facts()
    need = need_of_kind(
        (
            waiting.department_id,
            waiting.topic_id,
            waiting.language,
            waiting.wanted_skill_id,
            "",
            False,
        ),
        known,
    )
    lacks = codes(Team.of(people(known, now)), need, now.timestamp())
    return int(((lacks & ~BITS[FULL]) == 0).sum())


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


def as_json(found: Place) -> dict[str, int | None]:
    """Return a place as plain numbers, waits in minutes."""
    return {
        "position": found.position,
        "people": found.people,
        "shortest_minutes": found.minutes[0],
        "longest_minutes": found.minutes[1],
    }


def _minutes(wait: timedelta | None) -> int | None:
    return None if wait is None else int(wait.total_seconds() // 60)
