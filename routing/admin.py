"""Routing's pages on the organization's administration site: its policies here, the others by their modules."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.validators import MaxValueValidator
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from helpdesk.admin.base import ScopedAdmin
from helpdesk.admin.sites import organization_site
from helpdesk.errors import Invalid, WrongState
from routing import model_admin, overflow_admin, policies, ring_admin
from routing.deciding.rules import DEFAULT_WEIGHTS
from routing.decision_text import PART_LABELS
from routing.experiments.guarding import check_change
from routing.laboratory.policies import MOST_POINTS, NUMBERS, rules_of
from routing.models import Policy

__all__ = ["PolicyAdmin", "model_admin", "overflow_admin", "ring_admin"]

PREFIX = "weight_"
OWN_FIELDS = (
    "mode",
    "offer_seconds",
    "urgent_seconds",
    "calm_seconds",
    "calm_chat_seconds",
    "slack_percent",
    "patience_percent",
    "sticky_seconds",
    "return_seconds",
    "learning_percent",
)


class PolicyForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable when it runs
    """One field for the points of each part of the score."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, most in self.instance.points.items():
            if PREFIX + name in self.fields:
                self.fields[PREFIX + name].initial = most

    def clean(self) -> dict[str, Any]:  # Any: Django's own signature
        data = super().clean() or {}
        if not self.errors:
            try:
                rules_of(self.plain())
            except Invalid as error:
                field = str(error.details["field"])
                name = field if field in self.fields else None
                self.add_error(name, str(error.message))
        self._check_experiments(data)
        return data

    def _check_experiments(self, data: dict[str, Any]) -> None:  # Any: what the form has read
        """Refuse what a running experiment compares with."""
        department = data.get("department")
        before = self.instance.department_id if self.instance.pk else None
        after = department.pk if department else None
        is_moved = self.instance.pk is None or before != after
        try:
            check_change(after, is_new=is_moved)
            if self.instance.pk and is_moved:
                check_change(before, is_new=True)
        except WrongState as error:
            raise forms.ValidationError(str(error.message)) from error

    def plain(self) -> dict[str, Any]:  # Any: as rules are checked
        """Return what was entered as plain rules."""
        points = {name: self.cleaned_data.get(PREFIX + name) for name in DEFAULT_WEIGHTS}
        return {"weights": points} | {name: self.cleaned_data.get(name) for name in NUMBERS}


@admin.register(Policy, site=organization_site)
class PolicyAdmin(ScopedAdmin):
    """Weights and rules, for the organization and for departments that differ."""

    list_display = ("whose", "mode", "urgent_seconds", "version", "changed_at")
    list_select_related = ("department",)
    audited = ()
    fieldsets = (
        (None, {"fields": ("department", ("mode", "offer_seconds"))}),
        (
            _("When waiting pays"),
            {
                "fields": (
                    ("urgent_seconds", "calm_seconds", "calm_chat_seconds"),
                    ("slack_percent", "patience_percent"),
                    ("sticky_seconds", "return_seconds"),
                )
            },
        ),
        (_("Who learns"), {"fields": ("learning_percent",)}),
        (
            _("What counts, in points"),
            {"fields": tuple(PREFIX + name for name in DEFAULT_WEIGHTS)},
        ),
    )

    @admin.display(description=_("department"))
    def whose(self, obj: Policy) -> str:
        return str(obj)

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        kwargs["form"] = type("PolicyForm", (PolicyForm,), _weight_fields())
        kwargs["fields"] = ("department", *OWN_FIELDS)
        return super().get_form(request, obj, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save it under the next version, so that decisions name the rules they were made by."""
        policies.keep(obj, rules_of(form.plain()))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether it may go: not while an experiment compares with it."""
        if obj is not None:
            try:
                check_change(obj.department_id, is_new=True)
            except WrongState:
                return False
        return super().has_delete_permission(request, obj)

    def record(self, request: HttpRequest, action: str, obj: Any, **data: object) -> None:
        super().record(request, action, obj, **policies.told(obj), **data)


def _weight_fields() -> dict[str, forms.IntegerField]:
    return {
        PREFIX + name: forms.IntegerField(
            label=str(PART_LABELS.get(name, name)),
            initial=most,
            min_value=0,
            validators=[MaxValueValidator(MOST_POINTS)],
            widget=UnfoldAdminIntegerFieldWidget,
        )
        for name, most in DEFAULT_WEIGHTS.items()
    }
