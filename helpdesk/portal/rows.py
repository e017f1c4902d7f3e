"""The workspace's list: which conversations a view shows, in which groups and order."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, TypedDict
from urllib.parse import urlencode

from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.urls import reverse
from django.utils.translation import gettext as _

from helpdesk import permissions
from helpdesk.access import Access, running_mentions, visible_conversations
from helpdesk.models import OPEN_STATES, Conversation, Customer, Message, State
from helpdesk.models.base import label_of
from helpdesk.portal.navigation import COUNT_LIMIT, HELD
from helpdesk.registries import channel_kinds
from helpdesk.reports.customer_search import customers_named
from helpdesk.reports.learners import learners
from helpdesk.templatetags.portal import bounded, elapsed, moment, wait_tone

PAGE = 50
LAST_OFFSET = 500
URGENT, SOON = 70, 45
VIEWS = ("mine", "departments", "mentions", "waiting", "all")
SORTS = ("urgent", "waiting")
# What a row shows of a conversation, and of what it points to; building objects costs more than the query.
_OWN = (
    *("pk", "subject", "state", "urgency", "language", "department_id", "owner_id", "customer_id"),
    *("last_number", "last_text", "last_direction", "last_message_at"),
    *("waiting_since", "opened_at", "snoozed_until"),
)
_RELATED = ("customer__name", "customer__company", "channel__kind", "topic__name", "topic__name_en")
Facts = Mapping[str, Any]  # Any: columns of several types
# Larger than any time in seconds: what waits longest gets the largest rank.
_FAR = 10**10


@lru_cache(maxsize=1)
def conversations_url() -> str:
    """Return the address below which every conversation has its own."""
    return reverse("portal:conversation", args=[0]).removesuffix("0/")


def channel_icon(kind: str) -> str:
    """Return the name of the icon of a kind of channel."""
    return channel_kinds.get(kind).icon if kind in channel_kinds else "chat"


class Row(TypedDict):
    """One conversation in the list, ready to show: texts under keys are what a template reads fastest."""

    pk: str
    url: str
    name: str
    icon: str
    owner: str
    department: str
    state: str
    direction: str
    number: str
    # A number that is larger the more urgent, then the longer waiting.
    rank: str
    # A number that is larger the longer the customer has waited.
    waited: str
    text: str
    language: str
    topic: str
    tone: str
    at: str
    moment: str
    waiting: str
    waiting_tone: str
    waiting_time: str
    snoozed: str
    ended: str
    unread: str
    # The owner, where somebody stands behind them while they learn.
    learner: str


def facts_of(conversation: Conversation) -> Facts:
    """Return what a row shows of a conversation that carries customer, channel and topic."""
    customer, topic = conversation.customer, conversation.topic
    return {
        **{name: getattr(conversation, name) for name in _OWN},
        "customer__name": customer.name,
        "customer__company": customer.company,
        "channel__kind": conversation.channel.kind,
        "topic__name": topic.name if topic else None,
        "topic__name_en": topic.name_en if topic else None,
        **{name: getattr(conversation, name, None) for name in ("learner", "learner_en")},
    }


def row_of(facts: Facts) -> Row:
    """Return the row of a conversation, `unread` among the facts when the reader owns it."""
    pk, state, urgency = str(facts["pk"]), facts["state"], facts["urgency"]
    since, shown_at = facts["waiting_since"], facts["last_message_at"] or facts["opened_at"]
    waited = _FAR - int((since or shown_at).timestamp())
    name, company = facts["customer__name"], facts["customer__company"]
    name = name or Customer(pk=facts["customer_id"]).label
    return Row(
        pk=pk,
        url=f"{conversations_url()}{pk}/",
        name=f"{name} · {company}" if company else name,
        icon=channel_icon(facts["channel__kind"]),
        owner=str(facts["owner_id"] or ""),
        department=str(facts["department_id"]),
        state=state,
        direction=facts["last_direction"],
        number=str(facts["last_number"]),
        rank=str(urgency * _FAR + waited),
        waited=str(waited),
        text=facts["last_text"] or facts["subject"],
        language=facts["language"],
        topic=label_of(facts["topic__name"] or "", facts["topic__name_en"] or ""),
        tone="danger" if urgency >= URGENT else "warn" if urgency >= SOON else "",
        at=shown_at.isoformat(),
        moment=moment(shown_at),
        waiting=since.isoformat() if since else "",
        waiting_tone=wait_tone(since),
        waiting_time=elapsed(since),
        snoozed=moment(facts["snoozed_until"]),
        ended="" if state in OPEN_STATES else str(State(state).label),
        unread=bounded(facts["unread"]) if facts.get("unread") else "",
        learner=label_of(facts.get("learner") or "", facts.get("learner_en") or ""),
    )


@dataclass(frozen=True, slots=True)
class Group:
    """Rows under one heading."""

    key: str
    label: str
    rows: Sequence[Row]
    count: int
    hint: str = ""
    more_url: str = ""


@dataclass(frozen=True, slots=True)
class Empty:
    """What an empty list says, and the one thing to do next."""

    icon: str
    title: str
    text: str
    action: str = ""
    url: str = ""


@dataclass(frozen=True)
class ListRequest:
    """What the reader asked to see; every value is one we know."""

    view: str = "mine"
    sort: str = "urgent"
    search: str = ""
    offset: int = 0

    @classmethod
    def of(cls, query: "dict[str, str]") -> "ListRequest":
        """Return the request of a query string; unknown values become the usual ones."""
        view = query.get("view", "mine")
        search = query.get("q", "").replace("\x00", "").strip()[:80]
        offset = query.get("from", "")
        return cls(
            view="search" if view == "search" and search else view if view in VIEWS else "mine",
            sort=query["sort"] if query.get("sort") in SORTS else "urgent",
            search=search if view == "search" else "",
            offset=min(LAST_OFFSET, int(offset)) if offset.isdecimal() and len(offset) < 6 else 0,
        )

    def query(self, **changes: object) -> str:
        """Return the query string that asks for the same with `changes`."""
        values = {
            "view": self.view,
            "sort": self.sort,
            "q": self.search,
            "from": self.offset or "",
            **changes,
        }
        return urlencode({key: value for key, value in values.items() if value})


@dataclass(frozen=True)
class ListPage:
    """The list as a template shows it."""

    asked: ListRequest
    title: str
    groups: Sequence[Group]
    empty: Empty
    to_answer: int = 0
    pool_departments: str = ""
    sorts: Sequence[tuple[str, str]] = field(default_factory=tuple)
    # When it was read, in ms since the epoch: what changes later reaches the screen by its socket.
    read: int = 0

    @property
    def view(self) -> str:
        return self.asked.view

    @property
    def sort(self) -> str:
        return self.asked.sort

    @property
    def search(self) -> str:
        return self.asked.search

    @property
    def query(self) -> str:
        return self.asked.query()

    @property
    def has_rows(self) -> bool:
        return any(group.rows for group in self.groups)


def list_page(access: Access, asked: ListRequest) -> ListPage:
    """Return the list that was asked for."""
    read = int(time.time() * 1000)
    page = _mine(access, asked) if asked.view == "mine" else _one_group(access, asked)
    return replace(page, read=read)


def _one_group(access: Access, asked: ListRequest) -> ListPage:
    rows, has_more = _flat(access, asked)
    more = _more_url(asked) if has_more else ""
    group = Group("all", "", rows, len(rows), more_url=more)
    return ListPage(
        asked, _title(asked), [group], _empty(asked), pool_departments=_pool_departments(access)
    )


def _facts(rows: QuerySet[Conversation], **more: Any) -> QuerySet[Conversation, dict[str, Any]]:
    """Return the query for what rows show."""
    facts: QuerySet[Conversation, dict[str, Any]] = rows.annotate(**more).values(
        *_OWN, *_RELATED, *more
    )
    return facts


def _unread() -> Subquery:
    """Return how many of the customer's messages the owner of the outer conversation has not seen."""
    unseen = Message.objects.filter(
        conversation_id=OuterRef("pk"),
        direction="in",
        entry__number__gt=OuterRef("owner_seen_number"),
    )
    counted = unseen.order_by().values("conversation_id").annotate(count=Count("pk"))
    return Subquery(counted.values("count"))


