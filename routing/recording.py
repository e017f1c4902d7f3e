"""Decisions as compact JSON: written once, read for "why me?", and replayed to the same result."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np

from helpdesk.services.practices import Practice
from routing.candidates import Need, Past, Person
from routing.deciding.evidence import Evidence
from routing.deciding.parts import Asked, available
from routing.deciding.rules import Rules
from routing.deciding.standing import Part, Scored, Standings, points
from routing.deciding.team import Team
from routing.models import Decision, Policy

# More are counted, not kept: the best are what people ask about.
RANKED_KEPT = 12
EXCLUDED_KEPT = 200
# Of how decisions are made; what another engine decided is shown, and not replayed.
ENGINE = 2

Json = dict[str, Any]  # Any: JSON, checked where it is read


class NotReplayable(Exception):
    """Another engine made the decision."""


def ranked(standings: Standings, at: int, chosen: int | None) -> list[Scored]:
    """Return the best for one of the needs, and among them whoever was chosen by row."""
    rows = [int(row) for row in standings.order(at, RANKED_KEPT)]
    if chosen is not None and chosen not in rows:
        rows[-1] = chosen
    return standings.scored(at, rows)


def compose(standings: Standings, at: int, best: Sequence[Scored]) -> Json:
    """Return what a decision about one of the needs keeps, and of the best for it."""
    need = standings.asked.needs[at]
    by_reason: dict[str, list[int]] = defaultdict(list)
    for staff_id, reasons in standings.excluded(at, EXCLUDED_KEPT).items():
        by_reason["+".join(reasons)].append(staff_id)
    weights = standings.rules[at].weights
    return {
        "engine": ENGINE,
        "need": _need(need),
        # Pairs, because jsonb does not keep the order of keys and points follow it.
        "weights": [[name, weights[name]] for name in available() if weights.get(name, 0) > 0],
        "usual": standings.team.usual_recent,
        "ranked": [_scored(one, need) for one in best],
        "excluded": dict(by_reason),
        "people": len(standings.team),
    }


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


def _scored(one: Scored, need: Need) -> Json:
    person = one.person
    kept: Json = {
        "staff": person.id,
        "points": [part.points for part in one.parts],
        "load": str(person.load),
        "capacity": str(person.capacity),
    }
    levels = {str(skill): person.skills.get(skill, 0) for skill in need.skills}
    evidence = {str(skill): person.evidence.get(skill) for skill in need.skills}
    optional: Json = {
        "skills": levels,
        "evidence": {skill: list(astuple(one)) for skill, one in evidence.items() if one},
        "languages": list(person.languages),
        "place": person.place,
        "reserved": str(person.reserved) if person.reserved else None,
        "idle": person.last_assigned_at.isoformat() if person.last_assigned_at else None,
        "recent": person.recent,
        "price": person.price,
    }
    past = need.pasts.get(person.id)
    if past:
        optional["past"] = [past.last_at.isoformat(), float(past.stars) if past.stars else None]
    return kept | {name: value for name, value in optional.items() if value}


def decision(
    need: Need,
    outcome: Decision.Outcome,
    *,
    data: Json,
    policy: Policy,
    at: datetime,
    chosen: Scored | None = None,
) -> Decision:
    """Return a decision, to be stored in the transaction that acts on it."""
    return Decision(
        conversation_id=need.conversation_id,
        staff_id=chosen.person.id if chosen else None,
        outcome=outcome,
        score=Decimal(str(chosen.total)) if chosen else Decimal(0),
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
    rows = data["ranked"]
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
        staff_id: tuple(reasons.split("+"))
        for reasons, staff_ids in data["excluded"].items()
        for staff_id in staff_ids
    }
    return Reading(need, ranked, excluded, weights, int(data["people"]), decision.at)


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
        capacity=Decimal(row["capacity"]),
        load=Decimal(row["load"]),
        reserved=Decimal(row.get("reserved", "0")),
        last_assigned_at=datetime.fromisoformat(row["idle"]) if "idle" in row else None,
        recent=row.get("recent", 0.0),
        price=row.get("price", 0.0),
    )


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
