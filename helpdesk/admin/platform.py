"""The platform site: organizations, users, calendar, sign-in attempts and sessions; nothing inside organizations."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar, cast

from axes.models import AccessAttempt
from axes.utils import reset
from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminTextInputWidget

from helpdesk.admin.base import changed_fields
from helpdesk.admin.fields import TimezoneForm
from helpdesk.admin.sites import platform_site
from helpdesk.admin.trail import InWords
from helpdesk.errors import Invalid
from helpdesk.models import AuditEntry, Department, Organization, PlatformAuditEntry, User
from helpdesk.services import audit, grants, organizations, sessions
from helpdesk.services.invitations import invite
from helpdesk.tenancy import organization_transaction


class PlatformAdmin(ModelAdmin):  # type: ignore[misc]  # Unfold ships no types
    """A page of the platform site; the site itself lets only its administrators in."""

    can_add = can_change = can_delete = True
    list_per_page = 50
    show_full_result_count = False
    list_filter_submit = True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(self.admin_site.has_permission(request))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.can_add and self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.can_change and self.has_view_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.can_delete and self.has_view_permission(request)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Allow what the list's own filters ask: no address may feel for passwords or keys."""
        return lookup.removesuffix("__exact").removesuffix("__id") in self.list_filter

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        raise Http404

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        """Find nothing: the platform's trail has a page of its own."""
        raise Http404

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> list[dict[str, Any]]:
        """Name the fields as the trail keeps them: by name, not by a label in somebody's language."""
        return [{"changed": {"fields": form.changed_data}}]

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> None:
        self.record(request, "added", obj)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> None:
        self.record(request, "changed", obj, fields=changed_fields(message))

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        for obj in queryset:
            self.record(request, "deleted", obj)

    def record(self, request: HttpRequest, action: str, obj: Model, **data: object) -> None:
        """Leave an entry in the platform's trail."""
        by = cast(User, request.user)
        data["name"] = str(obj)[:120]
        audit.record_platform(f"{obj._meta.model_name}.{action}", obj, by, **data)