def _mine(access: Access, asked: ListRequest) -> ListPage:
    held = _ordered(Conversation.objects.filter(owner_id=access.staff_id), asked)
    by_state: dict[str, list[Row]] = {state: [] for state in HELD}
    for facts in _facts(held, unread=_unread())[:PAGE]:
        by_state[facts["state"]].append(row_of(facts))
    pool, has_more = _pool(access, asked)
    turn, customer, snoozed = (by_state[state] for state in HELD)
    more = _more_url(asked) if has_more else ""
    pool_count = asked.offset + len(pool) + (COUNT_LIMIT if has_more else 0)
    groups = [
        Group("turn", _("My turn"), turn, len(turn)),
        Group("customer", _("With customer"), customer, len(customer), hint=_("½ slot each")),
        Group("snoozed", _("Snoozed"), snoozed, len(snoozed)),
        Group(
            "pool", _("Department pool"), pool, pool_count, hint=_("offered by fit"), more_url=more
        ),
    ]
    sorts = (("urgent", _("Most urgent")), ("waiting", _("Longest waiting")))
    return ListPage(
        asked,
        _title(asked),
        groups,
        _empty(asked),
        to_answer=len(turn),
        pool_departments=_pool_departments(access),
        sorts=sorts,
    )


def _pool_departments(access: Access) -> str:
    return " ".join(str(each) for each in sorted(access.allowed(permissions.CONVERSATION_VIEW)))


