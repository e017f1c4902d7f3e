"""Pages and panels of routing: why me, the offer at the edge of the desk, the place in the queue."""

from django import forms
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from helpdesk import permissions
from helpdesk.access import colleagues, require
from helpdesk.errors import AlreadyTaken, NotAvailable, NotFound, OverCapacity, TooLate
from helpdesk.portal import dialogs
from helpdesk.portal.forms import TopicForm
from helpdesk.portal.pages import access_of, frame, is_fragment, seen_conversation, staff_only
from helpdesk.tenancy import organization_transaction
from routing import explaining, objecting, offers, queueing
from routing.fragments import offer_context
from routing.models import Objection
from routing.predicting.board import wait_rows


@require_GET
@staff_only
def why(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Show why the conversation is where it is: a panel in the desk, a page with everybody by itself."""
    access, shown = access_of(request), seen_conversation(request, conversation_id)
    if is_fragment(request) and "staff" not in request.GET:
        told = explaining.explain(access, shown, in_short=True)
        return render(request, "routing/fragments/why.html", {"why": told})
    told = explaining.explain(access, shown, _staff_id(request))
    context = frame(request, "desk", why=told, colleagues=colleagues(access).order_by("name"))
    return render(request, "routing/why.html", context)


def _staff_id(request: HttpRequest) -> int | None:
    """Return the colleague asked about; raises NotFound for what is not an id."""
    given = request.GET.get("staff", "")
    if not given:
        return None
    if not given.isascii() or not given.isdigit() or len(given) > 18:
        raise NotFound
    return int(given)


@require_GET
@staff_only
def offer(request: HttpRequest) -> HttpResponse:
    """Show the offer that waits for the person, or the empty place where the next one appears."""
    return _render_offer(request)


def _render_offer(request: HttpRequest, notice: str = "") -> HttpResponse:
    context = offer_context(access_of(request), notice)
    return render(request, "routing/fragments/offer.html", context)


@require_POST
@staff_only
def accept(request: HttpRequest, offer_id: int) -> HttpResponseBase:
    """Take what was offered and open it."""
    try:
        taken = offers.accept(access_of(request), offer_id)
    except (AlreadyTaken, NotAvailable, OverCapacity, TooLate) as error:
        return _too_late(request, str(error.message))
    url = reverse("portal:conversation", args=[taken.pk])
    if not is_fragment(request):
        return redirect(url)
    response = HttpResponse(status=200)
    response["HX-Redirect"] = url
    return response


@require_POST
@staff_only
def decline(request: HttpRequest, offer_id: int) -> HttpResponseBase:
    """Pass the offer on with a reason."""
    try:
        offers.decline(access_of(request), offer_id, request.POST.get("reason", ""))
    except (AlreadyTaken, TooLate) as error:
        return _too_late(request, str(error.message))
    return _after(request)


def _too_late(request: HttpRequest, notice: str) -> HttpResponseBase:
    return _after(request, notice)


def _after(request: HttpRequest, notice: str = "") -> HttpResponseBase:
    """Show the next offer, or go back to the desk when the page works without scripts."""
    if not is_fragment(request):
        return redirect("portal:workspace")
    with organization_transaction():
        return _render_offer(request, notice)


class ObjectionForm(TopicForm):
    """Why it is not theirs, and what it is about if that is known."""

    reason = forms.ChoiceField(
        choices=Objection.Reason.choices,
        error_messages={"required": gettext_lazy("Please choose why.")},
    )


@require_http_methods(["GET", "POST"])
@staff_only
def not_mine(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Give the conversation back with a reason."""
    access = access_of(request)
    form = dialogs.form_of(ObjectionForm, request, conversation_id)
    if request.method == "POST" and form.is_valid():
        reason, topic = form.cleaned_data["reason"], form.cleaned_data["topic"]
        if dialogs.attempt(
            form, lambda: objecting.object_to(access, conversation_id, reason, topic_id=topic)
        ):
            thanks: dialogs.Toast = {
                "text": _("Thank you. It goes to somebody else."),
                "icon": "undo",
            }
            return dialogs.done(request, conversation_id, thanks)
    return dialogs.show(request, conversation_id, "routing/not_mine.html", form)


@require_GET
@staff_only
def waits(request: HttpRequest, department_id: int | None = None) -> HttpResponse:
    """Show how long those who come now would wait, for the board of one department or of all one supervises."""
    access = access_of(request)
    mine = require(access, permissions.BOARD_VIEW)
    if department_id is not None and department_id not in mine:
        raise NotFound
    shown = {department_id} if department_id else mine
    return render(request, "routing/fragments/waits.html", {"rows": wait_rows(shown)})


@require_GET
@staff_only
def place(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Return where a waiting conversation stands in its queue."""
    found = queueing.place(access_of(request), conversation_id)
    if found is None:
        raise NotFound
    if not is_fragment(request):
        return JsonResponse(queueing.as_json(found))
    return render(request, "routing/fragments/place.html", {"place": found})
