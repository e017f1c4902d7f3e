"""Whatever the company and whatever comes: nobody is given what they may not or cannot, and nothing waits for ever."""

import heapq
import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from helpdesk.services.practices import Practice
from routing.candidates import Need, Person, Reach
from routing.deciding.demands import Has, Ring
from routing.deciding.matching import decide
from routing.deciding.rules import DEFAULT_WEIGHTS, Rules
from routing.deciding.team import Team

BEGINS = datetime(2026, 3, 12, 2, 0, tzinfo=UTC)
FAR = BEGINS + timedelta(days=9)
SECONDS = 400
KINDS = ("webchat", "phone", "email")
# Ever more slowly, but it goes before whatever else comes: so many times its target.
LONGEST_IN_TARGETS = 10.0


@dataclass
class Company:
    """Some people, what comes, and what each has in hand."""

    people: list[Person]
    arrivals: list[tuple[float, Need, float]]
    rules: Rules
    team: Team = field(init=False)
    held: dict[int, list[Need]] = field(init=False)

    def __post_init__(self) -> None:
        self.team = Team.of(self.people)
        self.held = {person.id: [] for person in self.people}


def company(luck: random.Random) -> Company:
    """Draw a company whose people could answer what comes in about half of their time."""
    people = [_person(luck, number) for number in range(luck.randint(2, 9))]
    rules = Rules(
        weights={name: luck.randint(0, 40) for name in DEFAULT_WEIGHTS} | {"skill": 30},
        urgent_seconds=luck.choice([10.0, 60.0]),
        calm_seconds=luck.choice([60.0, 120.0]),
        slack_percent=luck.choice([0, 60, 100]),
        patience_percent=luck.choice([50, 100, 200]),
    )
    arrivals, at = [], 0.0
    slowest = 40.0 / float(sum(person.capacity for person in people))
    while at < SECONDS:
        at += luck.expovariate(1 / (4 * slowest))
        arrivals.append((at, _need(luck, len(arrivals) + 1, at), luck.uniform(5, 40)))
    trained = random.Random(luck.random())
    people = [_in_training(trained, person) for person in people]
    arrivals = [(at, _to_learn_with(trained, need), handle) for at, need, handle in arrivals]
    return Company(people, arrivals, rules)


def _in_training(luck: random.Random, person: Person) -> Person:
    learning = [skill for skill in person.skills if luck.random() < 0.3]
    return replace(person, learning=frozenset(learning))


def _to_learn_with(luck: random.Random, need: Need) -> Need:
    if not need.skills or need.ring or luck.random() < 0.5:
        return need
    return replace(need, practice=Practice(next(iter(need.skills)), (1,)))


def _person(luck: random.Random, number: int) -> Person:
    reaches = tuple(
        Reach(frozenset({department}), luck.choice([None, frozenset({1}), frozenset({1, 2})]))
        for department in luck.sample([1, 2], luck.randint(0, 2))
    )
    return Person(
        id=number + 1,
        reaches=reaches,
        department_id=luck.choice([1, 2]),
        skills={skill: luck.randint(0, 5) for skill in luck.sample([1, 2, 3], luck.randint(0, 3))},
        certified={1: luck.choice([0.0, FAR.timestamp()])},
        languages=luck.choice([(), ("zh",), ("en", "zh")]),
        capacity=Decimal(luck.choice(["1", "1.5", "3"])),
        most={"email": luck.randint(0, 2)} if luck.random() < 0.4 else {},
        status=luck.choice(["online"] * 5 + ["away"]),
        lease_until=luck.choice([FAR] * 5 + [None]),
        off=luck.choice([""] * 8 + ["leave", "focus"]),
        has_lent_time=luck.random() < 0.9,
    )


def _need(luck: random.Random, number: int, at: float) -> Need:
    kind = luck.choice(KINDS)
    since = BEGINS + timedelta(seconds=at)
    return Need(
        conversation_id=number,
        department_id=luck.choice([1, 1, 2]),
        topic_id=luck.choice([None, 1, 2, 3]),
        skills={luck.randint(1, 3): luck.randint(0, 4)} if luck.random() < 0.5 else {},
        certificate=1 if luck.random() < 0.2 else None,
        language=luck.choice(["", "zh", "en", "other"]),
        weight=Decimal(luck.choice(["0.5", "1", "1.5"])),
        kind=kind,
        fills=kind == "phone",
        declined_by=frozenset(luck.sample(range(1, 10), luck.randint(0, 2))),
        ring=Ring(1, 9, Has(1, 2)) if luck.random() < 0.1 else None,
        urgency=luck.choice([0, 30, 80, 100]),
        waiting_since=since,
        queued_at=since,
    )


