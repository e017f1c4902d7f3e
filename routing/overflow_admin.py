"""The page of overflow rules on the organization's administration site."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from helpdesk.admin.base import ScopedAdmin
from helpdesk.admin.sites import organization_site
from helpdesk.errors import Invalid
from routing.models import OverflowRule
from routing.overflow.checking import check


class OverflowRuleForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable when it runs
    """Refuses rules that cannot hold, with the field; the request's transaction saves what was checked."""

    def clean(self) -> dict[str, Any]:  # Any: Django's own signature
        data = super().clean() or {}
        if self.errors:
            return data
        for name, value in data.items():
            setattr(self.instance, name, value)
        try:
            check(self.instance)
        except Invalid as error:
            self.add_error(str(error.details["field"]), str(error.message))
        return data


@admin.register(OverflowRule, site=organization_site)
class OverflowRuleAdmin(ScopedAdmin):
    """Rules in the order in which they are looked at."""

    form = OverflowRuleForm
    list_display = ("label", "order", "when", "condition", "threshold", "action", "is_active")
    list_filter = ("is_active", "when", "action")
    list_select_related = ("department", "to_department")
    autocomplete_fields = ("department", "topic", "channel", "to_department")
    audited = (
        *("name", "order", "is_active", "when", "after_seconds", "condition", "threshold"),
        *("department_id", "topic_id", "channel_id", "to_department_id", "link"),
    )
    fieldsets = (
        (None, {"fields": (("name", "name_en"), ("order", "is_active"))}),
        (
            _("When"),
            {"fields": (("when", "after_seconds"), ("condition", "threshold"))},
        ),
        (_("For which conversations"), {"fields": (("department", "topic"), "channel")}),
        (
            _("What then"),
            {"fields": (("action", "to_department"), "link", "text_zh", "text_en")},
        ),
    )

    def record(self, request: HttpRequest, action: str, obj: Any, **data: object) -> None:
        super().record(request, action, obj, does=obj.action, **data)

    @admin.display(description=_("name"), ordering="name")
    def label(self, obj: OverflowRule) -> str:
        return obj.label
