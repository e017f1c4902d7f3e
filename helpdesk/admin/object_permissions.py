"""Guardian's pages: who may do what with one department, role or escalation path.

They edit ObjectGrant through `services.grants`, which derives guardian's rows; guardian's own forms would
look people and groups up among all organizations, so they are replaced.
"""

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from guardian.admin import GuardedModelAdminMixin
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelect2Widget

from helpdesk.admin.base import ScopedAdmin, access_of
from helpdesk.models import Department, EscalationPath, ObjectGrant, Role, Staff
from helpdesk.permissions import DEPARTMENT_PERMISSIONS, PATH_PERMISSIONS, ROLE_PERMISSIONS
from helpdesk.services import administrators, grants

KNOWN: dict[type[Model], tuple[str, list[tuple[str, Any]]]] = {
    Department: ("department", DEPARTMENT_PERMISSIONS),
    Role: ("role", ROLE_PERMISSIONS),
    EscalationPath: ("path", PATH_PERMISSIONS),
}


class PersonForm(forms.Form):
    """Chooses one of the organization's own people."""

    user: "forms.ModelChoiceField[Staff]" = forms.ModelChoiceField(
        queryset=None,
        label=gettext_lazy("member of staff"),
        widget=UnfoldAdminSelect2Widget,
    )

    def __init__(self, people: QuerySet[Staff], *args: Any) -> None:
        super().__init__(*args)
        self.fields["user"].queryset = people  # type: ignore[attr-defined]  # a ModelChoiceField


class PermissionsForm(forms.Form):
    """The object permissions of one person, each with its sentence."""

    permissions = forms.MultipleChoiceField(
        required=False,
        label=gettext_lazy("permissions"),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    def __init__(self, known: list[tuple[str, Any]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["permissions"]
        field.choices = known  # type: ignore[attr-defined]  # a MultipleChoiceField


class ObjectPermissions(GuardedModelAdminMixin, ScopedAdmin):
    """Adds guardian's pages to a model's admin, within the organization."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # Guardian's own would treat the platform's administrators differently.
        rows: QuerySet[Any] = super(GuardedModelAdminMixin, self).get_queryset(request)
        return rows

    def obj_perms_manage_view(self, request: HttpRequest, object_pk: str) -> HttpResponse:
        """Show who has object permissions here, and choose a person to give some."""
        obj = self._object(request, object_pk)
        people = Staff.objects.filter(is_active=True).select_related("department")
        form = PersonForm(people, _sent(request))
        if request.method == "POST" and form.is_valid():
            return HttpResponseRedirect(self._person_url(obj, form.cleaned_data["user"].user_id))
        context = self._context(request, obj)
        context |= {"form": form, "people": self._granted(obj)}
        return TemplateResponse(request, "admin/object_permissions.html", context)

    def obj_perms_manage_user_view(
        self, request: HttpRequest, object_pk: str, user_id: str
    ) -> HttpResponse:
        """Edit what one person may do here."""
        obj, staff = self._object(request, object_pk), _person(user_id)
        column, known = KNOWN[self.model]
        present = ObjectGrant.objects.filter(staff=staff, **{column: obj})
        initial = {"permissions": list(present.values_list("permission", flat=True))}
        form = PermissionsForm(known, _sent(request), initial=initial)
        if request.method == "POST" and form.is_valid():
            chosen = form.cleaned_data["permissions"]
            grants.set_object_grants(staff, obj, chosen, by=access_of(request))
            administrators.keep_one()
            messages.success(request, _("Permissions saved."))
            return HttpResponseRedirect(self._url("permissions", obj.pk))
        context = self._context(request, obj) | {"form": form, "staff": staff}
        return TemplateResponse(request, "admin/object_permissions_person.html", context)

    def obj_perms_manage_group_view(
        self, request: HttpRequest, object_pk: str, group_id: str
    ) -> HttpResponse:
        """Find nothing: roles take the place of groups."""
        raise Http404

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        """Delete it; what was derived from it goes too."""
        super().delete_model(request, obj)
        grants.refresh()
        administrators.keep_one()

    def _object(self, request: HttpRequest, object_pk: str) -> Any:
        obj = self.get_object(request, object_pk)
        if obj is None or not self.has_change_permission(request, obj):
            raise Http404
        return obj

    def _granted(self, obj: Any) -> list[dict[str, Any]]:
        column, known = KNOWN[self.model]
        sentences = dict(known)
        people: dict[Staff, list[Any]] = {}
        rows = ObjectGrant.objects.filter(**{column: obj}).select_related("staff__department")
        for row in rows.order_by("staff__name", "permission")[:1000]:
            people.setdefault(row.staff, []).append(sentences.get(row.permission, row.permission))
        return [
            {"staff": staff, "sentences": given, "url": self._person_url(obj, staff.user_id)}
            for staff, given in people.items()
        ]

    def _context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "title": _("Object permissions"),
            "opts": self.opts,
            "original": obj,
            "media": self.media,
            "subtitle": str(obj),
        }

    def _url(self, name: str, *args: Any) -> str:
        info = f"{self.opts.app_label}_{self.opts.model_name}"
        return reverse(f"admin:{info}_{name}", args=args, current_app=self.admin_site.name)

    def _person_url(self, obj: Any, user_id: int) -> str:
        return self._url("permissions_manage_user", obj.pk, user_id)


def _sent(request: HttpRequest) -> QueryDict | None:
    # What unticks every box may be empty, and is sent all the same.
    return request.POST if request.method == "POST" else None


def _person(user_id: str) -> Staff:
    staff = Staff.objects.filter(user_id=user_id).first() if user_id.isdecimal() else None
    if staff is None:
        raise Http404
    return staff
