"""Whom a conversation is kept for, or asked first, while it has not waited long: good for it, and harmless.

Nobody is waited for who is not there: a colleague who is away, a ring without anybody in it and people in training
without room are passed over at once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from routing import learning
from routing.candidates import FULL, Need, Past
from routing.deciding.demands import ring_after
from routing.deciding.filters import BITS, codes
from routing.deciding.rules import Rules
from routing.deciding.team import Team
from routing.facts import Facts

# Who served the customer longer ago is nobody to wait for.
REMEMBERED_FOR = timedelta(days=90)
GOOD_STARS = 4.0


RulesOf = Callable[[Need], Rules]


def narrow(
    needs: Sequence[Need], team: Team, known: Facts, now: datetime, rules_of: RulesOf
) -> list[Need]:
    """Return the needs, each with whom it is kept for or the ring that is open now, if any."""
    return [_narrowed(need, team, known, now, rules_of) for need in needs]


def narrow_again(
    needs: Sequence[Need], team: Team, known: Facts, now: datetime, rules_of: RulesOf
) -> list[Need]:
    """Return the needs narrowed anew where some are asked of people in training, who may have none left to spare."""
    if not any(need.practice for need in needs):
        return list(needs)
    return narrow(
        [replace(need, sticky_to=None, ring=None, practice=None) for need in needs],
        team,
        known,
        now,
        rules_of,
    )


def _narrowed(need: Need, team: Team, known: Facts, now: datetime, rules_of: RulesOf) -> Need:
    if need.queued_at is None:
        return need
    waited = (now - need.queued_at).total_seconds()
    if waited < known.policy(need.department_id, now).sticky_seconds:
        kept = replace(need, sticky_to=last_good(need.pasts, now))
        if kept.sticky_to is not None and _anybody(team, kept, now):
            return kept
    practice = None
    if team.learning and not last_good(need.pasts, now):
        practice = learning.practice(need, team, known.rules, rules_of(need), now)
    if practice is not None:
        return replace(need, practice=practice)
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
