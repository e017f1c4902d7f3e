"""Dialogs about a conversation: shown, tried, and finished with a notice."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypedDict

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from helpdesk.access import conversation as visible_conversation
from helpdesk.errors import HelpdeskError, Invalid, NotFound
from helpdesk.models import Conversation
from helpdesk.portal.pages import access_of, frame, is_fragment, staff_of
from helpdesk.portal.threads import Thread, read_thread, thread_of
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


def form_of(
    kind: type[Any], request: HttpRequest, conversation_id: int
) -> Any:  # Any: one of the forms of a dialog
    """Return the form of a dialog about a conversation that the person may see."""
    with organization_transaction():
        found: Conversation = visible_conversation(access_of(request), conversation_id)
        return kind(access_of(request), found, request.POST if request.method == "POST" else None)


def attempt(form: Any, act: Callable[[], Any]) -> Any:  # Any: whatever the service returns
    """Call the service; what it refuses becomes an error of the form, which keeps what was typed."""
    try:
        return act()
    except NotFound:
        raise
    except HelpdeskError as error:
        name = str(error.details.get("field", "")) if isinstance(error, Invalid) else ""
        form.add_error(name if name in form.fields else None, str(error.message))
        return None


def show(request: HttpRequest, conversation_id: int, template: str, form: Any) -> HttpResponse:
    """Show a dialog: in the desk's own place, or as a page of its own without scripts. Any: a form of a dialog."""
    with organization_transaction():
        found = visible_conversation(access_of(request), conversation_id)
        thread = thread_of(access_of(request), found)
        context = {"form": form, "thread": thread, "dialog": template}
        status = 422 if form.errors else 200
        if not is_fragment(request):
            return render(
                request, "portal/dialog_page.html", frame(request, "desk", **context), status=status
            )
        response = render(request, context["dialog"], context, status=status)
    if form.errors:
        response["HX-Retarget"], response["HX-Reswap"] = "#dialog", "innerHTML"
    return response
