"""The HTML of every live part, as pure functions of what is shown and who reads it.

One template serves the first load of a page and each later update. A fragment is the element with its id:
it is sent as it is, and the page puts it in its place. What is the same for everybody is rendered once per
language and time zone; what is personal (unread marks, what may be done) is an element of its own.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.template.loader import get_template
from django.utils import timezone, translation

from helpdesk.access import Access
from helpdesk.models import Conversation, Entry, Staff
from helpdesk.portal.board import Board
from helpdesk.portal.calls import shown_calls
from helpdesk.portal.happenings import Names
from helpdesk.portal.navigation import view_items
from helpdesk.portal.presence import Card, card_context
from helpdesk.portal.rows import facts_of, row_of
from helpdesk.portal.threads import Facts, thread_of
from helpdesk.portal.timeline import line_of


@contextmanager
def reading(language: str, time_zone: str) -> Iterator[None]:
    """Render for somebody who reads `language` and lives in `time_zone`."""
    with (
        translation.override(language or "zh-hans"),
        timezone.override(ZoneInfo(time_zone or "UTC")),
    ):
        yield


def conversation_row(conversation: Conversation, *, language: str, time_zone: str) -> str:
    """Return the row of a list; the conversation carries customer, channel and topic."""
    with reading(language, time_zone):
        return _render("row", row=row_of(facts_of(conversation)))


def unread(conversation_id: int, count: int) -> str:
    """Return the mark of unread messages on a row; personal."""
    return _render("unread", conversation_id=conversation_id, count=count)


def entry(
    entry: Entry, *, customer: str, language: str, time_zone: str, names: Names | None = None
) -> str:
    """Return one line of the timeline.

    The entry comes from `portal.timeline.entries_of`; `names` from `Names.of`, read here when missing.
    """
    with reading(language, time_zone):
        line = line_of(entry, Names.of([entry]) if names is None else names, customer)
        return _render("entry", e=line)


def thread_head(
    conversation: Conversation, access: Access, *, language: str, time_zone: str
) -> str:
    """Return the head of an open thread with what this person may do; personal.

    The conversation carries customer, channel, topic, owner and queue.
    """
    with reading(language, time_zone):
        return _render("thread_head", thread=thread_of(access, conversation))


def thread_facts(conversation: Conversation, *, language: str, time_zone: str) -> str:
    """Return the state line of an open thread, the same for everybody."""
    with reading(language, time_zone):
        return _render("thread_facts_live", thread=Facts(conversation))


def viewers(
    conversation_id: int,
    people: Sequence[Staff],
    *,
    typing: str = "",
    customer_typing: bool = False,
    language: str,
) -> str:
    """Return who looks at the thread and who is writing in it."""
    with reading(language, "UTC"):
        return _render(
            "viewers_live",
            conversation_id=conversation_id,
            viewers=people,
            typing=typing,
            customer_typing=customer_typing,
        )


def presence(card: Card, *, language: str) -> str:
    """Return the card with a person's own presence and capacity; personal."""
    with reading(language, card.staff.timezone):
        return _render("presence", **card_context(card))


def call_dock(staff: Staff, *, language: str) -> str:
    """Return the calls that run with a person now; personal, needs an open transaction."""
    with reading(language, staff.timezone):
        return _render("call_dock", running=shown_calls(staff))


def views(access: Access, *, view: str, language: str) -> str:
    """Return the navigation between views with this person's counts; personal, one query."""
    with reading(language, "UTC"):
        return _render("views", views=view_items(access), view=view)


def board(board: Board, *, language: str, time_zone: str) -> str:
    """Return every part of the supervisor's board, one element after the other."""
    with reading(language, time_zone):
        return _render("board", board=board)


def toast(
    text: str,
    *,
    language: str,
    icon: str = "info",
    url: str = "",
    url_label: str = "",
    undo_url: str = "",
    undo_until: datetime | None = None,
) -> str:
    """Return a short notice, with a link or with an undo that runs out; personal."""
    with reading(language, "UTC"):
        return _render(
            "toast",
            text=text,
            icon_name=icon,
            url=url,
            url_label=url_label,
            undo_url=undo_url,
            undo_until=undo_until,
        )


def removed_row(conversation_id: int) -> str:
    """Return what takes a row off the screens of those who may no longer see it; personal."""
    return _render("removed_row", conversation_id=conversation_id)


def closed_thread(conversation_id: int, *, language: str) -> str:
    """Return what replaces an open thread that its reader may no longer see; personal."""
    with reading(language, "UTC"):
        return _render("thread_closed", conversation_id=conversation_id)


def _render(name: str, **context: Any) -> str:  # Any: a template context
    return get_template(f"portal/fragments/{name}.html").render(context)
