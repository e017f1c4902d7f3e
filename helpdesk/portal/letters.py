"""Letters as the timeline shows them: what is new in them, and the rest one click away."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

from django.db.models import Case, Exists, F, Func, IntegerField, OuterRef, Q, When
from django.db.models.functions import Left
from django.utils.translation import gettext as _

from helpdesk.models import Direction, Entry, Letter, Message, Participant
from helpdesk.services.addresses import bare_subject

# More of a letter than this is read on a page of its own.
MOST_SHOWN = 6_000
INTEGER = IntegerField()


class ShownLetter(TypedDict, total=False):
    """What is shown of a letter besides its new text; texts are empty where there is nothing to say."""

    id: str
    subject: str
    sender: str
    to: str
    cc: str
    proof: str
    full_text: str
    is_cut: bool
    signature: str
    has_html: bool
    pictures: int
    # What it is when no person wrote it.
    automatic: str


def letters_of(entries: Iterable[Entry]) -> dict[int, Letter]:
    """Return the letters among entries, by their message: of texts and HTML, which are large, what is needed.

    One query, and none where there are no letters.
    """
    wanted = [entry.pk for entry in entries if _came_as_letter(entry)]
    if not wanted:
        return {}
    others = Participant.objects.filter(
        conversation=OuterRef("message__conversation"), address=OuterRef("sender_address")
    )
    rows = (
        Letter.objects.filter(pk__in=wanted)
        .defer("html", "full_text", "remote_pictures", "references", "mail_id")
        .annotate(
            text=Case(
                When(~Q(full_text=F("message__text")), then=Left("full_text", MOST_SHOWN + 1)),
            ),
            has_html=~Q(html=""),
            pictures=Func(
                F("remote_pictures"), function="jsonb_array_length", output_field=INTEGER
            ),
            thread=F("message__conversation__subject"),
            is_others=Exists(others),
        )
        .order_by()
    )
    return {letter.pk: letter for letter in rows}


def letter_of(message: Message, letters: Mapping[int, Letter]) -> ShownLetter | None:
    """Return what is shown of a message's letter, from `letters_of`; None for what came as chat."""
    letter: Any = letters.get(message.pk)  # with what `letters_of` read beside it
    if letter is None:
        return None
    is_in = message.direction == Direction.IN
    text = (letter.text or "").strip()
    shown = ShownLetter(
        id=str(message.pk),
        subject=_subject(letter, letter.thread),
        sender=_written(letter.sender_address, letter.sender_name)
        if is_in and letter.is_others
        else "",
        to=", ".join(_written(*each) for each in letter.to),
        cc=", ".join(_written(*each) for each in letter.cc),
        full_text="" if text == message.text.strip() else text[:MOST_SHOWN],
        is_cut=len(text) > MOST_SHOWN,
        signature=letter.signature,
        has_html=letter.has_html,
        pictures=letter.pictures,
    )
    if is_in:
        shown["proof"] = {None: "none", False: "failed"}.get(letter.is_authentic, "")
        if letter.automatic:
            shown["automatic"] = _automatic(letter)
    return shown


def author_of(letter: ShownLetter, customer: str) -> str:
    """Return who wrote it, by name."""
    return letter["sender"].partition(" <")[0] if letter["sender"] else customer


def waiting_among(entries: Sequence[Entry]) -> frozenset[int]:
    """Return which of those who asked to take part in these entries still wait for a decision."""
    asked = [
        entry.data["participant"]
        for entry in entries
        if entry.kind == Entry.Kind.ASKED_TO_JOIN and isinstance(entry.data.get("participant"), int)
    ]
    if not asked:
        return frozenset()
    rows = Participant.objects.filter(pk__in=asked, state=Participant.State.WAITING)
    return frozenset(rows.values_list("pk", flat=True))


def _came_as_letter(entry: Entry) -> bool:
    message: Message | None = getattr(entry, "message", None)
    return message is not None and getattr(message, "letter", None) is not None


def _written(address: str, name: str = "") -> str:
    return f"{name} <{address}>" if name and name != address else address


def _subject(letter: Letter, thread: str) -> str:
    own = bare_subject(letter.subject)
    return letter.subject if own and own != bare_subject(thread) else ""


def _automatic(letter: Letter) -> str:
    who = {"who": letter.sender_name or letter.sender_address}
    match letter.automatic:
        case Letter.Automatic.ABSENCE:
            return _("Absence note of %(who)s") % who
        case Letter.Automatic.LIST:
            return _("Mailing list mail of %(who)s") % who
        case Letter.Automatic.BOUNCE:
            return _("Delivery report of %(who)s") % who
        case Letter.Automatic.OWN:
            return _("Automatic mail of %(who)s") % who
    return _("Automatic reply of %(who)s") % who
