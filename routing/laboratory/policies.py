"""Rules from plain values, checked in one place for files, forms and drafts; what is missing is as delivered."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from helpdesk.errors import Invalid
from routing.deciding.parts import available
from routing.deciding.rules import DEFAULT_WEIGHTS, Rules

MOST_POINTS = 100
# The lowest and the highest of each number; as the columns of a policy have them.
BOUNDS: dict[str, tuple[float, float]] = {
    "urgent_seconds": (10, 3600),
    "calm_seconds": (60, 86_400),
    "calm_chat_seconds": (30, 86_400),
    "slack_percent": (0, 100),
    "patience_percent": (1, 300),
    "learning_percent": (0, 50),
}
NUMBERS = tuple(BOUNDS)


def read_rules(path: Path) -> Rules:
    """Return the rules of a JSON file. Raises Invalid with the field that is wrong."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise Invalid(field="policy") from error
    if not isinstance(found, dict):
        raise Invalid(field="policy")
    return rules_of(found)


def rules_of(found: dict[str, Any]) -> Rules:  # Any: JSON, checked here
    """Return rules from plain values. Raises Invalid with the field that is wrong."""
    unknown = set(found) - {each.name for each in fields(Rules)}
    if unknown:
        raise Invalid(field=min(unknown))
    numbers = {name: _number(name, found[name]) for name in BOUNDS if name in found}
    # As delivered where it is not said, and never sooner than what is urgent.
    urgent, chat = numbers.get("urgent_seconds", 0), Rules().calm_chat_seconds
    numbers.setdefault("calm_chat_seconds", max(chat, urgent))
    rules = Rules(weights=_weights(found.get("weights", DEFAULT_WEIGHTS)), **numbers)
    for name in ("calm_seconds", "calm_chat_seconds"):
        if getattr(rules, name) < rules.urgent_seconds:
            raise Invalid(_("What is not urgent cannot be due before what is."), field=name)
    return rules


def _weights(found: Any) -> dict[str, int]:  # Any: as above
    if not isinstance(found, dict):
        raise Invalid(field="weights")
    for name in sorted(set(found) | set(DEFAULT_WEIGHTS)):
        if name not in available() or not _is_points(found.get(name)):
            raise Invalid(
                _("Give a whole number from %(least)s to %(most)s.")
                % {"least": 0, "most": MOST_POINTS},
                field=f"weights.{name}",
            )
    if not any(found.values()):
        raise Invalid(_("At least one part must be worth something."), field="weights")
    return dict(found)


def _is_points(found: object) -> bool:
    return isinstance(found, int) and not isinstance(found, bool) and 0 <= found <= MOST_POINTS


def _number(name: str, found: Any) -> Any:  # Any: a whole or broken number within bounds
    lowest, highest = BOUNDS[name]
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    if not is_number or not lowest <= found <= highest:
        raise Invalid(
            _("Give a number from %(least)s to %(most)s.") % {"least": lowest, "most": highest},
            field=name,
        )
    return found
