"""Afternoons are played by the engine; whatever comes of it, the world must have allowed it."""

import gzip
import heapq
import json
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from helpdesk.errors import Invalid
from routing.deciding.rules import DEFAULT_WEIGHTS, Rules
from routing.laboratory.figures import figures
from routing.laboratory.policies import rules_of
from routing.laboratory.world import Play, Start, World, read_world

SKILLS = 8


def drawn(
    seed: int, *, people: int = 12, every: float = 30.0, end: float = 3600.0
) -> dict[str, Any]:
    """Draw a small company; `every` is the mean time between two customers, in seconds."""
    luck = np.random.default_rng(seed)
    staff = [
        {
            "levels": {str(s): float(luck.uniform(0.2, 1)) for s in luck.permutation(SKILLS)[:3]},
            "slots": int(luck.integers(1, 4)),
        }
        for _ in range(people)
    ]
    arrivals, at = [], 0.0
    while (at := at + float(luck.exponential(every))) < end * 0.8:
        first, second = map(str, luck.permutation(SKILLS)[:2])
        arrivals.append(
            {
                "t": at,
                "need": {first: 0.7, second: 0.3},
                "urgency": str(luck.choice(["urgent", "normal", "low"], p=[0.2, 0.5, 0.3])),
                "handle": float(luck.uniform(0.5, 1.5)),
                "u1": float(luck.random()),
                "u2": float(luck.random()),
                "patience": float(luck.exponential(900)),
            }
        )
    return {"staff": staff, "arrivals": arrivals, "end": end}


def written(tmp_path: Path, found: dict[str, Any]) -> Path:
    path = tmp_path / "world.json.gz"
    path.write_bytes(gzip.compress(json.dumps(found).encode()))
    return path


def played(tmp_path: Path, found: dict[str, Any], rules: Rules | None = None) -> list[Start]:
    return list(Play(read_world(written(tmp_path, found)), rules or Rules()).starts())


def faults(found: dict[str, Any], starts: list[Start]) -> list[str]:
    """Recount by the rules of the world, in other words than the player uses."""
    wrong, seen, back = [], set(), {}
    busy: list[list[float]] = [[] for _ in found["staff"]]
    for start in sorted(starts, key=lambda each: each.at):
        arrival, person = found["arrivals"][start.conversation], found["staff"][start.person]
        key = (start.conversation, start.is_second)
        born = back.get(start.conversation) if start.is_second else arrival["t"]
        patience = {"urgent": 480, "normal": 1200, "low": 3600}[arrival["urgency"]]
        if key in seen or born is None:
            wrong.append(f"{key} began twice or without a first time")
            continue
        stays = patience if start.is_second else arrival["patience"]
        if not born - 1e-6 <= start.at <= min(born + stays, found["end"]) + 1e-6:
            wrong.append(f"{key} began when the customer was not there")
        ends = busy[start.person]
        while ends and ends[0] <= start.at + 1e-9:
            heapq.heappop(ends)
        if len(ends) >= person["slots"]:
            wrong.append(f"{start.person} had no room at {start.at}")
        fit = sum(v * person["levels"].get(k, 0.0) for k, v in arrival["need"].items())
        done = start.at + 480 * arrival["handle"] * (1.35 - 0.5 * fit)
        heapq.heappush(ends, done)
        seen.add(key)
        if not start.is_second and arrival["u1"] >= 0.25 + 0.65 * fit:
            back[start.conversation] = done + 1800 * (0.2 + 1.6 * arrival["u2"])
    return wrong


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("every", [12.0, 40.0])
def test_the_world_allows_every_start(tmp_path: Path, seed: int, every: float) -> None:
    found = drawn(seed, every=every)
    starts = played(tmp_path, found)
    assert len(starts) > 20
    assert faults(found, starts) == []


def test_the_same_afternoon_is_played_the_same(tmp_path: Path) -> None:
    found = drawn(1, every=15.0)
    assert played(tmp_path, found) == played(tmp_path, found)


def test_luck_and_what_is_to_come_change_nothing_before_they_happen(tmp_path: Path) -> None:
    found = drawn(2, every=15.0)
    starts = played(tmp_path, found)
    half = found["end"] / 3
    for arrival in found["arrivals"]:
        if arrival["t"] > half:
            arrival["urgency"], arrival["need"] = "low", {"0": 1.0}
    again = played(tmp_path, found)
    assert [s for s in starts if s.at <= half] == [s for s in again if s.at <= half]


def test_with_room_for_all_everybody_is_answered_at_once(tmp_path: Path) -> None:
    found = drawn(3, people=40, every=60.0)
    starts = played(tmp_path, found)
    first = [start for start in starts if not start.is_second]
    assert len(first) == len(found["arrivals"])
    assert max(start.at - start.born_at for start in first) == 0


def test_nobody_waits_for_ever_while_urgent_ones_keep_coming(tmp_path: Path) -> None:
    found = drawn(4, people=2, every=60.0, end=4 * 3600.0)
    for number, arrival in enumerate(found["arrivals"]):
        arrival |= {"urgency": "urgent" if number else "low", "patience": 1e9, "u1": 0.0}
    for person in found["staff"]:
        person["slots"] = 1
    [calm] = [start for start in played(tmp_path, found) if start.conversation == 0]
    assert calm.at - calm.born_at < 3600


