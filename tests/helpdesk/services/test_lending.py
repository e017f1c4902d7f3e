"""Minutes of the day that somebody lends, and what is spent of them."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import time_machine
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from helpdesk.models import Leave, Staff, WorkingPeriod
from helpdesk.services import assignment, lending, lifecycle, replying
from helpdesk.services.calendars import with_calendars
from helpdesk.services.lending import Lent
from tests.factories import World
from tests.weeks import instant, week


@pytest.fixture
def helper(world: World) -> World:
    """A world in which carol works from 9 to 18 and lends ten percent of it: 54 minutes."""
    with world.transaction():
        Staff.objects.filter(pk=world.carol.pk).update(lent_percent=10, capacity=9)
        for shift in week("Mon-Fri 9-18"):
            WorkingPeriod.objects.create(
                staff=world.carol,
                weekday=shift.weekday,
                starts_at=shift.starts_at,
                ends_at=shift.ends_at,
            )
    return world


def at(text: str) -> time_machine.travel:
    """Be there at an hour of 2026-03-12, a Thursday, or on a day that is named."""
    return time_machine.travel(moment(text), tick=False)


def moment(text: str) -> datetime:
    return instant("Asia/Shanghai", text if " " in text else f"2026-03-12 {text}")


def lent(world: World, text: str, name: str = "carol") -> Lent:
    with at(text), world.transaction():
        people = with_calendars(Staff.objects.filter(pk=world.people[name].pk))
        return lending.lent(lending.lenders(people), moment(text))[world.people[name].pk]


def spent(world: World, text: str) -> int:
    return lent(world, text).spent_minutes


def write(world: World, text: str, visitor: str = "v") -> int:
    with at(text):
        return world.message(visitor=visitor).conversation_id


def act(
    world: World, hour: str, what: Callable[..., object], *args: object, **more: object
) -> None:
    with at(hour):
        what(world.access("carol"), *args, **more)


def answer(world: World, text: str, pk: int) -> None:
    act(world, text, replying.reply, pk, text="好的")


def test_a_minute_is_spent_while_the_customer_waits(helper: World) -> None:
    pk = write(helper, "09:50")
    act(helper, "10:00", assignment.take, pk)
    assert spent(helper, "10:00") == 0
    assert spent(helper, "10:07") == 7
    answer(helper, "10:12", pk)
    assert spent(helper, "17:00") == 12
    write(helper, "17:01")
    assert spent(helper, "17:05") == 16
    answer(helper, "17:06", pk)
    act(helper, "17:06", lifecycle.resolve, pk)
    assert spent(helper, "18:30") == 17


def test_several_at_once_share_the_minute(helper: World) -> None:
    first, second = write(helper, "09:50", "a"), write(helper, "09:51", "b")
    act(helper, "10:00", assignment.take, first)
    act(helper, "10:05", assignment.take, second)
    answer(helper, "10:10", first)
    answer(helper, "10:20", second)
    assert spent(helper, "11:00") == 20


def test_one_answer_takes_half_an_hour_at_most(helper: World) -> None:
    pk = write(helper, "09:50")
    act(helper, "10:00", assignment.take, pk)
    assert spent(helper, "10:29") == 29
    assert spent(helper, "12:00") == 30
    answer(helper, "12:00", pk)
    assert spent(helper, "12:30") == 30


def test_what_is_snoozed_takes_no_time(helper: World) -> None:
    pk = write(helper, "09:50")
    act(helper, "10:00", assignment.take, pk)
    act(helper, "10:05", lifecycle.snooze, pk, moment("16:00"))
    assert spent(helper, "10:20") == 5
    act(helper, "10:30", lifecycle.wake, pk)
    answer(helper, "10:40", pk)
    assert spent(helper, "11:00") == 15
    act(helper, "11:00", lifecycle.snooze, pk, moment("16:00"))
    write(helper, "11:10")
    answer(helper, "11:13", pk)
    assert spent(helper, "12:00") == 18


def test_time_before_and_after_work_is_not_lent(helper: World) -> None:
    pk = write(helper, "08:00")
    act(helper, "08:50", assignment.take, pk)
    assert spent(helper, "09:05") == 5
    answer(helper, "09:10", pk)
    write(helper, "17:55")
    answer(helper, "18:20", pk)
    assert spent(helper, "18:30") == 15


def test_each_day_has_minutes_of_its_own(helper: World) -> None:
    pk = write(helper, "16:00")
    act(helper, "17:00", assignment.take, pk)
    assert spent(helper, "17:20") == 20
    assert spent(helper, "2026-03-13 11:00") == 0
    answer(helper, "2026-03-13 11:00", pk)
    assert spent(helper, "2026-03-13 12:00") == 0


def test_what_was_put_back_counts_until_then(helper: World) -> None:
    pk = write(helper, "09:50")
    act(helper, "10:00", assignment.take, pk)
    act(helper, "10:10", assignment.put_back, pk)
    assert spent(helper, "12:00") == 10


def test_what_a_colleague_held_before_does_not_count(helper: World) -> None:
    pk = write(helper, "09:50")
    with at("10:00"):
        assignment.take(helper.access("dave"), pk)
    with at("10:10"):
        assignment.transfer(helper.access("dave"), pk, assignment.Target(staff_id=helper.carol.pk))
    assert spent(helper, "10:15") == 5


def test_notes_answer_nobody(helper: World) -> None:
    pk = write(helper, "09:50")
    act(helper, "10:00", assignment.take, pk)
    act(helper, "10:02", replying.note, pk, text="?")
    assert spent(helper, "10:10") == 10


def test_the_share_is_of_the_working_day(helper: World) -> None:
    assert lent(helper, "10:00").total_minutes == 54
    assert lent(helper, "2026-03-14 10:00").total_minutes == 0
    assert lent(helper, "2026-03-14 10:00").is_over
    with helper.transaction():
        Leave.objects.create(
            staff=helper.carol,
            first_day=moment("10:00").date(),
            last_day=moment("10:00").date(),
            starts_at=moment("14:00").time().replace(hour=14),
        )
    assert lent(helper, "10:00").total_minutes == 30


def test_whoever_has_no_week_lends_a_share_of_eight_hours(world: World) -> None:
    with world.transaction():
        Staff.objects.filter(pk=world.carol.pk).update(lent_percent=10)
    assert lent(world, "03:00").total_minutes == 48


def test_less_than_a_minute_is_nothing(helper: World) -> None:
    told = [
        Lent(timedelta(minutes=54), timedelta(seconds=s), moment("10:00")) for s in (3180, 3181)
    ]
    assert [one.is_over for one in told] == [False, True]
    over = Lent(timedelta(minutes=54), timedelta(hours=3), moment("10:00"))
    assert (over.spent_minutes, over.percent, over.left) == (54, 100, timedelta())


def test_it_takes_two_queries_however_much_there_is(helper: World) -> None:
    with helper.transaction():
        Staff.objects.filter(pk=helper.dave.pk).update(lent_percent=50, capacity=9)
    for number in range(4):
        pk = write(helper, "09:50", f"v{number}")
        with at("10:00"):
            assignment.take(helper.access("carol" if number % 2 else "dave"), pk)
    with helper.transaction():
        lending_people = lending.lenders(with_calendars(Staff.objects.all()))
        with CaptureQueriesContext(connection) as captured:
            assert len(lending.lent(lending_people, moment("10:10"))) == 2
        assert len(captured) == 2
        with CaptureQueriesContext(connection) as captured:
            assert lending.lent([], moment("10:10")) == {}
            assert lending.without_time([helper.bob], moment("10:10")) == set()
        assert len(captured) == 0


@pytest.mark.parametrize("percent", [0, 101])
def test_a_share_is_between_one_and_a_hundred(world: World, percent: int) -> None:
    with pytest.raises(IntegrityError), world.transaction():
        Staff.objects.filter(pk=world.carol.pk).update(lent_percent=percent)
