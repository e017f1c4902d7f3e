"""The audit trail: who changed what, and when."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateTimeFilter

from helpdesk.admin.base import ReadOnlyAdmin
from helpdesk.admin.sites import organization_site
from helpdesk.models import AuditEntry


@admin.register(AuditEntry, site=organization_site)
class AuditAdmin(ReadOnlyAdmin):
    """Entries are written once and never changed."""

    found_by_search = False
    list_display = ("at", "who", "action", "subject", "subject_id", "facts")
    list_display_links = ("at",)
    list_select_related = ("staff",)
    list_filter = ("actor", "staff", ("at", RangeDateTimeFilter))
    list_filter_submit = True
    search_fields = ("action", "subject")
    ordering = ("-id",)
    fields = ("at", "actor", "staff", "action", "subject", "subject_id", "facts")
    readonly_fields = fields

    @admin.display(description=_("actor"))
    def who(self, obj: AuditEntry) -> str:
        return str(obj.staff) if obj.staff else obj.get_actor_display()

    @admin.display(description=_("details"))
    def facts(self, obj: AuditEntry) -> str:
        return "; ".join(f"{name}: {value}" for name, value in obj.data.items())[:500]
