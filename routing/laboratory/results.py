"""What a replay found, as a page shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.access import Access, visible_conversations
from helpdesk.models import Department, Staff
from helpdesk.templatetags.portal import spell
from routing.models import Decision, Trial

LABELS: Mapping[str, str | Promise] = {
    "first_contact_resolution": gettext_lazy("Resolved at first contact"),
    "median_wait_seconds": gettext_lazy("Median first answer"),
    "urgent_within_target": gettext_lazy("Urgent ones in time"),
    "within_target": gettext_lazy("All in time"),
    "load_variation": gettext_lazy("Uneven load"),
    "interruption": gettext_lazy("Begun beside another"),
}
HINTS: Mapping[str, str | Promise] = {
    "load_variation": gettext_lazy("Standard deviation by mean of conversations by capacity."),
    "interruption": gettext_lazy("Conversations given to somebody who had another in hand."),
}
# An interval is drawn this wide, with nothing in the middle.
WIDTH, MARGIN = 220, 12
NEWEST = 6


@dataclass(frozen=True, slots=True)
class Row:
    """One measure side by side, with the interval of its difference as a drawing."""

    label: str
    hint: str
    now: str
    then: str
    difference: str
    said: str
    low: float
    middle: float
    high: float
    verdict: str


@dataclass(frozen=True, slots=True)
class Load:
    """How busy the people of a department were."""

    department: Department
    now: int
    then: int


@dataclass(frozen=True, slots=True)
class Redecided:
    """One decision that would go to somebody else."""

    decision: Decision
    other: Staff | None


@dataclass(frozen=True, slots=True)
class Result:
    """A replay as it stands, and when it is done all that it found."""

    trial: Trial
    rows: Sequence[Row] = ()
    loads: Sequence[Load] = ()
    redecided: Sequence[Redecided] = ()
    bound: str = ""
    # Conversations with which people learned, by the policy in use and by the draft.
    learning: tuple[int, int] = (0, 0)

    @property
    def is_pending(self) -> bool:
        return self.trial.state in {Trial.State.ASKED, Trial.State.RUNNING}

    @property
    def about(self) -> Mapping[str, Any]:  # Any: figures as JSON
        found: Mapping[str, Any] = self.trial.figures.get("about", {})
        return found

    @property
    def error(self) -> str:
        return str(Trial.Error(self.trial.error).label) if self.trial.error else ""


def result(by: Access, trial: Trial) -> Result:
    """Return a replay as the person may see it. The transaction is open."""
    found = trial.figures
    if trial.state != Trial.State.DONE:
        return Result(trial)
    return Result(
        trial,
        [_row(each) for each in found["measures"]],
        _loads(found["departments"]),
        _redecided(by, found["recorded"]["rows"]),
        _percent(found["bound"]),
        (found["learning"]["now"], found["learning"]["then"]) if "learning" in found else (0, 0),
    )


def newest(shown: Trial | None) -> Sequence[Trial]:
    """Return the newest replays but the one that is shown. The transaction is open."""
    rows = Trial.objects.select_related("by", "department").order_by("-id")
    if shown is not None:
        rows = rows.exclude(pk=shown.pk)
    return list(rows.defer("figures", "rules")[:NEWEST])


def _row(told: Mapping[str, Any]) -> Row:  # Any: figures as JSON
    name = told["name"]
    reach = max(abs(told["low"]), abs(told["high"])) or 1.0

    def place(value: float) -> float:
        return round(WIDTH / 2 + (WIDTH / 2 - MARGIN) * value / reach, 1)

    return Row(
        str(LABELS[name]),
        str(HINTS.get(name, "")),
        _value(name, told["now"]),
        _value(name, told["then"]),
        _difference(name, told["difference"]),
        _("Difference %(middle)s, interval from %(low)s to %(high)s")
        % {key: _difference(name, told[of]) for key, of in _ENDS.items()},
        place(told["low"]),
        place(told["difference"]),
        place(told["high"]),
        told["verdict"],
    )


_ENDS = {"middle": "difference", "low": "low", "high": "high"}


def _value(name: str, value: float) -> str:
    if name == "median_wait_seconds":
        return spell(value)
    return (
        formats.number_format(round(value, 2), 2) if name == "load_variation" else _percent(value)
    )


def _percent(share: float) -> str:
    return f"{formats.number_format(round(100 * share, 1), 1)} %"


def _difference(name: str, value: float) -> str:
    if name == "median_wait_seconds":
        return _("%(seconds)s s") % {"seconds": _signed(value, 0)}
    return _signed(value, 2) if name == "load_variation" else _signed(100 * value, 1)


def _signed(value: float, digits: int) -> str:
    rounded = round(value, digits)
    sign = "+" if rounded > 0 else "−" if rounded < 0 else ""
    return sign + str(formats.number_format(abs(rounded), digits))


def _loads(told: Sequence[Mapping[str, Any]]) -> list[Load]:  # Any: as above
    names = {
        one.pk: one for one in Department.objects.filter(pk__in=[d["department"] for d in told])
    }
    return [
        Load(names[one["department"]], round(100 * one["now"]), round(100 * one["then"]))
        for one in told
        if one["department"] in names
    ]


def _redecided(by: Access, told: Sequence[Mapping[str, int]]) -> list[Redecided]:
    others = {one["decision"]: one["staff"] for one in told}
    rows = Decision.objects.filter(pk__in=others, conversation__in=visible_conversations(by))
    found = list(rows.select_related("conversation__customer", "staff__department").defer("data"))
    people = Staff.objects.filter(pk__in=others.values()).select_related("department")
    names = {one.pk: one for one in people}
    return [Redecided(one, names.get(others[one.pk])) for one in found]
