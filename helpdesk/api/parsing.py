"""Reads the bodies of REST calls."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class BoundedJSONParser(JSONParser):
    """Reads JSON; what is nested beyond measure is refused like any other malformed body."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:  # Any: DRF's own signature
        try:
            return super().parse(*args, **kwargs)
        except (RecursionError, UnicodeDecodeError):
            raise ParseError(_("The body is not JSON that we can read.")) from None
