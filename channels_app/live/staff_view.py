"""What staff sockets ask the database: who may see what, rendered once for each way of reading."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.sessions.backends.base import SessionBase
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from helpdesk import fragments, permissions
from helpdesk.access import Access, access_of, access_of_id, guests, visible_conversations
from helpdesk.access import conversation as visible_conversation
from helpdesk.errors import NotFound
from helpdesk.models import Conversation, Entry, Presence, Staff
from helpdesk.portal.timeline import Names, entries_of
from helpdesk.services import lifecycle, presence
from helpdesk.tenancy import organization_scope, organization_transaction
from routing.fragments import offer_dock

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
    language: str
    time_zone: str

    @property
    def way(self) -> Way:
        return self.language, self.time_zone


@dataclass(frozen=True, slots=True)
class Missing:
    """What an open thread lacks."""

    last_number: int
    html: str


@dataclass(slots=True)
class Asked:
    """One changed conversation: who is connected, and who has it open from which number on."""

    conversation_id: int
    staff: dict[int, set[Way]]
    openers: dict[int, set[Way]]
    after: int
    again: set[int]
    is_moved: bool


@dataclass(slots=True)
class Seen:
    """One changed conversation as it may be shown now."""

    conversation_id: int
    last_number: int = 0
    audience: set[int] = field(default_factory=set)
    rows: dict[Way, str] = field(default_factory=dict)
    # number -> way -> fragment
    entries: dict[int, dict[Way, str]] = field(default_factory=dict)
    facts: dict[Way, str] = field(default_factory=dict)
    heads: dict[int, dict[Way, str]] = field(default_factory=dict)


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
        language=user.language or session.get("language") or "zh-hans",
        time_zone=staff.timezone,
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


def missing(reader: Reader, conversation_id: int, after: int) -> Missing:
    """Return the entries after a number, up to the newest there is now. Raises NotFound."""
    with organization_scope(reader.organization_id), organization_transaction():
        found = visible_conversation(access_of_id(reader.staff_id), conversation_id)
        start = max(after, found.last_number - MOST_MISSING)
        entries = list(entries_of(found.pk, after=start, up_to=found.last_number))
        drawn = _entries(found, entries, {reader.way})
        return Missing(found.last_number, "".join(each[reader.way] for each in drawn.values()))


def gone_thread(reader: Reader, values: dict[str, Any]) -> str:
    """Return what takes a thread and its row off the screen of somebody who may not see it."""
    closed = fragments.closed_thread(language=reader.language)
    conversation_id = values.get("conversation")
    return closed + (fragments.removed_row(conversation_id) if conversation_id else "")


def accesses(organization_id: int, staff_ids: Iterable[int]) -> dict[int, Access]:
    """Return what each of these may do now; a transaction is open."""
    rows = Staff.objects.filter(pk__in=list(staff_ids)).only(
        "id", "organization_id", "user_id", "permission_epoch", "is_active"
    )
    return {staff.pk: access_of(staff) for staff in rows}


def look(organization_id: int, asked: list[Asked]) -> list[Seen]:
    """Return the changed conversations as those who are connected may see them now."""
    with organization_transaction(organization_id):
        wanted = [each.conversation_id for each in asked]
        everybody = {staff_id for each in asked for staff_id in each.staff}
        can = accesses(organization_id, everybody)
        rows = Conversation.objects.select_related(
            "customer", "channel", "topic", "department", "owner__department", "queue"
        ).in_bulk(wanted)
        return [_seen(each, rows.get(each.conversation_id), can) for each in asked]


def _seen(asked: Asked, found: Conversation | None, can: dict[int, Access]) -> Seen:
    seen = Seen(asked.conversation_id)
    if found is None:
        return seen
    called = guests(found.pk)
    view = permissions.CONVERSATION_VIEW
    seen.audience = {
        staff_id
        for staff_id in asked.staff
        if staff_id in can and can[staff_id].may(view, found, is_guest=staff_id in called)
    }
    seen.last_number = found.last_number
    ways = {way for staff_id in seen.audience for way in asked.staff[staff_id]}
    seen.rows = {
        (language, zone): fragments.conversation_row(found, language=language, time_zone=zone)
        for language, zone in ways
    }
    _open_threads(seen, asked, found, can)
    return seen


def _open_threads(seen: Seen, asked: Asked, found: Conversation, can: dict[int, Access]) -> None:
    openers = {
        staff_id: ways for staff_id, ways in asked.openers.items() if staff_id in seen.audience
    }
    ways = {way for each in openers.values() for way in each}
    if not ways:
        return
    start = max(asked.after, found.last_number - MOST_MISSING)
    entries = list(entries_of(found.pk, after=start, up_to=found.last_number))
    again = [number for number in asked.again if number <= start]
    for number in again:
        entries += entries_of(found.pk, after=number - 1, up_to=number)
    seen.entries = _entries(found, entries, ways)
    seen.facts = {
        (language, zone): fragments.thread_facts(found, language=language, time_zone=zone)
        for language, zone in ways
    }
    if asked.is_moved:
        seen.heads = {
            staff_id: {
                (language, zone): fragments.thread_head(
                    found, can[staff_id], language=language, time_zone=zone
                )
                for language, zone in each
            }
            for staff_id, each in openers.items()
        }


def _entries(
    found: Conversation, entries: list[Entry], ways: set[Way]
) -> dict[int, dict[Way, str]]:
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
        can = accesses(organization_id, shown)
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


def presence_cards(organization_id: int, asked: dict[int, set[str]]) -> dict[int, dict[str, str]]:
    """Return the own card and the offer of each of these, in each language they read."""
    with organization_transaction(organization_id):
        people = Staff.objects.select_related("department", "position").filter(pk__in=list(asked))
        leases = Presence.objects.in_bulk(list(asked))
        return {
            staff.pk: {
                language: fragments.presence(
                    staff, _chosen(leases.get(staff.pk)), language=language
                )
                + offer_dock(access_of(staff), language=language, time_zone=staff.timezone)
                for language in asked[staff.pk]
            }
            for staff in people
        }


def _chosen(found: Presence | None) -> str:
    return str(found.status) if found else "online"


def viewers(
    organization_id: int,
    conversation_id: int,
    people: Iterable[int],
    writing: frozenset[int],
    ways: set[str],
) -> dict[str, dict[int, str]]:
    """Return, for each language and each reader, who else looks at a thread and who writes in it."""
    ids = set(people)
    with organization_transaction(organization_id):
        known = list(Staff.objects.select_related("department").filter(pk__in=ids | set(writing)))
    found: dict[str, dict[int, str]] = {}
    for language in ways:
        found[language] = {}
        for reader_id in ids:
            others = [each for each in known if each.pk in ids and each.pk != reader_id]
            writers = [each for each in known if each.pk in writing and each.pk != reader_id]
            with translation.override(language):
                typing = writers[0].label if writers else ""
            found[language][reader_id] = fragments.viewers(
                conversation_id,
                others,
                typing=typing,
                customer_typing=0 in writing,
                language=language,
            )
    return found


def called_in(conversation_id: int, language: str) -> str:
    """Return the notice for somebody who was called into a conversation."""
    with translation.override(language):
        text, label = _("A colleague asks for your help in a conversation."), _("Open")
    url = reverse("portal:conversation", args=[conversation_id])
    return fragments.toast(text, language=language, icon="at", url=url, url_label=label)


def names_of(organization_id: int, staff_ids: Iterable[int]) -> dict[int, dict[str, str]]:
    """Return what visitors read of colleagues, in the widget's languages."""
    with organization_transaction(organization_id):
        people = Staff.objects.filter(pk__in=list(staff_ids)).values_list("pk", "name", "name_en")
        return {pk: {"zh": name, "en": name_en or name} for pk, name, name_en in people}
