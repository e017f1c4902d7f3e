"""Roles as sets of permissions, and who holds which role where."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from helpdesk.admin.base import ScopedAdmin, ScopedInline, access_of
from helpdesk.admin.fields import ChoicesField, NumberedAutocomplete
from helpdesk.admin.object_permissions import ObjectPermissions
from helpdesk.admin.sites import organization_site
from helpdesk.models import Role, RoleGrant, RoleTopic
from helpdesk.permissions import DEPARTMENT_PERMISSIONS
from helpdesk.services import administrators, grants


class RoleForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable when it runs
    """Permissions as check boxes, each with its sentence."""

    permissions = ChoicesField(
        label=_("Permissions"),
        required=False,
        choices=DEPARTMENT_PERMISSIONS,
        help_text=_(
            "They hold in the department where the role is given, and below it. "
            "Whoever may answer customers also sees the conversations."
        ),
    )


class RoleTopicInline(ScopedInline):
    """Topics that holders of the role may answer."""

    model = RoleTopic
    fields = ("topic",)


@admin.register(Role, site=organization_site)
class RoleAdmin(ObjectPermissions):
    """Named sets of permissions."""

    form = RoleForm
    list_display = ("name", "name_en", "permission_count", "grant_count", "answers_all_topics")
    search_fields = ("name", "name_en")
    audited = ("name", "name_en", "answers_all_topics")
    inlines = (RoleTopicInline,)
    fieldsets = (
        (None, {"fields": (("name", "name_en"), "description")}),
        (_("What holders may do"), {"fields": ("permissions",)}),
        (_("What holders may answer"), {"fields": ("answers_all_topics",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Role]:
        rows: QuerySet[Role] = super().get_queryset(request)
        return rows.annotate(grant_number=Count("grants"))

    @admin.display(description=_("permissions"))
    def permission_count(self, obj: Role) -> int:
        return len(obj.permissions)

    @admin.display(description=_("held by"))
    def grant_count(self, obj: Any) -> int:
        return int(obj.grant_number)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the topics too, and what follows for everybody who holds the role."""
        super().save_related(request, form, formsets, change)
        holders = RoleGrant.objects.filter(role=form.instance).values_list("staff_id", flat=True)
        grants.refresh(set(holders))
        administrators.keep_one()

    def record(self, request: HttpRequest, action: str, obj: Any, **data: object) -> None:
        super().record(request, action, obj, permissions=list(obj.permissions), **data)


@admin.register(RoleGrant, site=organization_site)
class RoleGrantAdmin(ScopedAdmin):
    """Who holds which role in which department; given and taken, never edited."""

    can_change = False
    found_by_search = False
    list_display = ("staff", "role", "department")
    list_display_links = ("staff",)
    list_select_related = ("staff", "role", "department")
    list_filter = ("role", "department")
    search_fields = ("staff__name", "staff__name_en", "role__name", "department__name")
    autocomplete_fields = ("staff",)
    fields = ("staff", "role", "department")
    audited = ()

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Find people by typing. Any: Django's own."""
        if db_field.name in self.autocomplete_fields:
            kwargs["widget"] = NumberedAutocomplete(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Give the role."""
        granted = grants.grant_role(obj.staff, obj.role, obj.department, by=access_of(request))
        obj.pk = granted.pk

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Take the role away."""
        grants.revoke_role(obj, by=access_of(request))
        administrators.keep_one()

    def record(self, request: HttpRequest, action: str, obj: Any, **data: object) -> None:
        """Leave the trail to the service, which writes it beside the change."""
