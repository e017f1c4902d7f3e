"""The page that finds messages and customers by words."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any, NamedTuple, cast

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from helpdesk import permissions
from helpdesk.access import Access, colleagues
from helpdesk.access import customer as visible_customer
from helpdesk.counting import count, seconds_left, window_key
from helpdesk.errors import TooMany
from helpdesk.models import Channel, Customer, Department, Direction, State
from helpdesk.portal.pages import access_of, frame, staff_only
from helpdesk.portal.rows import channel_icon, conversations_url
from helpdesk.portal.threads import PAGE as ENTRIES
from helpdesk.reports.customer_search import find_customers
from helpdesk.reports.message_search import Found, Hit, Place, TooBroad, Wanted, find_messages
from helpdesk.search.asking import LONGEST_QUERY, parse
from helpdesk.search.marking import Part

SEARCHES_A_MINUTE = 60
CHOICES = 200
CUSTOMERS = 5
LARGEST_ID = 2**63 - 1
# Entries behind the one that was found, where it is not among the newest.
_BEHIND = 10


class SearchForm(forms.Form):
    """What a search is narrowed to; everything may stay empty."""

    channel = forms.TypedChoiceField(label=gettext_lazy("Channel"), required=False)
    department = forms.TypedChoiceField(label=gettext_lazy("Department"), required=False)
    state = forms.ChoiceField(label=gettext_lazy("State"), required=False)
    direction = forms.ChoiceField(label=gettext_lazy("Kind of message"), required=False)
    owner = forms.TypedChoiceField(label=gettext_lazy("Owner"), required=False)
    author = forms.TypedChoiceField(label=gettext_lazy("Written by"), required=False)
    since = forms.DateField(label=gettext_lazy("From day"), required=False)
    until = forms.DateField(label=gettext_lazy("To day"), required=False)
    customer = forms.IntegerField(
        min_value=1, max_value=LARGEST_ID, required=False, widget=forms.HiddenInput
    )

    def __init__(self, access: Access, data: Any) -> None:  # Any: a QueryDict
        super().__init__(data)
        departments = Department.objects.filter(
            pk__in=access.allowed(permissions.CONVERSATION_VIEW)
        )
        people = _choices(colleagues(access).order_by("name", "pk"))
        self._offer("channel", _("All channels"), _choices(Channel.objects.order_by("name", "pk")))
        self._offer(
            "department", _("All departments"), _choices(departments.order_by("order", "pk"))
        )
        self._offer("state", _("Every state"), State.choices)
        self._offer("direction", _("Messages and notes"), Direction.choices)
        self._offer("owner", _("All owners"), people)
        self._offer("author", _("All authors"), people)

    def _offer(self, name: str, nothing: str, choices: Sequence[tuple[Any, Any]]) -> None:
        offered = cast("forms.ChoiceField", self.fields[name])
        offered.choices = [("", nothing), *choices]
        if isinstance(offered, forms.TypedChoiceField):
            offered.coerce, offered.empty_value = int, None

    def clean_since(self) -> date | None:
        return _in_our_time(self.cleaned_data["since"])

    def clean_until(self) -> date | None:
        return _in_our_time(self.cleaned_data["until"])

    @property
    def is_narrowed(self) -> bool:
        return any(self.data.get(name) for name in self.fields if name != "customer")


def _choices(rows: Any) -> list[tuple[int, str]]:  # Any: rows of one of several models
    return [(row.pk, str(row)) for row in rows[:CHOICES]]


def _in_our_time(day: date | None) -> date | None:
    """Return a day that instants can be made of."""
    if day and not 1970 <= day.year <= 2999:
        raise ValidationError(_("Enter a valid date."))
    return day


class ShownHit(NamedTuple):
    """A message that was found, ready to show."""

    url: str
    customer: str
    icon: str
    at: datetime
    direction: str
    # The colleague who wrote it, or empty.
    author: str
    language: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class SearchPage:
    """What was asked for and what was found, as the template shows it."""

    typed: str
    form: SearchForm
    found: Found = field(default_factory=Found)
    customers: Sequence[Customer] = ()
    customer: Customer | None = None
    older_url: str = ""
    error: str = ""

    @property
    def is_asked(self) -> bool:
        return bool(self.typed or self.customer)

    @cached_property
    def hits(self) -> list[ShownHit]:
        return [_shown(hit) for hit in self.found.hits]


@require_GET
@staff_only
def search(request: HttpRequest) -> HttpResponse:
    """Show the messages and the customers that were asked for; raises TooMany."""
    access = access_of(request)
    typed = request.GET.get("q", "").replace("\x00", " ").strip()[:LONGEST_QUERY]
    page = SearchPage(typed, SearchForm(access, request.GET))
    if typed or request.GET.get("customer"):
        _check_pace(access)
        page = _read(access, request, page)
    status = TooBroad.status if page.error else 200
    return render(request, "portal/search.html", frame(request, "search", page=page), status=status)


def _check_pace(access: Access) -> None:
    key = window_key("searches", access.organization_id, access.staff_id)
    if count(key) > SEARCHES_A_MINUTE:
        raise TooMany(retry_after_seconds=max(1, round(seconds_left())))


def _read(access: Access, request: HttpRequest, page: SearchPage) -> SearchPage:
    if not page.form.is_valid():
        return page
    given = page.form.cleaned_data
    behind = Place.of(request.GET.get("at", ""))
    if given["customer"]:
        page = replace(page, customer=visible_customer(access, given["customer"]))
    if behind is None and page.customer is None:
        page = replace(
            page, customers=find_customers(access, page.typed, without=0, most=CUSTOMERS)
        )
    try:
        found = find_messages(access, _wanted(page.typed, given), behind=behind)
    except TooBroad as error:
        return replace(page, error=str(error.message))
    if found.next is None:
        return replace(page, found=found)
    query = request.GET.copy()
    query["at"] = found.next.key
    return replace(page, found=found, older_url=f"?{query.urlencode()}")


def _wanted(typed: str, given: dict[str, Any]) -> Wanted:
    return Wanted(
        query=parse(typed),
        channel_id=given["channel"],
        states=(given["state"],) if given["state"] else (),
        owner_id=given["owner"],
        department_id=given["department"],
        customer_id=given["customer"],
        author_id=given["author"],
        direction=given["direction"] or None,
        since=_midnight(given["since"]),
        until=_midnight(given["until"] and given["until"] + timedelta(days=1)),
    )


def _midnight(day: date | None) -> datetime | None:
    return timezone.make_aware(datetime.combine(day, time())) if day else None


def _shown(hit: Hit) -> ShownHit:
    message, conversation = hit.message, hit.message.conversation
    actor = message.entry.actor
    return ShownHit(
        url=_address(conversation.pk, message.entry.number, conversation.last_number),
        customer=conversation.customer.label,
        icon=channel_icon(conversation.channel.kind),
        at=message.entry.at,
        direction=message.direction,
        author=actor.label if actor else "",
        language=message.language,
        parts=hit.snippet,
    )


def _address(conversation_id: int, number: int, last_number: int) -> str:
    """Return where the message is read: among the newest entries, or with some that followed it."""
    if number > last_number - ENTRIES:
        return f"{conversations_url()}{conversation_id}/#message-{number}"
    earlier = reverse("portal:earlier", args=[conversation_id])
    return f"{earlier}?before={number + _BEHIND + 1}#message-{number}"
