"""Asks for a replay and shows how far it is."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from helpdesk.portal.pages import is_fragment, staff_only
from helpdesk.tenancy import organization_transaction
from routing.laboratory import trials
from routing.laboratory.pages import administrator, draft_of, policy_page
from routing.laboratory.results import result


@require_POST
@staff_only
def replay(request: HttpRequest) -> HttpResponseBase:
    """Have the draft played beside the policy in use, or show what is wrong with it."""
    access = administrator(request)
    with organization_transaction():
        made = draft_of(access, request.POST, request.POST)
        if made.rules is None:
            return policy_page(request, access, made, status=422)
    try:
        asked = trials.ask(access, made.department_id, made.rules)
    except trials.Busy as error:
        with organization_transaction():
            return policy_page(request, access, made, notice=str(error.message), status=409)
    return redirect(_address(asked.pk))


@require_GET
@staff_only
def trial(request: HttpRequest, trial_id: int) -> HttpResponse:
    """Show how far a replay is, and in the end what it found."""
    access = administrator(request)
    found = trials.trial(access, trial_id)
    if not is_fragment(request):
        return redirect(_address(found.pk))
    return render(request, "routing/fragments/replay.html", {"result": result(access, found)})


def _address(trial_id: int) -> str:
    return f"{reverse('routing:lab')}?trial={trial_id}"
