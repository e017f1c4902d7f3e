"""What changed, as those who are connected may see it now: one transaction for each batch."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils import translation

from channels_app.live.staff_view import MOST_MISSING, Reader, Way, accesses, drawn_entries
from helpdesk import fragments, permissions
from helpdesk.access import Access, access_of, guests
from helpdesk.models import Conversation, Entry, Staff
from helpdesk.portal.presence import cards
from helpdesk.portal.timeline import entries_of
from helpdesk.reports.learners import learners
from helpdesk.reports.running_calls import has_calls
from helpdesk.services.calendars import with_calendars
from helpdesk.tenancy import organization_transaction
from routing.fragments import offer_dock


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
class Watched:
    """One open thread: who has it on a screen, who writes in it, and the languages of the screens."""

    conversation_id: int
    staff: set[int]
    writing: frozenset[int]
    languages: set[str]


@dataclass(slots=True)
class Question:
    """What one batch asks for the screens of one organization."""

    conversations: list[Asked] = field(default_factory=list)
    # staff -> the languages of their screens
    presence: dict[int, set[str]] = field(default_factory=dict)
    watched: list[Watched] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.conversations or self.presence or self.watched)


@dataclass(slots=True)
class Seen:
    """One changed conversation as it may be shown now."""

    conversation_id: int
    # Entries follow this number; whoever has less of the thread would be left with a gap.
    after: int = 0
    last_number: int = 0
    audience: set[int] = field(default_factory=set)
    rows: dict[Way, str] = field(default_factory=dict)
    # number -> way -> fragment
    entries: dict[int, dict[Way, str]] = field(default_factory=dict)
    facts: dict[Way, str] = field(default_factory=dict)
    heads: dict[int, dict[Way, str]] = field(default_factory=dict)
    # Something else than a message happened: what stands beside the thread is another now.
    is_context_changed: bool = False


@dataclass(slots=True)
class Answer:
    """What the screens are shown."""

    conversations: list[Seen] = field(default_factory=list)
    # staff -> language -> fragment
    presence: dict[int, dict[str, str]] = field(default_factory=dict)
    # conversation -> language -> staff -> fragment
    watched: dict[int, dict[str, dict[int, str]]] = field(default_factory=dict)


def look(organization_id: int, question: Question) -> Answer:
    """Return what is asked for, as it may be seen now."""
    with organization_transaction(organization_id):
        sight = _Sight.of(question)
        return Answer(
            [_seen(each, sight) for each in question.conversations],
            _presence(question.presence) if question.presence else {},
            _watched(question.watched, sight) if question.watched else {},
        )


def rows(reader: Reader, conversation_ids: Iterable[int]) -> dict[int, str]:
    """Return the rows of those of these conversations that somebody may see."""
    mine = {reader.staff_id: {reader.way}}
    asked = [Asked(each, mine, {}, 0, set(), is_moved=False) for each in conversation_ids]
    answer = look(reader.organization_id, Question(asked))
    return {
        seen.conversation_id: seen.rows[reader.way] for seen in answer.conversations if seen.rows
    }


@dataclass(frozen=True, slots=True)
class _Sight:
    """What there is, and who may see it."""

    rows: dict[int, Conversation]
    can: dict[int, Access]
    called: dict[int, set[int]]

    @classmethod
    def of(cls, question: Question) -> "_Sight":
        asked: list[Asked | Watched] = [*question.conversations, *question.watched]
        if not asked:
            return cls({}, {}, {})
        ids = {each.conversation_id for each in asked}
        rows = Conversation.objects.select_related(
            "customer", "channel", "topic", "department", "owner__department", "queue"
        ).annotate(**learners())
        staff_ids = {staff_id for each in asked for staff_id in each.staff}
        return cls(rows.in_bulk(list(ids)), accesses(staff_ids), guests(ids))

    def audience(self, conversation_id: int, staff_ids: Iterable[int]) -> set[int]:
        """Return those who may see the conversation."""
        found, called = self.rows.get(conversation_id), self.called[conversation_id]
        if found is None:
            return set()
        return {
            staff_id
            for staff_id in staff_ids
            if staff_id in self.can
            and self.can[staff_id].may(
                permissions.CONVERSATION_VIEW, found, is_guest=staff_id in called
            )
        }


def _seen(asked: Asked, sight: _Sight) -> Seen:
    audience = sight.audience(asked.conversation_id, asked.staff)
    if not audience:
        return Seen(asked.conversation_id)
    found = sight.rows[asked.conversation_id]
    rows = {
        (language, zone): fragments.conversation_row(found, language=language, time_zone=zone)
        for language, zone in {way for staff_id in audience for way in asked.staff[staff_id]}
    }
    seen = Seen(asked.conversation_id, asked.after, found.last_number, audience, rows)
    _open_threads(seen, asked, found, sight.can)
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
    seen.entries = drawn_entries(found, entries, ways)
    happened = any(entry.kind != Entry.Kind.MESSAGE for entry in entries)
    seen.is_context_changed = asked.is_moved or happened
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


def _presence(asked: dict[int, set[str]]) -> dict[int, dict[str, str]]:
    """Return the own card, the offer and the calls of each of these, in each language they read."""
    rows = Staff.objects.select_related("department", "position", "presence")
    rows = rows.filter(pk__in=list(asked)).annotate(has_calls=has_calls())
    people = list(with_calendars(rows))
    shown = cards(people)
    return {
        staff.pk: {
            language: fragments.presence(shown[staff.pk], language=language)
            + offer_dock(access_of(staff), language=language, time_zone=staff.timezone)
            + fragments.call_dock(staff, language=language)
            for language in asked[staff.pk]
        }
        for staff in people
    }


def _watched(asked: list[Watched], sight: _Sight) -> dict[int, dict[str, dict[int, str]]]:
    """Return, for each language and each reader, who else looks at a thread and who writes in it."""
    ids = {staff_id for each in asked for staff_id in each.staff | each.writing}
    known = Staff.objects.select_related("department").in_bulk(list(ids))
    return {
        each.conversation_id: {
            language: {
                reader_id: _others(each, reader_id, known, language)
                for reader_id in sight.audience(each.conversation_id, each.staff)
            }
            for language in each.languages
        }
        for each in asked
    }


def _others(watched: Watched, reader_id: int, known: dict[int, Staff], language: str) -> str:
    writers = _known(watched.writing - {reader_id}, known)
    with translation.override(language):
        typing = writers[0].label if writers else ""
    return fragments.viewers(
        watched.conversation_id,
        _known(watched.staff - {reader_id}, known),
        typing=typing,
        customer_typing=0 in watched.writing,
        language=language,
    )


def _known(staff_ids: Iterable[int], known: dict[int, Staff]) -> list[Staff]:
    return [known[staff_id] for staff_id in sorted(staff_ids) if staff_id in known]
