"""The channels' page on the organization's administration site: what they reported and what became of it."""

from typing import Any

from django.contrib import admin
from django.db.models import F, Func, IntegerField, QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateTimeFilter

from channels_app.models import InboundEvent
from helpdesk.admin.base import ReadOnlyAdmin
from helpdesk.admin.sites import organization_site

WAITING, STORED, FRUITLESS = "waiting", "stored", "fruitless"
STATES = {
    WAITING: _("waits to be processed"),
    STORED: _("became a message"),
    FRUITLESS: _("processed, without a message"),
}


def state_of(event: InboundEvent) -> str:
    """Return what became of an event."""
    if event.processed_at is None:
        return WAITING
    return STORED if event.entry_id else FRUITLESS


class StateFilter(admin.SimpleListFilter):
    """Narrows events to what became of them."""

    title, parameter_name = _("state"), "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(STATES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == WAITING:
            return queryset.filter(processed_at__isnull=True)
        if self.value() in {STORED, FRUITLESS}:
            is_fruitless = self.value() == FRUITLESS
            return queryset.filter(processed_at__isnull=False, entry__isnull=is_fruitless)
        return queryset


@admin.register(InboundEvent, site=organization_site)
class InboundEventAdmin(ReadOnlyAdmin):
    """Every call that was accepted; how large it was and never what it said: that is the conversation's."""

    found_by_search = False
    list_display = ("received_at", "channel", "state", "processed_at", "size", "conversation")
    list_display_links = ("received_at",)
    list_select_related = ("channel", "entry")
    list_filter = (StateFilter, "channel", ("received_at", RangeDateTimeFilter))
    list_filter_submit = True
    ordering = ("-id",)
    fields = ("received_at", "channel", "state", "processed_at", "size", "conversation")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        size = Func(F("raw"), function="octet_length", output_field=IntegerField())
        rows: QuerySet[Any] = super().get_queryset(request).defer("raw").annotate(size_bytes=size)
        return rows

    @admin.display(description=_("state"))
    def state(self, obj: InboundEvent) -> str:
        return str(STATES[state_of(obj)])

    @admin.display(description=_("size"))
    def size(self, obj: Any) -> str:
        return filesizeformat(obj.size_bytes)

    @admin.display(description=_("conversation"))
    def conversation(self, obj: InboundEvent) -> str:
        if obj.entry is None:
            return "-"
        pk = obj.entry.conversation_id
        return format_html('<a href="{}">C-{}</a>', reverse("portal:conversation", args=[pk]), pk)
