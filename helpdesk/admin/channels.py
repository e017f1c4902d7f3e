"""Channels, set up step by step: choose a kind, fill in its own form, take the tag along, test it."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.admin.base import ScopedAdmin, access_of
from helpdesk.admin.channel_forms import channel_form
from helpdesk.admin.sites import organization_site
from helpdesk.errors import HelpdeskError, WrongState
from helpdesk.models import Channel
from helpdesk.registries import ChannelKind, channel_kinds, secrets_by_name
from helpdesk.services import channels, organizations
from helpdesk.services.limits import limits_of_channel
from helpdesk.tenancy import organization_transaction

# Kinds whose tag goes into a page, and the script of each.
SCRIPTS = {"webchat": "widget.js", "form": "form.js"}
# What kinds say that cannot answer themselves, and those that can do it for them.
ANSWERED_ELSEWHERE, LETTERS = "answered_elsewhere", "letters"
# What phones say, whose callers may be written to, and those that write to phone numbers.
ANSWERED_BY_TEXT, PHONE_NUMBERS = "answered_by_text", "phone_numbers"


@admin.register(Channel, site=organization_site)
class ChannelAdmin(ScopedAdmin):
    """Connected accounts; they are switched off, never deleted, since conversations name them."""

    can_delete = False
    list_display = ("name", "name_en", "kind_label", "queue", "language", "is_active", "trouble")
    list_select_related = ("queue", "answers_by")
    list_filter = ("is_active", "queue")
    search_fields = ("name", "name_en")
    audited = ("name", "name_en", "kind", "is_active")
    change_form_outer_before_template = "admin/channel_before.html"

    @admin.display(description=gettext_lazy("kind"))
    def kind_label(self, obj: Channel) -> str:
        kind = _kind(obj.kind)
        return str(kind.label) if kind else obj.kind

    @admin.display(description=gettext_lazy("trouble"))
    def trouble(self, obj: Channel) -> str:
        return obj.disabled_reason or _answers_missing(obj)

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        kind = obj.kind if obj else request.GET.get("kind", "")
        kwargs["form"] = channel_form(kind, _kind(kind))
        common = ("name", "name_en", "queue", "language", "is_active", "hold_seconds")
        kwargs["fields"] = (*common, *_answering(kind))
        form = super().get_form(request, obj, **kwargs)
        if _can(kind, ANSWERED_BY_TEXT):
            _offer_text(form.base_fields["answers_by"])
        return form

    def formfield_for_foreignkey(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> Any:  # Any: as Django passes and returns it
        """Offer for answers what can carry them."""
        if db_field.name == "answers_by":
            kwargs["queryset"] = _active_with(LETTERS)
            kwargs["required"] = True
            kwargs["help_text"] = _("The mailbox of the answers. Connect a mailbox first.")
            kwargs["error_messages"] = {
                "invalid_choice": _("Choose an active mailbox of this organization."),
                "required": _("Choose the mailbox that its answers leave through."),
            }
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        name = obj.kind if obj else request.GET.get("kind", "")
        kind = _kind(name)
        own = [f"setting_{field.name}" for field in kind.settings] if kind else []
        return (
            (
                None,
                {
                    "fields": (
                        ("name", "name_en"),
                        ("queue", "language"),
                        *_answering(name),
                        "hold_seconds",
                        "is_active",
                    )
                },
            ),
            *([(kind.label, {"fields": own})] if kind and own else []),
        )

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the kinds first, then the form of the chosen one."""
        kind = _kind(request.GET.get("kind", ""))
        if kind:
            known = {**(extra_context or {}), "guide": kind.guide}
            response: HttpResponse = super().add_view(request, form_url, known)
            return response
        context = {
            **self.admin_site.each_context(request),
            "title": _("Connect a channel"),
            "opts": self.opts,
            "kinds": channel_kinds.items(),
        }
        return TemplateResponse(request, "admin/channel_kinds.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        channel = self.get_object(request, object_id)
        kind = _kind(channel.kind) if channel else None
        context = {
            "webhook_url": f"{settings.PUBLIC_URL}/channels/{channel.public_id}/"
            if channel
            else "",
            "widget_tag": _tag(channel) if channel and channel.kind in SCRIPTS else "",
            "answers_missing": _answers_missing(channel) if channel else "",
            "guide": kind.guide if kind else (),
            "can_test": bool(kind and kind.test_connection),
            "report": kind.report(channel.pk) if channel and kind and kind.report else None,
            "takes_templates": channel is not None
            and limits_of_channel(channel).templates is not None,
            "older_secrets": _older_secrets(channel, kind) if channel and kind else (),
        }
        response: HttpResponse = super().change_view(
            request, object_id, form_url, {**(extra_context or {}), **context}
        )
        return response

    def get_urls(self) -> list[URLPattern]:
        urls: list[URLPattern] = super().get_urls()
        test = self.admin_site.admin_view(self.test_connection)
        again = self.admin_site.admin_view(self.try_again)
        end = self.admin_site.admin_view(self.end_older_secret)
        return [
            path("<int:channel_id>/test/", test, name="helpdesk_channel_test"),
            path("<int:channel_id>/try-again/", again, name="helpdesk_channel_try_again"),
            path("<int:channel_id>/end-older/", end, name="helpdesk_channel_end_older"),
            *urls,
        ]

    def test_connection(self, request: HttpRequest, channel_id: int) -> HttpResponse:
        """Ask the vendor with the channel's settings, outside any transaction, and say what it answered."""
        with organization_transaction():
            channel = Channel.objects.filter(pk=channel_id).first()
        kind = _kind(channel.kind) if channel else None
        if channel is None or kind is None or not kind.test_connection or request.method != "POST":
            raise Http404
        try:
            messages.success(request, kind.test_connection(channel.pk))
            # Whatever it was switched off for, it works now.
            channels.try_again(access_of(request), channel.pk)
        except HelpdeskError as error:
            messages.error(request, str(error.message))
        return self._back_to(channel_id)

    test_connection.opens_own_transactions = True  # type: ignore[attr-defined]  # read by the site

    def try_again(self, request: HttpRequest, channel_id: int) -> HttpResponse:
        """Have what waits for a channel that was switched off sent."""
        if request.method != "POST":
            raise Http404
        channels.try_again(access_of(request), channel_id)
        messages.success(request, _("What waits is being sent."))
        return self._back_to(channel_id)

    def end_older_secret(self, request: HttpRequest, channel_id: int) -> HttpResponse:
        """Let only the newest secret prove calls from now on."""
        if request.method != "POST":
            raise Http404
        try:
            channels.end_older_secret(access_of(request), channel_id)
            messages.success(request, _("The older secret proves nothing any more."))
        except WrongState:
            messages.error(request, _("There is no older secret."))
        return self._back_to(channel_id)

    def _back_to(self, channel_id: int) -> HttpResponse:
        name = "admin:helpdesk_channel_change"
        return HttpResponseRedirect(
            reverse(name, args=[channel_id], current_app=self.admin_site.name)
        )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save the channel and its route; with other settings it may send again."""
        form.fill(obj)
        organizations.open_channel(obj, by=access_of(request))
        if change:
            channels.try_again(access_of(request), obj.pk)

    def record(self, request: HttpRequest, action: str, obj: Any, **data: object) -> None:
        """Leave the trail to the service, which writes it beside the change."""


def _kind(name: str) -> ChannelKind | None:
    return channel_kinds.get(name) if name in channel_kinds else None


def _answering(name: str) -> tuple[str, ...]:
    """Return the field for kinds of channels that others answer for."""
    is_answered_by_others = _can(name, ANSWERED_ELSEWHERE) or _can(name, ANSWERED_BY_TEXT)
    return ("answers_by",) if is_answered_by_others else ()


def _can(name: str, capability: str) -> bool:
    kind = _kind(name)
    return kind is not None and capability in kind.capabilities


def _active_with(capability: str) -> "QuerySet[Channel]":
    kinds = [name for name in channel_kinds.names() if _can(name, capability)]
    return Channel.objects.filter(is_active=True, kind__in=kinds)


def _offer_text(field: Any) -> None:  # Any: a field of a form
    """Offer for written answers to callers what can carry them; none is needed."""
    field.queryset = _active_with(PHONE_NUMBERS)
    field.required = False
    field.help_text = _("SMS for written answers to callers. Empty: callers are called back only.")
    field.error_messages["invalid_choice"] = _("Choose an active channel of SMS.")


def _answers_missing(channel: Channel) -> str:
    """Return what is wrong with a channel whose answers could not leave; nothing when they can."""
    if not _can(channel.kind, ANSWERED_ELSEWHERE):
        return ""
    mailbox = channel.answers_by
    kind = _kind(mailbox.kind) if mailbox else None
    if mailbox and mailbox.is_active and kind and LETTERS in kind.capabilities:
        return ""
    return _("Answers cannot leave: choose an active mailbox for them.")


def _older_secrets(channel: Channel, kind: ChannelKind) -> list[str]:
    """Return what the secrets are called of which an older one still proves calls."""
    if not channel.previous_secret:
        return []
    secrets = [field for field in kind.settings if field.kind == "secret"]
    if len(secrets) < 2:
        return [str(field.label) for field in secrets]
    before = secrets_by_name(channel.previous_secret)
    return [str(field.label) for field in secrets if before.get(field.name)]


def _tag(channel: Channel) -> str:
    script = SCRIPTS[channel.kind]
    return (
        f'<script src="{settings.PUBLIC_URL}/{script}" data-channel="{channel.public_id}" defer>'
        "</script>"
    )
