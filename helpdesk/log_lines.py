"""Lines of the log, without what lets whoever reads them in."""

import logging
import re

# The link of an invitation lets its holder choose somebody's password, that of a form proves an address,
# as long as it was not used.
_INVITATION = re.compile(r"(/welcome/|/forms/confirm/)[^\s'\"?#<>)\]]+")


class Formatter(logging.Formatter):
    """Writes a record without the tokens that stand in addresses, whoever logged it and in which part of it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the trace below it, with invitations cut off."""
        return _INVITATION.sub(r"\1…", super().format(record))
