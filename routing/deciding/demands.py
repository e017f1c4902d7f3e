"""What rings demand, as plain values: who is asked first, and how far the circle opens as time passes.

A ring only narrows: what permission, certificate, level and language demand holds in every ring and after the last.
Skills are joined by and, or and not. A tree as JSON: {"skill": 3, "level": 2}, {"all": [...]}, {"any": [...]},
{"not": {...}}.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any as Json

# The highest level of a skill.
TOP_LEVEL = 5
MOST_PARTS = 40
MOST_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Has:
    """Somebody has a skill at a level or above; at level 0 it is enough to have it."""

    skill: int
    level: int = 0


@dataclass(frozen=True, slots=True)
class Every:
    """All of these are met."""

    parts: "tuple[Demand, ...]"


@dataclass(frozen=True, slots=True)
class Some:
    """One of these is met."""

    parts: "tuple[Demand, ...]"


@dataclass(frozen=True, slots=True)
class Lacks:
    """This is not met."""

    part: "Demand"


Demand = Has | Every | Some | Lacks


@dataclass(frozen=True, slots=True)
class Ring:
    """Who is asked for so many seconds; whatever is empty asks for nothing."""

    number: int
    seconds: float
    skills: Demand | None = None
    departments: frozenset[int] = frozenset()
    # As people write them, in lower case.
    places: frozenset[str] = frozenset()
    most_load_percent: int | None = None


def ring_after(rings: Sequence[Ring], waited_seconds: float) -> int:
    """Return the place of the ring that is open after a wait; as many as there are once all have ended."""
    ends = 0.0
    for place, ring in enumerate(rings):
        ends += ring.seconds
        if waited_seconds < ends:
            return place
    return len(rings)


def as_json(demand: Demand) -> Json:
    """Return the tree of a demand."""
    if isinstance(demand, Has):
        return {"skill": demand.skill, "level": demand.level}
    if isinstance(demand, Lacks):
        return {"not": as_json(demand.part)}
    name = "all" if isinstance(demand, Every) else "any"
    return {name: [as_json(part) for part in demand.parts]}


def from_json(tree: Json) -> Demand:
    """Return the demand of a tree. Raises ValueError for anything else, and for one too large."""
    # A group as people write it is two joins deep.
    demand, parts = _read(tree, MOST_DEPTH + 3)
    if parts > MOST_PARTS:
        raise ValueError("too many parts")
    return demand


def _read(tree: Json, depth: int) -> tuple[Demand, int]:
    """Return the demand and of how many parts it is."""
    if not isinstance(tree, Mapping) or depth < 1:
        raise ValueError("not a demand")
    match dict(tree):
        case {"skill": int(skill), "level": int(level), **more}:
            if not more and 0 <= level <= TOP_LEVEL:
                return Has(skill, level), 1
        case _ if len(tree) > 1:
            pass
        case {"not": part}:
            inner, parts = _read(part, depth - 1)
            return Lacks(inner), parts
        case {"all": [_, *_] as listed}:
            read = [_read(each, depth - 1) for each in listed]
            return Every(tuple(each for each, _parts in read)), sum(parts for _, parts in read)
        case {"any": [_, *_] as listed}:
            read = [_read(each, depth - 1) for each in listed]
            return Some(tuple(each for each, _parts in read)), sum(parts for _, parts in read)
    raise ValueError("not a demand")


def skills_of(demand: Demand | None) -> set[int]:
    """Return the skills that are named."""
    if demand is None:
        return set()
    if isinstance(demand, Has):
        return {demand.skill}
    parts = (demand.part,) if isinstance(demand, Lacks) else demand.parts
    return set().union(*(skills_of(part) for part in parts))
