"""What is known of the customer beside a conversation, through whichever door they came."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.postgres.aggregates import JSONBAgg
from django.db.models import Avg, Count, F, OuterRef, Q, QuerySet, Subquery, Window
from django.db.models.functions import JSONObject, Left
from django.utils.translation import gettext as _

from helpdesk import permissions as may_
from helpdesk.access import Access, sight_of
from helpdesk.models import (
    Consent,
    Conversation,
    Customer,
    CustomerMerge,
    Direction,
    Identity,
    IdentityAlias,
    MergeSuggestion,
    Message,
    Rating,
)
from helpdesk.models.base import label_of
from helpdesk.portal.rows import channel_icon
from helpdesk.prepared import Argument, prepared
from helpdesk.registries import takes_typed_addresses
from helpdesk.services import consents, matching
from helpdesk.sight import seen_from

PREVIOUS = 5
IDENTITIES = 6
NOTES = 3
MERGES = 5
ALIASES = 8
_NOTE_LENGTH = 160
_SHOWN_ALIASES = (IdentityAlias.Kind.PHONE, IdentityAlias.Kind.MAIL, IdentityAlias.Kind.NUMBER)


class ShownIdentity(NamedTuple):
    """One address of the customer."""

    icon: str
    shown: str
    is_verified: bool
    # Said by the customer, proved by nobody.
    is_claimed: bool = False
    # Replies wait for its holder's proof.
    awaits_proof: bool = False
    # Its mails are read by its holder; who writes by a form with it, nobody knows.
    is_reachable: bool = False
    # Theirs before: another has it by now, or nobody.
    is_former: bool = False


class Earlier(NamedTuple):
    """A previous conversation with the same customer."""

    pk: int
    label: str
    icon: str
    at: datetime
    stars: int | None


class Visited(NamedTuple):
    """The page a visitor was last seen on."""

    title: str
    url: str


class Note(NamedTuple):
    """An internal note of one of the customer's conversations."""

    conversation_id: int
    author: str
    text: str
    at: datetime


class Suggested(NamedTuple):
    """Somebody who may be the same customer, and what speaks for it."""

    pk: int
    other: Customer
    evidence: list[str]


@dataclass
class Past:
    """The customer's other conversations that this person may see."""

    newest: Sequence[Earlier] = field(default_factory=list)
    total: int = 0
    mean_stars: float | None = None


@dataclass
class Known:
    """What the panel shows besides addresses and earlier conversations."""

    conversation: Conversation
    may_change: bool
    notes: Sequence[Note]
    consents: Sequence[Consent]
    suggestions: Sequence[Suggested]
    merges: Sequence[CustomerMerge]


def read_known(access: Access, found: Conversation) -> Known:
    """Return what is known of the customer of a visible conversation; what may be decided only for who may."""
    may_change = bool(access.allowed(may_.CUSTOMER_CHANGE))
    return Known(
        found,
        may_change,
        _notes(access, found),
        consents.current(found.customer_id),
        [
            _suggested(each, found.customer_id)
            for each in matching.suggestions_of(access, found.customer_id)
        ],
        _standing_merges(found.customer_id) if may_change else [],
    )


@prepared
def _standing_merges(customer_id: Argument) -> QuerySet[CustomerMerge]:
    rows = CustomerMerge.objects.filter(kept_id=customer_id, undone_at__isnull=True)
    return rows.select_related("gone", "by").order_by("-id")[:MERGES]


def read_identities(
    conversation: Conversation,
) -> tuple[list[ShownIdentity], Visited | None]:
    """Return the customer's addresses on all channels, and the page they were last seen on."""
    found = _identities_of(conversation.customer_id)
    own = [
        ShownIdentity(
            channel_icon(kind),
            address if takes_typed_addresses(kind) else shown or label_of(name, name_en),
            is_verified and not takes_typed_addresses(kind),
            awaits_proof=awaits_proof,
            is_reachable=is_verified and takes_typed_addresses(kind),
        )
        for kind, name, name_en, shown, is_verified, awaits_proof, address, _data, _names in found
    ]
    named = [each for *_rest, names in found for each in names or []]
    typed = [str(data.get("email")) for *_rest, data, _names in found if data.get("email")]
    said = {one.shown for one in own} | {conversation.customer.email, conversation.customer.phone}
    said.add(conversation.customer.number)
    return own + _others(named, typed, said), _visited([data for *_rest, data, _names in found])


@prepared
def _identities_of(customer_id: Argument) -> QuerySet[Identity, Any]:  # Any: their columns
    told = JSONObject(
        value="aliases__value", is_verified="aliases__is_verified", ended="aliases__ended_at"
    )
    shown = Q(aliases__kind__in=_SHOWN_ALIASES)
    return (
        Identity.objects.filter(customer_id=customer_id)
        .annotate(names=JSONBAgg(told, filter=shown))
        .order_by("id")
        .values_list(
            *("channel__kind", "channel__name", "channel__name_en", "display_name", "is_verified"),
            *("awaits_proof", "external_id", "data", "names"),
        )[:IDENTITIES]
    )


