"""The organization itself, its departments, positions, skills and queues."""

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from helpdesk.admin.base import ScopedAdmin
from helpdesk.admin.fields import TimezoneForm
from helpdesk.admin.object_permissions import ObjectPermissions
from helpdesk.admin.sites import organization_site
from helpdesk.admin.trees import TreeAdmin
from helpdesk.models import Department, Organization, Position, Queue, Skill
from helpdesk.services import grants
from helpdesk.tenancy import current_organization_id

NAMES: Any = (None, {"fields": (("name", "name_en"),)})


@admin.register(Organization, site=organization_site)
class OwnOrganizationAdmin(ScopedAdmin):
    """One page: the organization in scope."""

    can_add = can_delete = False
    form = TimezoneForm
    audited = ("name", "name_en", "language", "timezone", "country")
    fieldsets = (
        NAMES,
        (_("Language and calendar"), {"fields": ("language", "timezone", "country")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organization]:
        # A global table by manager: its policy shows this row only, and so does this.
        return cast(
            QuerySet[Organization],
            super().get_queryset(request).filter(pk=current_organization_id()),
        )

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Lead to the one page there is."""
        return HttpResponseRedirect(
            reverse(
                "admin:helpdesk_organization_change",
                args=[current_organization_id()],
                current_app=self.admin_site.name,
            )
        )


@admin.register(Department, site=organization_site)
class DepartmentAdmin(ObjectPermissions, TreeAdmin):
    """The tree of departments."""

    list_display = ("tree_name", "name_en", "people", "color")
    search_fields = ("name", "name_en")
    audited = ("name", "name_en", "parent_id")
    fieldsets = (NAMES, (None, {"fields": ("parent", ("color", "order"), "signature")}))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Department]:
        rows = super().get_queryset(request).annotate(people_count=Count("staff"))
        return cast(QuerySet[Department], rows)

    @admin.display(description=_("people"))
    def people(self, obj: Any) -> int:
        return int(obj.people_count)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save it; what roles reach changes with its place in the tree."""
        super().save_model(request, obj, form, change)
        if not change or "parent" in form.changed_data:
            grants.refresh()


@admin.register(Position, site=organization_site)
class PositionAdmin(ScopedAdmin):
    """Job titles."""

    list_display = ("name", "name_en")
    search_fields = ("name", "name_en")
    fieldsets = (NAMES,)


@admin.register(Skill, site=organization_site)
class SkillAdmin(ScopedAdmin):
    """What topics need and staff have."""

    list_display = ("name", "name_en", "holders_count", "topics_count")
    search_fields = ("name", "name_en")
    fieldsets = (NAMES,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Skill]:
        rows = (
            super()
            .get_queryset(request)
            .annotate(
                holder_number=Count("holders", distinct=True),
                topic_number=Count("topics", distinct=True),
            )
        )
        return cast(QuerySet[Skill], rows)

    @admin.display(description=_("people who have it"))
    def holders_count(self, obj: Any) -> int:
        return int(obj.holder_number)

    @admin.display(description=_("topics that need it"))
    def topics_count(self, obj: Any) -> int:
        return int(obj.topic_number)


class QueueForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable when it runs
    """Keeps exactly one default queue: it is replaced, never just removed."""

    def clean_is_default(self) -> bool:
        if (
            self.instance.pk
            and self.initial.get("is_default")
            and not self.cleaned_data["is_default"]
        ):
            raise forms.ValidationError(_("Make another queue the default instead."))
        return bool(self.cleaned_data["is_default"])

    def _get_validation_exclusions(self) -> set[str]:
        # The other default gives way when this one is saved.
        return {*super()._get_validation_exclusions(), "is_default"}  # type: ignore[misc]  # not in the stubs


@admin.register(Queue, site=organization_site)
class QueueAdmin(ScopedAdmin):
    """Where conversations wait."""

    list_display = ("name", "name_en", "department", "is_default", "waiting")
    list_select_related = ("department",)
    search_fields = ("name", "name_en")
    list_filter = ("department",)
    audited = ("name", "name_en", "department_id")
    form = QueueForm
    fieldsets = (NAMES, (None, {"fields": ("department", "is_default")}))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Queue]:
        rows = super().get_queryset(request).annotate(waiting_number=Count("conversations"))
        return cast(QuerySet[Queue], rows)

    @admin.display(description=_("waiting"))
    def waiting(self, obj: Any) -> int:
        return int(obj.waiting_number)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save it; the new default takes the place of the old one."""
        if obj.is_default:
            Queue.objects.exclude(pk=obj.pk).filter(is_default=True).update(is_default=False)
        super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and obj.is_default)
