"""Who is kept of the people between looks, and that nothing is missed which changed meanwhile."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from threading import Event
from time import monotonic

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from helpdesk import access
from helpdesk.models import Department, Presence, RoleGrant, Staff, StaffSkill
from helpdesk.services import grants, organizations
from helpdesk.tenancy import current_organization_id
from routing import engine
from routing import people as kept
from routing.candidates import Person
from routing.facts import facts
from routing.people import people
from tests.factories import World, make_world
from tests.routing.conftest import route


def everybody(world: World) -> dict[int, Person]:
    with world.transaction():
        return {one.id: one for one in people(facts(), timezone.now())}


@pytest.fixture
def looked(world: World) -> World:
    """A world at whose people this process has looked."""
    assert world.carol.pk in everybody(world)
    return world


def rows_read(world: World, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return whose rows a look reads."""
    asked: list[int] = []
    accesses_of = kept.accesses_of

    def asking(rows):
        found = list(rows)
        asked.extend(one.pk for one in found)
        return accesses_of(found)

    with monkeypatch.context() as patch:
        patch.setattr(kept, "accesses_of", asking)
        everybody(world)
    return asked


def settle(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look until nothing is read: while others on the server write, what is newer than they are may have changed."""
    deadline = monotonic() + 20
    while rows_read(world, monkeypatch):
        assert monotonic() < deadline


def test_only_rows_that_changed_are_read_again(
    looked: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(looked, monkeypatch)
    with looked.transaction():
        Staff.objects.filter(pk=looked.carol.pk).update(load=Decimal(1))
    looked.online("dave")
    assert rows_read(looked, monkeypatch) == sorted([looked.carol.pk, looked.dave.pk])
    settle(looked, monkeypatch)


def of_load(world: World) -> None:
    Staff.objects.filter(pk=world.carol.pk).update(load=F("load") + 2)


def of_presence(world: World) -> None:
    Presence.objects.filter(staff=world.carol).update(status="away")


def of_permission(world: World) -> None:
    grants.revoke_role(RoleGrant.objects.filter(staff=world.carol).order_by("pk")[0])


def of_skill(world: World) -> None:
    skill = world.skill("耳机")
    StaffSkill.objects.create(staff=world.carol, skill=skill, level=4)


@pytest.mark.parametrize("change", [of_load, of_presence, of_permission, of_skill])
def test_the_next_look_knows_what_changed(looked: World, change: Callable[[World], None]) -> None:
    before = everybody(looked)
    with looked.transaction():
        change(looked)
    after = everybody(looked)
    assert after.pop(looked.carol.pk) != before.pop(looked.carol.pk)
    assert after == before


def test_who_leaves_or_comes_is_noticed(looked: World) -> None:
    count = len(everybody(looked))
    with looked.transaction():
        Staff.objects.filter(pk=looked.carol.pk).update(is_active=False)
    assert looked.carol.pk not in everybody(looked)
    with looked.transaction():
        Staff.objects.filter(pk=looked.carol.pk).update(is_active=True)
        new = organizations.take_in(
            email="new@acme.example", name="New", department=Department.objects.all()[0]
        )
    found = everybody(looked)
    assert len(found) == count + 1
    assert list(found) == sorted(found)
    with looked.transaction():
        Presence.objects.filter(staff=new).delete()
        Staff.objects.filter(pk=new.pk).delete()
    assert new.pk not in everybody(looked)


def test_what_was_written_before_a_look_and_committed_after_it_is_read(looked: World) -> None:
    def look_meanwhile() -> Decimal:
        try:
            looked.online("dave")  # a newer transaction comes and goes
            return everybody(looked)[looked.carol.pk].load
        finally:
            connection.close()

    with looked.transaction(), ThreadPoolExecutor(1) as pool:
        Staff.objects.filter(pk=looked.carol.pk).update(load=Decimal(2))
        assert pool.submit(look_meanwhile).result(10) == 0
    assert everybody(looked)[looked.carol.pk].load == 2


def test_what_is_taken_back_was_never_kept(looked: World) -> None:
    with looked.transaction():
        Staff.objects.filter(pk=looked.carol.pk).update(load=Decimal(2))
        found = {one.id: one for one in people(facts(), timezone.now())}
        assert found[looked.carol.pk].load == 2
        transaction.set_rollback(True)
    assert everybody(looked)[looked.carol.pk].load == 0


def test_everything_is_read_anew_after_a_while(
    looked: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "KEPT_SECONDS", 0.0)
    assert rows_read(looked, monkeypatch) == list(everybody(looked))


def test_organizations_are_kept_apart(looked: World) -> None:
    other = make_world("other")
    assert not everybody(other).keys() & everybody(looked).keys()
    assert everybody(looked).keys() == everybody(looked).keys()


def test_a_slow_look_at_one_organization_keeps_another_not_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_world("other")
    has_begun, may_end = Event(), Event()
    read = kept._read

    def slow(rows: kept._Kept) -> None:
        if current_organization_id() == world.organization.pk:
            has_begun.set()
            assert may_end.wait(20)
        read(rows)

    def look(at: World) -> dict[int, Person]:
        try:
            return everybody(at)
        finally:
            connection.close()

    monkeypatch.setattr(kept, "_read", slow)
    with ThreadPoolExecutor(2) as pool:
        try:
            first = pool.submit(look, world)
            assert has_begun.wait(20)
            assert other.carol.pk in pool.submit(look, other).result(10)
            assert not first.done()
        finally:
            may_end.set()
        assert world.carol.pk in first.result(20)


def test_a_first_look_asks_as_much_about_many_as_about_few(world: World) -> None:
    def queries() -> int:
        kept._kept.clear()
        access._cache.clear()
        with CaptureQueriesContext(connection) as captured:
            everybody(world)
        return len(captured)

    everybody(world)  # reads the slow facts, too
    few = queries()
    with world.transaction():
        for number in range(5):
            staff = organizations.take_in(
                email=f"more{number}@acme.example", name="More", department=world.support
            )
            role = RoleGrant.objects.filter(staff=world.carol).select_related("role")[0].role
            grants.grant_role(staff, role, world.support)
    assert queries() == few


def test_nobody_is_looked_at_while_nothing_waits(
    looked: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_args: object) -> list[Person]:
        raise AssertionError("people were asked for")

    monkeypatch.setattr(engine, "people", never)
    route(looked)
    looked.message("怎么退货")
    with pytest.raises(AssertionError, match="asked for"):
        route(looked)


def test_of_another_server_everything_is_read(looked: World) -> None:
    known = kept._kept[looked.organization.pk]
    # Ahead of where this one is: the last that the other has done was lost with it.
    known.server, known.since = known.server - timedelta(days=1), "2000000000"
    with looked.transaction():
        Staff.objects.filter(pk=looked.carol.pk).update(load=Decimal(2))
    assert everybody(looked)[looked.carol.pk].load == 2


def test_what_a_savepoint_has_written_is_read(looked: World) -> None:
    with looked.transaction(), transaction.atomic():
        Staff.objects.filter(pk=looked.carol.pk).update(load=Decimal(2))
        assert everybody(looked)[looked.carol.pk].load == 2
    assert everybody(looked)[looked.carol.pk].load == 2


def test_as_many_organizations_as_are_kept_stay_kept(
    looked: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "_kept", {})
    monkeypatch.setattr(kept, "KEPT_ORGANIZATIONS", 2)
    other = make_world("other")
    everybody(other)
    everybody(looked)
    assert rows_read(other, monkeypatch) == rows_read(looked, monkeypatch) == []
