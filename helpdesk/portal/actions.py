"""What people do with a conversation: each view gets it, calls one service, shows the result."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from helpdesk.access import Access
from helpdesk.models import Transfer
from helpdesk.portal.dialogs import Toast, attempt, done, form_of, show
from helpdesk.portal.forms import (
    AssignForm,
    CustomerForm,
    EscalateForm,
    SnoozeForm,
    TopicForm,
    TransferForm,
)
from helpdesk.portal.pages import access_of, is_fragment, staff_only
from helpdesk.services import (
    assignment,
    customers,
    escalation,
    lifecycle,
    mentions,
    returning,
)


def _simple(
    act: Callable[[Access, int], Any], text: Callable[[], str], icon: str
) -> Callable[..., HttpResponseBase]:
    """Return a view that does one thing to a conversation and says so."""

    @require_POST
    @staff_only
    def view(request: HttpRequest, conversation_id: int) -> HttpResponse:
        act(access_of(request), conversation_id)
        return done(request, conversation_id, {"text": text(), "icon": icon})

    return view


take = _simple(assignment.take, lambda: _("The conversation is yours"), "hand")
release = _simple(assignment.put_back, lambda: _("Put back in the queue"), "undo")
keep = _simple(returning.keep, lambda: _("It stays with you"), "hand")
wake = _simple(lifecycle.wake, lambda: _("Back from its snooze"), "bell")
undo_resolve = _simple(lifecycle.undo_resolve, lambda: _("Reopened"), "redo")
reopen = _simple(lifecycle.reopen, lambda: _("Reopened"), "redo")


@require_POST
@staff_only
def resolve(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Resolve the conversation."""
    lifecycle.resolve(access_of(request), conversation_id)
    return done(
        request,
        conversation_id,
        _undoable(_("Resolved"), "check", "portal:undo-resolve", conversation_id),
    )


def _undoable(text: str, icon: str, undo: str, conversation_id: int) -> Toast:
    return {
        "text": text,
        "icon": icon,
        "undo_url": reverse(undo, args=[conversation_id]),
        "undo_until": timezone.now() + assignment.UNDO_FOR,
    }


@require_http_methods(["GET", "POST"])
@staff_only
def transfer(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Hand the conversation over to a person, a department or whoever has a skill."""
    access = access_of(request)
    form = form_of(TransferForm, request, conversation_id)
    if request.method == "POST" and form.is_valid():
        made = attempt(
            form,
            lambda: assignment.transfer(
                access, conversation_id, form.target(), note=form.cleaned_data["note"]
            ),
        )
        if made:
            return done(request, conversation_id, _transfer_toast(made, form.receiver()))
    return show(request, conversation_id, "portal/dialogs/transfer.html", form)


def _transfer_toast(made: Transfer, receiver: str) -> Toast:
    undo = reverse("portal:undo-transfer", args=[made.conversation_id, made.pk])
    return {
        "text": _("Handed over to %(to)s") % {"to": receiver},
        "icon": "swap",
        "undo_url": undo,
        "undo_until": made.undo_until,
    }


@require_POST
@staff_only
def undo_transfer(request: HttpRequest, conversation_id: int, transfer_id: int) -> HttpResponse:
    """Take a handover back."""
    found = assignment.undo_transfer(
        access_of(request), transfer_id, conversation_id=conversation_id
    )
    return done(request, found.pk, {"text": _("The handover is undone"), "icon": "undo"})


@require_http_methods(["GET", "POST"])
@staff_only
def assign(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Give the conversation to a colleague, above their capacity only with a reason."""
    access = access_of(request)
    form = form_of(AssignForm, request, conversation_id)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        made = attempt(
            form,
            lambda: assignment.assign(
                access, conversation_id, data["staff"], override_reason=data["reason"]
            ),
        )
        if made:
            return done(
                request,
                conversation_id,
                {"text": _("Assigned to %(to)s") % {"to": form.receiver()}, "icon": "user"},
            )
    return show(request, conversation_id, "portal/dialogs/assign.html", form)


@require_http_methods(["GET", "POST"])
@staff_only
def snooze(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Set the conversation aside until a time."""
    access = access_of(request)
    form = form_of(SnoozeForm, request, conversation_id)
    if request.method == "POST" and form.is_valid():
        until = form.cleaned_data["until"]
        if attempt(form, lambda: lifecycle.snooze(access, conversation_id, until)):
            return done(
                request,
                conversation_id,
                _undoable(_("Snoozed"), "moon", "portal:wake", conversation_id),
            )
    return show(request, conversation_id, "portal/dialogs/snooze.html", form)


@require_http_methods(["GET", "POST"])
@staff_only
def escalate(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Start a climb, or let the running one climb on."""
    access = access_of(request)
    form = form_of(EscalateForm, request, conversation_id)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        made = attempt(
            form,
            lambda: escalation.escalate(
                access, conversation_id, path_id=data["path"], reason=data["reason"]
            ),
        )
        if made:
            return done(request, conversation_id, {"text": _("Escalated"), "icon": "stairs"})
    return show(request, conversation_id, "portal/dialogs/escalate.html", form)


@require_http_methods(["GET", "POST"])
@staff_only
def topic(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Correct what the conversation is about."""
    access = access_of(request)
    form = form_of(TopicForm, request, conversation_id)
    if request.method == "POST" and form.is_valid():
        wanted = form.cleaned_data["topic"]
        if attempt(form, lambda: lifecycle.set_topic(access, conversation_id, wanted)):
            return done(
                request,
                conversation_id,
                {"text": _("Thank you. The engine leaves this topic alone now."), "icon": "tag"},
            )
    return show(request, conversation_id, "portal/dialogs/topic.html", form)


@require_http_methods(["GET", "POST"])
@staff_only
def customer(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Change what is known of the customer."""
    access = access_of(request)
    form = form_of(CustomerForm, request, conversation_id)
    if request.method == "POST" and form.is_valid():
        customer_id, facts = form.conversation.customer_id, form.cleaned_data
        if attempt(form, lambda: customers.edit_customer(access, customer_id, **facts)):
            return done(request, conversation_id, {"text": _("Saved"), "icon": "user"})
    return show(request, conversation_id, "portal/dialogs/customer.html", form)


@require_POST
@staff_only
def priority(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Say how important the conversation is."""
    wanted = request.POST.get("priority", "")
    lifecycle.set_priority(access_of(request), conversation_id, wanted)
    return done(request, conversation_id, {"text": _("Priority changed"), "icon": "bolt"})


@require_POST
@staff_only
def end_access(request: HttpRequest, conversation_id: int, mention_id: int) -> HttpResponse:
    """Take back the access of a colleague who was called in."""
    mentions.end_access(access_of(request), mention_id, conversation_id=conversation_id)
    return done(request, conversation_id, {"text": _("The access has ended"), "icon": "at"})


@require_POST
@staff_only
def claim(request: HttpRequest, escalation_id: int) -> HttpResponse:
    """Claim an escalation from the board."""
    claimed = escalation.claim(access_of(request), escalation_id)
    url = reverse("portal:conversation", args=[claimed.conversation_id])
    if is_fragment(request):
        response = HttpResponse(status=204)
        response["HX-Redirect"] = url
        return response
    return redirect(url)
