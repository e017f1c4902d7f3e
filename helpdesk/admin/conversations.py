"""Customers, and conversations to look at; the portal is where they are answered."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from helpdesk.admin.base import ReadOnlyAdmin, ScopedAdmin
from helpdesk.admin.fields import SPOKEN, WordsField
from helpdesk.admin.sites import organization_site
from helpdesk.models import Conversation, Customer
from helpdesk.reports.customer_search import customers_named

SHOWN = (
    "state", "priority", "urgency", "topic", "department", "queue", "owner", "customer", "channel",
    "language", "opened_at", "first_replied_at", "last_message_at", "resolved_at", "closed_at",
)  # fmt: skip
OTHER = "other"


class SpokenFilter(admin.SimpleListFilter):
    """Customers by the language they write in."""

    title = gettext_lazy("language")
    parameter_name = "language"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[Any]:
        return [*SPOKEN, (OTHER, gettext_lazy("Other languages"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == OTHER:
            return queryset.exclude(language__in=["", *dict(SPOKEN)])
        return queryset.filter(language=self.value()) if self.value() else queryset


class CustomerForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable when it runs
    """Tags as words between commas."""

    tags = WordsField(label=gettext_lazy("Tags"), max_words=20, max_word_length=30)


@admin.register(Customer, site=organization_site)
class CustomerAdmin(ScopedAdmin):
    """People and companies that ask."""

    can_add = can_delete = False
    form = CustomerForm
    list_display = ("label", "company", "tier", "place", "speaks", "created_at")
    list_filter = ("tier", SpokenFilter)
    search_fields = ("name", "company", "email", "external_id")
    audited = ("tier",)
    fieldsets = (
        (None, {"fields": (("name", "company"), ("email", "phone"), ("place", "language"))}),
        (gettext_lazy("More"), {"fields": ("tier", "tags", "remark", "external_id")}),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """Leave out those who were merged into others."""
        return super().get_queryset(request).filter(merged_into__isnull=True)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        """Find by a part of the name or company, or by the whole mail address or CRM id."""
        wanted = search_term.strip()
        if not wanted:
            return queryset, False
        known = Q(email__in={wanted, wanted.lower()}) | Q(external_id=wanted)
        return queryset.filter(Q(pk__in=customers_named(wanted)) | known), False

    @admin.display(description=pgettext_lazy("of a person", "name"))
    def label(self, obj: Customer) -> str:
        return obj.label

    @admin.display(description=gettext_lazy("language"), ordering="language")
    def speaks(self, obj: Customer) -> str:
        return str(dict(SPOKEN).get(obj.language, obj.language))


@admin.register(Conversation, site=organization_site)
class ConversationAdmin(ReadOnlyAdmin):
    """The list of conversations, without what was said in them."""

    list_display = ("number", "state", "topic", "department", "owner", "urgency", "opened_at")
    list_select_related = ("topic", "department", "owner")
    list_filter = ("state", "department", "topic", "channel")
    ordering = ("-id",)
    fields = ("in_portal", *SHOWN)
    readonly_fields = fields

    @admin.display(description=gettext_lazy("conversation"))
    def number(self, obj: Conversation) -> str:
        return str(obj)

    @admin.display(description=gettext_lazy("in the portal"))
    def in_portal(self, obj: Conversation) -> str:
        url = reverse("portal:conversation", args=[obj.pk])
        return format_html('<a href="{}">{}</a>', url, _("Open the conversation"))

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        number = search_term.strip().upper().removeprefix("C-")
        if number.isdecimal() and len(number) < 19:
            return queryset.filter(pk=int(number)), False
        return (queryset.none() if search_term.strip() else queryset), False

    search_fields = ("id",)
