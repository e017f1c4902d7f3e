from datetime import datetime, time, timedelta

import pytest

from helpdesk.models import Organization, Staff, WorkingPeriod
from helpdesk.services.calendars import Times
from routing import kept_hours
from routing.facts import facts
from routing.kept_hours import KeptHours
from routing.people import people
from tests.factories import World
from tests.weeks import focus, instant, leave, week

SHANGHAI, NEW_YORK = "Asia/Shanghai", "America/New_York"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The instants for which a calendar was asked."""
    instants: list[datetime] = []
    spell = kept_hours.spell

    def asking(calendar, now):
        instants.append(now)
        return spell(calendar, now)

    monkeypatch.setattr(kept_hours, "spell", asking)
    return instants


def at(text: str) -> datetime:
    return instant(SHANGHAI, text)


def kept(hours: str, country: str = "CN") -> KeptHours:
    return KeptHours({1: Times(week(hours))}, country)  # type: ignore[arg-type]


def test_the_calendar_is_asked_again_only_when_the_answer_changes(asked: list[datetime]) -> None:
    hours = kept("Mon-Fri 9-18")
    moments = [
        at("2026-03-12 07:00") + timedelta(minutes=n) for n in range(24 * 60)
    ]  # a day, minute by minute
    told = [hours.spell(1, SHANGHAI, moment).is_on for moment in moments]
    assert asked == [at("2026-03-12 07:00"), at("2026-03-12 09:00"), at("2026-03-12 18:00")]
    assert told.count(True) == 9 * 60


def test_equal_calendars_are_asked_once_and_others_for_themselves(asked: list[datetime]) -> None:
    office, noon = "Mon-Fri 9-18", at("2026-03-12 12:00")
    different = [
        Times(week(office)),
        Times(week("Mon-Fri 9-17")),
        Times(week(office), leave("2026-03-12")),
        Times(week(office), leave("2026-03-12 14:00")),
        Times(week(office), [], focus("Thu 11-13")),
        Times(week(office), [], focus("2026-03-12 11-14")),
    ]
    people = dict(enumerate(2 * different))
    hours = KeptHours(people, "CN")  # type: ignore[arg-type]
    told = [hours.spell(staff_id, SHANGHAI, noon) for staff_id in people]
    assert [one.reason for one in told] == 2 * ["", "", "leave", "", "focus", "focus"]
    assert len({(one.reason, one.until) for one in told}) == len(asked) == 6


def test_an_earlier_instant_and_another_zone_are_asked_for_themselves() -> None:
    hours = kept("Mon-Fri 9-18")
    assert hours.spell(1, SHANGHAI, at("2026-03-12 10:00")).is_on
    assert not hours.spell(1, SHANGHAI, at("2026-03-12 08:00")).is_on
    assert hours.spell(1, SHANGHAI, at("2026-03-12 10:00")).is_on
    assert not hours.spell(1, NEW_YORK, at("2026-03-12 10:00")).is_on


def test_whoever_has_no_calendar_works() -> None:
    assert kept("Mon 9-10").spell(2, SHANGHAI, at("2026-10-01 03:00")).is_on


def off(world: World, name: str, now: datetime) -> str:
    with world.transaction():
        return next(one.off for one in people(facts(), now) if one.id == world.people[name].pk)


def test_the_router_sees_a_changed_week_zone_and_country_at_once(world: World) -> None:
    # A Thursday at 10:00 in Shanghai, and a public holiday in China.
    now = at("2026-10-01 10:00")
    assert off(world, "carol", now) == ""
    with world.transaction():
        period = WorkingPeriod.objects.create(
            staff=world.carol, weekday=3, starts_at=time(9), ends_at=time(18)
        )
    assert off(world, "carol", now) == "holiday"
    with world.transaction():
        Organization.objects.filter(pk=world.organization.pk).update(country="US")
    assert off(world, "carol", now) == ""
    with world.transaction():
        Staff.objects.filter(pk=world.carol.pk).update(timezone=NEW_YORK)
    assert off(world, "carol", now) == "hours"
    with world.transaction():
        WorkingPeriod.objects.filter(pk=period.pk).delete()
    assert off(world, "carol", now) == ""
