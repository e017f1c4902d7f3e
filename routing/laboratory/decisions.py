"""The newest decisions of conversations that somebody may see, and one of them in full."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from helpdesk import permissions
from helpdesk.access import Access, visible_conversations
from helpdesk.errors import NotFound
from helpdesk.models import Department, Staff
from routing.explaining import Explanation, ShownPerson, explain_decision
from routing.models import Decision
from routing.recording import NotReplayable, is_reproduced

SHOWN = 30
MOST_CHOICES = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the decisions is wanted."""

    department_id: int | None = None
    outcome: str = ""
    staff_id: int | None = None
    # Older than this one.
    before: int | None = None

    @classmethod
    def of(cls, given: Mapping[str, str]) -> "Wanted":
        """Return what an address asks for; what makes no sense is not asked."""
        outcome = given.get("outcome", "")
        return cls(
            number(given.get("department", "")),
            outcome if outcome in Decision.Outcome.values else "",
            number(given.get("person", "")),
            number(given.get("before", "")),
        )

    def query(self, **more: int | None) -> str:
        """Return it as an address asks for it, with something more."""
        given = {"department": self.department_id, "outcome": self.outcome, "person": self.staff_id}
        return urlencode({name: value for name, value in (given | more).items() if value})


def number(given: str) -> int | None:
    """Return a number from an address; None for anything else."""
    is_number = given.isascii() and given.isdigit() and len(given) < 18
    return int(given) if is_number else None


@dataclass(frozen=True, slots=True)
class Line:
    """One decision in the list, and the address that opens it beside the list."""

    decision: Decision
    query: str


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of decisions, newest first, with what they can be chosen by."""

    wanted: Wanted
    lines: Sequence[Line]
    older: str
    departments: Sequence[Department]
    people: Sequence[Staff]
    outcomes: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a total, as a piece of a bar from 0 to 100."""

    name: str
    label: str
    at: float
    width: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who could have had it, as one row."""

    person: ShownPerson
    segments: Sequence[Segment]
    is_chosen: bool
    place: int
    query: str


@dataclass(frozen=True, slots=True)
class Opened:
    """One decision in full."""

    told: Explanation
    decision: Decision
    candidates: Sequence[Candidate]
    left_out: Sequence[tuple[ShownPerson, str]]
    legend: Sequence[tuple[str, str]]
    # None where another engine decided.
    is_same: bool | None
    query: str


def listing(by: Access, wanted: Wanted) -> Listing:
    """Return a page of decisions of conversations that the person may see."""
    rows = Decision.objects.filter(conversation__in=visible_conversations(by)).defer("data")
    if wanted.department_id:
        rows = rows.filter(conversation__department_id=wanted.department_id)
    if wanted.outcome:
        rows = rows.filter(outcome=wanted.outcome)
    if wanted.staff_id:
        rows = rows.filter(staff_id=wanted.staff_id)
    if wanted.before:
        rows = rows.filter(pk__lt=wanted.before)
    related = ("conversation__customer", "conversation__topic", "staff__department")
    found = list(rows.select_related(*related).order_by("-id")[: SHOWN + 1])
    shown = found[:SHOWN]
    seen = by.allowed(permissions.CONVERSATION_VIEW)
    return Listing(
        wanted,
        [Line(one, wanted.query(before=wanted.before, decision=one.pk)) for one in shown],
        wanted.query(before=shown[-1].pk) if len(found) > SHOWN else "",
        list(Department.objects.filter(pk__in=seen).order_by("name", "id")[:MOST_CHOICES]),
        list(Staff.objects.filter(is_active=True).order_by("name", "id")[:MOST_CHOICES]),
        [(value, str(label)) for value, label in Decision.Outcome.choices],
    )


def opened(by: Access, decision_id: int, wanted: Wanted, asked_id: int | None = None) -> Opened:
    """Return one decision in full, and of one colleague why not; raises NotFound."""
    rows = Decision.objects.filter(pk=decision_id, conversation__in=visible_conversations(by))
    decision = rows.select_related("conversation__customer", "conversation__topic").first()
    if decision is None:
        raise NotFound
    told = explain_decision(by, decision, asked_id)
    here = wanted.query(before=wanted.before, decision=decision.pk)
    return Opened(
        told,
        decision,
        [
            Candidate(
                one, _segments(one, told.ranked), one is told.chosen, place, _asking(here, one)
            )
            for place, one in enumerate(told.ranked, 1)
        ],
        [(one, _asking(here, one)) for one in told.excluded],
        _legend(told.ranked),
        _is_same(decision),
        here,
    )


def _asking(here: str, one: ShownPerson) -> str:
    return f"{here}&staff={one.pk}"


def _segments(one: ShownPerson, ranked: Sequence[ShownPerson]) -> list[Segment]:
    """Return the parts side by side; the whole width is what all parts are worth at most."""
    whole = max(sum(part.most for part in ranked[0].parts), 1)
    found, at = [], 0.0
    for part in one.parts:
        width = round(100 * part.value / whole, 2)
        label = f"{part.label} {part.points}/{part.most}"
        found.append(Segment(part.name, label, round(at, 2), max(width - 0.4, 0.0)))
        at += width
    return found


def _legend(ranked: Sequence[ShownPerson]) -> list[tuple[str, str]]:
    return [(part.name, part.label) for part in ranked[0].parts] if ranked else []


def _is_same(decision: Decision) -> bool | None:
    try:
        return is_reproduced(decision)
    except NotReplayable:
        return None
