"""A person's own things: presence, language, time zone, theme, keys, sounds."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from helpdesk.models import Staff
from helpdesk.models.people import MailCopies
from helpdesk.portal.calendar_forms import FocusForm, LeaveForm, own_calendar
from helpdesk.portal.pages import THEMES, access_of, frame, is_fragment, staff_of, staff_only
from helpdesk.portal.presence import presence_context
from helpdesk.services import presence as presence_service
from helpdesk.services import profile as profile_service
from helpdesk.services import time_off
from helpdesk.services.calendars import with_calendars
from helpdesk.services.letters import signature_of
from helpdesk.services.profile import valid_call_address
from helpdesk.tenancy import memberships, organization_transaction

SWITCHES = ("keys_off", "sound_off", "notices_off")


class ProfileForm(forms.Form):
    """What a person may change about themselves."""

    language = forms.ChoiceField(choices=settings.LANGUAGES)
    timezone = forms.CharField(max_length=40)
    theme = forms.ChoiceField(
        choices=[("system", gettext_lazy("System")), *((theme, theme) for theme in THEMES)]
    )
    keys = forms.BooleanField(required=False)
    sound = forms.BooleanField(required=False)
    notices = forms.BooleanField(required=False)
    signature = forms.CharField(required=False, max_length=1000)
    mail_copies = forms.ChoiceField(choices=MailCopies, required=False)
    call_address = forms.CharField(required=False, max_length=120)

    def clean_timezone(self) -> str:
        value: str = self.cleaned_data["timezone"]
        if value not in available_timezones():
            raise forms.ValidationError(_("Please choose one of the time zones."))
        return value

    def clean_call_address(self) -> str:
        return valid_call_address(self.cleaned_data["call_address"])

    def signature_for(self, staff: Staff) -> str:
        """Return the signature as it was typed; as it is where nobody was asked for it."""
        typed = "signature" in self.data
        return str(self.cleaned_data["signature"]) if typed else str(staff.signature)

    def call_address_for(self, staff: Staff) -> str:
        """Return the phone as it was typed; as it is where nobody was asked for it."""
        typed = "call_address" in self.data
        return str(self.cleaned_data["call_address"]) if typed else str(staff.call_address)

    def preferences(self) -> dict[str, Any]:  # Any: small JSON values
        data = self.cleaned_data
        return {
            "theme": data["theme"],
            "keys_off": not data["keys"],
            "sound_off": not data["sound"],
            "notices_off": not data["notices"],
        }


@require_http_methods(["GET", "POST"])
@staff_only
def profile(request: HttpRequest) -> HttpResponse:
    """Show and change one's own preferences."""
    form = ProfileForm(request.POST) if request.method == "POST" else None
    if form is not None and form.is_valid():
        profile_service.change(
            access_of(request),
            language=form.cleaned_data["language"],
            timezone=form.cleaned_data["timezone"],
            preferences=form.preferences(),
            signature=form.signature_for(staff_of(request)),
            mail_copies=form.cleaned_data["mail_copies"] or staff_of(request).mail_copies,
            call_address=form.call_address_for(staff_of(request)),
        )
        request.session["language"] = form.cleaned_data["language"]
        with translation.override(form.cleaned_data["language"]):
            messages.success(request, _("Your preferences are saved"))
        return redirect("portal:profile")
    return _page(request, form)


def _page(
    request: HttpRequest,
    form: ProfileForm | None,
    *,
    leave: LeaveForm | None = None,
    focus: FocusForm | None = None,
) -> HttpResponse:
    staff = staff_of(request)
    with organization_transaction():
        signature = signature_of(staff)
        own = {**presence_context(staff), **own_calendar(staff)}
    context = frame(
        request,
        "profile",
        values=_values(staff, form),
        errors=form.errors if form else {},
        languages=settings.LANGUAGES,
        timezones=sorted(
            zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc")
        ),
        mail_choices=MailCopies.choices,
        signature=signature,
        organizations=memberships(staff.user_id),
        leave_form=leave or LeaveForm(),
        focus_form=focus or FocusForm(),
        **own,
    )
    status = 422 if form or leave or focus else 200
    return render(request, "portal/profile.html", context, status=status)


def _values(staff: Staff, form: ProfileForm | None) -> dict[str, Any]:  # Any: values of fields
    """Return what the fields show: what was typed, else what is kept."""
    if form is not None:
        return {name: form[name].value() for name in form.fields}
    kept = staff.user.preferences or {}
    return {
        "language": staff.user.language or translation.get_language(),
        "timezone": staff.timezone,
        "theme": kept.get("theme", "system"),
        "signature": staff.signature,
        "mail_copies": staff.mail_copies,
        "call_address": staff.call_address,
        **{switch.removesuffix("_off"): not kept.get(switch) for switch in SWITCHES},
    }


@require_POST
@staff_only
def enter_leave(request: HttpRequest) -> HttpResponse:
    """Enter leave of one's own."""
    form = LeaveForm(request.POST)
    if not form.save(access_of(request)):
        return _page(request, None, leave=form)
    messages.success(request, _("Your leave is in your calendar"))
    return redirect("portal:profile")


@require_POST
@staff_only
def enter_focus_time(request: HttpRequest) -> HttpResponse:
    """Enter focus time of one's own."""
    form = FocusForm(request.POST)
    if not form.save(access_of(request)):
        return _page(request, None, focus=form)
    messages.success(request, _("Your focus time is in your calendar"))
    return redirect("portal:profile")


@require_POST
@staff_only
def remove_leave(request: HttpRequest, leave_id: int) -> HttpResponse:
    """Take leave of one's own out of the calendar."""
    time_off.remove_leave(access_of(request), leave_id)
    messages.success(request, _("Your leave is no longer in your calendar"))
    return redirect("portal:profile")


@require_POST
@staff_only
def remove_focus_time(request: HttpRequest, focus_time_id: int) -> HttpResponse:
    """Take focus time of one's own out of the calendar."""
    time_off.remove_focus_time(access_of(request), focus_time_id)
    messages.success(request, _("Your focus time is no longer in your calendar"))
    return redirect("portal:profile")


@require_http_methods(["GET", "POST"])
@staff_only
def presence(request: HttpRequest) -> HttpResponse:
    """Choose online, busy, focus or away, or look what the own card shows now."""
    if request.method == "POST":
        presence_service.set_status(access_of(request), request.POST.get("status", ""))
    if not is_fragment(request):
        return redirect("portal:workspace")
    with organization_transaction():
        rows = Staff.objects.select_related("department", "position", "presence")
        staff = with_calendars(rows).get(pk=staff_of(request).pk)
        return render(request, "portal/fragments/presence.html", presence_context(staff))
