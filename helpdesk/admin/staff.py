"""Staff: their place, skills, hours and roles; taken in by mail address."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminEmailInputWidget

from helpdesk.admin.base import ScopedAdmin, ScopedInline, access_of
from helpdesk.admin.explain import explain_view
from helpdesk.admin.fields import TimezoneForm, kind_field, languages_field
from helpdesk.admin.sites import organization_site
from helpdesk.models import (
    Exam,
    FocusTime,
    KindLimit,
    Leave,
    RoleGrant,
    Staff,
    StaffSkill,
    WorkingPeriod,
)
from helpdesk.registries import skill_notes
from helpdesk.services import administrators, grants, invitations, organizations
from helpdesk.services.calendars import coming_focus_times, coming_leaves
from helpdesk.services.profile import valid_call_address
from helpdesk.services.time_off import calendar_changed
from helpdesk.services.working_hours import overlapping

FACTS = (
    *("name", "name_en", "department", "position", "languages", "place", "timezone", "capacity"),
    *("lent_percent", "signature", "mail_copies", "call_address"),
)
CALENDAR = (WorkingPeriod, Leave, FocusTime)


class StaffForm(TimezoneForm):
    """The facts of somebody who works here; a mail address takes somebody in."""

    languages = languages_field()
    email = forms.EmailField(
        label=gettext_lazy("Mail address"),
        max_length=254,
        widget=UnfoldAdminEmailInputWidget,
        help_text=gettext_lazy("Who signs in with it already keeps the password."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields.pop("email", None)
        if "mail_copies" in self.fields:
            # Whoever does not say so leaves it as it is.
            self.fields["mail_copies"].required = False

    def clean_call_address(self) -> str:
        return valid_call_address(str(self.cleaned_data["call_address"]))

    def clean_email(self) -> str:
        address = str(self.cleaned_data["email"]).strip().lower()
        if Staff.objects.filter(user__email=address).exists():
            raise forms.ValidationError(_("This person is staff here already."))
        return address


class SkillInline(ScopedInline):
    """Skills at levels from 0 to 5, and what is lately known of them, which nobody writes."""

    model = StaffSkill
    fields = ("skill", "level", "is_learning", "lately")
    readonly_fields = ("lately",)
    # Of the one whose page it is; an inline serves one page.
    _notes: dict[int, str] | None = None

    @admin.display(description=gettext_lazy("lately"))
    def lately(self, obj: StaffSkill) -> str:
        if not obj.pk:
            return "-"
        if self._notes is None:
            self._notes = {}
            for _name, notes in skill_notes.items():
                self._notes.update(notes(obj.staff_id))
        return self._notes.get(obj.skill_id, "-")


class KindLimitInline(ScopedInline):
    """Kinds of channels of which this person has fewer than others, or none."""

    model = KindLimit
    fields = ("kind", "most")

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name == "kind":
            return kind_field()
        return super().formfield_for_dbfield(db_field, request, **kwargs)


class ExamInline(ScopedInline):
    """Exams of skills, newest first."""

    model = Exam
    fields = ("skill", "taken_on", "score_percent", "is_passed", "valid_until")


class WeekFormSet(BaseInlineFormSet):  # type: ignore[type-arg]  # not subscriptable when it runs
    """The periods of one week, which may not overlap."""

    def clean(self) -> None:
        super().clean()
        kept = [
            form
            for form in self.forms
            if form.is_valid() and not form.cleaned_data.get("DELETE")
            if form.instance.pk or form.has_changed()
        ]
        later = {id(period) for _earlier, period in overlapping(form.instance for form in kept)}
        for form in kept:
            if id(form.instance) in later:
                form.add_error("starts_at", _("This overlaps another period of the week."))


class HoursInline(ScopedInline):
    """The working week."""

    model = WorkingPeriod
    formset = WeekFormSet
    fields = ("weekday", "starts_at", "ends_at")


class LeaveInline(ScopedInline):
    """Leave that is not over, in the person's own time zone."""

    model = Leave
    fields = ("first_day", "starts_at", "last_day", "ends_at", "note")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Leave]:
        return coming_leaves()


