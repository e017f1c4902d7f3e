"""Texts that platforms approved before, for answers that they take at any time."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.admin.base import ScopedAdmin
from helpdesk.admin.sites import organization_site
from helpdesk.models import Channel, MessageTemplate
from helpdesk.places import places_in
from helpdesk.registries import channel_kinds
from helpdesk.services.limits import limits_of_channel
from helpdesk.services.message_templates import fault_of_text


class MessageTemplateForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable when it runs
    """A text that can be sent: with places that its platform knows, and no more labels than places."""

    def clean(self) -> dict[str, Any]:
        """Check text and labels by what the channel's platform sets."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        channel, text = data.get("channel"), data.get("text")
        rules = limits_of_channel(channel).templates if channel else None
        if rules is None or not text:
            return data
        # Browsers send line breaks as two characters, platforms count one.
        data["text"] = text = text.replace("\r\n", "\n")
        fault = fault_of_text(text, rules)
        if fault:
            self.add_error("text", fault)
        elif len(data.get("place_labels", "").splitlines()) > len(places_in(text)):
            self.add_error("place_labels", _("There are more lines than places in the text."))
        return data


@admin.register(MessageTemplate, site=organization_site)
class MessageTemplateAdmin(ScopedAdmin):
    """Approved texts of the channels whose platforms have some."""

    form = MessageTemplateForm
    list_display = ("name", "language_code", "channel", "place_count", "is_active")
    list_select_related = ("channel",)
    list_filter = ("channel", "is_active")
    search_fields = ("name", "text")
    audited = ("name", "language_code", "is_active")
    fieldsets = (
        (None, {"fields": ("channel", ("name", "language_code"), "is_active")}),
        (
            gettext_lazy("Text"),
            {
                "fields": ("text", "place_labels"),
                "description": gettext_lazy(
                    "The platform approves texts; here is written down what it approved. Colleagues"
                    " choose one, fill in its places and send it, also when the time for other"
                    " answers is over."
                ),
            },
        ),
    )

    @admin.display(description=gettext_lazy("places"))
    def place_count(self, obj: MessageTemplate) -> int:
        return len(obj.places)

    def formfield_for_foreignkey(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> Any:  # Any: as Django passes and returns it
        """Offer the channels whose platforms take approved texts."""
        if db_field.name == "channel":
            kinds = [name for name, kind in channel_kinds.items() if kind.limits({}).templates]
            kwargs["queryset"] = Channel.objects.filter(kind__in=kinds)
            kwargs["help_text"] = _("Channels whose platform takes approved texts.")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)
