"""A draft of a policy: what somebody entered beside what is in use; it acts nowhere."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from helpdesk.access import Access
from helpdesk.errors import Invalid, NotFound
from helpdesk.models import Department
from routing import policies
from routing.candidates import Need
from routing.deciding.rules import DEFAULT_WEIGHTS, Rules
from routing.decision_text import PART_LABELS
from routing.facts import Facts
from routing.laboratory.policies import BOUNDS, MOST_POINTS, rules_of
from routing.models import Policy

WEIGHT = "weight_"
NUMBER_LABELS: Mapping[str, str | Promise] = {
    "urgent_seconds": _("An urgent one should be with somebody within"),
    "calm_seconds": _("One without any urgency within"),
    "calm_chat_seconds": _("The same in a chat"),
    "slack_percent": _("Give everything at once while so much is free"),
    "patience_percent": _("Anybody suits after so much of its time"),
    "learning_percent": _("Easy ones asked of people in training"),
}
UNITS: Mapping[str, str | Promise] = {
    "urgent_seconds": _("s"),
    "calm_seconds": _("s"),
    "calm_chat_seconds": _("s"),
    "slack_percent": "%",
    "patience_percent": "%",
    "learning_percent": "%",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to set, with what it is now and what is wrong with what was entered."""

    name: str
    label: str
    was: int
    value: str
    least: int
    most: int
    unit: str = ""
    error: str = ""


@dataclass(frozen=True)
class Draft:
    """Rules of one department, or of all without their own, as somebody would have them."""

    department_id: int | None
    policy: Policy
    # What the policy is and what was entered, by the names of fields.
    was: Mapping[str, int]
    entered: Mapping[str, str]
    # None while something is wrong.
    rules: Rules | None
    errors: Mapping[str, str]

    @property
    def weights(self) -> Sequence[Field]:
        return [
            self._field(WEIGHT + name, str(PART_LABELS.get(name, name)), 0, MOST_POINTS)
            for name in DEFAULT_WEIGHTS
        ]

    @property
    def numbers(self) -> Sequence[Field]:
        return [
            self._field(name, str(label), int(BOUNDS[name][0]), int(BOUNDS[name][1]))
            for name, label in NUMBER_LABELS.items()
        ]

    @property
    def total(self) -> int:
        return sum(self.rules.weights.values()) if self.rules else 0

    @property
    def is_changed(self) -> bool:
        return self.rules is None or self.rules != self.policy.rules

    @property
    def seen(self) -> str:
        """Return which policy the draft was made beside, as a form carries it."""
        return f"{self.policy.pk}.{self.policy.version}" if self.policy.pk else ""

    def _field(self, name: str, label: str, least: int, most: int) -> Field:
        unit = str(UNITS.get(name, ""))
        error = self.errors.get(name, "")
        return Field(
            name, label, self.was[name], self.entered[name], least, most, unit=unit, error=error
        )


def draft(department_id: int | None, entered: Mapping[str, str]) -> Draft:
    """Return a draft beside the policy in use; what was not entered is as it is. The transaction is open."""
    policy = policies.in_use(department_id)
    was = _plain(policy.rules)
    texts = {name: entered.get(name, str(value)).strip() for name, value in was.items()}
    try:
        return Draft(department_id, policy, was, texts, rules_of(_values(texts)), {})
    except Invalid as error:
        field = str(error.details["field"]).replace("weights.", WEIGHT)
        return Draft(department_id, policy, was, texts, None, {field: str(error.message)})


def entered_of(rules: Rules) -> dict[str, str]:
    """Return rules as they would be entered."""
    return {name: str(value) for name, value in _plain(rules).items()}


def seen_of(given: str) -> tuple[int | None, int]:
    """Return the id and version of a policy from what a form carries."""
    pk, _dot, version = given.partition(".")
    if pk.isascii() and pk.isdigit() and version.isascii() and version.isdigit():
        return int(pk), int(version)
    return None, 0


def rules_under(
    draft: Rules, department_id: int | None, known: Facts, at: datetime
) -> Callable[[Need], Rules]:
    """Return whose rules act on which need when a draft takes the place of a policy."""
    own = {pk for pk in known.policies if pk is not None}

    def found(need: Need) -> Rules:
        is_meant = (
            need.department_id == department_id if department_id else need.department_id not in own
        )
        return draft if is_meant else known.policy(need.department_id, at).rules

    return found


def department(by: Access, department_id: int | None) -> int | None:
    """Return the department; raises NotFound where there is none."""
    if department_id is None or Department.objects.filter(pk=department_id).exists():
        return department_id
    raise NotFound


def _plain(rules: Rules) -> dict[str, int]:
    values = asdict(rules)
    weights = {WEIGHT + name: rules.weights.get(name, 0) for name in DEFAULT_WEIGHTS}
    return weights | {name: int(values[name]) for name in BOUNDS}


def _values(texts: Mapping[str, str]) -> dict[str, Any]:  # Any: as rules are checked
    found = {name: _whole(text) for name, text in texts.items()}
    weights = {name: found.pop(WEIGHT + name) for name in DEFAULT_WEIGHTS}
    return {"weights": weights, **found}


def _whole(text: str) -> int | str:
    """Return a whole number, and anything else as it is: the check names it."""
    is_number = text.isascii() and text.removeprefix("-").isdigit() and len(text) < 9
    return int(text) if is_number else text