class OrganizationForm(TimezoneForm):
    """A new organization with its first administrator."""

    administrator_email = forms.EmailField(
        label=gettext_lazy("Mail address of the first administrator"),
        max_length=254,
        widget=UnfoldAdminEmailInputWidget,
    )
    administrator_name = forms.CharField(
        label=gettext_lazy("Name of the first administrator"),
        max_length=80,
        widget=UnfoldAdminTextInputWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields.pop("administrator_email", None)
            self.fields.pop("administrator_name", None)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for field in ("name", "name_en"):
            try:
                organizations.check_name(cleaned.get(field) or "", field)
            except Invalid as error:
                self.add_error(field, str(error.message))
        return cleaned


@admin.register(Organization, site=platform_site)
class OrganizationsAdmin(PlatformAdmin):
    """Who is a tenant here: founded and switched off, never deleted."""

    can_delete = False
    form = OrganizationForm
    list_display = ("name", "name_en", "slug", "language", "is_active", "created_at")
    list_filter = ("is_active", "language")
    search_fields = ("name", "name_en", "slug")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        first = (
            ()
            if obj
            else (
                (
                    _("First administrator"),
                    {"fields": ("administrator_email", "administrator_name")},
                ),
            )
        )
        return (
            (
                None,
                {"fields": (("name", "name_en"), "slug", ("language", "timezone"), "is_active")},
            ),
            *first,
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("slug",) if obj else ("is_active",)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Found it with what it needs from the first day, or change it."""
        if change:
            super().save_model(request, obj, form, change)
            self._note(obj, f"organization.{_change(obj, form.changed_data)}", form.changed_data)
            return
        data = form.cleaned_data
        names = ("name", "name_en", "slug", "language", "timezone")
        made = organizations.found(**{name: data[name] for name in names})
        obj.__dict__.update(made.__dict__)
        with organization_transaction(made.pk):
            root = Department.objects.get()
            staff = organizations.take_in(
                email=data["administrator_email"],
                name=data["administrator_name"],
                department=root,
            )
            grants.grant_role(staff, organizations.administrator_role(), root)
            link = invite(staff)
        if link:
            messages.info(request, _("Link for the first administrator: %(link)s") % {"link": link})

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> None:
        self.record(request, "founded", obj)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> None:
        fields = changed_fields(message)
        self.record(request, _change(obj, fields), obj, fields=fields)

    def _note(self, obj: Organization, action: str, fields: list[str]) -> None:
        with organization_transaction(obj.pk):
            audit.record(action, obj, actor=AuditEntry.Actor.PLATFORM, fields=fields)


def _change(obj: Any, fields: Sequence[str]) -> str:
    """Return what a change of an organization is called."""
    if "is_active" not in fields:
        return "changed"
    return "resumed" if obj.is_active else "suspended"


@admin.register(User, site=platform_site)
class UserAdmin(PlatformAdmin):
    """People who sign in; switched off, never deleted."""

    can_add = can_delete = False
    list_display = ("email", "name", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email", "name")
    ordering = ("email",)
    fields = (
        "email",
        "name",
        "is_active",
        ("is_staff", "is_superuser"),
        "last_login",
        "date_joined",
    )
    readonly_fields = ("email", "last_login", "date_joined")

    def get_urls(self) -> list[URLPattern]:
        urls: list[URLPattern] = super().get_urls()
        view = self.admin_site.admin_view(self.sessions)
        return [path("sessions/", view, name="helpdesk_user_sessions"), *urls]

    def sessions(self, request: HttpRequest) -> HttpResponse:
        """Show who is signed in, without keys or contents, and sign somebody out everywhere."""
        if request.method == "POST":
            user = self.get_object(request, request.POST.get("user", ""))
            if user is None:
                raise Http404
            self.record(request, "signed_out", user)
            messages.info(request, _ended(sessions.end_all(user.pk)))
            return HttpResponseRedirect(request.path)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Sessions"),
            "rows": sessions.signed_in(),
        }
        return TemplateResponse(request, "admin/sessions.html", context)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save it; who is switched off or loses the platform is signed out everywhere."""
        if obj.pk == request.user.pk and not (obj.is_active and obj.is_staff and obj.is_superuser):
            raise Invalid(_("You would lock yourself out."))
        obj.save(update_fields=["name", "is_active", "is_staff", "is_superuser"])
        if set(form.changed_data) & {"is_active", "is_staff", "is_superuser"}:
            messages.info(request, _ended(sessions.end_all(obj.pk)))


def _ended(number: int) -> str:
    return _("%(number)s sessions ended.") % {"number": number}


@admin.register(AccessAttempt, site=platform_site)
class AttemptAdmin(PlatformAdmin):
    """Failed sign-ins; an action lets the person try again."""

    can_add = can_change = can_delete = False
    list_display = ("username", "ip_address", "failures_since_start", "attempt_time")
    search_fields = ("username", "ip_address")
    ordering = ("-attempt_time",)
    fields = ("username", "ip_address", "failures_since_start", "attempt_time")
    readonly_fields = fields
    actions = ("let_try_again",)

    @admin.action(description=gettext_lazy("Let them try again"))
    def let_try_again(self, request: HttpRequest, queryset: QuerySet[AccessAttempt]) -> None:
        """Forget the failures of the chosen people, from whatever addresses."""
        for attempt in queryset[:200]:
            # All of them count together.
            reset(username=attempt.username)
            self.record(request, "reset", attempt)
        messages.success(request, _("They can try again."))


@admin.register(PlatformAuditEntry, site=platform_site)
class PlatformTrailAdmin(InWords, PlatformAdmin):
    """What those who run the installation did; written once and never changed."""

    can_add = can_change = can_delete = False
    list_display = ("at", "user", "done", "touched", "facts")
    list_display_links = ("at",)
    list_select_related = ("user",)
    list_filter = ("user", "action")
    ordering = ("-id",)
    fields = ("at", "user", "done", "touched", "facts")
    readonly_fields = fields


class TaskForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable when it runs
    """A task with the one label that its package does not translate."""

    class Meta:
        labels: ClassVar = {"task": gettext_lazy("task")}


@admin.register(PeriodicTask, site=platform_site)
class TaskAdmin(PlatformAdmin):
    """The platform's calendar."""

    form = TaskForm
    list_display = ("name", "called", "interval", "crontab", "enabled", "last_run_at")
    list_select_related = ("interval", "crontab")
    list_filter = ("enabled",)
    search_fields = ("name", "task")
    fields = ("name", "task", "enabled", "interval", "crontab", "last_run_at")
    readonly_fields = ("last_run_at",)

    @admin.display(description=gettext_lazy("task"), ordering="task")
    def called(self, obj: PeriodicTask) -> str:
        return str(obj.task)


class IntervalForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable when it runs
    """An interval that a scheduler can keep: a second to a year."""

    def clean(self) -> dict[str, Any]:  # Any: Django's own signature
        data = super().clean() or {}
        every, period = data.get("every"), data.get("period")
        if every and period:
            seconds = every * timedelta(**{period: 1}).total_seconds()
            if not 1 <= seconds <= timedelta(days=366).total_seconds():
                self.add_error("every", _("Between one second and one year."))
        return data


@admin.register(IntervalSchedule, site=platform_site)
class IntervalAdmin(PlatformAdmin):
    """Every so often."""

    form = IntervalForm
    list_display = ("__str__", "every", "period")


@admin.register(CrontabSchedule, site=platform_site)
class CrontabAdmin(PlatformAdmin):
    """At these hours on these days."""

    # The package's own field takes a path from the form and opens it.
    form = TimezoneForm
    list_display = ("__str__", "timezone")
