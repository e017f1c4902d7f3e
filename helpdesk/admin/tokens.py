"""API tokens: shown once when they are made, then only named."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.admin.base import ScopedAdmin, access_of
from helpdesk.admin.fields import ChoicesField
from helpdesk.admin.sites import organization_site
from helpdesk.crypto import token_hash
from helpdesk.models import ApiToken, Staff
from helpdesk.services.api_tokens import SCOPES, issue_token, revoke_token


class TokenForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable when it runs
    """For whom a token acts, and what it may be used for."""

    scopes = ChoicesField(label=gettext_lazy("Scopes"), choices=list(SCOPES.items()))


@admin.register(ApiToken, site=organization_site)
class TokenAdmin(ScopedAdmin):
    """Credentials of REST clients: made and revoked, never edited."""

    can_change = False
    form = TokenForm
    list_display = (
        "name",
        "staff",
        "scope_list",
        "created_at",
        "expires_at",
        "last_used_at",
        "state",
    )
    list_select_related = ("staff",)
    search_fields = ("name", "staff__name")
    fields = ("name", "staff", "scopes", "expires_at")
    delete_confirmation_template = "admin/token_revoke.html"

    @admin.display(description=gettext_lazy("scopes"))
    def scope_list(self, obj: ApiToken) -> str:
        return ", ".join(obj.scopes)

    @admin.display(description=gettext_lazy("state"))
    def state(self, obj: ApiToken) -> str:
        return _("revoked") if obj.revoked_at else _("valid")

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Name the token only: it is revoked, and stays in the list."""
        return [str(obj) for obj in objs], {}, set(), []

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["queryset"] = Staff.objects.filter(is_active=True)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Issue the token and show it this once."""
        data = form.cleaned_data
        token = issue_token(
            access_of(request),
            data["staff"].pk,
            name=data["name"],
            scopes=data["scopes"],
            expires_at=data["expires_at"],
        )
        made = ApiToken.objects.get(token_hash=token_hash(token))
        obj.__dict__.update(made.__dict__)
        messages.warning(
            request, _("Copy the token now, it is not shown again: %(token)s") % {"token": token}
        )

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Revoke the token; its row stays, because the trail names it."""
        revoke_token(access_of(request), obj.pk)

    def record(self, request: HttpRequest, action: str, obj: Any, **data: object) -> None:
        """Leave the trail to the service, which writes it beside the change."""
