"""Who is signed in, and ending it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils import timezone

from helpdesk.models import User
from helpdesk.services import grants
from helpdesk.tenancy import memberships, organization_transaction

SHOWN = 500


@dataclass(frozen=True)
class SignedIn:
    """One person with the number of their sessions and the end of the longest."""

    user: User
    count: int
    until: datetime


def signed_in() -> list[SignedIn]:
    """Return who is signed in now, the longest session first; at most 500 people."""
    counts: dict[str, list[datetime]] = {}
    for user_id, session in _running():
        counts.setdefault(user_id, []).append(session.expire_date)
    users = User.objects.in_bulk([int(user_id) for user_id in counts if user_id.isdecimal()])
    found = [
        SignedIn(users[int(user_id)], len(ends), max(ends))
        for user_id, ends in counts.items()
        if user_id.isdecimal() and int(user_id) in users
    ]
    return sorted(found, key=lambda row: row.until, reverse=True)[:SHOWN]


def running(keys: Iterable[str]) -> set[str]:
    """Return those of these session keys under which somebody may still be here.

    A new password ends the sessions that were begun under the old one.
    """
    rows = Session.objects.filter(pk__in=list(keys), expire_date__gt=timezone.now())
    found = {session.pk: session.get_decoded() for session in rows}
    names = {str(facts.get(SESSION_KEY, "")) for facts in found.values()}
    users = User.objects.filter(is_active=True).in_bulk([int(n) for n in names if n.isdecimal()])
    hashes = {str(pk): user.get_session_auth_hash() for pk, user in users.items()}
    return {
        key
        for key, facts in found.items()
        if facts.get(HASH_SESSION_KEY) == hashes.get(str(facts.get(SESSION_KEY)), object())
    }


def end_all(user_id: int, *, but: str | None = None) -> int:
    """End every session of the user, `but` the one with this key, and close their screens; returns how many."""
    mine = [session for owner, session in _running() if owner == str(user_id) and session.pk != but]
    for session in mine:
        session.delete()
    for organization_id, staff_id, _name in memberships(user_id):
        with organization_transaction(organization_id):
            # A new epoch closes the sockets; without a session they are not let in again.
            grants.refresh([staff_id])
    return len(mine)


def _running() -> Iterator[tuple[str, Session]]:
    rows = Session.objects.filter(expire_date__gt=timezone.now()).order_by("-expire_date")
    for session in rows.iterator(chunk_size=500):
        yield str(session.get_decoded().get(SESSION_KEY, "")), session
