"""Who works when: a table, worlds at random, and what the working day has left."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpdesk.services.working_hours import (
    HORIZON,
    Calendar,
    is_focused,
    overlapping,
    spell,
    workday,
)
from tests.weeks import Off, Quiet, Shift, calendar, instant, week

OFFICE = "Mon-Fri 9-18"
SHANGHAI, BERLIN, LONDON = "Asia/Shanghai", "Europe/Berlin", "Europe/London"
NEW_YORK, KOLKATA, LORD_HOWE = "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"
SYDNEY, HAVANA, APIA, CAIRO = "Australia/Sydney", "America/Havana", "Pacific/Apia", "Africa/Cairo"

# One case a line: zone, week, country, instant; what it is then, and until when.
# fmt: off
WEEKS = [
    # --- an ordinary week: 2026-03-12 is a Thursday ---
    (SHANGHAI, OFFICE, "CN", "2026-03-12 08:59", "hours", "2026-03-12 09:00"),
    (SHANGHAI, OFFICE, "CN", "2026-03-12 09:00", "on", "2026-03-12 18:00"),
    (SHANGHAI, OFFICE, "CN", "2026-03-12 17:59:59", "on", "2026-03-12 18:00"),
    (SHANGHAI, OFFICE, "CN", "2026-03-12 18:00", "hours", "2026-03-13 09:00"),
    (SHANGHAI, OFFICE, "CN", "2026-03-13 18:00", "hours", "2026-03-16 09:00"),
    (SHANGHAI, OFFICE, "CN", "2026-03-14 12:00", "hours", "2026-03-16 09:00"),
    (SHANGHAI, OFFICE, "CN", "2026-03-12 00:00", "hours", "2026-03-12 09:00"),
    (SHANGHAI, OFFICE, "CN", "2026-03-12T02:00Z", "on", "2026-03-12T10:00Z"),
    (NEW_YORK, OFFICE, "US", "2026-03-12T02:00Z", "hours", "2026-03-12T13:00Z"),
    (KOLKATA, "Mon-Fri 9:30-18:30", "IN", "2026-03-12T03:59Z", "hours", "2026-03-12T04:00Z"),
    (SHANGHAI, "", "CN", "2026-03-12 03:00", "on", "2026-03-19 03:00"),
    (SHANGHAI, "", "CN", "2026-10-01 03:00", "on", "2026-10-08 03:00"),
    (SHANGHAI, "Wed 10-11", "CN", "2026-03-11 11:00", "hours", "2026-03-18 10:00"),
    (SHANGHAI, "Wed 10-11", "CN", "2026-03-11 10:59", "on", "2026-03-11 11:00"),
    # --- several periods a day ---
    (SHANGHAI, "Mon-Fri 9-12 13-18", "CN", "2026-03-12 11:00", "on", "2026-03-12 12:00"),
    (SHANGHAI, "Mon-Fri 9-12 13-18", "CN", "2026-03-12 12:30", "hours", "2026-03-12 13:00"),
    (SHANGHAI, "Mon-Fri 9-12 13-18", "CN", "2026-03-12 13:00", "on", "2026-03-12 18:00"),
    (SHANGHAI, "Mon-Fri 9-12 12-18", "CN", "2026-03-12 11:00", "on", "2026-03-12 18:00"),
    (SHANGHAI, "Thu 8-9 10-11 14-15 20-22", "CN", "2026-03-12 15:00", "hours", "2026-03-12 20:00"),
    (SHANGHAI, "Thu 8-9 10-11 14-15 20-22", "CN", "2026-03-12 22:00", "hours", "2026-03-19 08:00"),
    (SHANGHAI, "Mon-Sun 0-12 12-0", "XX", "2026-03-12 10:00", "on", "2026-03-19 10:00"),
    # --- night shifts ---
    (SHANGHAI, "Mon-Fri 22-6", "CN", "2026-03-12 21:59", "hours", "2026-03-12 22:00"),
    (SHANGHAI, "Mon-Fri 22-6", "CN", "2026-03-12 23:00", "on", "2026-03-13 06:00"),
    (SHANGHAI, "Mon-Fri 22-6", "CN", "2026-03-13 00:00", "on", "2026-03-13 06:00"),
    (SHANGHAI, "Mon-Fri 22-6", "CN", "2026-03-14 05:59", "on", "2026-03-14 06:00"),
    (SHANGHAI, "Mon-Fri 22-6", "CN", "2026-03-14 06:00", "hours", "2026-03-16 22:00"),
    (SHANGHAI, "Mon-Fri 22-6", "CN", "2026-03-16 05:00", "hours", "2026-03-16 22:00"),
    (SHANGHAI, "Sun 22-6", "CN", "2026-03-16 05:00", "on", "2026-03-16 06:00"),
    (SHANGHAI, "Mon-Fri 18-0", "CN", "2026-03-12 23:59", "on", "2026-03-13 00:00"),
    (SHANGHAI, "Thu 18-0; Fri 0-6", "CN", "2026-03-12 23:00", "on", "2026-03-13 06:00"),
    (SHANGHAI, "Thu 22-6; Fri 6-10", "CN", "2026-03-12 23:00", "on", "2026-03-13 10:00"),
    # --- public holidays: 1 to 7 October in China ---
    (SHANGHAI, OFFICE, "CN", "2026-10-01 10:00", "holiday", "2026-10-04 00:00"),
    (SHANGHAI, OFFICE, "CN", "2026-09-30 19:00", "hours", "2026-10-01 00:00"),
    (SHANGHAI, OFFICE, "CN", "2026-10-07 23:59", "holiday", "2026-10-08 00:00"),
    (SHANGHAI, OFFICE, "CN", "2026-10-08 00:00", "hours", "2026-10-08 09:00"),
    (SHANGHAI, OFFICE, "US", "2026-10-01 10:00", "on", "2026-10-01 18:00"),
    (SHANGHAI, OFFICE, "XX", "2026-10-01 10:00", "on", "2026-10-01 18:00"),
    (NEW_YORK, OFFICE, "US", "2026-07-03 10:00", "holiday", "2026-07-05 00:00"),
    (NEW_YORK, OFFICE, "US", "2026-11-26 10:00", "holiday", "2026-11-27 00:00"),
    (LONDON, OFFICE, "GB", "2026-12-25 10:00", "holiday", "2026-12-27 00:00"),
    (BERLIN, OFFICE, "DE", "2026-05-01 10:00", "holiday", "2026-05-02 00:00"),
    (SHANGHAI, OFFICE, "CN", "2027-01-01 00:00", "holiday", "2027-01-02 00:00"),
    # --- night shifts into a holiday and out of one ---
    (SHANGHAI, "Mon-Sun 22-6", "CN", "2026-09-30 23:00", "on", "2026-10-01 06:00"),
    (SHANGHAI, "Mon-Sun 22-6", "CN", "2026-10-01 03:00", "on", "2026-10-01 06:00"),
    (SHANGHAI, "Mon-Sun 22-6", "CN", "2026-10-01 06:00", "holiday", "2026-10-04 00:00"),
    (SHANGHAI, "Mon-Sun 22-6", "CN", "2026-10-02 03:00", "holiday", "2026-10-04 00:00"),
    (SHANGHAI, "Mon-Sun 22-6", "CN", "2026-10-08 03:00", "hours", "2026-10-08 22:00"),
    (NEW_YORK, "Mon-Sun 22-6", "US", "2026-11-27 03:00", "hours", "2026-11-27 22:00"),
    (NEW_YORK, "Mon-Sun 22-6", "US", "2026-11-26 01:00", "on", "2026-11-26 06:00"),
    # --- make-up working days: Sat 2026-02-14 stands for a Friday, Sat 2026-02-28 for a Monday ---
    (SHANGHAI, OFFICE, "CN", "2026-02-14 10:00", "on", "2026-02-14 18:00"),
    (SHANGHAI, OFFICE, "CN", "2026-02-13 18:00", "hours", "2026-02-14 09:00"),
    (SHANGHAI, OFFICE, "CN", "2026-02-28 08:00", "hours", "2026-02-28 09:00"),
    (SHANGHAI, "Mon-Thu 9-18; Fri 9-15", "CN", "2026-02-14 10:00", "on", "2026-02-14 15:00"),
    (SHANGHAI, "Mon 8-20; Tue-Fri 9-18", "CN", "2026-02-28 08:00", "on", "2026-02-28 20:00"),
    (SHANGHAI, "Tue-Thu 9-18", "CN", "2026-02-14 10:00", "hours", "2026-02-16 00:00"),
    (SHANGHAI, "Sat-Sun 10-16", "CN", "2026-02-14 11:00", "hours", "2026-02-15 10:00"),
    (SHANGHAI, "Fri 22-6", "CN", "2026-02-14 23:00", "on", "2026-02-15 06:00"),
    (SHANGHAI, OFFICE, "CN", "2026-09-20 10:00", "on", "2026-09-20 18:00"),
    (SHANGHAI, OFFICE, "US", "2026-02-14 10:00", "hours", "2026-02-16 00:00"),
    (SHANGHAI, OFFICE, "CN", "2007-12-29 10:00", "on", "2007-12-29 18:00"),
    (SHANGHAI, OFFICE, "CN", "2006-12-31 10:00", "on", "2006-12-31 18:00"),
    ("Asia/Taipei", OFFICE, "TW", "2024-02-17 10:00", "on", "2024-02-17 18:00"),
    # --- the clock goes forward: Sun 2026-03-29 at 01:00 UTC, 02:00 becomes 03:00 in Berlin ---
    (BERLIN, "Sat 22-6", "DE", "2026-03-28T22:00Z", "on", "2026-03-29T04:00Z"),
    (BERLIN, "Sun 1-5", "DE", "2026-03-29T00:30Z", "on", "2026-03-29T03:00Z"),
    (BERLIN, "Sun 2:30-5", "DE", "2026-03-29T00:59Z", "hours", "2026-03-29T01:00Z"),
    (BERLIN, "Sun 2:30-5", "DE", "2026-03-29T01:00Z", "on", "2026-03-29T03:00Z"),
    (BERLIN, "Sun 1-2:30", "DE", "2026-03-29T00:30Z", "on", "2026-03-29T01:00Z"),
    (BERLIN, "Sun 2-2:45", "XX", "2026-03-29T00:30Z", "hours", "2026-04-05T00:00Z"),
    (BERLIN, OFFICE, "DE", "2026-03-27T17:00Z", "hours", "2026-03-30T07:00Z"),
    (NEW_YORK, "Sun 1-4", "US", "2026-03-08T06:30Z", "on", "2026-03-08T08:00Z"),
    (LORD_HOWE, "Sun 1-4", "AU", "2026-10-03T15:00Z", "on", "2026-10-03T17:00Z"),
    (HAVANA, "Sun 0-4", "CU", "2026-03-08T04:30Z", "hours", "2026-03-08T05:00Z"),
    (CAIRO, "Fri 0-4", "XX", "2026-04-23T21:59Z", "hours", "2026-04-23T22:00Z"),
    # --- the clock goes back: Sun 2026-10-25 at 01:00 UTC, 03:00 becomes 02:00 in Berlin ---
    (BERLIN, "Sat 22-6", "DE", "2026-10-24T21:00Z", "on", "2026-10-25T05:00Z"),
    (BERLIN, "Sun 2:30-5", "DE", "2026-10-25T00:29Z", "hours", "2026-10-25T00:30Z"),
    (BERLIN, "Sun 2:30-5", "DE", "2026-10-25T01:15Z", "on", "2026-10-25T04:00Z"),
    (BERLIN, "Sun 1-2:30", "DE", "2026-10-25T00:00Z", "on", "2026-10-25T00:30Z"),
    (BERLIN, "Sun 1-2:30", "DE", "2026-10-25T01:15Z", "hours", "2026-11-01T00:00Z"),
    (BERLIN, OFFICE, "DE", "2026-10-23T16:00Z", "hours", "2026-10-26T08:00Z"),
    (NEW_YORK, "Sun 1-4", "US", "2026-11-01T05:30Z", "on", "2026-11-01T09:00Z"),
    (SYDNEY, "Sun 1-4", "XX", "2026-04-04T15:30Z", "on", "2026-04-04T18:00Z"),
    (LORD_HOWE, "Sun 1-4", "XX", "2026-04-04T14:30Z", "on", "2026-04-04T17:30Z"),
    (HAVANA, "Sat 20-0; Sun 0-4", "XX", "2026-11-01T03:00Z", "on", "2026-11-01T09:00Z"),
    # --- a day that never was: Fri 2011-12-30 in Samoa ---
    (APIA, "Thu 22-6", "XX", "2011-12-30T08:30Z", "on", "2011-12-30T10:00Z"),
    (APIA, OFFICE, "XX", "2011-12-30T04:00Z", "hours", "2012-01-01T19:00Z"),
    (APIA, "Fri 9-18", "XX", "2011-12-30T04:00Z", "hours", "2012-01-05T19:00Z"),
]
# One case a line: leave, focus time, instant; in an office week in China.
PERSONAL = [
    # --- leave: whole days, and from and to a time ---
    ("2026-03-12", "", "2026-03-12 10:00", "leave", "2026-03-13 00:00"),
    ("2026-03-12", "", "2026-03-11 10:00", "on", "2026-03-11 18:00"),
    ("2026-03-12", "", "2026-03-11 20:00", "hours", "2026-03-12 00:00"),
    ("2026-03-12", "", "2026-03-13 00:00", "hours", "2026-03-13 09:00"),
    ("2026-03-12 .. 2026-03-16", "", "2026-03-14 10:00", "leave", "2026-03-17 00:00"),
    ("2026-03-09 .. 2026-04-30", "", "2026-03-12 10:00", "leave", "2026-03-19 10:00"),
    ("2026-03-12 13:00 .. 2026-03-12 15:00", "", "2026-03-12 12:00", "on", "2026-03-12 13:00"),
    ("2026-03-12 13:00 .. 2026-03-12 15:00", "", "2026-03-12 13:00", "leave", "2026-03-12 15:00"),
    ("2026-03-12 13:00 .. 2026-03-12 15:00", "", "2026-03-12 15:00", "on", "2026-03-12 18:00"),
    ("2026-03-12 15:00 .. 2026-03-13", "", "2026-03-12 16:00", "leave", "2026-03-14 00:00"),
    ("2026-03-12 .. 2026-03-13 12:00", "", "2026-03-13 11:00", "leave", "2026-03-13 12:00"),
    ("2026-03-12; 2026-03-13", "", "2026-03-12 10:00", "leave", "2026-03-14 00:00"),
    ("2026-03-12 .. 2026-03-16; 2026-03-13", "", "2026-03-12 10:00", "leave", "2026-03-17 00:00"),
    ("2026-10-01 .. 2026-10-02", "", "2026-10-01 10:00", "leave", "2026-10-03 00:00"),
    ("2026-02-14", "", "2026-02-14 10:00", "leave", "2026-02-15 00:00"),
    # --- focus time: every week, and on a day ---
    ("", "Thu 14-16", "2026-03-12 10:00", "on", "2026-03-12 14:00"),
    ("", "Thu 14-16", "2026-03-12 14:00", "focus", "2026-03-12 16:00"),
    ("", "Thu 14-16", "2026-03-12 16:00", "on", "2026-03-12 18:00"),
    ("", "Thu 14-16", "2026-03-13 14:00", "on", "2026-03-13 18:00"),
    ("", "Thu 17-20", "2026-03-12 17:30", "focus", "2026-03-12 18:00"),
    ("", "Thu 17-20", "2026-03-12 19:00", "hours", "2026-03-13 09:00"),
    ("", "Wed 22-10", "2026-03-12 09:30", "focus", "2026-03-12 10:00"),
    ("", "2026-03-12 14-16", "2026-03-12 15:00", "focus", "2026-03-12 16:00"),
    ("", "2026-03-12 14-16", "2026-03-19 15:00", "on", "2026-03-19 18:00"),
    ("", "Thu 9-18", "2026-03-12 08:00", "hours", "2026-03-12 09:00"),
    ("", "Thu 14-15; 2026-03-12 15-16", "2026-03-12 14:30", "focus", "2026-03-12 16:00"),
    ("", "Fri 10-12", "2026-02-14 09:30", "on", "2026-02-14 10:00"),
    ("", "Thu 14-16", "2026-10-01 15:00", "holiday", "2026-10-04 00:00"),
    # --- both ---
    ("2026-03-12 13:00 .. 2026-03-12 15:00", "Thu 14-16", "2026-03-12 14:30", "leave", "2026-03-12 15:00"),
    ("2026-03-12 13:00 .. 2026-03-12 15:00", "Thu 14-16", "2026-03-12 15:00", "focus", "2026-03-12 16:00"),
]
# fmt: on


def ids(case: object) -> str | None:
    return case if isinstance(case, str) else None


@pytest.mark.parametrize(("zone", "hours", "country", "at", "state", "until"), WEEKS, ids=ids)
def test_the_week_says_who_works_and_until_when(
    zone: str, hours: str, country: str, at: str, state: str, until: str
) -> None:
    found = spell(calendar(zone, hours, country), instant(zone, at))
    assert ("on" if found.is_on else found.reason) == state
    assert found.until == instant(zone, until)
    assert found.is_on == (found.reason == "")


@pytest.mark.parametrize(("off", "quiet", "at", "state", "until"), PERSONAL, ids=ids)
def test_leave_and_focus_time_go_before_the_week(
    off: str, quiet: str, at: str, state: str, until: str
) -> None:
    found = spell(calendar(SHANGHAI, OFFICE, off=off, quiet=quiet), instant(SHANGHAI, at))
    assert ("on" if found.is_on else found.reason) == state
    assert found.until == instant(SHANGHAI, until)


def test_whoever_has_no_periods_has_focus_time_and_leave_all_the_same() -> None:
    always = calendar(SHANGHAI, off="2026-03-13", quiet="Thu 3-4")
    found = spell(always, instant(SHANGHAI, "2026-03-12 03:30"))
    assert (found.reason, found.until) == ("focus", instant(SHANGHAI, "2026-03-12 04:00"))
    found = spell(always, instant(SHANGHAI, "2026-03-13 03:30"))
    assert (found.reason, found.until) == ("leave", instant(SHANGHAI, "2026-03-14 00:00"))


def test_leave_of_somebody_far_away_is_days_of_their_own() -> None:
    away = calendar(NEW_YORK, off="2026-03-12")
    assert spell(away, instant(NEW_YORK, "2026-03-12T03:59Z")).is_on
    found = spell(away, instant(NEW_YORK, "2026-03-12T04:00Z"))
    assert (found.reason, found.until) == ("leave", instant(NEW_YORK, "2026-03-13T04:00Z"))


def test_focus_time_shows_outside_working_hours_too() -> None:
    quiet = calendar(SHANGHAI, OFFICE, quiet="Thu 17-20")
    assert is_focused(quiet, instant(SHANGHAI, "2026-03-12 19:59"))
    assert not is_focused(quiet, instant(SHANGHAI, "2026-03-12 20:00"))


# --- worlds at random ---------------------------------------------------------------------------

zones = st.sampled_from([SHANGHAI, BERLIN, NEW_YORK, LORD_HOWE, HAVANA, CAIRO, "Asia/Kathmandu"])
quarters = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
periods = st.builds(Shift, st.integers(0, 6), quarters, quarters).filter(
    lambda period: period.starts_at != period.ends_at
)
# Around both changes of the clock, and holidays of all kinds.
days = st.dates(date(2026, 2, 10), date(2026, 11, 10))
absences = st.builds(
    lambda day, length, starts_at, ends_at: Off(
        day, day + timedelta(days=length), starts_at, ends_at
    ),
    days,
    st.integers(1, 5),
    st.none() | quarters,
    st.none() | quarters,
)
quiet_times = st.builds(
    lambda weekday, day, hours: Quiet(weekday, None if weekday is not None else day, *hours),
    st.none() | st.integers(0, 6),
    days,
    st.tuples(quarters, quarters).filter(lambda hours: hours[0] != hours[1]),
)
calendars = st.builds(
    Calendar,
    zones,
    st.sampled_from(["CN", "DE", "US", "XX"]),
    st.lists(periods, max_size=8),
    st.lists(absences, max_size=3),
    st.lists(quiet_times, max_size=3),
)
instants = st.builds(
    lambda day, minutes: datetime.combine(day, time.min, UTC) + minutes * timedelta(minutes=1),
    days,
    st.integers(0, 1439),
)


@settings(max_examples=400, deadline=None)
@given(calendars, instants, st.floats(0, 1))
def test_nothing_changes_before_until_and_something_does_then(
    theirs: Calendar, at: datetime, part: float
) -> None:
    found = spell(theirs, at)
    assert at < found.until <= at + HORIZON
    after = spell(theirs, found.until)
    if found.until < at + HORIZON:
        assert (after.is_on, after.reason) != (found.is_on, found.reason)
    between = at + (found.until - at) * part * 0.999
    assert spell(theirs, between).reason == found.reason
    assert spell(theirs, between).until >= found.until
    assert spell(theirs, found.until - timedelta(seconds=1)).reason == found.reason


@settings(max_examples=150, deadline=None)
@given(calendars, instants)
def test_the_working_day_is_as_long_as_its_minutes_are_many(theirs: Calendar, at: datetime) -> None:
    day = workday(theirs, at)
    assert day.span.start <= at < day.span.end
    minutes = int((day.span.end - day.span.start) / timedelta(minutes=15))
    steps = [day.span.start + timedelta(minutes=15 * n) for n in range(minutes)]
    worked = [step for step in steps if spell(theirs, step).reason in {"", "focus"}]
    most = timedelta(hours=24 if theirs.periods else 8)
    # Every edge lies on a quarter of an hour, except where the clock changes within one.
    assert abs(day.length - min(most, timedelta(minutes=15) * len(worked))) < timedelta(minutes=15)
    assert timedelta(0) <= day.left <= day.length


# --- the working day ----------------------------------------------------------------------------

WORKDAYS = [
    (OFFICE, "", "2026-03-12 07:00", 540, 540),
    (OFFICE, "", "2026-03-12 17:00", 540, 60),
    (OFFICE, "", "2026-03-12 19:00", 540, 0),
    (OFFICE, "", "2026-03-14 10:00", 0, 0),
    (OFFICE, "", "2026-10-01 10:00", 0, 0),
    (OFFICE, "", "2026-02-14 10:00", 540, 480),
    ("Mon-Fri 9-12 13-18", "", "2026-03-12 12:30", 480, 300),
    ("Mon-Fri 9-12 10-18", "", "2026-03-12 09:00", 540, 540),
    ("Mon-Fri 22-6", "", "2026-03-12 12:00", 480, 120),
    ("Mon-Fri 22-6", "", "2026-03-13 03:00", 480, 300),
    (OFFICE, "2026-03-12", "2026-03-12 10:00", 0, 0),
    (OFFICE, "2026-03-12 14:00 .. 2026-03-13", "2026-03-12 10:00", 300, 240),
    ("", "", "2026-03-12 10:00", 480, 480),
    ("", "", "2026-03-12 23:00", 480, 60),
    ("", "2026-03-12", "2026-03-12 10:00", 0, 0),
]


@pytest.mark.parametrize(("hours", "off", "at", "minutes", "left"), WORKDAYS)
def test_the_working_day_has_minutes_and_minutes_left(
    hours: str, off: str, at: str, minutes: int, left: int
) -> None:
    day = workday(calendar(SHANGHAI, hours, off=off, quiet="Thu 9-12"), instant(SHANGHAI, at))
    assert (day.length, day.left) == (timedelta(minutes=minutes), timedelta(minutes=left))


def test_a_night_shift_is_longer_when_the_clock_goes_back() -> None:
    night = calendar(BERLIN, "Sat-Sun 0-6", "XX")
    assert workday(night, instant(BERLIN, "2026-10-25 01:00")).length == timedelta(hours=7)
    assert workday(night, instant(BERLIN, "2026-03-29 01:00")).length == timedelta(hours=5)


# --- shifts that overlap ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "count"),
    [
        ("Mon 9-12 13-18", 0),
        ("Mon 9-12 12-18", 0),
        ("Mon 9-13 12-18", 1),
        ("Mon 9-18 10-11", 1),
        ("Mon 9-18; Tue 9-18", 0),
        ("Mon 22-6; Tue 5-9", 1),
        ("Mon 22-6; Tue 6-9", 0),
        ("Sun 22-6; Mon 5-9", 1),
        ("Sun 22-6; Mon 6-9", 0),
        ("Mon 9-18 10-11 12-13", 2),
        ("Mon 9-12; Mon 9-12", 1),
    ],
)
def test_shifts_that_share_a_minute_are_found(hours: str, count: int) -> None:
    assert len(overlapping(week(hours))) == count
