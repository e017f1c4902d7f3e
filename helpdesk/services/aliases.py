"""What identities are also known by, normalised: told by channels, typed by people, ended when it changes hands."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db import connection
from django.utils import timezone

from helpdesk.models import Identity, IdentityAlias, Organization
from helpdesk.phones import e164
from helpdesk.tenancy import current_organization_id

Kind = IdentityAlias.Kind
# Names of an account on its own channel, and names of a person anywhere.
ACCOUNT = (Kind.USER_ID, Kind.NUMBER)
PERSON = (Kind.UNION_ID, Kind.PHONE, Kind.MAIL)
# What is kept of one identity at a time; nobody honest has more.
MOST = 20


@dataclass(frozen=True, slots=True)
class Known:
    """One name as it was told; verified where the channel vouches for it."""

    kind: str
    value: str
    is_verified: bool = False
    scope: str = ""


class Named(NamedTuple):
    """One name, normalised."""

    kind: str
    value: str
    is_verified: bool
    scope: str = ""


def fingerprint(known: Iterable[Known]) -> str:
    """Return a short text that is the same for the same names; empty for none."""
    told = sorted(f"{one.kind}\n{one.scope}\n{one.value}\n{one.is_verified}" for one in known)
    return hashlib.sha256("\n\n".join(told).encode()).hexdigest()[:32] if told else ""


def named(known: Sequence[Known]) -> list[Named]:
    """Return the names normalised, without those that are none; phones as in the organization's country."""
    found = [(each, _even(each)) for each in known[:MOST]]
    rows = [Named(each.kind, value, each.is_verified, each.scope) for each, value in found if value]
    return list(dict.fromkeys(rows))


def keep(identity: Identity, names: Sequence[Named]) -> list[Named]:
    """Store names of an identity; returns those that were not known so of it. What is verified stays so.

    A name of an account belongs to whom the vendor named it for last. The transaction is open.
    """
    rows = {(row.kind, row.scope, row.value): row for row in identity.aliases.order_by("id")[:200]}
    news = [each for each in names if _is_news(rows.get((each.kind, each.scope, each.value)), each)]
    for each in news:
        if each.is_verified and each.kind in ACCOUNT:
            _take_from_others(identity, each)
        IdentityAlias.objects.update_or_create(
            identity=identity,
            kind=each.kind,
            scope=each.scope,
            value=each.value,
            defaults={
                "channel_id": identity.channel_id,
                "is_verified": each.is_verified,
                "ended_at": None,
            },
        )
    return news


def end(identity: Identity, values: Sequence[str]) -> None:
    """Let numbers lead to an identity no more, as an address of its account and as a phone of its person."""
    if not values:
        return
    phones = [f"+{each.rpartition(':')[2].lstrip('+')}" for each in values]
    identity.aliases.filter(
        kind__in=[Kind.NUMBER, Kind.PHONE], value__in=[*values, *phones], ended_at__isnull=True
    ).update(ended_at=timezone.now())


def lock(names: Iterable[Named]) -> None:
    """Keep others from giving the same verified names of a person to another customer meanwhile."""
    keys = {
        f"{each.kind}\n{each.value}" for each in names if each.is_verified and each.kind in PERSON
    }
    with connection.cursor() as cursor:
        for key in sorted(keys):
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtext(%s), hashtext(%s))",
                ["everydesk.alias", f"{current_organization_id()}\n{key}"],
            )


def _is_news(row: IdentityAlias | None, name: Named) -> bool:
    if row is None:
        return True
    return name.is_verified and (not row.is_verified or row.ended_at is not None)


def _take_from_others(identity: Identity, name: Named) -> None:
    IdentityAlias.objects.filter(
        channel_id=identity.channel_id,
        kind=name.kind,
        scope=name.scope,
        value=name.value,
        is_verified=True,
        ended_at__isnull=True,
    ).exclude(identity=identity).update(ended_at=timezone.now())


def _even(known: Known) -> str:
    value = known.value.strip()
    if known.kind == Kind.MAIL:
        return value.lower() if 3 <= len(value) <= 254 and value.count("@") == 1 else ""
    if known.kind == Kind.PHONE:
        return number_of(value)
    return value[:254]


def number_of(text: str) -> str:
    """Return a phone as E.164, read as in the organization's country; empty when it is none."""
    text = text.strip()
    return e164(text, "" if text.startswith("+") else _country()) if text else ""


def _country() -> str:
    found = Organization.objects.filter(pk=current_organization_id())
    return found.values_list("country", flat=True).first() or ""
