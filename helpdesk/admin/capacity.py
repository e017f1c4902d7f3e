"""What a conversation of each kind of channel takes of somebody's capacity."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from helpdesk.admin.base import ScopedAdmin
from helpdesk.admin.fields import kind_field
from helpdesk.admin.sites import organization_site
from helpdesk.models import KindLoad
from helpdesk.registries import channel_kinds


@admin.register(KindLoad, site=organization_site)
class KindLoadAdmin(ScopedAdmin):
    """Kinds that weigh otherwise than as delivered; what is in hand keeps the weight it was given with."""

    found_by_search = False
    list_display = ("kind_name", "open_weight", "waiting_weight", "fills", "most_each")
    list_display_links = ("kind_name",)
    audited = ("kind", "fills", "most_each")
    fields = ("kind", ("open_weight", "waiting_weight"), "fills", "most_each")

    @admin.display(description=_("kind of channel"), ordering="kind")
    def kind_name(self, obj: KindLoad) -> str:
        return str(channel_kinds.get(obj.kind).label) if obj.kind in channel_kinds else obj.kind

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "kind":
            return kind_field()
        return super().formfield_for_dbfield(db_field, request, **kwargs)