def test_fairness_spreads_the_work(tmp_path: Path) -> None:
    found = drawn(5, people=20, every=25.0, end=4 * 3600.0)
    world = read_world(written(tmp_path, found))
    even, plain = (
        figures(
            world, list(Play(world, Rules(weights=DEFAULT_WEIGHTS | {"fairness": points})).starts())
        )
        for points in (40, 0)
    )
    assert even.load_variation < 0.7 * plain.load_variation
    assert plain.first_contact_resolution > 0


def test_the_figures_count_what_happened() -> None:
    found = {
        "staff": [{"levels": {"0": 1.0}, "slots": 1}, {"levels": {}, "slots": 1}],
        "arrivals": [arrival(0.0, "urgent"), arrival(1.0, "low"), arrival(2.0, "normal")],
        "end": 9000.0,
        "bound": 0.5,
    }
    world = read_from(found)
    starts = [Start(0, False, 0, 70.0, 0.0, True), Start(1, False, 1, 4.0, 1.0, False)]
    told = figures(world, starts)
    assert (told.conversations, told.answered) == (3, 2)
    assert told.first_contact_resolution == pytest.approx(1 / 3, abs=1e-5)
    assert told.share_of_bound == pytest.approx(2 / 3, abs=1e-4)
    assert told.urgent_within_target == 0
    assert told.within_target == pytest.approx(1 / 3, abs=1e-5)
    assert (told.median_wait_seconds, told.longest_wait_seconds) == (36.5, 70.0)
    assert told.load_variation == 0
    assert Counter(start.person for start in starts) == {0: 1, 1: 1}


def arrival(at: float, urgency: str) -> dict[str, Any]:
    luck = {"handle": 1.0, "u1": 0.1, "u2": 0.5, "patience": 600.0}
    return {"t": at, "need": {"0": 1.0}, "urgency": urgency, **luck}


def read_from(found: dict[str, Any]) -> World:
    from routing.laboratory import world  # noqa: PLC0415  (one helper of the module)

    return world._world(found)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"staff": [], "arrivals": [], "end": "x"}',
        b'{"staff": [{"levels": {"a": 1}, "slots": 1}], "arrivals": [], "end": 1}',
        json.dumps({"staff": [], "arrivals": [arrival(0, "soon")], "end": 1}).encode(),
    ],
)
def test_what_is_no_world_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "world.json"
    path.write_bytes(content)
    with pytest.raises(Invalid):
        read_world(path)


WHOLE = dict(DEFAULT_WEIGHTS)


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        ({"weights": {"skill": 50}}, "weights.fairness"),
        ({"weights": WHOLE | {"skill": -1}}, "weights.skill"),
        ({"weights": WHOLE | {"skill": 101}}, "weights.skill"),
        ({"weights": WHOLE | {"skill": True}}, "weights.skill"),
        ({"weights": WHOLE | {"luck": 3}}, "weights.luck"),
        ({"weights": dict.fromkeys(WHOLE, 0)}, "weights"),
        ({"weights": []}, "weights"),
        ({"slack_percent": 101}, "slack_percent"),
        ({"slack_percent": "60"}, "slack_percent"),
        ({"urgent_seconds": 100, "calm_seconds": 99}, "calm_seconds"),
        ({"urgent_seconds": 100, "calm_chat_seconds": 99}, "calm_chat_seconds"),
        ({"calm_chat_seconds": -300}, "calm_chat_seconds"),
        ({"patience": 1}, "patience"),
    ],
)
def test_rules_that_cannot_hold_are_refused_with_their_field(
    policy: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        rules_of(policy)
    assert refused.value.details["field"] == field


def test_rules_of_a_policy_are_followed(tmp_path: Path) -> None:
    rules = rules_of({"weights": WHOLE | {"fairness": 0}, "slack_percent": 30})
    assert (rules.weights["fairness"], rules.slack_percent, rules.urgent_seconds) == (0, 30, 60)


def test_the_command_writes_the_log_and_ends_with_its_figures(tmp_path: Path) -> None:
    found, said = drawn(6, every=20.0), StringIO()
    log, policy = tmp_path / "log.jsonl", tmp_path / "policy.json"
    policy.write_text(json.dumps({"slack_percent": 30}))
    call_command(
        "simulate_routing",
        world=written(tmp_path, found),
        log=log,
        policy=policy,
        json=True,
        stdout=said,
    )
    starts = [json.loads(line) for line in log.read_text().splitlines()]
    assert set(starts[0]) == {"conversation", "repeat", "staff", "start"}
    told = json.loads(said.getvalue().splitlines()[-1])
    assert told["conversations"] == len(found["arrivals"])
    assert told["answered"] == sum(not start["repeat"] for start in starts)


def test_the_command_refuses_with_the_name_of_what_is_wrong(tmp_path: Path) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text('{"weights": {"skill": -1}}')
    good = {"world": written(tmp_path, drawn(7)), "log": tmp_path / "log"}
    for wrong, name in (
        ({"world": tmp_path / "none.json"}, "world"),
        ({"policy": policy}, "weights"),
        ({"log": tmp_path / "none" / "log"}, "log"),
    ):
        with pytest.raises(CommandError, match=name):
            call_command("simulate_routing", **(good | wrong), stdout=StringIO())
