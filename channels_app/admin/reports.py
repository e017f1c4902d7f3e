"""The channels' page on the organization's administration site: what they reported and what became of it."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import RangeDateTimeFilter

from channels_app.admin import calls
from channels_app.models import InboundEvent
from channels_app.services import quarantining
from helpdesk.admin.base import ReadOnlyAdmin, access_of
from helpdesk.admin.sites import organization_site
from helpdesk.portal.happenings import UNREADABLE

KINDS = {
    "message": gettext_lazy("message"),
    "raw": gettext_lazy("mail"),
    "edit": gettext_lazy("change of a message"),
    "delete": gettext_lazy("withdrawal of a message"),
    "receipt": gettext_lazy("receipt"),
    "reaction": gettext_lazy("reaction to a message"),
    "postback": gettext_lazy("choice of a button"),
    "lifecycle": gettext_lazy("news of a customer"),
    "call": gettext_lazy("step of a call"),
    "poll_hint": gettext_lazy("news that there is something to fetch"),
    "review": gettext_lazy("review"),
    "unreadable": gettext_lazy("what could not be read"),
}
OUTCOMES = {
    "joined": gettext_lazy("joined its conversation"),
    "held": gettext_lazy("its author waits for approval"),
    "own": gettext_lazy("a letter of our own"),
    "by_staff": gettext_lazy("written by a colleague"),
    "which_conversation": gettext_lazy("a colleague was asked which conversation they mean"),
    "not_taken": gettext_lazy("a colleague was told why their answer was not taken"),
    "said_elsewhere": gettext_lazy("said in your name in the vendor's own app"),
    "receipt": gettext_lazy("moved what had left"),
    "fetched": gettext_lazy("fetched from the vendor"),
    "not_needed": gettext_lazy("nothing to do"),
    "unmatched": gettext_lazy("what it is about never came"),
    "read_again": gettext_lazy("could be read the second time"),
}
# How many may be read again at once.
MOST_AGAIN = 200


@admin.register(InboundEvent, site=organization_site)
class InboundEventAdmin(ReadOnlyAdmin):
    """Every call that was accepted; how large it was and never what it said: that is the conversation's."""

    found_by_search = False
    list_display = (
        "received_at",
        "channel",
        "kind_label",
        "state_label",
        "reason_label",
        "size",
        "conversation",
    )
    list_display_links = ("received_at",)
    list_select_related = ("channel", "entry")
    list_filter = ("state", "channel", ("received_at", RangeDateTimeFilter))
    list_filter_submit = True
    ordering = ("-id",)
    fields = (
        *("received_at", "channel", "kind_label", "state_label", "reason_label", "attempts"),
        *("processed_at", "size", "conversation", "download"),
    )
    readonly_fields = fields
    actions = ("read_again",)

    @admin.action(description=gettext_lazy("Read again"))
    def read_again(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Process again what could not be read or became nothing, now that it may."""
        by = access_of(request)
        chosen = queryset.filter(state__in=quarantining.AGAIN).order_by("id")
        pks = list(chosen.values_list("pk", flat=True)[:MOST_AGAIN])
        for pk in pks:
            quarantining.replay(by, pk)
        told = ngettext("%(count)s is read again.", "%(count)s are read again.", len(pks))
        (messages.success if pks else messages.error)(
            request,
            told % {"count": len(pks)}
            if pks
            else _("Only what could not be read, or became nothing, can be read again."),
        )

    def get_urls(self) -> list[URLPattern]:
        urls: list[URLPattern] = super().get_urls()
        return [*calls.urls(self.admin_site), *urls]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request).defer("raw", "data")
        return rows

    @admin.display(description=gettext_lazy("state"))
    def state_label(self, obj: InboundEvent) -> str:
        return obj.get_state_display()

    @admin.display(description=gettext_lazy("kind"))
    def kind_label(self, obj: InboundEvent) -> str:
        return str(KINDS.get(obj.kind, obj.kind))

    @admin.display(description=gettext_lazy("reason"))
    def reason_label(self, obj: InboundEvent) -> str:
        known = OUTCOMES.get(obj.reason) or UNREADABLE.get(obj.reason)
        return str(known or obj.reason or "-")

    @admin.display(description=gettext_lazy("size"))
    def size(self, obj: Any) -> str:
        return filesizeformat(obj.size_bytes)

    @admin.display(description=gettext_lazy("conversation"))
    def conversation(self, obj: InboundEvent) -> str:
        if obj.entry is None:
            return "-"
        pk = obj.entry.conversation_id
        return format_html('<a href="{}">C-{}</a>', reverse("portal:conversation", args=[pk]), pk)

    @admin.display(description=gettext_lazy("as it came"))
    def download(self, obj: InboundEvent) -> str:
        """Link to the bytes of what could not be read; the conversation shows all else."""
        if obj.state != InboundEvent.State.QUARANTINED or obj.entry_id is None:
            return "-"
        return format_html(
            '<a href="{}">{}</a>', reverse("channels:raw", args=[obj.pk]), _("Download")
        )
