"""The decision itself: one message among many people against a plain loop, and a backlog against the exact optimum."""

import math
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from bench.table import Figure, middle

SKILLS, NEEDED, HELD = 512, 6, 12
SIZES = (1_000, 10_000, 100_000)
MIDDLE = 10_000
DECISIONS, PLAIN, ROUNDS = 300, 15, 3
WAITING, STAFF = 1_000, 500
NOW = datetime(2026, 3, 12, 2, 0, tzinfo=UTC)


def measure() -> list[Figure]:
    """Measure in this process, without any service."""
    from routing.deciding.rules import Rules  # noqa: PLC0415  (the solver is slow to load)

    rules = Rules()
    luck = random.Random(7)
    return [*_one(luck, rules), *_backlog(luck, rules)]


def _one(luck: random.Random, rules: Any) -> list[Figure]:  # Any: loaded later
    """Measure single decisions, in turns with the loop that a plain engine would run."""
    from routing.deciding.team import Team  # noqa: PLC0415

    by_size: dict[int, float] = {}
    ratios: list[tuple[float, float]] = []
    for size in SIZES:
        people = [_person(luck, number) for number in range(size)]
        team = Team.of(people)
        rounds = []
        for _ in range(ROUNDS):
            needs = [_need(luck, number) for number in range(DECISIONS)]
            ours = sorted(_seconds(_decide, team, [need], rules) for need in needs)
            rounds.append(middle(ours))
            if size == MIDDLE:
                plain = sorted(_seconds(_plain, people, need) for need in needs[:PLAIN])
                ratios.append(
                    (middle(ours) / middle(plain), ours[DECISIONS * 99 // 100] / middle(plain))
                )
        by_size[size] = middle(rounds)
    growth = math.log(by_size[SIZES[-1]] / by_size[SIZES[0]]) / math.log(SIZES[-1] / SIZES[0])
    return [
        Figure(f"one decision among {MIDDLE:,} people, p50", 1000 * by_size[MIDDLE], "ms"),
        Figure(
            "one decision against a plain loop, p50", middle([r[0] for r in ratios]), "x", 1 / 60
        ),
        Figure(
            "one decision against a plain loop, p99",
            middle([r[1] for r in ratios]),
            "x",
            1 / 20,
        ),
        Figure("growth with people, exponent from 1,000 to 100,000", growth, "", 1.1),
    ]


def _backlog(luck: random.Random, rules: Any) -> list[Figure]:  # Any: as above
    """Measure how good and how fast a backlog is solved."""
    import numpy as np  # noqa: PLC0415  (as above)
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415

    from routing.deciding.standing import stand  # noqa: PLC0415
    from routing.deciding.team import Team  # noqa: PLC0415

    people = [_person(luck, number, capacity=2 + number % 2) for number in range(STAFF)]
    needs = [_need(luck, number, needed=2) for number in range(WAITING)]
    team, now = Team.of(people), NOW.timestamp()
    seconds, shares = [], []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        decided = _decide(team, needs, rules)
        seconds.append(time.perf_counter() - started)
        standings = stand(team, decided.needs, [rules] * WAITING, now)
        worth = standings.totals / 10
        column = {int(row): at for at, row in enumerate(standings.rows)}
        value = sum(worth[at, column[row]] for at, row in decided.given)
        slots = np.repeat(np.arange(STAFF), [int(person.capacity) for person in people])
        rows, picked = linear_sum_assignment(worth[:, slots], maximize=True)
        shares.append(float(value / worth[:, slots][rows, picked].sum()))
    return [
        Figure(f"{WAITING:,} waiting x {STAFF} people solved", middle(seconds), "s", 1.5),
        Figure("value against the exact optimum", middle(shares), "", 0.998, is_at_least=True),
    ]


def _decide(team: Any, needs: list[Any], rules: Any) -> Any:  # Any: as above
    from routing.deciding.matching import decide  # noqa: PLC0415

    def rules_of(need: Any) -> Any:  # Any: as above
        return rules

    return decide(needs, team, rules_of, NOW.timestamp())


def _plain(people: list[Any], need: Any) -> list[Any]:  # Any: as above
    """Do what an engine without columns does: score everybody who is there, one by one, and sort."""
    found = []
    for person in people:
        if person.status != "online" or person.load >= person.capacity:
            continue
        score = 0.0
        for skill, share in need.shares.items():
            score += person.skills.get(skill, 0) * share
        found.append((score, person.id))
    found.sort(reverse=True)
    return found


def _seconds(act: Callable[..., object], *arguments: object) -> float:
    started = time.perf_counter()
    act(*arguments)
    return time.perf_counter() - started


def _person(luck: random.Random, number: int, capacity: int = 3) -> Any:  # Any: as above
    from routing.candidates import Person, Reach  # noqa: PLC0415

    return Person(
        id=number,
        reaches=(Reach(frozenset({1})),),
        skills={skill: luck.randint(1, 5) for skill in luck.sample(range(SKILLS), HELD)},
        languages=("zh", "en"),
        capacity=Decimal(capacity),
        lease_until=NOW + timedelta(minutes=1),
        recent=float(luck.randint(0, 9)),
    )


def _need(luck: random.Random, number: int, needed: int = NEEDED) -> Any:  # Any: as above
    from routing.candidates import Need  # noqa: PLC0415

    skills = luck.sample(range(SKILLS), needed)
    return Need(
        conversation_id=number,
        department_id=1,
        skills=dict.fromkeys(skills, -1),
        shares=dict.fromkeys(skills, 1 / needed),
        language="zh",
        waiting_since=NOW,
    )