class FocusTimeInline(ScopedInline):
    """Times without new work, in the person's own time zone."""

    model = FocusTime
    fields = ("weekday", "day", "starts_at", "ends_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[FocusTime]:
        return coming_focus_times()


class RoleGrantInline(ScopedInline):
    """Roles, given and taken but never edited."""

    model = RoleGrant
    can_change = False
    fields = ("role", "department")
    verbose_name_plural = gettext_lazy("roles held")


@admin.register(Staff, site=organization_site)
class StaffAdmin(ScopedAdmin):
    """People who answer; they leave by being deactivated, so that history keeps its names."""

    can_delete = False
    form = StaffForm
    list_display = ("name", "name_en", "address", "department", "position", "capacity", "is_active")
    list_select_related = ("department", "position", "user")
    list_filter = ("department", "position", "is_active")
    search_fields = ("name", "name_en", "user__email")
    ordering = ("name",)
    audited = ("name", "name_en", "department_id", "is_active")
    inlines = (
        *(RoleGrantInline, SkillInline, ExamInline, KindLimitInline),
        *(HoursInline, LeaveInline, FocusTimeInline),
    )
    readonly_fields = ("address", "load")
    change_form_outer_after_template = "admin/staff_after.html"

    @admin.display(description=gettext_lazy("mail address"))
    def address(self, obj: Staff) -> str:
        return obj.user.email

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        who = (
            (("name", "name_en"), "address", "is_active") if obj else ("email", ("name", "name_en"))
        )
        how_much = (
            (("capacity", "load"), "lent_percent") if obj else (("capacity", "lent_percent"),)
        )
        return (
            (None, {"fields": who}),
            (_("Where"), {"fields": (("department", "position"), "place")}),
            (_("How"), {"fields": ("languages", *how_much, "timezone")}),
            *(((_("Letters"), {"fields": ("signature", "mail_copies")}),) if obj else ()),
            *(((_("Phone"), {"fields": ("call_address",)}),) if obj else ()),
        )

    def get_urls(self) -> list[URLPattern]:
        own = [
            ("<int:staff_id>/explain/", self.explain, "explain"),
            ("<int:staff_id>/invite/", self.invite, "invite"),
        ]
        urls: list[URLPattern] = super().get_urls()
        return [
            path(route, self.admin_site.admin_view(view), name=f"helpdesk_staff_{name}")
            for route, view, name in own
        ] + urls

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Take somebody in, or change what is known; leaving and returning go through their service."""
        if not change:
            self._take_in(request, obj, form)
            return
        # What they hold is locked before their own row, for the rights that may go.
        grants.lock({obj.pk})
        is_active = obj.is_active
        if "is_active" in form.changed_data:
            obj.is_active = not is_active
        facts = [name for name in form.changed_data if name in FACTS]
        if facts:
            obj.save(update_fields=facts)
        if "is_active" in form.changed_data:
            act = grants.activate if is_active else grants.deactivate
            act(obj, by=access_of(request))
            administrators.keep_one()
            obj.is_active = is_active

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Save inline rows; roles are given and taken by their service."""
        if formset.model is not RoleGrant:
            super().save_formset(request, form, formset, change)
            if formset.model in CALENDAR and formset.has_changed():
                calendar_changed(form.instance.pk)
            if formset.model is Exam and formset.has_changed():
                grants.refresh([form.instance.pk])
            return
        formset.save(commit=False)
        for row in formset.deleted_objects:
            grants.revoke_role(row, by=access_of(request))
        formset.new_objects = []
        for added in formset.extra_forms:
            data = added.cleaned_data
            if added.has_changed() and not data.get("DELETE"):
                grants.grant_role(
                    form.instance, data["role"], data["department"], by=access_of(request)
                )
                formset.new_objects.append(added.instance)
        administrators.keep_one()

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Leave the trail to the service that took the person in."""

    def explain(self, request: HttpRequest, staff_id: int) -> HttpResponse:
        """Show what this person may do here, and why."""
        return explain_view(self.admin_site, request, staff_id)

    def invite(self, request: HttpRequest, staff_id: int) -> HttpResponse:
        """Send the invitation once more."""
        staff = Staff.objects.select_related("user").filter(pk=staff_id).first()
        if staff is None or request.method != "POST":
            raise Http404
        self._invite(request, staff)
        return HttpResponseRedirect(
            reverse(
                "admin:helpdesk_staff_change", args=[staff.pk], current_app=self.admin_site.name
            )
        )

    def _take_in(self, request: HttpRequest, obj: Staff, form: Any) -> None:
        facts = {name: form.cleaned_data[name] for name in FACTS if name in form.cleaned_data}
        staff = organizations.take_in(
            email=form.cleaned_data["email"], by=access_of(request), **facts
        )
        obj.__dict__.update(staff.__dict__)
        self._invite(request, staff)

    def _invite(self, request: HttpRequest, staff: Staff) -> None:
        link = invitations.invite(staff)
        messages.success(request, _("An invitation goes to the mail address."))
        if link:
            messages.info(request, _("Or pass on this link: %(link)s") % {"link": link})
