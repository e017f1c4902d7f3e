"""Letters as the timeline shows them: what is new in them, and the rest one click away."""

from collections.abc import Sequence
from typing import Any, TypedDict

from django.db.models import Case, Exists, F, Func, IntegerField, OuterRef, Q, QuerySet, When
from django.db.models.functions import Left
from django.utils.translation import gettext as _

from helpdesk.models import Entry, Letter, Message, Participant
from helpdesk.services.addresses import bare_subject

# More of a letter than this is read on a page of its own.
MOST_SHOWN = 6_000
SHOWN = tuple(
    f"message__letter__{name}"
    for name in ("subject", "sender_name", "sender_address", "to", "cc", "automatic", "signature",
                 "is_authentic")
)  # fmt: skip


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


def with_letters(entries: QuerySet[Entry]) -> QuerySet[Entry]:
    """Read what is shown of letters with the entries: of texts and HTML, which are large, what is needed.

    Chats pay for one join by key; everything else is looked at only where there is a letter.
    """
    is_letter = Q(message__letter__isnull=False)
    others = Participant.objects.filter(
        conversation=OuterRef("conversation"), address=OuterRef("message__letter__sender_address")
    )
    return entries.select_related("message__letter").annotate(
        letter_text=Case(
            When(
                is_letter & ~Q(message__letter__full_text=F("message__text")),
                then=Left("message__letter__full_text", MOST_SHOWN + 1),
            )
        ),
        letter_has_html=Case(When(is_letter, then=~Q(message__letter__html=""))),
        letter_pictures=Case(
            When(is_letter, then=_length("message__letter__remote_pictures")),
            output_field=IntegerField(),
        ),
        letter_thread=Case(When(is_letter, then=F("conversation__subject"))),
        letter_is_others=Case(When(is_letter & Q(message__direction="in"), then=Exists(others))),
    )


def letter_of(entry: Entry, message: Message) -> ShownLetter | None:
    """Return what is shown of a message's letter; None for a message that came as chat."""
    letter: Letter | None = getattr(message, "letter", None)
    if letter is None:
        return None
    read: Any = entry  # with what `with_letters` read
    text = (read.letter_text or "").strip()
    shown = ShownLetter(
        id=str(message.pk),
        subject=_subject(letter, read.letter_thread or ""),
        sender=_written(letter.sender_address, letter.sender_name) if read.letter_is_others else "",
        to=", ".join(_written(*each) for each in letter.to),
        cc=", ".join(_written(*each) for each in letter.cc),
        full_text="" if text == message.text.strip() else text[:MOST_SHOWN],
        is_cut=len(text) > MOST_SHOWN,
        signature=letter.signature,
        has_html=bool(read.letter_has_html),
        pictures=read.letter_pictures or 0,
    )
    if message.direction == "in":
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


def _length(name: str) -> Func:
    return Func(F(name), function="jsonb_array_length", output_field=IntegerField())


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
