"""Escalation paths, their levels edited in place."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.forms import PaginationInlineFormSet

from helpdesk.admin.base import ScopedInline
from helpdesk.admin.object_permissions import ObjectPermissions
from helpdesk.admin.sites import organization_site
from helpdesk.errors import Invalid
from helpdesk.models import EscalationLevel, EscalationPath
from helpdesk.services.paths import check_next_path

LONGEST_TIMER = timedelta(days=30)


class PathForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable when it runs
    """Refuses a path that leads back to itself."""

    def clean_next_path(self) -> EscalationPath | None:
        following: EscalationPath | None = self.cleaned_data["next_path"]
        try:
            check_next_path(self.instance, following)
        except Invalid as error:
            raise forms.ValidationError(str(error.message)) from error
        return following


class LevelForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable when it runs
    """A level with its timer; its number only says its place among the others."""

    def clean_order(self) -> int:
        # Dragged rows are numbered from 0.
        return int(self.cleaned_data["order"]) + 1

    def clean_timer(self) -> timedelta:
        timer: timedelta = self.cleaned_data["timer"]
        if not timedelta(0) < timer <= LONGEST_TIMER:
            raise forms.ValidationError(_("Choose a time between one second and 30 days."))
        return timer

    def _get_validation_exclusions(self) -> set[str]:
        # Two levels may swap their numbers: the database looks at the end.
        return {*super()._get_validation_exclusions(), "order"}  # type: ignore[misc]  # not in the stubs


class LevelFormSet(PaginationInlineFormSet):  # type: ignore[misc]  # Unfold ships no types
    """The levels of one path, numbered 1, 2, 3 in their order; at least one."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        kept = [
            form for form in self.forms if form.cleaned_data and not form.cleaned_data.get("DELETE")
        ]
        if not kept:
            raise forms.ValidationError(_("A path needs at least one level."))
        ordered = sorted(kept, key=lambda form: int(form.cleaned_data["order"]))
        for number, form in enumerate(ordered, start=1):
            if form.instance.order != number or form.initial.get("order") != number:
                form.instance.order = number
                form.changed_data = [*form.changed_data, "order"]


class LevelInline(ScopedInline):
    """One row for each level: who is asked, and for how long."""

    model = EscalationLevel
    form = LevelForm
    formset = LevelFormSet
    fields = ("order", "name", "name_en", "department", "role", "timer")
    ordering_field = "order"


@admin.register(EscalationPath, site=organization_site)
class PathAdmin(ObjectPermissions):
    """Ordered ways up, such as sales, then technical support, then R&D."""

    form = PathForm
    list_display = ("name", "name_en", "department", "topic", "steps", "is_active")
    list_select_related = ("department", "topic")
    list_filter = ("department", "is_active")
    search_fields = ("name", "name_en")
    inlines = (LevelInline,)
    fieldsets = (
        (None, {"fields": (("name", "name_en"), "is_active")}),
        (_("Which conversations"), {"fields": (("department", "topic"),)}),
        (_("After the last level"), {"fields": ("next_path",)}),
    )

    @admin.display(description=_("levels"))
    def steps(self, obj: EscalationPath) -> str:
        levels = obj.levels.all()
        return " → ".join(level.label for level in levels)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("levels")
