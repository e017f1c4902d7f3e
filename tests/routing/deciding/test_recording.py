"""What a decision keeps is what was known, and comes out the same: for whatever team and whatever is asked."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from routing import recording
from routing.candidates import Need, Past, Person, Reach
from routing.deciding.evidence import Evidence
from routing.deciding.rules import DEFAULT_WEIGHTS, Rules
from routing.deciding.standing import Standings, stand
from routing.deciding.team import Team
from routing.models import Decision, Policy

NOW = datetime(2026, 3, 12, 2, 0, 3, 123457, tzinfo=UTC)
SKILLS = st.integers(1, 4)
PLACES = st.sampled_from(["", "杭州", "San José"])
AMOUNTS = st.decimals(0, 99, places=1)
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2026, 3, 12), timezones=st.just(UTC))  # noqa: DTZ001  (bounds)
FEW = st.floats(0, 1e6) | st.sampled_from([0.0, 1e-300, 1e22])
PEOPLE = st.builds(
    Person,
    id=st.just(0),
    reaches=st.just((Reach(frozenset({1})),)),
    skills=st.dictionaries(SKILLS, st.integers(0, 5) | st.floats(0, 5)),
    evidence=st.dictionaries(SKILLS, st.builds(Evidence, st.floats(-1.5, 1.5))),
    languages=st.lists(st.sampled_from(["zh", "en", "fr"]), unique=True).map(tuple),
    place=PLACES,
    capacity=AMOUNTS,
    load=AMOUNTS,
    reserved=AMOUNTS,
    recent=FEW,
    price=st.floats(0, 10),
    last_assigned_at=st.none() | MOMENTS,
    lease_until=st.sampled_from([NOW + timedelta(minutes=1)] * 3 + [None]),
)
NEEDS = st.builds(
    Need,
    conversation_id=st.just(1),
    department_id=st.just(1),
    skills=st.dictionaries(SKILLS, st.integers(0, 3)),
    language=st.sampled_from(["", "zh", "other"]),
    place=PLACES,
    weight=st.sampled_from([Decimal(1), Decimal("0.5"), Decimal(0)]),
    pasts=st.dictionaries(
        st.integers(1, 20), st.builds(Past, MOMENTS, st.none() | st.floats(1, 5))
    ),
    declined_by=st.frozensets(st.integers(1, 20)),
)
WEIGHTS = st.fixed_dictionaries({name: st.integers(0, 100) for name in DEFAULT_WEIGHTS})


def kept(standings: Standings, at: int, chosen: int | None) -> Decision:
    """Return the decision as the database has it."""
    data = json.loads(json.dumps(recording.compose(standings, at, chosen), allow_nan=False))
    outcome = Decision.Outcome.QUEUED if chosen is None else Decision.Outcome.ASSIGNED
    team, need = standings.team, standings.asked.needs[at]
    given_to = None if chosen is None else (int(team.ids[chosen]), standings.total(at, chosen))
    return recording.decision(need, outcome, data=data, policy=Policy(), at=NOW, chosen=given_to)


@given(
    st.lists(PEOPLE, max_size=20),
    st.lists(NEEDS, min_size=1, max_size=3),
    WEIGHTS,
    st.integers(0, 99),
)
def test_a_decision_keeps_what_was_known_and_comes_out_the_same(
    people: list[Person], needs: list[Need], weights: dict[str, int], luck: int
) -> None:
    people = [replace(person, id=number) for number, person in enumerate(people, 1)]
    rules = [Rules(weights=weights)] * len(needs)
    standings = stand(Team.of(people), needs, rules, NOW.timestamp())
    for at, need in enumerate(needs):
        order = standings.order(at, len(people)).tolist()
        decision = kept(standings, at, order[luck % len(order)] if order else None)
        assert recording.is_reproduced(decision)
        reading = recording.read(decision)
        assert len(reading.ranked) == min(len(order), recording.RANKED_KEPT)
        assert len(reading.excluded) == len(people) - len(order)
        for one in reading.ranked:
            assert one.person == as_kept(people[one.person.id - 1], need)


def as_kept(person: Person, need: Need) -> Person:
    """Return what a decision about the need keeps of a person."""
    evidence = person.evidence.items()
    return Person(
        id=person.id,
        skills={skill: person.skills.get(skill, 0) for skill in need.skills},
        evidence={skill: one for skill, one in evidence if skill in need.skills},
        languages=person.languages,
        place=person.place,
        capacity=person.capacity,
        load=person.load,
        reserved=person.reserved,
        last_assigned_at=person.last_assigned_at,
        recent=person.recent,
        price=person.price,
    )
