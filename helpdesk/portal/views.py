"""The workspace: the list, one conversation, and the small parts that are asked for on their own."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET

from helpdesk import access as rows
from helpdesk.portal.navigation import view_items
from helpdesk.portal.pages import (
    access_of,
    frame,
    is_fragment,
    seen_conversation,
    staff_of,
    staff_only,
)
from helpdesk.portal.presence import presence_context
from helpdesk.portal.rows import ListRequest, list_page
from helpdesk.portal.snippets import colleagues_for, snippets_for
from helpdesk.portal.start import offer_first_run, test_customer_url
from helpdesk.portal.threads import Thread, read_context, read_thread

LIST_SESSION_KEY = "list"


@require_GET
def favicon(request: HttpRequest) -> HttpResponse:
    """Lead browsers that ask for the icon by its old name to ours."""
    return redirect(static("everydesk/favicon.svg"), permanent=True)


@require_GET
@staff_only
def workspace(request: HttpRequest) -> HttpResponse:
    """Show the list that was asked for, with no conversation open."""
    asked = _remembered(request)
    context = _desk(request, asked, None)
    return render(request, "portal/workspace.html", context)


@require_GET
@staff_only
def conversation(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Show one conversation: the whole page, or thread and context when the list stays."""
    found = seen_conversation(request, conversation_id)
    thread = read_thread(access_of(request), found, writer=staff_of(request))
    if is_fragment(request) and request.headers.get("HX-History-Restore-Request") != "true":
        response = show_thread(request, thread)
    else:
        response = render(
            request, "portal/workspace.html", _desk(request, _remembered(request), thread)
        )
    patch_vary_headers(response, ["HX-Request"])
    return response


def show_thread(
    request: HttpRequest, thread: Thread, **context: Any
) -> HttpResponse:  # Any: a template context
    """Return thread and context as fragments."""
    return render(
        request, "portal/fragments/thread_answer.html", {"thread": thread, "oob": True, **context}
    )


@require_GET
@staff_only
def context(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Show what is known beside a conversation, after it changed."""
    found = seen_conversation(request, conversation_id)
    if not is_fragment(request):
        return redirect("portal:conversation", conversation_id)
    thread = read_context(access_of(request), found)
    shown = {"thread": thread, "is_alone": True}
    return render(request, "portal/fragments/context.html", shown)


@require_GET
@staff_only
def conversation_list(request: HttpRequest) -> HttpResponse:
    """Show the list alone, after a break in the line."""
    page = list_page(access_of(request), ListRequest.of(request.GET.dict()))
    return render(request, "portal/fragments/list.html", {"page": page})


@require_GET
@staff_only
def views(request: HttpRequest) -> HttpResponse:
    """Show the views with this person's counts."""
    asked = ListRequest.of(request.GET.dict())
    return render(
        request,
        "portal/fragments/views.html",
        {"views": view_items(access_of(request)), "view": asked.view},
    )


@require_GET
@staff_only
def earlier(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Show the entries before a number."""
    before = request.GET.get("before", "")
    number = int(before) if before.isdecimal() and len(before) < 9 else 0
    found = seen_conversation(request, conversation_id)
    access = access_of(request)
    writer = None if is_fragment(request) else staff_of(request)
    thread = read_thread(access, found, before=max(1, number), writer=writer)
    if not is_fragment(request):
        thread.newest_url = reverse("portal:conversation", args=[conversation_id])
        return render(
            request, "portal/workspace.html", _desk(request, _remembered(request), thread)
        )
    return render(request, "portal/fragments/entries.html", {"thread": thread})


def _typed(request: HttpRequest) -> str:
    return request.GET.get("q", "").replace("\x00", "")[:40]


@require_GET
@staff_only
def snippets(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Show prepared texts that fit what was typed, ready in the customer's language."""
    access = access_of(request)
    found = rows.conversation(access, conversation_id)
    options = snippets_for(access, found, staff_of(request), _typed(request))
    return render(request, "portal/fragments/snippets.html", {"options": options})


@require_GET
@staff_only
def colleagues(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Show colleagues who can be called in."""
    access = access_of(request)
    rows.conversation(access, conversation_id)
    options = colleagues_for(access, _typed(request))
    return render(request, "portal/fragments/colleagues.html", {"options": options})


@require_GET
@staff_only
def shortcuts(request: HttpRequest) -> HttpResponse:
    """Show the keyboard map."""
    template = (
        "portal/fragments/shortcuts.html" if is_fragment(request) else "portal/shortcuts.html"
    )
    return render(request, template, frame(request, "shortcuts"))


def desk_context(request: HttpRequest, thread: Thread) -> dict[str, Any]:  # Any: a template context
    """Return the context of the workspace with a conversation open beside the remembered list."""
    return _desk(request, _remembered(request), thread)


def _desk(request: HttpRequest, asked: ListRequest, thread: Thread | None) -> dict[str, Any]:
    access, staff = access_of(request), staff_of(request)
    return frame(
        request,
        "desk",
        page=list_page(access, asked),
        thread=thread,
        current_id=str(thread.c.pk) if thread else "",
        views=view_items(access),
        view=asked.view,
        first_run=offer_first_run(access, staff.organization) if thread is None else None,
        test_customer_url=test_customer_url(access, staff.organization) if thread is None else "",
        **presence_context(staff),
    )


def _remembered(request: HttpRequest) -> ListRequest:
    """Return the list that was asked for, or the last one of this session when the address names none."""
    if "view" in request.GET:
        asked = ListRequest.of(request.GET.dict())
        if asked.view != "search":
            kept = {"view": asked.view, "sort": asked.sort}
            if request.session.get(LIST_SESSION_KEY) != kept:
                request.session[LIST_SESSION_KEY] = kept
        return asked
    last = request.session.get(LIST_SESSION_KEY)
    return ListRequest.of(
        last if isinstance(last, dict) and "conversations" in request.path else {}
    )
