"""First run: name the organization, put the widget on a page, invite a colleague."""

from dataclasses import dataclass

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from helpdesk import permissions
from helpdesk.access import Access, require
from helpdesk.errors import Invalid
from helpdesk.models import Channel, Department, Organization, Role
from helpdesk.portal.pages import access_of, frame, staff_of, staff_only
from helpdesk.services import first_run
from helpdesk.tenancy import organization_transaction

WEB_CHAT = "webchat"


@dataclass(frozen=True)
class FirstRun:
    """Which steps are done, and what the others need."""

    done: frozenset[str]
    channel: Channel | None
    tag: str

    @property
    def open_steps(self) -> int:
        return len([step for step in first_run.STEPS if step not in self.done])


class NameForm(forms.Form):
    """The organization's name in both languages."""

    name = forms.CharField(max_length=80, error_messages={"required": _("Please enter a name.")})
    name_en = forms.CharField(max_length=80, required=False)


class InviteForm(forms.Form):
    """Who, where, and with which role."""

    name = forms.CharField(max_length=80, error_messages={"required": _("Please enter a name.")})
    email = forms.EmailField(
        max_length=254,
        error_messages={
            "required": _("Please enter a mail address."),
            "invalid": _("This does not look like a mail address."),
        },
    )
    department = forms.IntegerField()
    role = forms.IntegerField()


def offer_first_run(access: Access, organization: Organization) -> FirstRun | None:
    """Return the open steps for an administrator, until they are done or hidden."""
    done = organization.first_run_done or {}
    if (
        not access.is_administrator
        or done.get("hidden")
        or all(done.get(step) for step in first_run.STEPS)
    ):
        return None
    return first_run_of(organization)


def first_run_of(organization: Organization) -> FirstRun:
    """Return the state of the first steps and the tag of the first web chat."""
    channel = Channel.objects.filter(kind=WEB_CHAT, is_active=True).order_by("id").first()
    tag = ""
    if channel is not None:
        tag = f'<script src="{settings.PUBLIC_URL}/widget.js" data-channel="{channel.public_id}" defer></script>'
    done = frozenset(
        step for step, is_done in (organization.first_run_done or {}).items() if is_done
    )
    return FirstRun(done, channel, tag)


@require_http_methods(["GET"])
@staff_only
def start(request: HttpRequest) -> HttpResponse:
    """Show the first steps."""
    require(access_of(request), permissions.ORGANIZATION_ADMINISTER)
    return _page(request)


@require_POST
@staff_only
def rename(request: HttpRequest) -> HttpResponse:
    """Name the organization."""
    form = NameForm(request.POST)
    if form.is_valid():
        try:
            first_run.rename(access_of(request), **form.cleaned_data)
        except Invalid as error:
            form.add_error(str(error.details["field"]), str(error.message))
        else:
            return redirect("portal:start")
    return _page(request, name_form=form, status=422)


@require_POST
@staff_only
def step_done(request: HttpRequest) -> HttpResponse:
    """Tick a step off, or hide the list."""
    first_run.mark_done(access_of(request), request.POST.get("step", ""))
    return redirect("portal:workspace" if request.POST.get("step") == "hidden" else "portal:start")


@require_POST
@staff_only
def invite(request: HttpRequest) -> HttpResponse:
    """Take a colleague in, and show the address under which they set their password."""
    form = InviteForm(request.POST)
    if form.is_valid():
        data = form.cleaned_data
        try:
            staff, link = first_run.invite(
                access_of(request),
                email=data["email"],
                name=data["name"],
                department_id=data["department"],
                role_id=data["role"],
            )
        except Invalid as error:
            if error.details.get("field") != "email":
                raise
            form.add_error("email", _("This person works here already."))
        else:
            return _page(request, invited=staff, link=link)
    return _page(request, invite_form=form, status=422)


def _page(request: HttpRequest, *, status: int = 200, **context: object) -> HttpResponse:
    access = access_of(request)
    administered = require(access, permissions.ORGANIZATION_ADMINISTER)
    with organization_transaction():
        organization = Organization.objects.get(pk=staff_of(request).organization_id)
        shown = {
            "organization": organization,
            "first_run": first_run_of(organization),
            "departments": list(Department.objects.filter(pk__in=administered)),
            "roles": list(Role.objects.all()[:50]),
            "test_customer_url": test_customer_url(access, organization),
            "name_form": NameForm(
                initial={"name": organization.name, "name_en": organization.name_en}
            ),
            "invite_form": InviteForm(),
            **context,
        }
        return render(request, "portal/start.html", frame(request, "start", **shown), status=status)


def test_customer_url(access: Access, organization: Organization) -> str:
    """Return where a test customer is asked for, for administrators and in a demo; another app offers it."""
    if not access.is_administrator and not organization.is_demo:
        return ""
    try:
        return reverse("channels:test-customer")
    except NoReverseMatch:
        return ""