def may(person: Person, need: Need, held: list[Need]) -> bool:
    """Tell, in the plainest words, whether somebody may be given something now."""
    there = person.status == "online" and person.lease_until == FAR and not person.off
    reaches = [reach for reach in person.reaches if need.department_id in reach.departments]
    topic = need.topic_id is None or any(
        reach.topics is None or need.topic_id in reach.topics for reach in reaches
    )
    skilled = all(person.skills.get(skill, -1) >= low for skill, low in need.skills.items())
    if need.practice:
        # The only thing that learning opens, and one at a time.
        skilled = need.practice.skill_id in person.learning
        skilled = skilled and not any(one.practice for one in held)
    certified = need.certificate is None or person.certified.get(need.certificate, 0) > 0
    speaks = (
        need.language not in {"zh", "en"}
        or not person.languages
        or need.language in person.languages
    )
    ring = need.ring is None or person.skills.get(1, -1) >= 2
    most = person.most.get(need.kind)
    few = most is None or sum(one.kind == need.kind for one in held) < most
    room = sum(one.weight for one in held) + need.weight <= person.capacity
    room = room and not any(one.fills for one in held)
    asked = need.conversation_id and person.id not in need.declined_by
    return bool(
        there
        and person.has_lent_time
        and reaches
        and topic
        and skilled
        and certified
        and speaks
        and ring
        and few
        and room
        and asked
    )


def play(found: Company) -> dict[int, float]:
    """Play it to its end; returns how long each waited, in shares of its target."""
    waiting: dict[int, tuple[Need, float]] = {}
    ends: list[tuple[float, int, int]] = []
    coming = list(reversed(found.arrivals))
    waits: dict[int, float] = {}
    by_id = {person.id: person for person in found.people}
    now = 0.0
    while (coming or ends or waiting) and now < 3 * SECONDS:
        now += 2.0
        while ends and ends[0][0] <= now:
            _at, number, person_id = heapq.heappop(ends)
            done = next(o for o in found.held[person_id] if o.conversation_id == number)
            found.held[person_id].remove(done)
        while coming and coming[-1][0] <= now:
            _at, need, handle = coming.pop()
            waiting[need.conversation_id] = (need, handle)
        if not waiting:
            continue
        # What people have in hand is read anew, as in each look.
        found.team = Team.of([_now(person, found.held[person.id]) for person in found.people])
        needs = [_asked(need, found) for need, _handle in waiting.values()]
        moment = BEGINS + timedelta(seconds=now)
        decided = decide(needs, found.team, lambda _one: found.rules, moment.timestamp())
        for at_need, row in decided.given:
            need = decided.needs[at_need]
            person = by_id[int(found.team.ids[row])]
            assert may(person, need, found.held[person.id]), (person, need)
            found.held[person.id].append(need)
            _need, handle = waiting.pop(need.conversation_id)
            heapq.heappush(ends, (now + handle, need.conversation_id, person.id))
            waited = moment - (need.waiting_since or BEGINS)
            waits[need.conversation_id] = waited.total_seconds() / found.rules.target(need.urgency)
    return waits


def _asked(need: Need, found: Company) -> Need:
    """Return the need as it is asked now: of everybody where nobody in training has room."""
    has_learner = any(may(person, need, found.held[person.id]) for person in found.people)
    return need if has_learner else replace(need, practice=None)


def _now(person: Person, held: list[Need]) -> Person:
    return replace(
        person,
        load=sum((one.weight for one in held), Decimal(0)),
        held={kind: sum(one.kind == kind for one in held) for kind in KINDS},
        is_filled=any(one.fills for one in held),
        is_practising=any(one.practice for one in held),
    )


@pytest.mark.parametrize("seed", range(12))
def test_nobody_gets_what_they_may_not_and_nothing_waits_for_ever(seed: int) -> None:
    found = company(random.Random(seed))
    waits = play(found)
    for _at, need, _handle in found.arrivals:
        plain = replace(need, practice=None)
        somebody = any(may(p, need, []) or may(p, plain, []) for p in found.people)
        assert (need.conversation_id in waits) == somebody, need
    longest = max(waits.values(), default=0.0)
    # So far behind as the shortest target stretches what is only one answer long.
    slack = 400.0 / found.rules.urgent_seconds
    assert longest <= LONGEST_IN_TARGETS + slack
