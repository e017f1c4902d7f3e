"""A page's calls stay in one piece of memory, however deep they begin."""

import resource

from django.http import HttpRequest, HttpResponse

from helpdesk.portal.middleware import RoomMiddleware

CALLS = 300


def _faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def _below(levels: int) -> None:
    """Stand for a part of a template, a few calls deep."""
    if levels:
        _below(levels - 1)


def _page(_request: HttpRequest, depth: int = 0) -> HttpResponse:
    for _ in range(CALLS):
        _below(9)
    return _page(_request, depth + 1) if depth < 150 else HttpResponse()


def test_no_call_of_a_page_maps_memory_of_its_own() -> None:
    page = RoomMiddleware(_page)
    page(HttpRequest())
    before = _faults()
    page(HttpRequest())
    assert _faults() - before < CALLS
