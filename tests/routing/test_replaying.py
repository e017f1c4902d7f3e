"""What was decided comes out the same, whoever reckons it again."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from helpdesk.models import Staff, Topic
from routing import recording
from routing.models import Decision
from tests.factories import World
from tests.routing.conftest import route


@pytest.fixture
def decided(world: World) -> World:
    """Some conversations of both departments that people got, and one that waits."""
    skill = world.skill("耳机", carol=5, dave=2)
    with world.transaction():
        Topic.objects.filter(name="退货").update(skill=skill)
        Staff.objects.update(capacity=Decimal("2.5"))
    for number, text in enumerate(
        ["怎么退货", "支持 Matter 吗", "我要退款", "return it please"] * 3
    ):
        world.message(text, f"v{number}")
    while route(world).placed:
        pass
    return world


def replayed(*, since: str = "2020-01-01") -> dict[str, int]:
    said = StringIO()
    call_command("replay_decisions", "--since", since, "--json", stdout=said, stderr=StringIO())
    found: dict[str, int] = json.loads(said.getvalue().splitlines()[-1])
    return found


def test_every_decision_comes_out_the_same(decided: World) -> None:
    with decided.transaction():
        count = Decision.objects.count()
        assert set(Decision.objects.values_list("outcome", flat=True)) == {"assigned", "queued"}
    assert count >= 8
    expected = {"decisions": count, "identical": count, "different": 0, "older_engine": 0}
    assert replayed() == expected


@pytest.mark.parametrize("change", ["points", "level", "usual", "score"])
def test_a_decision_that_was_tampered_with_is_found(decided: World, change: str) -> None:
    with decided.transaction():
        decision = Decision.objects.filter(outcome="assigned", data__ranked__has_key="skills")[0]
        ranked = decision.data["ranked"]
        if change == "points":
            ranked["points"][0] = ranked["points"][0].replace(".", "1.", 1)
        elif change == "level":
            ranked["skills"] = dict.fromkeys(ranked["skills"], "1 1")
        elif change == "usual":
            decision.data["usual"] += 5
        else:
            decision.score += 1
        decision.save()
    with pytest.raises(SystemExit):
        replayed()


def test_what_an_older_engine_decided_is_left_out(decided: World) -> None:
    with decided.transaction():
        decision = Decision.objects.filter(outcome="assigned").latest("pk")
        del decision.data["engine"]
        decision.save()
    assert replayed()["older_engine"] == 1


def test_only_what_was_decided_since_is_asked(decided: World) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    assert replayed(since=tomorrow.isoformat())["decisions"] == 0
    with pytest.raises(CommandError, match="no moment"):
        replayed(since="yesterday")


def test_decisions_that_were_kept_person_by_person_are_read_and_replayed(decided: World) -> None:
    with decided.transaction():
        for decision in Decision.objects.all():
            before, data = recording.read(decision), decision.data
            data["ranked"] = [as_before(row) for row in recording.rows_of(data["ranked"])]
            data["excluded"] = {
                why: [*map(int, ids.split())] for why, ids in data["excluded"].items()
            }
            assert recording.read(decision) == before
            decision.save()
    assert replayed()["different"] == replayed()["older_engine"] == 0


def as_before(row: dict[str, Any]) -> dict[str, Any]:
    named = {"load": str(row["load"]), "capacity": str(row["capacity"])}
    if row.get("idle"):
        named["idle"] = datetime.fromtimestamp(row["idle"], UTC).isoformat()
    return {name: value for name, value in {**row, **named}.items() if value}


def test_a_decision_from_before_chats_had_targets_is_read_and_replayed(decided: World) -> None:
    with decided.transaction():
        decision = Decision.objects.filter(outcome="assigned")[0]
        assert decision.data["need"].pop("live") is True
        assert recording.read(decision).need.is_live is False
        decision.save()
    assert replayed()["different"] == 0
