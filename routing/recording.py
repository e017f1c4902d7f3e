"""Decisions as compact JSON: written once, read for "why me?", and replayed to the same result."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np

from helpdesk.services.practices import Practice
from routing.candidates import Need, Past, Person
from routing.deciding.evidence import Evidence
from routing.deciding.parts import Asked, available
from routing.deciding.rules import Rules
from routing.deciding.standing import Part, Scored, Standings, points
from routing.deciding.team import Floats, Ints, Team, hundredths
from routing.models import Decision, Policy

# More are counted, not kept: the best are what people ask about.
RANKED_KEPT = 12
EXCLUDED_KEPT = 200
NUMBERS = ("load", "capacity", "reserved", "idle", "recent", "price")
# Of how decisions are made; what another engine decided is shown, and not replayed.
ENGINE = 2

Json = dict[str, Any]  # Any: JSON, checked where it is read


class NotReplayable(Exception):
    """Another engine made the decision."""


def compose(standings: Standings, at: int, chosen: int | None) -> Json:
    """Return what a decision about one of the needs keeps: the best, and among them whoever was chosen by row."""
    need, weights = standings.asked.needs[at], standings.rules[at].weights
    rows = standings.order(at, RANKED_KEPT)
    if chosen is not None and chosen not in rows:
        rows[-1] = chosen
    excluded = standings.excluded(at, EXCLUDED_KEPT)
    return {
        "engine": ENGINE,
        "need": _need(need),
        # Pairs, because jsonb does not keep the order of keys and points follow it.
        "weights": [[name, weights[name]] for name in available() if weights.get(name, 0) > 0],
        "usual": standings.team.usual_recent,
        "ranked": _ranked(standings, at, rows),
        "excluded": {"+".join(reasons): _text(ids) for reasons, ids in excluded.items()},
        "people": len(standings.team),
    }


def _text(numbers: Iterable[float]) -> str:
    """Return numbers as one text: of a list, jsonb keeps each in a dozen bytes and reads it for a microsecond."""
    return " ".join(map(str, numbers))


def _ranked(standings: Standings, at: int, rows: Ints) -> Json:
    """Return the best as columns; those that say nothing are left out."""
    team, need = standings.team, standings.asked.needs[at]
    people = [team.people[row] for row in rows.tolist()]
    capacity, free = team.capacity[rows], team.free[rows]
    reserved = np.array([hundredths(person.reserved) for person in people])
    optional: Json = {
        "idle": _column(team.last_assigned[rows]),
        "recent": _column(team.recent[rows]),
        "price": _column(team.price[rows]),
        "reserved": _column(reserved / 100),
        "skills": {
            str(skill): _text([person.skills.get(skill, 0) for person in people])
            for skill in need.skills
        },
        "evidence": _of_some(people, lambda person: _evidence(person, need)),
        "languages": [" ".join(person.languages) for person in people],
        "place": [person.place for person in people],
        "past": _of_some(people, lambda person: _past(need.pasts.get(person.id))),
    }
    return {
        "staff": _text(team.ids[rows].tolist()),
        "points": [_text((part / 10).tolist()) for part in standings.parts_of(at, rows).values()],
        "load": _text(((capacity - free - reserved) / 100).tolist()),
        "capacity": _text((capacity / 100).tolist()),
    } | {name: column for name, column in optional.items() if column}


def _column(numbers: Floats) -> str:
    return _text(numbers.tolist()) if numbers.any() else ""


def _of_some(people: Sequence[Person], tell: Callable[[Person], Any]) -> Json:  # Any: JSON
    """Return by id what there is to tell of some."""
    return {str(person.id): told for person in people if (told := tell(person))}


def _evidence(person: Person, need: Need) -> Json:
    if not person.evidence:
        return {}
    found = {skill: person.evidence.get(skill) for skill in need.skills}
    return {str(skill): list(astuple(one)) for skill, one in found.items() if one}


def _past(past: Past | None) -> list[Any] | None:  # Any: JSON
    return [past.last_at.isoformat(), float(past.stars) if past.stars else None] if past else None


def _need(need: Need) -> Json:
    kept: Json = {"department": need.department_id, "urgency": need.urgency}
    if need.topic_id:
        kept["topic"] = need.topic_id
    if need.skills:
        kept["skills"] = {str(skill): level for skill, level in need.skills.items()}
    if need.shares:
        kept["shares"] = {str(skill): share for skill, share in need.shares.items()}
    if need.language:
        kept["language"] = need.language
    if need.place:
        kept["place"] = need.place
    if need.weight != 1:
        kept["weight"] = str(need.weight)
    if need.waiting_since:
        kept["since"] = need.waiting_since.isoformat()
    if need.is_live:
        kept["live"] = True
    if need.practice:
        kept["practice"] = {
            "skill": need.practice.skill_id,
            "behind": list(need.practice.staff_ids),
        }
    return kept


def decision(
    need: Need,
    outcome: Decision.Outcome,
    *,
    data: Json,
    policy: Policy,
    at: datetime,
    chosen: tuple[int, float] | None = None,
) -> Decision:
    """Return a decision, to be stored in the transaction that acts on it; `chosen` is who, with the score."""
    return Decision(
        conversation_id=need.conversation_id,
        staff_id=chosen[0] if chosen else None,
        outcome=outcome,
        score=Decimal(str(chosen[1])) if chosen else Decimal(0),
        at=at,
        policy_id=policy.pk,
        policy_version=policy.version if policy.pk else 0,
        data=data | ({"arm": policy.arm} if policy.arm else {}),
    )


@dataclass(frozen=True, slots=True)
class Reading:
    """A decision read back."""

    need: Need
    ranked: tuple[Scored, ...]
    excluded: Mapping[int, tuple[str, ...]]
    weights: Mapping[str, int]
    people: int
    at: datetime


def read(decision: Decision) -> Reading:
    """Return what the decision was made from and what came of it."""
    data = decision.data
    weights = {str(name): int(most) for name, most in data["weights"]}
    rows = rows_of(data["ranked"])
    need = _read_need(decision, data["need"], rows)
    ranked = tuple(
        Scored(
            _read_person(row),
            tuple(
                Part(name, points, most)
                for (name, most), points in zip(weights.items(), row["points"], strict=False)
            ),
        )
        for row in rows
    )
    excluded = {
        int(staff_id): tuple(reasons.split("+"))
        for reasons, staff_ids in data["excluded"].items()
        for staff_id in (staff_ids.split() if isinstance(staff_ids, str) else staff_ids)
    }
    return Reading(need, ranked, excluded, weights, int(data["people"]), decision.at)


def rows_of(ranked: Json | list[Json]) -> list[Json]:
    """Return what is kept of the best, person by person; earlier decisions kept it like that."""
    if isinstance(ranked, list):
        return ranked
    ids = _numbers(ranked["staff"])
    columns = {name: _numbers(ranked[name]) for name in NUMBERS if name in ranked}
    columns["points"] = list(zip(*map(_numbers, ranked["points"]), strict=True)) or [()] * len(ids)
    columns["languages"] = [codes.split() for codes in ranked.get("languages", ())]
    columns["place"] = ranked.get("place", [])
    levels = {skill: _numbers(column) for skill, column in ranked.get("skills", {}).items()}
    columns["skills"] = [
        {skill: column[at] for skill, column in levels.items()} for at in range(len(ids))
    ]
    rows = [
        {"staff": pk, **{name: column[at] for name, column in columns.items()}}
        for at, pk in enumerate(ids)
    ]
    for name in ("evidence", "past"):
        for row in rows:
            if str(row["staff"]) in ranked.get(name, {}):
                row[name] = ranked[name][str(row["staff"])]
    return rows


def _numbers(text: str) -> list[Any]:  # Any: whole numbers and others
    return list(json.loads(f"[{text.replace(' ', ',')}]"))


def _read_need(decision: Decision, kept: Json, rows: Sequence[Json]) -> Need:
    pasts = {
        row["staff"]: Past(datetime.fromisoformat(row["past"][0]), row["past"][1])
        for row in rows
        if "past" in row
    }
    return Need(
        conversation_id=decision.conversation_id,
        department_id=kept["department"],
        topic_id=kept.get("topic"),
        skills={int(skill): level for skill, level in kept.get("skills", {}).items()},
        shares={int(skill): share for skill, share in kept.get("shares", {}).items()},
        language=kept.get("language", ""),
        place=kept.get("place", ""),
        weight=Decimal(kept.get("weight", "1")),
        pasts=pasts,
        urgency=kept["urgency"],
        waiting_since=datetime.fromisoformat(kept["since"]) if "since" in kept else None,
        is_live=kept.get("live", False),
        practice=practice_of(decision),
    )


def practice_of(decision: Decision) -> Practice | None:
    """Return what somebody was to learn with the conversation, if anything."""
    kept = decision.data["need"].get("practice")
    return Practice(kept["skill"], tuple(kept["behind"])) if kept else None


def _read_person(row: Json) -> Person:
    return Person(
        id=row["staff"],
        skills={int(skill): level for skill, level in row.get("skills", {}).items()},
        evidence={int(skill): Evidence(*one) for skill, one in row.get("evidence", {}).items()},
        languages=tuple(row.get("languages", ())),
        place=row.get("place", ""),
        capacity=Decimal(str(row["capacity"])),
        load=Decimal(str(row["load"])),
        reserved=Decimal(str(row.get("reserved", "0"))),
        last_assigned_at=_instant(row.get("idle")),
        recent=row.get("recent", 0.0),
        price=row.get("price", 0.0),
    )


def _instant(kept: float | str | None) -> datetime | None:
    """Return a moment that is kept as seconds since 1970, by earlier decisions in words."""
    if isinstance(kept, str):
        return datetime.fromisoformat(kept)
    return datetime.fromtimestamp(kept, UTC) if kept else None


def replay(decision: Decision, weights: Mapping[str, int] | None = None) -> list[Scored]:
    """Score the kept candidates again from what was known then, with other weights when given.

    Raises NotReplayable for what another engine decided.
    """
    if decision.data.get("engine") != ENGINE:
        raise NotReplayable
    reading = read(decision)
    team = Team.of([one.person for one in reading.ranked], usual=float(decision.data["usual"]))
    rules = Rules(weights=weights or reading.weights)
    asked = Asked(team, [reading.need], np.arange(len(team)), decision.at.timestamp())
    names, tenths = points(asked, [rules])
    found = [
        Scored(
            one.person,
            tuple(
                Part(name, int(tenths[number, 0, row]) / 10, rules.weights[name])
                for number, name in enumerate(names)
            ),
        )
        for row, one in enumerate(reading.ranked)
    ]
    return sorted(found, key=_order)


def is_reproduced(decision: Decision) -> bool:
    """Tell whether a decision comes out as it was kept: everybody's points, their order, and the score.

    Raises NotReplayable as `replay` does.
    """
    kept = read(decision).ranked
    again = replay(decision)
    chosen = [one.total for one in again if one.person.id == decision.staff_id]
    is_scored = not chosen or Decimal(str(chosen[0])) == decision.score
    return is_scored and sorted(kept, key=_order) == again


def _order(one: Scored) -> tuple[float, Decimal, float, int]:
    """Return what people are ranked by: points, room, how long they waited, and who came first."""
    last = one.person.last_assigned_at
    return (-one.total, -one.person.free, last.timestamp() if last else 0.0, one.person.id)
