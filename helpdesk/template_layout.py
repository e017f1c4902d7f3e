"""Templates are laid out for their readers; what is sent has none of the layout."""

import re

from django.template import Origin
from django.template.loaders import filesystem

# A line break between two tags, markup or Django's, and any other.
_BETWEEN_TAGS = re.compile(r"(?<=[>}])[ \t]*\n\s*(?=[<{])")
_ELSEWHERE = re.compile(r"[ \t]*\n\s*")


class Loader(filesystem.Loader):
    """Loads our templates without their line breaks and indentation, once for each process.

    A break between two tags is nothing, any other is one space. A space that shall be seen between
    two tags therefore stands within a line.
    """

    def get_contents(self, origin: Origin) -> str:
        """Return a template as it is compiled."""
        return flatten(super().get_contents(origin))


def flatten(source: str) -> str:
    """Return a template's source on one line."""
    return _ELSEWHERE.sub(" ", _BETWEEN_TAGS.sub("", source.strip("\n")))
