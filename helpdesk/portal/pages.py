"""What every staff page shares: who may see it, and what its frame shows."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse

from helpdesk import permissions
from helpdesk.access import Access
from helpdesk.access import conversation as visible_conversation
from helpdesk.models import Conversation, Staff

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

THEMES = ("light", "dark")


def staff_of(request: HttpRequest) -> Staff:
    """Return the member of staff who asks."""
    return cast("Staff", request.staff)  # type: ignore[attr-defined]  # set by StaffMiddleware


def access_of(request: HttpRequest) -> Access:
    """Return what the person who asks may do."""
    return cast("Access", request.access)  # type: ignore[attr-defined]  # set by StaffMiddleware


def seen_conversation(request: HttpRequest, conversation_id: int) -> Conversation:
    """Return a conversation that the person may see, fetched and checked once for a page and its panels.

    Only while one transaction reads it all, as in a GET. Raises NotFound.
    """
    seen: dict[int, Conversation] = request.__dict__.setdefault("seen_conversations", {})
    if conversation_id not in seen:
        seen[conversation_id] = visible_conversation(access_of(request), conversation_id)
    return seen[conversation_id]


def is_fragment(request: HttpRequest) -> bool:
    """Tell whether htmx asks for a part of the page rather than the page."""
    return request.headers.get("HX-Request") == "true"


def staff_only(view: View[P]) -> View[P]:
    """Let only members of staff in; others go to the sign-in page and come back."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if getattr(request, "staff", None) is not None:
            return view(request, *args, **kwargs)
        if request.user.is_authenticated:
            return render(request, "portal/no_organization.html", status=403)
        target = f"{reverse('portal:sign-in')}?{urlencode({'next': request.get_full_path()})}"
        if is_fragment(request):
            response = HttpResponse(status=401)
            response["HX-Redirect"] = reverse("portal:sign-in")
            return response
        return redirect(target)

    return cast("View[P]", guarded)


def frame(
    request: HttpRequest, section: str, **context: Any
) -> dict[str, Any]:  # Any: a template context
    """Return the context of a page with its frame: navigation, preferences and theme."""
    access, staff = access_of(request), staff_of(request)
    preferences = staff.user.preferences or {}
    theme = preferences.get("theme")
    return {
        "section": section,
        "preferences": preferences,
        "theme": theme if theme in THEMES else "",
        "may": {
            "board": bool(access.allowed(permissions.BOARD_VIEW)),
            "administer": access.is_administrator,
        },
        **context,
    }
