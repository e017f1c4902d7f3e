"""What left through channels: every try, and the mails and events that no person wrote."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import RangeDateTimeFilter

from channels_app.models import DeliveryAttempt, Dispatch
from channels_app.services import dispatching
from helpdesk.access import Access
from helpdesk.admin.base import ReadOnlyAdmin, access_of
from helpdesk.admin.sites import organization_site
from helpdesk.errors import HelpdeskError
from helpdesk.services import replying

# How many may be sent again at once.
MOST_AGAIN = 200


@admin.register(DeliveryAttempt, site=organization_site)
class DeliveryAttemptAdmin(ReadOnlyAdmin):
    """Every call that was made to send something, and what came of it; never what it said."""

    found_by_search = False
    list_display = ("at", "channel", "what", "number", "outcome", "code", "detail", "milliseconds")
    list_display_links = ("at",)
    list_select_related = ("channel", "message__entry", "dispatch")
    list_filter = ("channel", "outcome", ("at", RangeDateTimeFilter))
    list_filter_submit = True
    ordering = ("-id",)
    fields = list_display
    readonly_fields = list_display
    actions = ("send_again",)

    @admin.display(description=gettext_lazy("what"))
    def what(self, obj: DeliveryAttempt) -> str:
        if obj.message is None:
            return obj.dispatch.get_kind_display() if obj.dispatch else "-"
        entry = obj.message.entry
        address = reverse("portal:conversation", args=[entry.conversation_id])
        return format_html('<a href="{}">C-{}</a>', address, entry.conversation_id)

    @admin.action(description=gettext_lazy("Send again"))
    def send_again(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Send again what these attempts were for, where it failed or nobody knows."""
        chosen = queryset.select_related("message__entry").order_by("id")[:MOST_AGAIN]
        replies = {each.message_id: each.message.entry for each in chosen if each.message_id}
        others = {each.dispatch_id for each in chosen if each.dispatch_id}
        by = access_of(request)
        tell_sent(request, [_reply_again(by, entry) for entry in replies.values()])
        tell_sent(request, [_dispatch_again(by, pk) for pk in sorted(others)])


@admin.register(Dispatch, site=organization_site)
class DispatchAdmin(ReadOnlyAdmin):
    """Acknowledgements, proofs, notices and events on their way; never what they say."""

    found_by_search = False
    list_display = (
        "created_at", "channel", "kind", "state", "attempts", "error", "conversation", "settled_at",
    )  # fmt: skip
    list_display_links = ("created_at",)
    list_select_related = ("channel", "conversation")
    list_filter = ("channel", "kind", "state", ("created_at", RangeDateTimeFilter))
    list_filter_submit = True
    ordering = ("-id",)
    fields = (*list_display, "recipient", "due_at")
    readonly_fields = fields
    actions = ("send_again",)

    @admin.action(description=gettext_lazy("Send again"))
    def send_again(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Send again those that failed or of which nobody knows."""
        by = access_of(request)
        pks = queryset.order_by("id").values_list("pk", flat=True)[:MOST_AGAIN]
        tell_sent(request, [_dispatch_again(by, pk) for pk in pks])


def tell_sent(request: HttpRequest, refusals: list[str]) -> None:
    """Say how many are being sent again, and why others are not."""
    count = refusals.count("")
    if count:
        told = ngettext("%(count)s is sent again.", "%(count)s are sent again.", count)
        messages.success(request, told % {"count": count})
    for reason in sorted({each for each in refusals if each}):
        messages.error(request, reason)


def _reply_again(by: Access, entry: Any) -> str:  # Any: Entry
    try:
        replying.resend(by, entry.conversation_id, entry.number)
    except HelpdeskError as error:
        return _refusal(error)
    return ""


def _dispatch_again(by: Access, pk: int) -> str:
    try:
        dispatching.send_again(by, pk)
    except HelpdeskError as error:
        return _refusal(error)
    return ""


def _refusal(error: HelpdeskError) -> str:
    if error.code == "wrong_state":
        return _("Only what failed, or what nobody knows of, can be sent again.")
    return str(error.message)
