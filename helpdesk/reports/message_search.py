"""Finds messages by their words in all that a person may see, newest first."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db import OperationalError, connection, transaction
from django.db.models import Prefetch, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from helpdesk import permissions
from helpdesk.access import Access, visible_conversations
from helpdesk.errors import HelpdeskError, Invalid
from helpdesk.models import Attachment, Customer, Message, Staff
from helpdesk.reports.customer_search import customers_named
from helpdesk.search.asking import Query, near
from helpdesk.search.marking import Part, beginning, snippet
from helpdesk.tenancy import visible_organization_id

PAGE = 25
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEY = re.compile(r"(-?[0-9]{1,16})-([0-9]{1,18})(-near)?")
# Who is meant by a name: more bearers of it than this are not told apart by it.
MOST_WRITERS = 500
LIMIT_MS = 2_000
_LIMIT = """
SELECT current_setting('statement_timeout'), set_config('statement_timeout', %s, true)
"""
_FOUND = """
SELECT id, at FROM everydesk_messages_found(
  asked => %s::tsquery, seen => %s::bigint[], me => %s, moment => %s,
  before_at => %s, before_id => %s, since => %s, until => %s,
  of_channel => %s, of_states => %s::text[], of_owner => %s, of_department => %s, of_customer => %s,
  of_direction => %s, of_author => %s, of_customers => %s::bigint[], of_staff => %s::bigint[], most => %s)
"""


class TooBroad(HelpdeskError):
    """Finding it took longer than a search may."""

    code = "search_too_broad"
    status = 422
    message = _("This search takes too long. Ask for more words, or for a shorter time.")


class Place(NamedTuple):
    """Where a page of hits ends; the next one begins behind it."""

    at: datetime
    message_id: int
    # Wrong letters are forgiven on these pages.
    is_near: bool = False

    @property
    def key(self) -> str:
        """Return the place as an address names it."""
        microseconds = (self.at - _EPOCH) // timedelta(microseconds=1)
        return f"{microseconds}-{self.message_id}{'-near' if self.is_near else ''}"

    @classmethod
    def of(cls, key: str) -> "Place | None":
        """Return the place that an address names, None for none; raises Invalid for what is no place."""
        if not key:
            return None
        match = _KEY.fullmatch(key)
        if match is None:
            raise Invalid(_("This cursor is not one of ours."), field="cursor")
        at = _EPOCH + timedelta(microseconds=int(match[1]))
        return cls(at, int(match[2]), is_near=match[3] is not None)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is looked for: words and writers, and where; None does not narrow. Times include `since` only."""

    query: Query
    channel_id: int | None = None
    states: tuple[str, ...] = ()
    owner_id: int | None = None
    department_id: int | None = None
    customer_id: int | None = None
    author_id: int | None = None
    direction: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Hit:
    """A message that was found, and the surroundings of the words in it."""

    message: Message
    snippet: Sequence[Part]


@dataclass(frozen=True)
class Found:
    """A page of hits; `next` is where it ends when there are more, `is_near` when none was exact."""

    hits: Sequence[Hit] = ()
    next: Place | None = None
    is_near: bool = False


def find_messages(
    access: Access, wanted: Wanted, *, behind: Place | None = None, most: int = PAGE
) -> Found:
    """Return the newest hits behind a place among the messages that the person may see.

    Where nothing has exactly these words, a wrong letter in longer ones is forgiven. Without any, only a
    customer's messages are found. Raises TooBroad.
    """
    if wanted.query.is_empty and wanted.customer_id is None:
        return Found()
    with _limited():
        return _found(access, wanted, behind, most)


