"""Whom a conversation is kept for, or asked first, while it has not waited long: good for it, and harmless.

Nobody is waited for who is not there: a colleague who is away and a ring without anybody in it are passed over at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from routing.candidates import FULL, Need, Past
from routing.deciding.demands import ring_after
from routing.deciding.filters import BITS, codes
from routing.deciding.team import Team
from routing.facts import Facts

# Who served the customer longer ago is nobody to wait for.
REMEMBERED_FOR = timedelta(days=90)
GOOD_STARS = 4.0


def narrow(needs: Sequence[Need], team: Team, known: Facts, now: datetime) -> list[Need]:
    """Return the needs, each with whom it is kept for or the ring that is open now, if any."""
    return [_narrowed(need, team, known, now) for need in needs]


def _narrowed(need: Need, team: Team, known: Facts, now: datetime) -> Need:
    if need.queued_at is None:
        return need
    waited = (now - need.queued_at).total_seconds()
    if waited < known.policy(need.department_id, now).sticky_seconds:
        kept = replace(need, sticky_to=last_good(need.pasts, now))
        if kept.sticky_to is not None and _anybody(team, kept, now):
            return kept
    rings = known.rings_of(need.topic_id)
    for ring in rings[ring_after(rings, waited) :]:
        asked = replace(need, ring=ring)
        if _anybody(team, asked, now):
            return asked
    return need


def last_good(pasts: Mapping[int, Past], now: datetime) -> int | None:
    """Return who served the customer last, unless that was long ago or not liked."""
    if not pasts:
        return None
    staff_id, past = max(pasts.items(), key=lambda one: (one[1].last_at, one[0]))
    is_good = past.stars is None or past.stars >= GOOD_STARS
    return staff_id if is_good and now - past.last_at <= REMEMBERED_FOR else None


def _anybody(team: Team, need: Need, now: datetime) -> bool:
    """Tell whether somebody of those asked is there, with or without room."""
    lacks = codes(team, need, now.timestamp())
    return bool(((lacks & ~BITS[FULL]) == 0).any())
