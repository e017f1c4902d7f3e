"""What people do with a conversation: each view gets it, calls one service, shows the result."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypedDict

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from helpdesk.access import Access
from helpdesk.access import conversation as visible_conversation
from helpdesk.errors import HelpdeskError, Invalid, NotFound
from helpdesk.models import Conversation, Transfer
from helpdesk.portal.forms import (
    AssignForm,
    CustomerForm,
    EscalateForm,
    SnoozeForm,
    TopicForm,
    TransferForm,
)
from helpdesk.portal.pages import access_of, frame, is_fragment, staff_of, staff_only
from helpdesk.portal.threads import Thread, read_thread, thread_of
from helpdesk.services import (
    assignment,
    customers,
    escalation,
    lifecycle,
    mentions,
    returning,
)
from helpdesk.tenancy import organization_transaction


class Toast(TypedDict, total=False):
    """A short notice about what was done."""

    text: str
    icon: str
    undo_url: str
    undo_until: datetime


def done(request: HttpRequest, conversation_id: int, toast: Toast) -> HttpResponse:
    """Show the conversation as it is now, or an empty thread when it is out of sight, with a notice."""
    if not is_fragment(request):
        messages.success(request, toast["text"])
        return redirect(_where(request, conversation_id))
    with organization_transaction():
        thread: Thread | None
        access = access_of(request)
        try:
            found = visible_conversation(access, conversation_id)
            thread = read_thread(access, found, writer=staff_of(request))
        except NotFound:
            thread = None
        context = {"thread": thread, "oob": True, "toasts": [toast]}
        return render(request, "portal/fragments/thread_answer.html", context)


def _where(request: HttpRequest, conversation_id: int) -> str:
    with organization_transaction():
        try:
            visible_conversation(access_of(request), conversation_id)
        except NotFound:
            return reverse("portal:workspace")
    return reverse("portal:conversation", args=[conversation_id])


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
    form = _form(TransferForm, request, conversation_id)
    if request.method == "POST" and form.is_valid():
        made = _attempt(
            form,
            lambda: assignment.transfer(
                access, conversation_id, form.target(), note=form.cleaned_data["note"]
            ),
        )
        if made:
            return done(request, conversation_id, _transfer_toast(made, form.receiver()))
    return _dialog(request, conversation_id, "transfer", form)


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
    form = _form(AssignForm, request, conversation_id)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        made = _attempt(
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
    return _dialog(request, conversation_id, "assign", form)


@require_http_methods(["GET", "POST"])
@staff_only
def snooze(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Set the conversation aside until a time."""
    access = access_of(request)
    form = _form(SnoozeForm, request, conversation_id)
    if request.method == "POST" and form.is_valid():
        until = form.cleaned_data["until"]
        if _attempt(form, lambda: lifecycle.snooze(access, conversation_id, until)):
            return done(
                request,
                conversation_id,
                _undoable(_("Snoozed"), "moon", "portal:wake", conversation_id),
            )
    return _dialog(request, conversation_id, "snooze", form)


@require_http_methods(["GET", "POST"])
@staff_only
def escalate(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Start a climb, or let the running one climb on."""
    access = access_of(request)
    form = _form(EscalateForm, request, conversation_id)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        made = _attempt(
            form,
            lambda: escalation.escalate(
                access, conversation_id, path_id=data["path"], reason=data["reason"]
            ),
        )
        if made:
            return done(request, conversation_id, {"text": _("Escalated"), "icon": "stairs"})
    return _dialog(request, conversation_id, "escalate", form)


@require_http_methods(["GET", "POST"])
@staff_only
def topic(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Correct what the conversation is about."""
    access = access_of(request)
    form = _form(TopicForm, request, conversation_id)
    if request.method == "POST" and form.is_valid():
        wanted = form.cleaned_data["topic"]
        if _attempt(form, lambda: lifecycle.set_topic(access, conversation_id, wanted)):
            return done(
                request,
                conversation_id,
                {"text": _("Thank you. The engine leaves this topic alone now."), "icon": "tag"},
            )
    return _dialog(request, conversation_id, "topic", form)


@require_http_methods(["GET", "POST"])
@staff_only
def customer(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Change what is known of the customer."""
    access = access_of(request)
    form = _form(CustomerForm, request, conversation_id)
    if request.method == "POST" and form.is_valid():
        customer_id, facts = form.conversation.customer_id, form.cleaned_data
        if _attempt(form, lambda: customers.edit_customer(access, customer_id, **facts)):
            return done(request, conversation_id, {"text": _("Saved"), "icon": "user"})
    return _dialog(request, conversation_id, "customer", form)


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


def _form(
    kind: type[Any], request: HttpRequest, conversation_id: int
) -> Any:  # Any: one of the forms of a dialog
    with organization_transaction():
        found: Conversation = visible_conversation(access_of(request), conversation_id)
        return kind(access_of(request), found, request.POST if request.method == "POST" else None)


def _attempt(form: Any, act: Callable[[], Any]) -> Any:  # Any: whatever the service returns
    """Call the service; what it refuses becomes an error of the form, which keeps what was typed."""
    try:
        return act()
    except NotFound:
        raise
    except HelpdeskError as error:
        name = str(error.details.get("field", "")) if isinstance(error, Invalid) else ""
        form.add_error(name if name in form.fields else None, str(error.message))
        return None


def _dialog(request: HttpRequest, conversation_id: int, name: str, form: Any) -> HttpResponse:
    with organization_transaction():
        found = visible_conversation(access_of(request), conversation_id)
        thread = thread_of(access_of(request), found)
        context = {"form": form, "thread": thread, "dialog": f"portal/dialogs/{name}.html"}
        status = 422 if form.errors else 200
        if not is_fragment(request):
            return render(
                request, "portal/dialog_page.html", frame(request, "desk", **context), status=status
            )
        response = render(request, context["dialog"], context, status=status)
    if form.errors:
        response["HX-Retarget"], response["HX-Reswap"] = "#dialog", "innerHTML"
    return response
