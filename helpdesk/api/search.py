"""REST: messages by their words."""

from typing import Any, ClassVar

from django_filters.utils import translate_validation
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from helpdesk.api.filters import SearchFilter
from helpdesk.api.paging import Pages
from helpdesk.api.serializers import FoundSerializer
from helpdesk.api.views import ApiView
from helpdesk.models import Message
from helpdesk.reports.message_search import Found, Place, Wanted, find_messages
from helpdesk.search.asking import parse


class Search(ApiView):
    """Messages and notes by their words."""

    model = Message
    serializer_class = FoundSerializer
    filterset_class = SearchFilter
    scopes: ClassVar = {"list": "messages:read"}

    @extend_schema(
        responses=FoundSerializer,
        parameters=[
            OpenApiParameter("limit", OpenApiTypes.INT),
            OpenApiParameter("cursor", OpenApiTypes.STR),
        ],
    )
    def list(self, request: Request) -> Response:
        """Find messages and notes by words in any language, newest first, in all that the person may see.

        All words must be in the message, its subject or the names of its files. A word also finds what
        begins with it; words in quotes must follow one another; `from:` names who wrote.
        """
        filters = SearchFilter(request.query_params, queryset=Message.objects.none())
        if not filters.is_valid():
            raise translate_validation(filters.errors)
        size = Pages().get_page_size(request)
        behind = Place.of(request.query_params.get("cursor", ""))
        found = find_messages(
            self.access, _wanted(filters.form.cleaned_data), behind=behind, most=size
        )
        page = {
            "next": _next(request, found),
            "is_near": found.is_near,
            "hits": found.hits,
        }
        return Response(FoundSerializer(page).data)


def _next(request: Request, found: Found) -> str | None:
    if found.next is None:
        return None
    return replace_query_param(request.build_absolute_uri(), "cursor", found.next.key)


def _wanted(given: dict[str, Any]) -> Wanted:
    return Wanted(
        query=parse(given["q"]),
        channel_id=given["channel"],
        states=tuple(given["state"]),
        owner_id=given["owner"],
        department_id=given["department"],
        customer_id=given["customer"],
        author_id=given["author"],
        direction=given["direction"] or None,
        since=given["since"],
        until=given["until"],
    )