def read_past(access: Access, conversation: Conversation) -> Past:
    """Return the newest other conversations of the customer, how many there are and how they were rated."""
    found = _others_of(conversation.customer_id, conversation.pk, *sight_of(access))
    newest = [
        Earlier(pk, subject or text or label_of(name, name_en), channel_icon(kind), at, score)
        for pk, subject, text, name, name_en, kind, at, score, _total, _mean in found
    ]
    return Past(newest, found[0][-2], found[0][-1]) if found else Past()


@prepared
def _others_of(
    customer_id: Argument, besides: Argument, seen: Argument, staff_id: Argument, now: Argument
) -> QuerySet[Conversation, Any]:  # Any: their columns
    stars = (
        Rating.objects.filter(conversation=OuterRef("pk")).order_by("-episode").values("score")[:1]
    )
    rows = Conversation.objects.filter(seen_from(seen, staff_id, now), customer_id=customer_id)
    return (
        rows.exclude(pk=besides)
        .annotate(stars=Subquery(stars))
        .annotate(total=Window(Count("*")), mean=Window(Avg("stars")))
        .order_by("-id")
        .values_list(
            *("pk", "subject", "last_text", "channel__name", "channel__name_en", "channel__kind"),
            *("opened_at", "stars", "total", "mean"),
        )[:PREVIOUS]
    )


def evidence_words(evidence: dict[str, Any]) -> str:  # Any: small JSON facts
    """Return what speaks for two customers being one, in the reader's language."""
    value = str(evidence.get("value", ""))
    words = {
        "phone": _("The same phone: %(value)s"),
        "mail": _("The same mail address: %(value)s"),
        "union_id": _("The same account over several channels"),
        "name": _("The same name and place: %(value)s"),
        "browser": _("Wrote from the same browser before signing in"),
        "address": _("The channel says that they have another address now"),
    }
    return words.get(str(evidence.get("kind")), _("Decided by a colleague")) % {"value": value}


def _others(
    named: list[dict[str, Any]], typed: list[str], said: set[str]
) -> list[ShownIdentity]:  # Any: JSON
    """Return the numbers and mail addresses that stand nowhere else, those of now before former ones."""
    found: dict[str, ShownIdentity] = {}
    for each in sorted(named, key=lambda one: (one["ended"] is not None, not one["is_verified"])):
        value, is_verified = str(each["value"]), bool(each["is_verified"])
        is_known = value in said or value in found or f"+{value}" in said | set(found)
        if is_known:
            continue
        found[value] = ShownIdentity(
            "mail" if "@" in value else "phone",
            value,
            is_verified and each["ended"] is None,
            is_claimed=not is_verified,
            is_former=each["ended"] is not None,
        )
    for email in typed:
        if email not in said and email.lower() not in found:
            found.setdefault(email, ShownIdentity("mail", email, False, is_claimed=True))
    return list(found.values())[:ALIASES]


def _visited(datas: list[dict[str, Any]]) -> Visited | None:  # Any: JSON
    for data in reversed(datas):
        url = str(data.get("page") or "")
        if url:
            shown = url if url.startswith(("https://", "http://")) else ""
            return Visited(str(data.get("title") or url), shown)
    return None


def _notes(access: Access, conversation: Conversation) -> list[Note]:
    """Return the newest notes of the customer's other conversations that this person may see."""
    found = _notes_of(conversation.customer_id, conversation.pk, *sight_of(access))
    return [
        Note(pk, label_of(name or "", name_en or ""), text, at)
        for pk, name, name_en, text, at in found
    ]


@prepared
def _notes_of(
    customer_id: Argument, besides: Argument, seen: Argument, staff_id: Argument, now: Argument
) -> QuerySet[Message, Any]:  # Any: their columns
    theirs = Conversation.objects.filter(seen_from(seen, staff_id, now), customer_id=customer_id)
    theirs = theirs.exclude(pk=besides).order_by("-id")
    rows = Message.objects.filter(
        conversation_id__in=theirs.values("pk")[:200], direction=Direction.NOTE
    )
    return (
        rows.order_by("-pk")
        .annotate(begin=Left("text", _NOTE_LENGTH), at=F("entry__at"))
        .values_list(
            "conversation_id", "entry__actor__name", "entry__actor__name_en", "begin", "at"
        )[:NOTES]
    )


def _suggested(row: MergeSuggestion, customer_id: int) -> Suggested:
    other: Customer = row.second if row.first_id == customer_id else row.first
    return Suggested(row.pk, other, [evidence_words(each) for each in row.evidence[:3]])
