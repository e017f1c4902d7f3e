"""Decisions as compact JSON: written once, read for "why me?", and replayed to the same result."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from routing.candidates import Need, Past, Person
from routing.models import Decision, Policy
from routing.scoring import Part, Scored, rank

# More are counted, not kept: the best are what people ask about.
RANKED_KEPT = 12
EXCLUDED_KEPT = 200

Json = dict[str, Any]  # Any: JSON, checked where it is read


def compose(
    need: Need,
    ranked: Sequence[Scored],
    excluded: Mapping[int, Sequence[str]],
    weights: Mapping[str, int],
) -> Json:
    """Return what a decision keeps."""
    by_reason: dict[str, list[int]] = defaultdict(list)
    for staff_id, reasons in list(excluded.items())[:EXCLUDED_KEPT]:
        by_reason["+".join(reasons)].append(staff_id)
    return {
        "need": _need(need),
        # Pairs, because jsonb does not keep the order of keys and points follow it.
        "weights": [[part.name, part.most] for part in ranked[0].parts]
        if ranked
        else [[name, most] for name, most in weights.items()],
        "ranked": [_scored(one, need) for one in ranked[:RANKED_KEPT]],
        "excluded": dict(by_reason),
        "people": len(ranked) + len(excluded),
    }


def _need(need: Need) -> Json:
    kept: Json = {"department": need.department_id, "urgency": need.urgency}
    if need.topic_id:
        kept["topic"] = need.topic_id
    if need.skills:
        kept["skills"] = {str(skill): level for skill, level in need.skills.items()}
    if need.language:
        kept["language"] = need.language
    if need.place:
        kept["place"] = need.place
    if need.weight != 1:
        kept["weight"] = str(need.weight)
    if need.waiting_since:
        kept["since"] = need.waiting_since.isoformat()
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
    optional: Json = {
        "skills": levels,
        "languages": list(person.languages),
        "place": person.place,
        "reserved": str(person.reserved) if person.reserved else None,
        "idle": person.last_assigned_at.isoformat() if person.last_assigned_at else None,
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
        data=data,
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
        language=kept.get("language", ""),
        place=kept.get("place", ""),
        weight=Decimal(kept.get("weight", "1")),
        pasts=pasts,
        urgency=kept["urgency"],
        waiting_since=datetime.fromisoformat(kept["since"]) if "since" in kept else None,
    )


def _read_person(row: Json) -> Person:
    return Person(
        id=row["staff"],
        skills={int(skill): level for skill, level in row.get("skills", {}).items()},
        languages=tuple(row.get("languages", ())),
        place=row.get("place", ""),
        capacity=Decimal(row["capacity"]),
        load=Decimal(row["load"]),
        reserved=Decimal(row.get("reserved", "0")),
        last_assigned_at=datetime.fromisoformat(row["idle"]) if "idle" in row else None,
    )


def replay(decision: Decision, weights: Mapping[str, int] | None = None) -> list[Scored]:
    """Score the kept candidates again from what was known then, with other weights when given."""
    reading = read(decision)
    people = [one.person for one in reading.ranked]
    return rank(people, reading.need, decision.at, weights or reading.weights)
