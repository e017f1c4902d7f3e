"""What a staff socket asks the database for itself: who it belongs to, and what its thread lacks."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.sessions.backends.base import SessionBase
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from helpdesk import fragments, permissions
from helpdesk.access import Access, access_of_id, accesses_of, visible_conversations
from helpdesk.access import conversation as visible_conversation
from helpdesk.errors import NotFound
from helpdesk.models import Conversation, Entry, Staff
from helpdesk.portal.happenings import Names
from helpdesk.portal.timeline import entries_of
from helpdesk.services import lifecycle, presence
from helpdesk.tenancy import organization_scope, organization_transaction

# A thread that lacks more than this is loaded anew by its page.
MOST_MISSING = 200

Way = tuple[str, str]  # language and time zone


@dataclass(frozen=True, slots=True)
class Reader:
    """Whose screen it is, and how they read."""

    organization_id: int
    staff_id: int
    user_id: int
    session_key: str
    epoch: int
    way: Way

    @property
    def language(self) -> str:
        return self.way[0]


@dataclass(frozen=True, slots=True)
class Missing:
    """What an open thread lacks."""

    last_number: int
    html: str


def enter(session: SessionBase, user: Any) -> Reader:  # Any: User or AnonymousUser
    """Return the reader behind a session, and note that they are here. Raises NotFound."""
    organization_id = session.get("organization_id")
    if not getattr(user, "is_authenticated", False) or not user.is_active or not organization_id:
        raise NotFound
    with organization_scope(organization_id):
        with organization_transaction():
            staff = Staff.objects.filter(
                user_id=user.pk, is_active=True, organization__is_active=True
            ).first()
            if staff is None:
                raise NotFound
        presence.sign(staff.pk)
    return Reader(
        organization_id=organization_id,
        staff_id=staff.pk,
        user_id=user.pk,
        session_key=session.session_key or "",
        epoch=staff.permission_epoch,
        way=(user.language or session.get("language") or "zh-hans", staff.timezone),
    )


def leave(reader: Reader) -> None:
    """Let the lease of somebody end soon whose last screen here was closed."""
    with organization_scope(reader.organization_id):
        presence.sign_off(reader.staff_id)


def sign(reader: Reader) -> None:
    """Renew the lease of somebody who is here."""
    with organization_scope(reader.organization_id):
        presence.sign(reader.staff_id)


def may_see_board(reader: Reader) -> bool:
    """Tell whether the reader may see the board of any department."""
    with organization_scope(reader.organization_id), organization_transaction():
        return bool(access_of_id(reader.staff_id).allowed(permissions.BOARD_VIEW))


def see(reader: Reader, conversation_id: int, number: int) -> bool:
    """Note what the owner has seen; tells whether that is news for the customer."""
    with organization_scope(reader.organization_id), organization_transaction():
        access = access_of_id(reader.staff_id)
        found = visible_conversation(access, conversation_id)
        lifecycle.seen_by_owner(access, conversation_id, number)
        return found.owner_id == reader.staff_id and found.owner_seen_number < number


def check_visible(reader: Reader, conversation_id: int) -> None:
    """Raise NotFound when the person may not see the conversation."""
    with organization_scope(reader.organization_id), organization_transaction():
        visible_conversation(access_of_id(reader.staff_id), conversation_id)


def missing(reader: Reader, conversation_id: int, after: int) -> Missing:
    """Return the entries after a number, up to the newest there is now. Raises NotFound."""
    with organization_scope(reader.organization_id), organization_transaction():
        found = visible_conversation(access_of_id(reader.staff_id), conversation_id)
        start = max(after, found.last_number - MOST_MISSING)
        entries = list(entries_of(found.pk, after=start, up_to=found.last_number))
        drawn = drawn_entries(found, entries, {reader.way})
        return Missing(found.last_number, "".join(each[reader.way] for each in drawn.values()))


def gone_thread(reader: Reader, conversation_id: int) -> str:
    """Return what takes a thread and its row off the screen of somebody who may not see it."""
    closed = fragments.closed_thread(conversation_id, language=reader.language)
    return closed + fragments.removed_row(conversation_id)


def accesses(staff_ids: Iterable[int]) -> dict[int, Access]:
    """Return what each of these may do now; a transaction is open."""
    rows = Staff.objects.filter(pk__in=list(staff_ids)).only(
        "id", "organization_id", "user_id", "permission_epoch", "is_active"
    )
    return accesses_of(rows)


def drawn_entries(
    found: Conversation, entries: list[Entry], ways: set[Way]
) -> dict[int, dict[Way, str]]:
    """Return the fragment of each entry, by number and way of reading; a transaction is open."""
    drawn: dict[int, dict[Way, str]] = {entry.number: {} for entry in entries}
    for language, zone in ways:
        with fragments.reading(language, zone):
            names = Names.of(entries)
            for entry in entries:
                drawn[entry.number][language, zone] = fragments.entry(
                    entry,
                    customer=found.customer.label,
                    names=names,
                    language=language,
                    time_zone=zone,
                )
    return drawn


def still_visible(
    organization_id: int, shown: dict[int, set[int]], known_epochs: dict[int, int]
) -> dict[int, tuple[Access, set[int]]]:
    """Return the access now, and the lost ids among those shown, of each whose access may have changed.

    A known epoch that is still the same means that nothing changed; people without access are left out.
    """
    with organization_transaction(organization_id):
        can = accesses(shown)
        return {
            staff_id: (access, _lost(access, shown[staff_id], known_epochs.get(staff_id)))
            for staff_id, access in can.items()
        }


def _lost(access: Access, shown: set[int], known_epoch: int | None) -> set[int]:
    if access.epoch == known_epoch or not shown:
        return set()
    ids = list(shown)[:1000]
    return shown - set(
        visible_conversations(access).filter(pk__in=ids).values_list("pk", flat=True)
    )


def called_in(conversation_id: int, language: str, *, is_behind: bool = False) -> str:
    """Return the notice for somebody who was called into a conversation, or stands behind its owner."""
    with translation.override(language):
        text, label = _("A colleague asks for your help in a conversation."), _("Open")
        if is_behind:
            text = _("You stand behind a colleague who is learning with a conversation.")
    url = reverse("portal:conversation", args=[conversation_id])
    return fragments.toast(text, language=language, icon="at", url=url, url_label=label)


def names_of(organization_id: int, staff_ids: Iterable[int]) -> dict[int, dict[str, str]]:
    """Return what visitors read of colleagues, in the widget's languages."""
    with organization_transaction(organization_id):
        people = Staff.objects.filter(pk__in=list(staff_ids)).values_list("pk", "name", "name_en")
        return {pk: {"zh": name, "en": name_en or name} for pk, name, name_en in people}
