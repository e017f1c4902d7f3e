"""The laboratory's pages in the portal, for administrators."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from helpdesk import permissions
from helpdesk.access import Access, require
from helpdesk.errors import WrongState
from helpdesk.models import Department
from helpdesk.portal.pages import access_of, frame, is_fragment, staff_only
from helpdesk.tenancy import organization_transaction
from routing import policies
from routing.laboratory import trials
from routing.laboratory.decisions import Wanted, listing, number, opened
from routing.laboratory.drafts import Draft, department, draft, entered_of, seen_of
from routing.laboratory.policies import rules_of
from routing.laboratory.results import newest, result
from routing.models import Trial

MOST_DEPARTMENTS = 60


def administrator(request: HttpRequest) -> Access:
    """Return what the administrator who asks may do; raises NotFound for anybody else."""
    access = access_of(request)
    require(access, permissions.ORGANIZATION_ADMINISTER)
    return access


@require_GET
@staff_only
def lab(request: HttpRequest) -> HttpResponse:
    """Show the rules that are in use, to be tried out with others."""
    access = administrator(request)
    chosen = number(request.GET.get("trial", ""))
    if chosen is None:
        return policy_page(request, access, draft_of(access, request.GET, {}))
    found = trials.trial(access, chosen)
    made = draft(found.department_id, entered_of(rules_of(found.rules)))
    return policy_page(request, access, made, found=found)


@require_POST
@staff_only
def preview(request: HttpRequest) -> HttpResponse:
    """Show what a draft would change now: the part of the page, or without scripts all of it."""
    access = administrator(request)
    with organization_transaction():
        made = draft_of(access, request.POST, request.POST)
        if not is_fragment(request):
            return policy_page(request, access, made)
        context = {"draft": made, "preview": _previewed(access, made)}
        return render(request, "routing/fragments/preview.html", context)


@require_POST
@staff_only
def put_into_use(request: HttpRequest) -> HttpResponseBase:
    """Make the draft the policy, or show what is wrong with it."""
    access = administrator(request)
    with organization_transaction():
        made = draft_of(access, request.POST, request.POST)
        if made.rules is None:
            return policy_page(request, access, made, status=422)
    seen = seen_of(request.POST.get("seen", ""))
    try:
        policy = policies.replace(access, made.department_id, made.rules, seen=seen)
    except WrongState as error:
        with organization_transaction():
            return policy_page(request, access, made, notice=str(error.message), status=409)
    messages.success(request, _("Version %(version)s acts now.") % {"version": policy.version})
    chosen = f"?department={made.department_id}" if made.department_id else ""
    return redirect(reverse("routing:lab") + chosen)


def draft_of(access: Access, chosen: QueryDict, entered: QueryDict | dict[str, str]) -> Draft:
    """Return the draft of the department that is asked for; raises NotFound where there is none."""
    department_id = department(access, number(chosen.get("department", "")))
    return draft(department_id, entered)


def _previewed(access: Access, made: Draft) -> Any:  # Any: its module is slow to load
    from routing.laboratory.preview import preview as previewed  # noqa: PLC0415  (it loads the solver)

    return previewed(access, made.rules, made.department_id) if made.rules else None


def policy_page(
    request: HttpRequest,
    access: Access,
    made: Draft,
    *,
    found: Trial | None = None,
    notice: str = "",
    status: int = 200,
) -> HttpResponse:
    """Show the policy's tab with a draft, and a replay of it where there is one."""
    shown = {
        "tab": "policy",
        "draft": made,
        "preview": _previewed(access, made),
        "departments": Department.objects.order_by("name", "id")[:MOST_DEPARTMENTS],
        "result": result(access, found) if found else None,
        "trials": newest(found),
        "notice": notice,
    }
    context = frame(request, "lab", **shown)
    return render(request, "routing/lab_policy.html", context, status=status)


@require_GET
@staff_only
def decisions(request: HttpRequest) -> HttpResponse:
    """Show the newest decisions, and one of them beside."""
    access = administrator(request)
    wanted = Wanted.of(request.GET)
    found = listing(access, wanted)
    chosen = number(request.GET.get("decision", ""))
    if chosen is None and found.lines:
        chosen = found.lines[0].decision.pk
    asked = number(request.GET.get("staff", ""))
    shown = opened(access, chosen, wanted, asked) if chosen else None
    context = frame(request, "lab", tab="decisions", listing=found, opened=shown)
    return render(request, "routing/lab_decisions.html", context)
