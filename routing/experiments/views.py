"""The laboratory's tab of experiments, for administrators."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from helpdesk import permissions
from helpdesk.access import Access, require
from helpdesk.errors import Invalid, WrongState
from helpdesk.portal.pages import access_of, frame, staff_only
from helpdesk.tenancy import organization_transaction
from routing import policies
from routing.experiments import opening, showing
from routing.experiments.forms import ExperimentForm, StartForm, StopForm
from routing.models import Experiment


@require_GET
@staff_only
def experiments(request: HttpRequest) -> HttpResponse:
    """Show the experiment that runs or came last, and all of them."""
    rows = showing.listed(access_of(request))
    return _page(request, rows[0] if rows else None, rows)


@require_GET
@staff_only
def experiment(request: HttpRequest, experiment_id: int) -> HttpResponse:
    """Show one experiment, and all of them."""
    access = access_of(request)
    found = showing.find(access, experiment_id)
    return _page(request, found, showing.listed(access))


def _page(request: HttpRequest, found: Experiment | None, rows: list[Experiment]) -> HttpResponse:
    context = frame(
        request,
        "lab",
        tab="experiments",
        shown=showing.shown(found, timezone.now()) if found else None,
        experiments=rows,
    )
    return render(request, "routing/lab_experiments.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_only
def open_experiment(request: HttpRequest) -> HttpResponseBase:
    """Show the form of a new experiment, or write one down."""
    access = access_of(request)
    require(access, permissions.ORGANIZATION_ADMINISTER)
    with organization_transaction():
        rules = policies.in_use(None).rules
        form = ExperimentForm(rules, request.POST or None)
    if request.method == "POST":
        made = form.save(access)
        if made is not None:
            return redirect("routing:experiment", made.pk)
    with organization_transaction():
        context = frame(request, "lab", tab="experiments", form=form)
        status = 422 if form.errors else 200
        return render(request, "routing/lab_experiment_form.html", context, status=status)


@require_POST
@staff_only
def start(request: HttpRequest, experiment_id: int) -> HttpResponseBase:
    """Let an experiment begin, now or at the moment entered."""
    form = StartForm(request.POST)
    if not form.is_valid():
        return _refused(request, experiment_id, _("Choose a moment within the next 60 days."))

    def act(access: Access) -> None:
        opening.start(access, experiment_id, form.cleaned_data["starts_at"])

    return _acted(request, experiment_id, act, _("The experiment runs."))


@require_POST
@staff_only
def stop(request: HttpRequest, experiment_id: int) -> HttpResponseBase:
    """Stop an experiment for a reason."""
    form = StopForm(request.POST)
    why = form.cleaned_data["why"] if form.is_valid() else ""

    def act(access: Access) -> None:
        opening.stop(access, experiment_id, why)

    return _acted(request, experiment_id, act, _("Stopped. The policy in use acts alone."))


@require_POST
@staff_only
def discard(request: HttpRequest, experiment_id: int) -> HttpResponseBase:
    """Throw away an experiment that never began."""
    try:
        opening.discard(access_of(request), experiment_id)
    except WrongState as error:
        return _refused(request, experiment_id, str(error.message))
    return redirect("routing:experiments")


@require_POST
@staff_only
def adopt(request: HttpRequest, experiment_id: int) -> HttpResponseBase:
    """Make the draft the policy."""

    def act(access: Access) -> None:
        opening.adopt(access, experiment_id)

    return _acted(request, experiment_id, act, _("The draft is the policy now."))


@require_POST
@staff_only
def note_end(request: HttpRequest, experiment_id: int) -> HttpResponseBase:
    """Remember that its end was read."""

    def act(access: Access) -> None:
        opening.note_end(access, experiment_id)

    return _acted(request, experiment_id, act, _("Noted."))


def _acted(
    request: HttpRequest, experiment_id: int, act: Callable[[Access], None], done: str
) -> HttpResponseBase:
    """Do it, and say what came of it on the experiment's page."""
    try:
        act(access_of(request))
    except (Invalid, WrongState) as error:
        return _refused(request, experiment_id, str(error.message))
    messages.success(request, done)
    return redirect("routing:experiment", experiment_id)


def _refused(request: HttpRequest, experiment_id: int, why: str) -> HttpResponseBase:
    # What is not there is not there, whatever else was wrong.
    with organization_transaction():
        showing.find(access_of(request), experiment_id)
    messages.error(request, why)
    return redirect("routing:experiment", experiment_id)
