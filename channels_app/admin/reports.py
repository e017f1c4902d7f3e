"""The channels' page on the organization's administration site: what they reported and what became of it."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateTimeFilter

from channels_app.models import InboundEvent
from helpdesk.admin.base import ReadOnlyAdmin
from helpdesk.admin.sites import organization_site


@admin.register(InboundEvent, site=organization_site)
class InboundEventAdmin(ReadOnlyAdmin):
    """Every call that was accepted; how large it was and never what it said: that is the conversation's."""

    found_by_search = False
    list_display = (
        "received_at",
        "channel",
        "kind",
        "state_label",
        "reason",
        "size",
        "conversation",
    )
    list_display_links = ("received_at",)
    list_select_related = ("channel", "entry")
    list_filter = ("state", "channel", ("received_at", RangeDateTimeFilter))
    list_filter_submit = True
    ordering = ("-id",)
    fields = (
        *("received_at", "channel", "kind", "state_label", "reason", "attempts", "processed_at"),
        *("size", "conversation"),
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request).defer("raw", "data")
        return rows

    @admin.display(description=_("state"))
    def state_label(self, obj: InboundEvent) -> str:
        return obj.get_state_display()

    @admin.display(description=_("size"))
    def size(self, obj: Any) -> str:
        return filesizeformat(obj.size_bytes)

    @admin.display(description=_("conversation"))
    def conversation(self, obj: InboundEvent) -> str:
        if obj.entry is None:
            return "-"
        pk = obj.entry.conversation_id
        return format_html('<a href="{}">C-{}</a>', reverse("portal:conversation", args=[pk]), pk)
