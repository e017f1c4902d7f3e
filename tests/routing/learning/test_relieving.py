"""Somebody else stands behind a learner whose colleague went away: once, and only where there is somebody."""

from datetime import timedelta

import pytest
from django.utils import timezone

from helpdesk.models import Mention, Presence, StaffSkill
from helpdesk.registries import sweeps
from helpdesk.services import assignment, mentions
from helpdesk.tenancy import due_organizations, organization_scope
from routing.practising import Practising, practising
from tests.factories import World
from tests.routing.conftest import route


@pytest.fixture
def pk(world: World, drawn: int) -> int:
    """Dave learns with a conversation, Carol stands behind; Gina could, and Hugo learns it too."""
    for name, level, is_learning in (("gina", 3, False), ("hugo", 5, True)):
        world.person(name, world.support, world.roles["agent"], languages=["zh"])
        with world.transaction():
            StaffSkill.objects.create(
                staff=world.people[name], skill_id=drawn, level=level, is_learning=is_learning
            )
    found = world.message("怎么退货").conversation_id
    route(world)
    assert [one.staff_id for one in behind(world, found)] == [world.carol.pk]
    world.online("gina", "hugo")
    return found


def behind(world: World, pk: int) -> list[Mention]:
    with world.transaction():
        rows = Mention.objects.filter(conversation_id=pk, behind=world.dave, ended_at__isnull=True)
        return list(rows.filter(access_until__gt=timezone.now()).order_by("id"))


def gone(world: World, name: str, *, seconds: int = 61, status: str = "away") -> None:
    with world.transaction():
        since = timezone.now() - timedelta(seconds=seconds)
        rows = Presence.objects.filter(staff=world.people[name])
        if status == "offline":
            rows.update(lease_until=since)
        else:
            rows.update(status=status, changed_at=since)


def relieve(world: World) -> int:
    """Run the sweep where it is due."""
    if world.organization.pk not in due_organizations("practice"):
        return 0
    with organization_scope(world.organization.pk):
        return sweeps.get("practice").run(timezone.now())


@pytest.mark.parametrize("status", ["away", "offline"])
def test_another_stands_behind_once_a_colleague_was_gone_for_a_minute(
    world: World, pk: int, status: str
) -> None:
    gone(world, "carol", status=status)
    assert relieve(world) == 1
    assert [one.staff_id for one in behind(world, pk)] == [world.people["gina"].pk]
    world.online("carol")
    gone(world, "gina", status=status)
    assert world.organization.pk not in due_organizations("practice")
    with organization_scope(world.organization.pk):
        assert sweeps.get("practice").run(timezone.now()) == 0


@pytest.mark.parametrize(("status", "seconds"), [("away", 50), ("offline", 50), ("busy", 500)])
def test_who_is_back_soon_or_only_busy_stays(
    world: World, pk: int, status: str, seconds: int
) -> None:
    gone(world, "carol", status=status, seconds=seconds)
    assert relieve(world) == 0
    assert [one.staff_id for one in behind(world, pk)] == [world.carol.pk]


def test_who_went_away_stays_where_nobody_else_is_there(world: World, pk: int) -> None:
    gone(world, "carol")
    gone(world, "gina")
    assert relieve(world) == 0
    assert [one.staff_id for one in behind(world, pk)] == [world.carol.pk]


def test_another_still_follows_after_an_undone_handover(world: World, pk: int) -> None:
    dave = world.access("dave")
    with organization_scope(world.organization.pk):
        made = assignment.transfer(dave, pk, assignment.Target(staff_id=world.erin.pk))
        mentions.end_due(timezone.now())
        assert how_it_stands(world).learners == frozenset()
        assignment.undo_transfer(dave, made.pk)
    now = how_it_stands(world)
    assert (now.learners, now.behind[world.carol.pk]) == ({world.dave.pk}, 1)
    gone(world, "carol")
    assert relieve(world) == 1
    assert [one.staff_id for one in behind(world, pk)] == [world.people["gina"].pk]


def how_it_stands(world: World) -> Practising:
    with world.transaction():
        return practising([world.dave.pk])
