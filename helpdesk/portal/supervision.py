"""The pages of the supervisor's board."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from helpdesk import permissions
from helpdesk.access import require
from helpdesk.portal.board import read_board
from helpdesk.portal.pages import access_of, frame, staff_only


def _department(request: HttpRequest) -> int | None:
    wanted = request.GET.get("department", "")
    return int(wanted) if wanted.isdecimal() and len(wanted) < 15 else None


@require_GET
@staff_only
def board(request: HttpRequest) -> HttpResponse:
    """Show the board of one department or of all that this person supervises."""
    access = access_of(request)
    require(access, permissions.BOARD_VIEW)
    context = frame(request, "board", board=read_board(access, _department(request)))
    return render(request, "portal/board.html", context)


@require_GET
@staff_only
def board_parts(request: HttpRequest) -> HttpResponse:
    """Show what changes on the board."""
    access = access_of(request)
    require(access, permissions.BOARD_VIEW)
    return render(
        request, "portal/fragments/board.html", {"board": read_board(access, _department(request))}
    )
