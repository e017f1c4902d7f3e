"""Who wrote: the identity behind an address, under whichever of its names it comes.

Names of an account (another id of the vendor, the number it goes by) lead to the same identity, on their
own channel only. Names of a person (union id, phone, mail address) never do: two accounts may share one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from helpdesk.models import Channel, Customer, Identity, IdentityAlias
from helpdesk.phones import is_number
from helpdesk.services import aliases, audit, matching
from helpdesk.services.aliases import ACCOUNT, Known, Named

Kind = IdentityAlias.Kind
MOST_NAMESAKES = 5
_PROFILE = frozenset({"name", "company", "email", "phone", "place", "tags"})


@dataclass(frozen=True)
class Sender:
    """Who wrote, as the channel knows them."""

    external_id: str
    display_name: str = ""
    is_verified: bool = False
    # Replies to an address that is new wait until it is confirmed.
    awaits_proof: bool = False
    language: str = ""
    # Known facts of a new customer: name, company, email, phone, place, tags, external_id.
    profile: dict[str, Any] = field(default_factory=dict)
    # What is kept with the identity, such as the page the visitor is on.
    data: dict[str, Any] = field(default_factory=dict)
    # What else the account and whoever is behind it are known by.
    known: tuple[Known, ...] = ()


def identify(channel: Channel, sender: Sender) -> Identity:
    """Return the identity behind an address, made with its customer when it is new; the transaction is open.

    What the channel tells of it for the first time is kept.
    """
    found, others = _look_up(channel, sender)
    for each in others:
        # Its number has changed hands.
        aliases.end(each, [name for name in _names(sender) if is_number(name)])
    if found is None:
        return _begin(channel, sender)
    fingerprint = aliases.fingerprint(sender.known)
    if found.told == fingerprint and found.external_id == sender.external_id:
        return found
    if is_number(found.external_id) and not is_number(sender.external_id):
        # The vendor gave it an id of its own, which outlives the number.
        _rename(found, sender.external_id)
    if found.told != fingerprint:
        _note(found, sender.known, fingerprint)
    return found


def find(channel: Channel, sender: Sender) -> Identity | None:
    """Return the identity that a sender has on a channel, under this or another name; None when it is new."""
    return _look_up(channel, sender)[0]


def typed(identity: Identity, known: Sequence[Known]) -> None:
    """Keep what somebody typed of themselves, which proves nothing; the transaction is open."""
    names = aliases.named([replace(each, is_verified=False) for each in known])
    matching.follow(identity, aliases.keep(identity, names))


def readdress(identity: Identity, newer: Sequence[str]) -> Identity:
    """Give an identity the address that its vendor says it has now; the old one stays known. Locks the row.

    An id comes before a number. Where the newer address is known already, that identity is returned, and
    what is known of the older one leads there.
    """
    chosen = next((each for each in newer if not is_number(each)), next(iter(newer), ""))
    row: Identity = Identity.objects.select_for_update().get(pk=identity.pk)
    named = [Named(_kind(each), each, True) for each in newer]
    # A number that was left is anybody's; the vendor's own ids are never given out twice.
    left = [each.value for each in _numbers(row) if each.value not in newer]
    aliases.end(row, left)
    other = Identity.objects.filter(channel_id=row.channel_id, external_id=chosen)
    successor = other.exclude(pk=row.pk).first()
    if successor is not None:
        return successor
    if chosen and chosen != row.external_id:
        _rename(row, chosen, is_left=is_number(row.external_id))
    names = [*named, *_phones(named)]
    aliases.lock(names)
    matching.follow(row, aliases.keep(row, names))
    return row


def _look_up(channel: Channel, sender: Sender) -> tuple[Identity | None, list[Identity]]:
    """Return the sender's identity, if any, and those that had the sender's number before."""
    rows = Identity.objects.filter(channel=channel)
    own: Identity | None = rows.filter(external_id=sender.external_id).first()
    if own is not None:
        return own, []
    names = _names(sender)
    others: list[Identity] = []
    for each in _under(channel, names)[:MOST_NAMESAKES]:
        if not _is_another(each, sender, names):
            return each, others
        others.append(each)
    return None, others


def _begin(channel: Channel, sender: Sender) -> Identity:
    named = aliases.named(sender.known)
    aliases.lock(named)
    try:
        with transaction.atomic():
            identity = _new(channel, sender, matching.owner_of(named))
    except IntegrityError:
        return Identity.objects.get(channel=channel, external_id=sender.external_id)
    if named:
        matching.follow(identity, aliases.keep(identity, named))
    return identity


def _new(channel: Channel, sender: Sender, owner_id: int | None) -> Identity:
    return Identity.objects.create(
        customer_id=owner_id or _new_customer(sender).pk,
        channel=channel,
        external_id=sender.external_id,
        display_name=sender.display_name,
        is_verified=sender.is_verified,
        awaits_proof=sender.awaits_proof,
        data=sender.data,
        told=aliases.fingerprint(sender.known),
        seen_at=timezone.now(),
    )


def _new_customer(sender: Sender) -> Customer:
    profile = {name: value for name, value in sender.profile.items() if name in _PROFILE}
    profile.setdefault("name", sender.display_name)
    number = aliases.number_of(str(profile.get("phone", "")))
    return Customer.objects.create(language=sender.language, number=number, **profile)


def _note(identity: Identity, known: Sequence[Known], fingerprint: str) -> None:
    named = aliases.named(known)
    aliases.lock(named)
    news = aliases.keep(identity, named)
    identity.told = fingerprint
    identity.save(update_fields=["told"])
    matching.follow(identity, news)


def _names(sender: Sender) -> set[str]:
    """Return every name of the sender's account that the channel vouches for."""
    others = {each.value for each in sender.known if each.kind in ACCOUNT and each.is_verified}
    return {sender.external_id, *others}


def _under(channel: Channel, names: set[str]) -> QuerySet[Identity]:
    current = IdentityAlias.objects.filter(
        channel=channel, kind__in=ACCOUNT, value__in=names, is_verified=True, ended_at__isnull=True
    )
    known = Q(external_id__in=names) | Q(pk__in=current.values("identity_id"))
    return Identity.objects.filter(known, channel=channel).order_by("id")


def _is_another(found: Identity, sender: Sender, names: set[str]) -> bool:
    """Tell whether only the number is the same, and its account another: then the number has changed hands."""
    if is_number(sender.external_id) or is_number(found.external_id) or found.external_id in names:
        return False
    ids = found.aliases.filter(kind=Kind.USER_ID, value=sender.external_id, is_verified=True)
    return not ids.exists()


def _rename(identity: Identity, address: str, *, is_left: bool = False) -> None:
    """Let replies go to another address of the same account; a number that was left leads here no more."""
    before = identity.external_id
    identity.external_id = address
    identity.save(update_fields=["external_id"])
    aliases.keep(identity, [Named(_kind(before), before, True)])
    if is_left:
        aliases.end(identity, [before])
    audit.record("identity.readdressed", identity)


def _kind(address: str) -> str:
    return Kind.NUMBER if is_number(address) else Kind.USER_ID


def _numbers(identity: Identity) -> list[IdentityAlias]:
    return list(
        identity.aliases.filter(kind=Kind.NUMBER, ended_at__isnull=True).order_by("id")[:20]
    )


def _phones(named: Sequence[Named]) -> list[Named]:
    told = [
        Known(Kind.PHONE, f"+{each.value.lstrip('+')}", True)
        for each in named
        if each.kind == Kind.NUMBER
    ]
    return aliases.named(told)
