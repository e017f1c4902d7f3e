"""The audit trail: who changed what, and when."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.views import ChangeList

from helpdesk.admin.base import ReadOnlyAdmin
from helpdesk.admin.reading import Told, tell
from helpdesk.admin.sites import organization_site
from helpdesk.models import AuditEntry


class TrailList(ChangeList):  # type: ignore[misc]  # Unfold ships no types
    """One page of a trail, read out at once."""

    result_list: Any  # Any: entries of either trail

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        entries = list(self.result_list)
        told = tell(entries)
        for entry in entries:
            entry.told = told[entry.pk]
        self.result_list = entries


class InWords:
    """Columns of a trail's page, in words."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[TrailList]:
        return TrailList

    @admin.display(description=_("action"), ordering="action")
    def done(self, obj: Any) -> str:
        return _told(obj).action

    @admin.display(description=_("what"), ordering="subject")
    def touched(self, obj: Any) -> str:
        return _told(obj).subject

    @admin.display(description=_("details"))
    def facts(self, obj: Any) -> str:
        return _told(obj).facts


def _told(obj: Any) -> Told:  # Any: an entry, which a list has read out already
    found: Told = getattr(obj, "told", None) or tell([obj])[obj.pk]
    return found


@admin.register(AuditEntry, site=organization_site)
class AuditAdmin(InWords, ReadOnlyAdmin):
    """Entries are written once and never changed."""

    found_by_search = False
    list_display = ("at", "who", "done", "touched", "facts")
    list_display_links = ("at",)
    list_select_related = ("staff",)
    list_filter = ("actor", "staff", ("at", RangeDateTimeFilter))
    list_filter_submit = True
    search_fields = ("action", "subject")
    ordering = ("-id",)
    fields = ("at", "who", "done", "touched", "facts")
    readonly_fields = fields

    @admin.display(description=_("actor"))
    def who(self, obj: AuditEntry) -> str:
        return str(obj.staff) if obj.staff else obj.get_actor_display()
