"""Words for conversations that were merged, split and made what they were, in the reader's language."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from helpdesk.portal.happenings import Happening


# Where the other conversation's history is shown.
LINKED = frozenset({"merged", "split"})


def _other(line: "Happening") -> dict[str, str]:
    return {"who": line.who(), "other": f"C-{line.other}"}


def _merged(line: "Happening") -> str:
    if line.goes_on:
        return _("%(who)s merged this into %(other)s, where it goes on.") % _other(line)
    return _("%(who)s merged %(other)s into this conversation.") % _other(line)


def _merge_undone(line: "Happening") -> str:
    if line.actor is None and line.goes_on:
        return _("The customer wrote here again: it is apart from %(other)s now.") % _other(line)
    if line.actor is None:
        return _("The customer wrote in %(other)s again: that goes on by itself now.") % _other(
            line
        )
    return _("%(who)s undid the merge with %(other)s.") % _other(line)


def _split(line: "Happening") -> str:
    if line.goes_on:
        return _("%(who)s split messages off: they go on in %(other)s.") % _other(line)
    return _("%(who)s split this off %(other)s.") % _other(line)


def _split_undone(line: "Happening") -> str:
    if line.goes_on:
        return _("%(who)s took back what had been split off: it goes on here.") % _other(line)
    return _("%(who)s undid the split: it goes on in %(other)s.") % _other(line)


LINK_SENTENCES: dict[str, Callable[["Happening"], str]] = {
    "merged": _merged,
    "merge_undone": _merge_undone,
    "split": _split,
    "split_undone": _split_undone,
}