def _pool(access: Access, asked: ListRequest) -> tuple[list[Row], bool]:
    waiting = Conversation.objects.filter(
        state=State.QUEUED, department_id__in=access.allowed(permissions.CONVERSATION_VIEW)
    )
    return _page(_ordered(waiting, asked), asked.offset)


def _ordered(rows: QuerySet[Conversation], asked: ListRequest) -> QuerySet[Conversation]:
    oldest_first = F("waiting_since").asc(nulls_last=True)
    if asked.sort == "waiting":
        return rows.order_by(oldest_first, "-id")
    return rows.order_by("-urgency", oldest_first, "-id")


def _page(rows: QuerySet[Conversation], offset: int, **more: Any) -> tuple[list[Row], bool]:
    found = list(_facts(rows, **more)[offset : offset + PAGE + 1])
    return [row_of(one) for one in found[:PAGE]], len(found) > PAGE and offset < LAST_OFFSET


def _flat(access: Access, asked: ListRequest) -> tuple[list[Row], bool]:
    newest = F("last_message_at").desc(nulls_last=True)
    if asked.view == "waiting":
        rows = Conversation.objects.filter(owner_id=access.staff_id, state=State.WAITING)
        return _page(rows.order_by(newest, "-id"), asked.offset)
    if asked.view == "mentions":
        called_in = running_mentions(access.staff_id).values("conversation_id")
        rows = Conversation.objects.filter(pk__in=called_in)
        return _page(rows.order_by(newest, "-id"), asked.offset, **learners())
    if asked.view == "search":
        return _page(_found(access, asked.search).order_by("-id"), asked.offset)
    is_open = asked.view == "departments"
    ids = _newest_ids(access, is_open=is_open, limit=asked.offset + PAGE + 1)
    order = (newest, "-id") if is_open else ("-id",)
    rows = Conversation.objects.filter(pk__in=ids)
    return _page(rows.order_by(*order), asked.offset)


def _newest_ids(access: Access, *, is_open: bool, limit: int) -> list[int]:
    """Return the newest visible ids: each department is read from its own index, never the whole table."""
    order = F("last_message_at").desc() if is_open else F("id").desc()
    base = (
        Conversation.objects.filter(state__in=OPEN_STATES)
        if is_open
        else Conversation.objects.all()
    )
    departments = sorted(access.allowed(permissions.CONVERSATION_VIEW))
    parts = [base.filter(department_id=department) for department in departments]
    if not is_open:
        called_in = running_mentions(access.staff_id).values("conversation_id")
        parts += [base.filter(owner_id=access.staff_id), base.filter(pk__in=called_in)]
    if not parts:
        return []
    sliced = [part.order_by(order).values_list("pk")[:limit] for part in parts]
    combined = sliced[0].union(*sliced[1:]) if len(sliced) > 1 else sliced[0]
    return [pk for (pk,) in combined]


def _found(access: Access, search: str) -> QuerySet[Conversation]:
    number = search.upper().removeprefix("C-")
    visible = visible_conversations(access)
    if number.isdecimal() and len(number) < 15:
        return visible.filter(pk=int(number))
    return visible.filter(customer_id__in=customers_named(search))


def _more_url(asked: ListRequest) -> str:
    return f"{reverse('portal:workspace')}?{asked.query(**{'from': asked.offset + PAGE})}"


def _title(asked: ListRequest) -> str:
    titles = {
        "mine": _("Mine"),
        "departments": _("Departments"),
        "mentions": _("Mentions"),
        "waiting": _("With customer"),
        "all": _("All"),
        "search": _("Found for “%(text)s”") % {"text": asked.search},
    }
    return titles[asked.view]


def _empty(asked: ListRequest) -> Empty:
    departments = f"{reverse('portal:workspace')}?view=departments"
    if asked.view == "search":
        title = _("Nothing found for “%(text)s”") % {"text": asked.search}
        return Empty("search", title, _("Search by a customer's name or a number such as C-1042."))
    if asked.view == "mentions":
        return Empty(
            "at",
            _("Nobody is calling you"),
            _("When a colleague writes @ and your name in a note, it appears here."),
        )
    if asked.view == "waiting":
        return Empty(
            "clock",
            _("Nobody keeps you waiting"),
            _("Conversations in which the customer is to speak appear here."),
        )
    if asked.view == "mine":
        text = _("It is nobody's turn but the customers'. What fits you comes by itself.")
        return Empty("check", _("All answered"), text, _("Look at the departments"), departments)
    return Empty(
        "check", _("All quiet"), _("New conversations appear here the moment they arrive.")
    )
