"""The form in which an experiment is written down; its service has the last word."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext_lazy as _

from helpdesk.access import Access
from helpdesk.errors import Invalid
from helpdesk.models import Department
from routing.deciding.rules import DEFAULT_WEIGHTS, Rules
from routing.decision_text import PART_LABELS
from routing.experiments import opening
from routing.laboratory.policies import BOUNDS, MOST_POINTS
from routing.measures import MEASURES, Name
from routing.models import Experiment

WEIGHT = "weight_"
RAILS = (1, 2, 3)
DIFFERENCE, BOUND = "difference", "bound"
RULE_LABELS = {
    "urgent_seconds": _("Seconds for what is urgent"),
    "calm_seconds": _("Seconds for what is not"),
    "calm_chat_seconds": _("Seconds for what is not, in chats"),
    "slack_percent": _("Percent free to give all at once"),
    "patience_percent": _("Percent of its time until anybody suits"),
}
# What the service calls by another name than the form.
FIELDS = {"slices": "days", "department": "department"}


class ExperimentForm(forms.Form):
    """Everything an experiment is made of: its time, its measures, and the draft's numbers."""

    name = forms.CharField(label=_("Name"), max_length=80)
    department = forms.ChoiceField(label=_("Department"), required=False)
    slice_minutes = forms.IntegerField(
        label=_("Minutes of a slice"), min_value=30, max_value=1440, initial=180
    )
    washout_minutes = forms.IntegerField(
        label=_("Minutes of wash-out"), min_value=0, max_value=719, initial=30
    )
    days = forms.IntegerField(label=_("Days"), min_value=1, max_value=90, initial=28)
    outcome_hours = forms.IntegerField(
        label=_("Hours a conversation is watched"), min_value=1, max_value=168, initial=24
    )
    primary = forms.ChoiceField(label=_("What decides"), choices=Name.choices)
    alpha_percent = forms.FloatField(
        label=_("Percent of false claims"), min_value=0.1, max_value=20, initial=5
    )

    def __init__(self, rules: Rules, *args: Any, **kwargs: Any) -> None:  # Any: Django's own
        super().__init__(*args, **kwargs)
        choices = [(str(one.pk), one.label) for one in Department.objects.order_by("name")]
        department = self.fields["department"]
        if isinstance(department, forms.ChoiceField):
            department.choices = [("", _("All without a policy of their own")), *choices]
        for name in DEFAULT_WEIGHTS:
            self.fields[WEIGHT + name] = forms.IntegerField(
                label=str(PART_LABELS.get(name, name)),
                min_value=0,
                max_value=MOST_POINTS,
                initial=rules.weights.get(name, 0),
            )
        for name, label in RULE_LABELS.items():
            lowest, highest = BOUNDS[name]
            self.fields[name] = forms.IntegerField(
                label=label,
                min_value=int(lowest),
                max_value=int(highest),
                initial=int(getattr(rules, name)),
            )
        for number in RAILS:
            self._add_rail(number)

    def _add_rail(self, number: int) -> None:
        measures = [("", _("None")), *Name.choices]
        kinds = [(DIFFERENCE, _("not worse by more than")), (BOUND, _("not past"))]
        prefix = f"rail_{number}_"
        self.fields[prefix + "measure"] = forms.ChoiceField(choices=measures, required=False)
        self.fields[prefix + "kind"] = forms.ChoiceField(choices=kinds, required=False)
        self.fields[prefix + "limit"] = forms.FloatField(required=False, min_value=0)

    @property
    def weights(self) -> list[BoundField]:
        """Return the fields of the points."""
        return [self[WEIGHT + name] for name in DEFAULT_WEIGHTS]

    @property
    def rules(self) -> list[BoundField]:
        """Return the fields of the other rules."""
        return [self[name] for name in RULE_LABELS]

    @property
    def rails(self) -> Iterator[dict[str, BoundField]]:
        """Yield the fields of each guard rail."""
        for number in RAILS:
            parts = ("measure", "kind", "limit")
            yield {part: self[f"rail_{number}_{part}"] for part in parts}

    def save(self, access: Access) -> Experiment | None:
        """Write it down; None when something is wrong, which then stands at its field."""
        if not self.is_valid():
            return None
        try:
            return opening.open_experiment(access, **self._values())
        except Invalid as refused:
            self.add_error(self._field(refused), str(refused.message))
            return None

    def _values(self) -> dict[str, Any]:  # Any: what the service takes
        data = self.cleaned_data
        slices = data["days"] * 1440 // data["slice_minutes"]
        draft: dict[str, Any] = {name: data[name] for name in RULE_LABELS}  # Any: JSON
        draft["weights"] = {name: data[WEIGHT + name] for name in DEFAULT_WEIGHTS}
        return {
            "name": data["name"],
            "department_id": int(data["department"]) if data["department"] else None,
            "draft": draft,
            "slice_minutes": data["slice_minutes"],
            "washout_minutes": data["washout_minutes"],
            # Whole pairs: the time of half a one at the end is left out.
            "slices": slices - slices % 2,
            "outcome_hours": data["outcome_hours"],
            "primary": data["primary"],
            "alpha": data["alpha_percent"] / 100,
            "rails": [rail for number in RAILS if (rail := self._rail(number))],
        }

    def _rail(self, number: int) -> dict[str, Any] | None:  # Any: JSON
        prefix = f"rail_{number}_"
        measure = self.cleaned_data[prefix + "measure"]
        if not measure:
            return None
        limit = self.cleaned_data[prefix + "limit"] or 0.0
        is_share = MEASURES[measure].unit == "share"
        is_bound = self.cleaned_data[prefix + "kind"] == BOUND
        # People write percent.
        return {"measure": measure, "is_bound": is_bound, "limit": limit / (100 if is_share else 1)}

    def _field(self, refused: Invalid) -> str | None:
        """Return the form's field of what the service has refused."""
        name = str(refused.details.get("field") or "")
        if name.startswith("rails."):
            used = [n for n in RAILS if self.cleaned_data[f"rail_{n}_measure"]]
            number, _dot, _part = name.removeprefix("rails.").partition(".")
            name = f"rail_{used[int(number)]}_limit"
        name = name.replace("weights.", WEIGHT).replace("alpha", "alpha_percent")
        name = FIELDS.get(name, name)
        return name if name in self.fields else None


class StartForm(forms.Form):
    """When it begins; empty for now."""

    starts_at = forms.DateTimeField(required=False)


class StopForm(forms.Form):
    """Why it ends."""

    why = forms.CharField(max_length=200)
