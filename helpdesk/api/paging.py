"""Pages by cursor: stable while rows are added, and never slower on later pages."""

from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request

from helpdesk.errors import Invalid

MAXIMUM = 100
POSITION_DIGITS = 18


class Pages(CursorPagination):
    """Newest first; `limit` from 1 to 100, links to the next and the previous page."""

    page_size = 25
    page_size_query_param = "limit"
    ordering = "-id"

    def get_page_size(self, request: Request) -> int:
        """Return the wanted size; raises Invalid outside 1..100."""
        wanted = request.query_params.get("limit")
        if wanted is None:
            return self.page_size
        is_number = wanted.isascii() and wanted.isdecimal() and len(wanted) <= len(str(MAXIMUM))
        if not (is_number and 1 <= int(wanted) <= MAXIMUM):
            raise Invalid(_("Ask for 1 to 100 at a time."), field="limit")
        return int(wanted)

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Return the cursor of a link that we made; raises Invalid for any other."""
        try:
            cursor = super().decode_cursor(request)
        except NotFound:
            raise Invalid(_("This cursor is not one of ours."), field="cursor") from None
        position = str(cursor.position) if cursor and cursor.position is not None else "0"
        is_number = position.isascii() and position.isdecimal()
        is_ours = cursor is None or cursor.position is not None or cursor.offset
        if not is_ours or not is_number or len(position) > POSITION_DIGITS:
            raise Invalid(_("This cursor is not one of ours."), field="cursor")
        return cursor


class PagesByNumber(Pages):
    """Oldest first, by the number in the conversation."""

    ordering = "number"
