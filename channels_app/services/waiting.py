"""What a waiting visitor is told: the honest place in the queue, and who is there."""

from functools import cached_property
from typing import Any

from django.utils import timezone

from channels_app.services.transcript import person
from helpdesk.models import Conversation, Presence, PresenceStatus, Rating, State
from routing.queueing import place_of


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
    if conversation.state == State.QUEUED:
        known["queue"] = place(conversation)
        known["away"] = not known["queue"]["people"]
    if conversation.state == State.RESOLVED:
        known["rating"] = "given" if _is_rated(conversation) else "wanted"
    return known


def place(conversation: Conversation) -> dict[str, Any]:
    """Return the place among those who ask for the same people, and the wait in minutes if anybody is there.

    Where nobody is, `opens` says when somebody begins to work, if that is known.
    """
    topic = conversation.topic
    said = {"zh": topic.name, "en": topic.name_en or topic.name} if topic else None
    found = place_of(conversation)
    if found is None:
        return {"position": 1, "people": 0, "topic": said}
    told: dict[str, Any] = {"position": found.position, "people": found.people, "topic": said}
    low, high = found.minutes
    if low is not None:
        told |= {"low": low, "high": high}
    if found.opens_at is not None:
        told["opens"] = found.opens_at.isoformat()
    return told


def steady(before: dict[str, Any] | None, now: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the place with the wait that was told before, while it still holds: a wait never flickers.

    It holds for the same place until either end has moved by more than a minute and a fifth.
    """
    if before is None or now is None or before["position"] != now["position"]:
        return now
    if "low" not in before or "low" not in now:
        return now
    ends = [(before[name], now[name]) for name in ("low", "high")]
    if all(abs(told - found) <= max(1, told / 5) for told, found in ends):
        return now | {"low": before["low"], "high": before["high"]}
    return now


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


def _is_rated(conversation: Conversation) -> bool:
    return Rating.objects.filter(
        conversation_id=conversation.pk, episode=conversation.episode
    ).exists()
