"""Ten thousand decisions, kept in the database and decided again, come out the same to the last bit."""

import json
import random
from io import StringIO

import pytest
from django.core.management import call_command

from bench.deciding import NOW, _need, _person
from helpdesk.services import organizations
from routing import recording
from routing.deciding.matching import decide
from routing.deciding.rules import Rules
from routing.deciding.team import Team
from routing.models import Decision, Policy
from tests.factories import World, make_world

pytestmark = [pytest.mark.soak, pytest.mark.django_db(transaction=True)]

DECISIONS, EACH, PEOPLE = 10_000, 100, 50


def keep(world: World, luck: random.Random, conversation_id: int, staff_ids: list[int]) -> int:
    """Decide about a hundred at once and keep each decision; returns how many were given to somebody."""
    people = [_person(luck, pk) for pk in staff_ids]
    team = Team.of(people)
    team.reckon(team.price + luck.random(), team.recent)
    needs = [_need(luck, number, needed=luck.randint(1, 6)) for number in range(EACH)]
    decided = decide(needs, team, lambda _need: Rules(), NOW.timestamp())
    assert decided.standings is not None
    rows = dict(decided.given)
    made = []
    for number in range(EACH):
        row = rows.get(number)
        chosen = None
        if row is not None:
            chosen = int(team.ids[row]), decided.standings.total(number, row)
        decision = recording.decision(
            decided.needs[number],
            Decision.Outcome.ASSIGNED if chosen else Decision.Outcome.QUEUED,
            data=recording.compose(decided.standings, number, row),
            policy=Policy(),
            at=NOW,
            chosen=chosen,
        )
        decision.conversation_id = conversation_id
        made.append(decision)
    with world.transaction():
        Decision.objects.bulk_create(made)
    return len(rows)


def test_ten_thousand_decisions_replay_identically() -> None:
    world, luck = make_world(), random.Random(20_261_126)
    conversation_id = world.message("怎么退货").conversation_id
    with world.transaction():
        staff_ids = [
            organizations.take_in(
                email=f"drawn{number}@acme.example",
                name=f"Drawn {number}",
                department=world.support,
            ).pk
            for number in range(PEOPLE)
        ]
    given = sum(keep(world, luck, conversation_id, staff_ids) for _ in range(DECISIONS // EACH))
    assert given > DECISIONS // 2
    said = StringIO()
    call_command("replay_decisions", "--since", "2026-01-01", "--json", stdout=said)
    found = json.loads(said.getvalue().splitlines()[-1])
    assert found == {
        "decisions": DECISIONS,
        "identical": DECISIONS,
        "different": 0,
        "older_engine": 0,
    }
