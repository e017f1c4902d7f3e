"""What every page of the organization site has in common: its scope, its rights, its trail."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.admin.options import BaseModelAdmin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin, TabularInline

from helpdesk.access import Access
from helpdesk.admin.reading import with_words
from helpdesk.models import AuditEntry
from helpdesk.services import audit

HISTORY_PAGE = 50
# What Django, Unfold and a pop-up window add to the address of a list.
LIST_PARAMETERS = {"q", "o", "p", "all", "e", "_popup", "_to_field", "_changelist_filters"}


def access_of(request: HttpRequest) -> Access:
    """Return what the administrator who asks may do; raises PermissionDenied for anybody else."""
    access: Access | None = getattr(request, "access", None)
    if access is None or not access.is_administrator:
        raise PermissionDenied
    return access


class AdministratorsOnly(BaseModelAdmin):  # type: ignore[type-arg]  # not subscriptable when it runs
    """Rights of the organization site: administrators may do what the page offers."""

    can_add = can_change = can_delete = True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        access = getattr(request, "access", None)
        return bool(access and access.is_administrator)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.can_add and self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.can_change and self.has_view_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.can_delete and self.has_view_permission(request)


class ScopedAdmin(AdministratorsOnly, ModelAdmin):  # type: ignore[misc]  # Unfold ships no types
    """A page of the organization site.

    Rows come through the models' own manager, which knows the organization in scope only: lists, choices,
    autocompletion, history, actions and deletion ask nothing else.
    """

    list_per_page = 50
    list_max_show_all = 200
    show_full_result_count = False
    list_filter_submit = True
    warn_unsaved_form = True
    actions: Sequence[Any] | None = ()
    found_by_search = True
    # Fields whose values may stand in the audit trail beside their names.
    audited: Sequence[str] = ("name", "name_en", "is_active")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Allow what the list's own filters ask, so that an address is no oracle for other columns."""
        name = lookup.removesuffix("__exact").removesuffix("__isnull").removesuffix("__in")
        return name.removesuffix("__id") in self._filtered_fields()

    def _filtered_fields(self) -> set[str]:
        filters = [item[0] if isinstance(item, tuple) else item for item in self.list_filter]
        names = {
            item if isinstance(item, str) else getattr(item, "parameter_name", "")
            for item in filters
        }
        return names | ({self.date_hierarchy} if self.date_hierarchy else set())

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        raise Http404

    # --- the trail, in the place of Django's own log ---

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> None:
        self.record(request, "created", obj)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> None:
        self.record(request, "changed", obj, fields=changed_fields(message))

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Model]) -> None:
        for obj in queryset:
            self.record(request, "deleted", obj, was=str(obj)[:120])

    def record(self, request: HttpRequest, action: str, obj: Model, **data: object) -> None:
        """Leave an audit entry about the object."""
        values = {
            name: value
            for name in self.audited
            if isinstance(value := getattr(obj, name, None), str | int | bool)
        }
        facts: dict[str, Any] = {**values, **data}  # Any: what the trail keeps as JSON
        audit.record(f"{obj._meta.model_name}.{action}", obj, access_of(request), **facts)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Show the audit trail of one object."""
        obj = self.get_object(request, object_id)
        if obj is None:
            raise Http404
        entries = AuditEntry.objects.filter(
            subject=self.opts.model_name, subject_id=obj.pk
        ).select_related("staff")
        page = Paginator(entries, HISTORY_PAGE).get_page(request.GET.get("p"))
        context = {
            **self.admin_site.each_context(request),
            "title": _("History"),
            "opts": self.opts,
            "original": obj,
            "page": page,
            "entries": with_words(page.object_list),
        }
        return TemplateResponse(request, "admin/history.html", context)


class ReadOnlyAdmin(ScopedAdmin):
    """A page that only shows."""

    can_add = can_change = can_delete = False
    list_filter_submit = False


class ScopedInline(AdministratorsOnly, TabularInline):  # type: ignore[misc]  # Unfold ships no types
    """Rows edited inside another row's page."""

    extra = 0
    tab = False
    hide_title = True


def changed_fields(message: Any) -> list[str]:  # Any: a sentence, or what Django made of a form
    """Return the names of the fields and inline rows that a form changed."""
    names: list[str] = []
    for part in message if isinstance(message, list) else []:
        for details in part.values():
            names += details.get("fields", []) or [details.get("name", "")]
    return [str(name) for name in names if name]
