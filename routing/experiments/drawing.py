"""Experiments as shapes: slices by day, a difference over time with its band, an interval as a line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils import formats, timezone
from django.utils.translation import gettext as _

from routing.laboratory.schedule import Plan
from routing.models import Slice

if TYPE_CHECKING:
    from routing.laboratory.statistics import Band

GRID_WIDTH, ROW, GAP = 620, 10, 3
LABEL_HEIGHT = 22
CHART_WIDTH, CHART_HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 620, 186, 44, 8, 14, 32
MOST_LABELS = 10
TICKS = 5
# The interval's line is drawn from 0 to 100.
MIDDLE, REACH = 50.0, 46.0


@dataclass(frozen=True, slots=True)
class Cell:
    """One slice as a bar."""

    x: float
    y: float
    width: float
    height: float
    # a for the policy in use, b for the draft; more words for what has not come, runs, or was missed.
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Label:
    """A word below a column or beside a line."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Grid:
    """All slices, a day to a column."""

    cells: Sequence[Cell]
    labels: Sequence[Label]
    width: int
    height: float


def grid(plan: Plan, rows: Mapping[int, Slice], now: datetime, ended_at: datetime | None) -> Grid:
    """Return the slices of a plan by day; those after an early end are empty like those to come."""
    a_day = max(1, 1440 // plan.slice_minutes)
    columns = -(-plan.slices // a_day)
    step = GRID_WIDTH / columns
    height = max(3.0, min(float(ROW), 240 / a_day - GAP))
    until = min(ended_at or now, now)
    cells = [
        Cell(
            x=round(number // a_day * step, 2),
            y=round(number % a_day * (height + GAP), 2),
            width=round(step - min(6.0, step / 4), 2),
            height=round(height, 2),
            kind=_kind(plan, number, rows, until),
            title=_title(plan, number, rows.get(number)),
        )
        for number in range(plan.slices)
    ]
    bottom = min(a_day, plan.slices) * (height + GAP)
    every = -(-columns // MOST_LABELS)
    labels = [
        Label(round((column + 0.5) * step - 3, 2), bottom + 14, _day(plan.begins(column * a_day)))
        for column in range(0, columns, every)
    ]
    return Grid(cells, labels, GRID_WIDTH, round(bottom + LABEL_HEIGHT, 2))


def _kind(plan: Plan, number: int, rows: Mapping[int, Slice], until: datetime) -> str:
    arm = "b" if plan.is_draft(number) else "a"
    if plan.begins(number) > until:
        return f"{arm} fut"
    if plan.begins(number + 1) > until:
        return f"{arm} now"
    return arm if number in rows else f"{arm} missed"


def _title(plan: Plan, number: int, row: Slice | None) -> str:
    begins = timezone.localtime(plan.begins(number))
    facts = {
        "number": number + 1,
        "day": _day(begins),
        "time": f"{begins:%H:%M}",
        "arm": _("draft") if plan.is_draft(number) else _("policy in use"),
    }
    if row is None:
        return _("Slice %(number)s, %(day)s %(time)s: %(arm)s") % facts
    facts["at"] = f"{timezone.localtime(row.switched_at):%H:%M:%S}"
    return _("Slice %(number)s, %(day)s %(time)s: %(arm)s, switched at %(at)s") % facts


def _day(at: datetime) -> str:
    local = timezone.localtime(at)
    # Translators: a short day below a chart, in Django's date format.
    return formats.date_format(local, _("j/n"))


@dataclass(frozen=True, slots=True)
class Chart:
    """A difference over time: its line, its band, and the ground they stand on."""

    line: str
    band: str
    lines: Sequence[Label]
    labels: Sequence[Label]
    zero: float
    end: Label
    width: int = CHART_WIDTH
    height: int = CHART_HEIGHT


def chart(plan: Plan, bands: Sequence["Band"], scale: float) -> Chart | None:
    """Return the chart of a difference; None before there is one. `scale` makes the unit that is read."""
    if not bands:
        return None
    known = [
        value * scale for band in bands for value in (band.low, band.high) if value is not None
    ]
    values = [band.difference * scale for band in bands]
    if known:
        # Early intervals are wider than anybody wants to see: the later half says how tall it is.
        later = [
            value * scale
            for band in bands[len(bands) // 2 :]
            for value in (band.low, band.high, band.difference)
            if value is not None
        ]
        reach = 1.25 * max(map(abs, [*later, *values[-3:]]))
    else:
        reach = 1.25 * max(map(abs, values))
    top = _round_up(reach)
    place = _Place(plan.slices // 2, top)
    points = [(place.x(band.pair), place.y(band.difference * scale)) for band in bands]
    return Chart(
        line=_joined(points),
        band=_band(bands, place, scale),
        lines=[
            Label(LEFT - 6, place.y(value), f"{value:+g}" if value else "0")
            for value in (top * (1 - 2 * step / (TICKS - 1)) for step in range(TICKS))
        ],
        labels=_days(plan, place),
        zero=place.y(0),
        end=Label(*points[-1], ""),
    )


def _band(bands: Sequence["Band"], place: "_Place", scale: float) -> str:
    limited = [band for band in bands if band.low is not None and band.high is not None]
    upper = [(place.x(band.pair), place.y((band.high or 0) * scale)) for band in limited]
    lower = [(place.x(band.pair), place.y((band.low or 0) * scale)) for band in limited]
    return _joined([*upper, *reversed(lower)])


def _days(plan: Plan, place: "_Place") -> list[Label]:
    a_day = max(1, 1440 // plan.slice_minutes)
    columns = -(-plan.slices // a_day)
    every = -(-columns // MOST_LABELS)
    return [
        Label(place.x(column * a_day / 2), CHART_HEIGHT - 5, _day(plan.begins(column * a_day)))
        for column in range(0, columns, every)
    ]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where pairs and values lie in a chart."""

    pairs: int
    top: float

    def x(self, pair: float) -> float:
        width = CHART_WIDTH - LEFT - RIGHT
        return round(LEFT + width * pair / max(self.pairs - 1, 1), 1)

    def y(self, value: float) -> float:
        height = CHART_HEIGHT - TOP - BOTTOM
        share = min(max((self.top - value) / (2 * self.top), -0.05), 1.05)
        return round(TOP + height * share, 1)


def _joined(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)


def _round_up(value: float) -> float:
    """Return a round number above a value, for the end of an axis."""
    if value <= 0:
        return 1.0
    power = 10.0 ** len(str(int(value))) / 10 if value >= 1 else 10.0 ** -_zeros(value)
    return float(next(step * power for step in (1, 2, 4, 6, 10) if step * power >= value))


def _zeros(value: float) -> int:
    zeros = 1
    while value * 10**zeros < 1:
        zeros += 1
    return zeros


@dataclass(frozen=True, slots=True)
class Whisker:
    """An interval around zero, drawn from 0 to 100."""

    low: float
    high: float
    at: float


def whisker(low: float | None, high: float | None, difference: float) -> Whisker | None:
    """Return an interval as a line, as wide as its farther end reaches; None where it is not known."""
    if low is None or high is None:
        return None
    reach = max(abs(low), abs(high)) or 1.0

    def place(value: float) -> float:
        return round(MIDDLE + REACH * value / reach, 1)

    return Whisker(place(low), place(high), place(difference))
