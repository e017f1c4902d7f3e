"""Who may, can and is there now: each lack is one bit of a person's code, so that all reasons are kept."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from helpdesk.services.practices import Practice
from routing.candidates import (
    AWAY,
    CERTIFICATE,
    DECLINED,
    FULL,
    INACTIVE,
    KIND,
    LANGUAGE,
    LEARNING,
    LENT,
    OFFLINE,
    PERMISSION,
    REASONS,
    REQUIRED_LANGUAGES,
    RING,
    SKILL,
    STICKY,
    TOPIC,
    Need,
    Reach,
)
from routing.deciding.rings import inside
from routing.deciding.team import Flags, Team, hundredths

Codes = NDArray[np.uint32]
BITS: Mapping[str, np.uint32] = {
    reason: np.uint32(1 << number) for number, reason in enumerate(REASONS)
}
NONE = np.uint32(0)
# The level of those who do not have a skill: asking for it asks for nothing.
NOT_NEEDED = -1


def codes(team: Team, need: Need, now: float) -> Codes:
    """Return for everybody what keeps them from being given this conversation now; 0 when nothing does."""
    leased = team.is_leased(now)
    needed = tuple(sorted((skill, low) for skill, low in need.skills.items() if low > NOT_NEEDED))
    kind = (need.department_id, need.topic_id, need.language, needed)
    there: Codes = team.kept("there", lambda: _there(team, leased))
    found: Codes = team.kept(("lacks", kind), lambda: _may_and_can(team, need) | there)
    if need.certificate is not None:
        found = found | _uncertified(team, need.certificate, now)
    if need.sticky_to is not None:
        found = found | np.where(team.ids == need.sticky_to, NONE, BITS[STICKY])
    if need.ring is not None:
        found = found | np.where(inside(team, need.ring), NONE, BITS[RING])
    weight = hundredths(need.weight)
    full: Codes = team.kept_of_loads(
        ("full", weight),
        lambda: np.where((team.free < weight) | team.is_filled, BITS[FULL], NONE),
    )
    found = found | full
    if need.kind in team.most:
        found = found | team.kept_of_loads(("kind", need.kind), lambda: _limited(team, need.kind))
    for staff_id in need.declined_by:
        row = team.row_of(staff_id)
        if row is not None:
            found[row] |= BITS[DECLINED]
    return found if need.practice is None else _in_training(team, need.practice, found)


def learns(team: Team, skill: int) -> Flags:
    """Tell who is in training for a skill and has no case for that in hand."""
    is_learning = team.learning.get(skill)
    if is_learning is None:
        return np.zeros(len(team), dtype=np.bool_)
    return np.asarray(is_learning & ~team.is_practising, dtype=np.bool_)


def _in_training(team: Team, practice: Practice, found: Codes) -> Codes:
    """Return the codes where only people in training with room are asked, whatever their level."""
    learning = learns(team, practice.skill_id)
    found = np.where(learning, found & ~BITS[SKILL], found)
    asked = learning & ((found & BITS[FULL]) == NONE)
    return np.asarray(found | np.where(asked, NONE, BITS[LEARNING]), dtype=np.uint32)


def _uncertified(team: Team, skill: int, now: float) -> Codes:
    until = team.certified.get(skill)
    if until is None:
        return np.full(len(team), BITS[CERTIFICATE], dtype=np.uint32)
    return np.where(until > now, NONE, BITS[CERTIFICATE]).astype(np.uint32)


def _limited(team: Team, kind: str) -> Codes:
    most = team.most[kind]
    is_full = (most > 0) & (team.held[kind] >= most)
    return (np.where(most == 0, BITS[KIND], NONE) | np.where(is_full, BITS[FULL], NONE)).astype(
        np.uint32
    )


@lru_cache(maxsize=4096)
def reasons(code: int) -> tuple[str, ...]:
    """Return what a code stands for, most basic reason first."""
    return tuple(reason for reason, bit in BITS.items() if code & int(bit))


def _may_and_can(team: Team, need: Need) -> Codes:
    may = np.array([_may(reaches, need) for reaches in team.reaches], dtype=np.uint32)
    found = may[team.reach_of] if len(may) else np.zeros(len(team), dtype=np.uint32)
    found = np.where(team.is_active, found, BITS[INACTIVE])
    lacks = np.zeros(len(team), dtype=np.bool_)
    for skill, lowest in need.skills.items():
        levels = team.levels.get(skill)
        lacks |= lowest > -1 if levels is None else levels < lowest
    found |= np.where(lacks, BITS[SKILL], NONE)
    if need.language in REQUIRED_LANGUAGES:
        speaks = team.languages.get(need.language)
        mute = team.has_languages if speaks is None else team.has_languages & (speaks < 0)
        found |= np.where(mute, BITS[LANGUAGE], NONE)
    return found


def _may(reaches: tuple[Reach, ...], need: Need) -> np.uint32:
    """Return the bit of the permission that is missing, both from the same role."""
    here = [reach for reach in reaches if need.department_id in reach.departments]
    if not here:
        return BITS[PERMISSION]
    if need.topic_id is None or any(
        reach.topics is None or need.topic_id in reach.topics for reach in here
    ):
        return NONE
    return BITS[TOPIC]


def _there(team: Team, leased: Flags) -> Codes:
    found = np.where(leased, np.where(team.is_online, NONE, BITS[AWAY]), BITS[OFFLINE])
    found |= _OFF[team.off]
    return np.asarray(found | np.where(team.has_lent_time, NONE, BITS[LENT]), dtype=np.uint32)


# By the place in the list of reasons, from 1 on.
_OFF = np.array([NONE, *BITS.values()], dtype=np.uint32)
