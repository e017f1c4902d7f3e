"""A bound on first-contact resolution that no rules can pass in a world, however clever or lucky."""

import math

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, vstack

from routing.candidates import FULL, SKILL, Need
from routing.deciding.filters import BITS, codes
from routing.deciding.team import Flags, Floats, Team
from routing.laboratory.world import BEGINS_AT, World, asked_of, settles

# With more pairs of people and conversations the time of people is left out: higher, and quick.
MOST_PAIRS = 60_000
_CLOSE = 1e-6


def bound(world: World) -> float:
    """Return the highest share of all who come that anybody could resolve at first contact.

    Whoever knew the luck of each conversation beforehand could at best give it to somebody who may answer it,
    works while it waits, settles it, and is done before the end; and all that one person settles must fit
    into the time and the places of that person. Conversations may even be split between people: the optimum
    of that relaxation, rounded down, is above every real play, whatever its rules.
    """
    if not world.arrivals:
        return 0.0
    can, seconds = _pairs(world)
    if not can.any() or can.size > MOST_PAIRS:
        return float(can.any(axis=1).sum()) / len(world.arrivals)
    return math.floor(_most(world, can, seconds) + _CLOSE) / len(world.arrivals)


def _pairs(world: World) -> tuple[Flags, Floats]:
    """Return who could settle which conversation, and how long that would take."""
    team = Team.of(world.people)
    shape = (len(world.arrivals), len(world.people))
    can, seconds = np.zeros(shape, dtype=np.bool_), np.zeros(shape)
    spells = _spells(world)
    has_room = [person.capacity >= 1 for person in world.people]
    for number, arrival in enumerate(world.arrivals):
        may = _may(world, team, asked_of(arrival))
        for row in np.flatnonzero(may & has_room):
            fit = world.fit(arrival, int(row))
            seconds[number, row] = world.seconds(arrival, fit)
            can[number, row] = (
                settles(arrival, fit)
                and arrival.at + seconds[number, row] <= world.ends_at
                and any(
                    begins <= arrival.at + arrival.patience and ends >= arrival.at
                    for begins, ends in spells[int(row)]
                )
            )
    return can, seconds


def _may(world: World, team: Team, need: Need) -> Flags:
    """Return who may answer: whoever is in training for the topic's skill at any level of it."""
    lacks = codes(team, need, BEGINS_AT.timestamp()) & ~BITS[FULL]
    topic = world.topics.get(need.topic_id or 0)
    learning = team.learning.get(topic.skill_id or 0) if topic else None
    if learning is not None:
        lacks = np.where(learning, lacks & ~BITS[SKILL], lacks)
    return np.asarray(lacks == 0, dtype=np.bool_)


def _spells(world: World) -> list[list[tuple[float, float]]]:
    """Return from when to when each person works."""
    found: list[list[tuple[float, float]]] = [[] for _ in world.people]
    since = dict.fromkeys(range(len(world.people)), 0.0)
    for shift in sorted(world.shifts, key=lambda one: one.at):
        if shift.is_on:
            since.setdefault(shift.row, shift.at)
        elif shift.row in since:
            found[shift.row].append((since.pop(shift.row), shift.at))
    for row, begins in since.items():
        found[row].append((begins, world.ends_at))
    return found


def _most(world: World, can: Flags, seconds: Floats) -> float:
    """Return how many could be settled at most, were conversations divisible."""
    numbers, rows = np.nonzero(can)
    count = len(numbers)
    ones, pairs = np.ones(count), np.arange(count)
    once = csr_array((ones, (numbers, pairs)), shape=(len(can), count))
    time = csr_array((seconds[numbers, rows], (rows, pairs)), shape=(can.shape[1], count))
    longest = np.where(can, seconds, 0.0).max(axis=0)
    places = np.array([math.floor(person.capacity) for person in world.people])
    # What begins in a spell may end after it.
    worked = [
        sum(min(ends + longest[row], world.ends_at) - begins for begins, ends in spells)
        for row, spells in enumerate(_spells(world))
    ]
    solved = linprog(
        -ones,
        A_ub=vstack([once, time]),
        b_ub=np.concatenate([np.ones(len(can)), places * np.array(worked)]),
        bounds=(0, 1),
    )
    return float(-solved.fun) if solved.success else float(can.any(axis=1).sum())