@contextmanager
def _limited() -> Iterator[None]:
    """Give each statement inside its time, and no more. Raises TooBroad."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_LIMIT, [f"{LIMIT_MS}ms"])
            [(usual, _limit)] = cursor.fetchall()
            yield
            cursor.execute(_LIMIT, [usual])
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != "57014":  # canceled by the limit
            raise
        raise TooBroad from error


def _found(access: Access, wanted: Wanted, behind: Place | None, most: int) -> Found:
    if behind is None or not behind.is_near:
        found = _page(access, wanted, behind, most)
        if found.hits or behind is not None or not wanted.query.forgivable:
            return found
    known = _known([each for word in wanted.query.forgivable for each in near(word)])
    return _page(access, replace(wanted, query=wanted.query.forgiving(known)), behind, most)


def _page(access: Access, wanted: Wanted, behind: Place | None, most: int) -> Found:
    places = _places(access, wanted, behind, most + 1)
    shown = places[:most]
    messages = _shown(access, [place.message_id for place in shown])
    found = [messages[place.message_id] for place in shown if place.message_id in messages]
    is_near = wanted.query.is_forgiving
    last = shown[-1]._replace(is_near=is_near) if len(places) > most else None
    return Found([_hit(message, wanted.query) for message in found], last, is_near)


def _places(access: Access, wanted: Wanted, behind: Place | None, most: int) -> list[Place]:
    writers = [_writers(name) for name in wanted.query.writers]
    customers = {pk for some, _people in writers for pk in some} if writers else None
    people = {pk for _some, some in writers for pk in some} if writers else None
    values = [
        wanted.query.tsquery(visible_organization_id()),
        sorted(access.allowed(permissions.CONVERSATION_VIEW)),
        access.staff_id if access.is_active else None,
        timezone.now(),
        behind.at if behind else None,
        behind.message_id if behind else None,
        wanted.since,
        wanted.until,
        wanted.channel_id,
        list(wanted.states) or None,
        wanted.owner_id,
        wanted.department_id,
        wanted.customer_id,
        wanted.direction,
        wanted.author_id,
        None if customers is None else sorted(customers),
        None if people is None else sorted(people),
        most,
    ]
    with connection.cursor() as cursor:
        cursor.execute(_FOUND, values)
        return [Place(at, pk) for pk, at in cursor.fetchall()]


def _known(words: list[str]) -> set[str]:
    """Return those of the words with which some word of the organization's messages begins."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT word FROM everydesk_words_known(%s::text[])", [words])
        return {word for (word,) in cursor.fetchall()}


def _writers(name: str) -> tuple[list[int], list[int]]:
    """Return the customers and the colleagues who are meant: by part of a name, or by a whole address."""
    address = Q(email__in={name, name.lower()}) | Q(phone=name) | Q(number=name)
    addressed = Customer.objects.filter(address).order_by("-pk").values_list("pk", flat=True)
    called = Q(name__icontains=name) | Q(name_en__icontains=name)
    people = Staff.objects.filter(called).order_by("pk").values_list("pk", flat=True)
    customers = {*customers_named(name, MOST_WRITERS), *addressed[:MOST_WRITERS]}
    return sorted(customers), list(people[:MOST_WRITERS])


def _shown(access: Access, message_ids: Sequence[int]) -> dict[int, Message]:
    """Return messages with all that is shown of a hit; asks once more whether the person may see them."""
    names = Prefetch("attachments", Attachment.objects.only("message", "name").order_by("id"))
    rows = Message.objects.filter(
        pk__in=message_ids, conversation__in=visible_conversations(access)
    ).select_related("entry__actor", "conversation__customer", "conversation__channel", "letter")
    return {
        message.pk: message
        for message in rows.defer("letter__html", "letter__full_text").prefetch_related(names)
    }


def _hit(message: Message, query: Query) -> Hit:
    letter = getattr(message, "letter", None)
    subjects = (message.conversation.subject, letter.subject if letter else "")
    names = [file.name for file in message.attachments.all()]
    for text in (message.text, *subjects, *names):
        found = snippet(text, query.pattern)
        if found is not None:
            return Hit(message, found)
    return Hit(message, beginning(message.text or next(iter(filter(None, subjects)), "")))
