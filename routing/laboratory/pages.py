"""The laboratory's pages in the portal, for administrators."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from helpdesk import permissions
from helpdesk.access import require
from helpdesk.portal.pages import access_of, frame, staff_only
from routing.laboratory.decisions import Wanted, listing, number, opened


@require_GET
@staff_only
def lab(request: HttpRequest) -> HttpResponse:
    """Show the rules that are in use, to be tried out with others."""
    require(access_of(request), permissions.ORGANIZATION_ADMINISTER)
    return render(request, "routing/lab_policy.html", frame(request, "lab", tab="policy"))


@require_GET
@staff_only
def decisions(request: HttpRequest) -> HttpResponse:
    """Show the newest decisions, and one of them beside."""
    access = access_of(request)
    require(access, permissions.ORGANIZATION_ADMINISTER)
    wanted = Wanted.of(request.GET)
    found = listing(access, wanted)
    chosen = number(request.GET.get("decision", ""))
    if chosen is None and found.lines:
        chosen = found.lines[0].decision.pk
    asked = number(request.GET.get("staff", ""))
    shown = opened(access, chosen, wanted, asked) if chosen else None
    context = frame(request, "lab", tab="decisions", listing=found, opened=shown)
    return render(request, "routing/lab_decisions.html", context)
