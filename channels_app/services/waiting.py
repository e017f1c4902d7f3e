"""What a waiting visitor is told: the honest place in the queue, and who is there."""

import math
from datetime import timedelta
from functools import cached_property
from typing import Any

from django.db.models import Q
from django.utils import timezone

from channels_app.services.transcript import person
from helpdesk.models import Assignment, Conversation, Presence, PresenceStatus, Rating, State

SAMPLE = timedelta(minutes=30)
FEWEST_TO_SAY_A_TIME = 3


class People:
    """Up to three colleagues who are there now; asked once, when the first visitor needs to know."""

    @cached_property
    def there(self) -> list[Any]:
        return people_there()


def status(
    conversation: Conversation | None, language: str, people: People | None = None
) -> dict[str, Any]:
    """Return what changes while a visitor waits; the scope is open."""
    known: dict[str, Any] = {
        "conversation": conversation.pk if conversation else None,
        "state": conversation.state if conversation else "",
        "queue": None,
        "rating": None,
    }
    if conversation is not None and conversation.owner is not None:
        known |= {"staff": [person(conversation.owner, language)], "away": False}
    else:
        there = (people or People()).there
        known |= {"staff": [person(each, language) for each in there], "away": not there}
    if conversation is None:
        return known
    if conversation.state == State.QUEUED and not known["away"]:
        known["queue"] = place(conversation)
    if conversation.state == State.RESOLVED:
        known["rating"] = "given" if _is_rated(conversation) else "wanted"
    return known


def place(conversation: Conversation) -> dict[str, Any]:
    """Return the place in the queue as the engine would serve it now, and the wait if it can be told."""
    more_urgent = Q(urgency__gt=conversation.urgency)
    before = Q(urgency=conversation.urgency, queued_at__lt=conversation.queued_at)
    ahead = (
        Conversation.objects.filter(queue_id=conversation.queue_id or 0)
        .filter(more_urgent | before)
        .count()
    )
    position = ahead + 1
    topic = conversation.topic
    said = {"zh": topic.name, "en": topic.name_en or topic.name} if topic else None
    return {"position": position, "topic": said, **_wait(conversation, position)}


def people_there() -> list[Any]:
    """Return up to three colleagues who are there now, of different departments where possible."""
    rows = (
        Presence.objects.filter(
            lease_until__gt=timezone.now(),
            status__in=[PresenceStatus.ONLINE, PresenceStatus.BUSY],
            staff__is_active=True,
        )
        .select_related("staff__department")
        .order_by("staff__load", "staff_id")[:30]
    )
    chosen: dict[int, Any] = {}
    for presence in rows:
        chosen.setdefault(presence.staff.department_id, presence.staff)
    return list(chosen.values())[:3]


def _wait(conversation: Conversation, position: int) -> dict[str, int]:
    """Return a range in minutes from the recent pace; nothing when too little is known."""
    served = Assignment.objects.filter(
        starts_at__gt=timezone.now() - SAMPLE,
        conversation__department_id=conversation.department_id,
    ).count()
    if served < FEWEST_TO_SAY_A_TIME:
        return {}
    minutes = position * SAMPLE.total_seconds() / 60 / served
    return {"low": max(1, math.floor(minutes * 0.5)), "high": max(1, math.ceil(minutes * 1.5))}


def _is_rated(conversation: Conversation) -> bool:
    return Rating.objects.filter(
        conversation_id=conversation.pk, episode=conversation.episode
    ).exists()
