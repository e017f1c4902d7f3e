"""Answers that leave as letters: to whom, under which subject, signed, with what they answer below.

A letter quotes the customer's last letter only, never what was said before it: somebody who is added under
"cc" reads what that letter's recipients read, and nothing older.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils import translation
from django.utils.translation import gettext as _

from helpdesk.access import Access
from helpdesk.errors import Invalid
from helpdesk.models import (
    Channel,
    Conversation,
    Department,
    Direction,
    Entry,
    Letter,
    Message,
    Participant,
    Staff,
)
from helpdesk.registries import channel_kinds
from helpdesk.services import links, participants
from helpdesk.services.addresses import Address, bare_subject, one_line, read_addresses, without_tag

MOST_REFERENCES = 20
LONGEST_SUBJECT = 300
LANGUAGES = {"zh": "zh-hans"}


@dataclass(frozen=True, slots=True)
class LetterFields:
    """What the writer of a letter chose; `to` as it was shown to them, empty when nobody looked."""

    to: str = ""
    cc: str = ""
    subject: str = ""
    quotes: bool = True


class Joined(NamedTuple):
    """Somebody who takes part, and since when."""

    address: str
    name: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Draft:
    """What the next letter of a conversation begins with."""

    to: Address
    cc: tuple[Address, ...] = ()
    # Who else could be named, and who has read what would be quoted.
    suggestions: tuple[Address, ...] = ()
    readers: tuple[str, ...] = ()
    subject: str = ""
    references: tuple[str, ...] = ()
    quoted: Message | None = None


def mailbox_of(conversation: Conversation) -> Channel | None:
    """Return the channel through which answers leave as letters; None where they do not."""
    channel: Channel = conversation.channel
    if not is_lettered(channel):
        return None
    return channel.answers_by if channel.answers_by_id else channel


def is_lettered(channel: Channel) -> bool:
    """Tell whether what is answered on this channel leaves as letters."""
    kind = channel.answers_by.kind if channel.answers_by_id else channel.kind
    return kind in channel_kinds and "letters" in channel_kinds.get(kind).capabilities


def draft_of(conversation: Conversation, people: Iterable[Joined] | None = None) -> Draft:
    """Return what the next letter begins with: approved participants, `people`, stand under "cc"."""
    last, quoted = _last_letter_and_quoted(conversation)
    to = _customer(conversation)
    approved = list(_approved(conversation) if people is None else people)
    cc = tuple((one.address, one.name) for one in approved if one.address != to[0])
    readers = _readers(to, approved, last, quoted)
    named = dict([*_named_in(last), *_named_in(getattr(quoted, "letter", None))])
    mailbox = mailbox_of(conversation)
    taken = {to[0], str(mailbox.settings.get("address", "")).lower() if mailbox else ""}
    taken.update(address for address, _name in cc)
    subject = bare_subject((last.subject if last else "") or conversation.subject)
    return Draft(
        to=to,
        cc=cc,
        suggestions=tuple(one for one in named.items() if without_tag(one[0]) not in taken),
        readers=tuple(dict.fromkeys(readers)),
        subject=f"Re: {subject}".strip()[:LONGEST_SUBJECT],
        references=_references(last),
        quoted=quoted,
    )


def signature_of(staff: Staff) -> str:
    """Return what stands below a person's letters: their own, else the nearest department's above them.

    The variables {name}, {name_en}, {position} and {department} are filled in.
    """
    text = staff.signature or staff.department.signature or _inherited(staff.department)
    position = staff.position.label if staff.position else ""
    known = {
        "{name}": staff.name,
        "{name_en}": staff.name_en or staff.name,
        "{position}": position,
        "{department}": staff.department.label,
    }
    for variable, value in known.items():
        text = text.replace(variable, value)
    return text.strip()


def write(
    message: Message, conversation: Conversation, by: Access, fields: LetterFields | None = None
) -> Letter | None:
    """Make the letter of a reply, whose conversation is locked; None when replies are no letters there.

    Who gets it is decided here, once. Whoever is named under "cc" takes part from now on.
    Raises Invalid for addresses and subjects that are none, and when the customer's address has changed.
    """
    mailbox = mailbox_of(conversation)
    if mailbox is None:
        return None
    fields = fields or LetterFields()
    draft = draft_of(conversation)
    own = own_addresses()
    cc = _checked_cc(fields.cc, draft.to, own)
    _check_recipient(fields, draft)
    staff = Staff.objects.select_related("department", "position", "organization").get(
        pk=by.staff_id
    )
    with translation.override(language_of(conversation)):
        signature = signature_of(staff)
        quote = quote_of(draft.quoted, staff, conversation) if fields.quotes else ""
        sender = sender_name(mailbox)
    letter = Letter.objects.create(
        message=message,
        mail_id=new_mail_id(mailbox),
        references=list(draft.references),
        subject=_checked_subject(fields.subject) or draft.subject,
        sender_name=sender,
        sender_address=address_of(mailbox),
        to=[list(draft.to)],
        cc=[list(one) for one in cc],
        full_text="\n\n".join(part for part in (message.text.rstrip(), signature, quote) if part),
        signature=signature,
    )
    participants.add(by, conversation, cc)
    return letter


def new_mail_id(mailbox: Channel) -> str:
    """Return a new Message-ID; it is stored with its letter, by which it is known again."""
    domain = address_of(mailbox).rpartition("@")[2]
    return f"{secrets.token_hex(16)}@{domain}"


def quote_of(quoted: Message | None, staff: Staff, conversation: Conversation) -> str:
    """Return the customer's last letter as it is quoted, in the active language."""
    if quoted is None or not quoted.text.strip():
        return ""
    zone = ZoneInfo(staff.organization.timezone)
    at = quoted.entry.at.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    who = conversation.customer.label
    lines = "\n".join(f"> {line}".rstrip() for line in quoted.text.strip().splitlines())
    return _("On %(at)s, %(who)s wrote:") % {"at": at, "who": who} + f"\n{lines}"


def language_of(conversation: Conversation) -> str:
    """Return the language in which we write to the customer."""
    spoken = conversation.language or conversation.channel.language
    return LANGUAGES.get(spoken, spoken) or "en"


def own_addresses() -> frozenset[str]:
    """Return the addresses of the organization's own mailboxes."""
    listed = Channel.objects.filter(settings__has_key="address").values_list(
        "settings__address", flat=True
    )
    return frozenset(str(address).strip().lower() for address in listed if address)


def _checked_cc(text: str, to: Address, own: frozenset[str]) -> list[Address]:
    found: dict[str, str] = {}
    for address, name in read_addresses(text, field="cc"):
        if address != to[0] and without_tag(address) not in own:
            found.setdefault(address, name)
    return list(found.items())


def _check_recipient(fields: LetterFields, draft: Draft) -> None:
    if not draft.to[0]:
        raise Invalid(_("The customer has no mail address yet."), field="to")
    if fields.to and fields.to.strip().lower() != draft.to[0]:
        raise Invalid(
            _("The customer's address has changed meanwhile. Look at it and send again."),
            field="to",
        )


def _checked_subject(text: str) -> str:
    subject = text.strip()
    if subject != one_line(subject):
        raise Invalid(_("The subject must be one line."), field="subject")
    if len(subject) > LONGEST_SUBJECT:
        raise Invalid(_("The subject is too long."), field="subject", limit=LONGEST_SUBJECT)
    return subject


def _customer(conversation: Conversation) -> Address:
    identity = conversation.identity
    claimed = identity.data.get("email", "") if isinstance(identity.data, dict) else ""
    for address in (identity.external_id, claimed, conversation.customer.email):
        known = str(address or "").strip().lower()
        if known.count("@") == 1:
            return (known, one_line(identity.display_name or conversation.customer.name))
    return ("", "")


def _approved(conversation: Conversation) -> list[Joined]:
    rows = Participant.objects.filter(
        conversation=conversation, state=Participant.State.APPROVED
    ).order_by("id")
    return [Joined(*row) for row in rows.values_list("address", "name", "decided_at")]


def _readers(
    to: Address, approved: list[Joined], last: Letter | None, quoted: Message | None
) -> list[str]:
    """Return who has read what would be quoted: who got it, and who took part when it came."""
    found = [to[0]]
    if quoted is None:
        return found
    found += [address for address, _name in _named_in(getattr(quoted, "letter", None))]
    if last is not None and last.pk > quoted.pk:
        # Our own answer to it went to them.
        found += [address for address, _name in _named_in(last)]
    found += [one.address for one in approved if one.since and one.since <= quoted.entry.at]
    return found


def _last_letter_and_quoted(conversation: Conversation) -> tuple[Letter | None, Message | None]:
    """Return the last letter that a person wrote, and the last message that the customer wrote.

    What is quoted is no participant's and nothing automatic.
    """
    entries = _said(conversation)
    homes = links.homes(conversation)
    others = Participant.objects.filter(conversation_id__in=homes).values("address")
    last = entries.filter(message__letter__automatic="")
    quoted = (
        entries.filter(message__direction=Direction.IN, message__withdrawn_at__isnull=True)
        .exclude(message__letter__automatic__gt="")
        .exclude(message__letter__sender_address__in=others)
    )
    wanted = Q(pk=Subquery(last.values("pk")[:1])) | Q(pk=Subquery(quoted.values("pk")[:1]))
    rows = list(
        entries.filter(wanted)
        .select_related("message__letter", "conversation__identity")
        .annotate(is_quoted=Exists(quoted.filter(pk=OuterRef("pk"))))
        .defer("message__letter__html", "message__letter__full_text")
        .order_by("pk")
    )
    letters = [row.message.letter for row in rows if getattr(row.message, "letter", None)]
    people = [row for row in letters if not row.automatic]
    asked = [row.message for row in rows if row.is_quoted]
    if rows:
        conversation.identity = rows[0].conversation.identity
    return (people[-1] if people else None), (asked[-1] if asked else None)


def _said(conversation: Conversation) -> QuerySet[Entry]:
    """Return the entries of a conversation, newest first; of one that was split off, its messages and those before."""
    if not conversation.is_split_off:
        return Entry.objects.filter(conversation=conversation).order_by("-number")
    said = Message.objects.filter(links.said(conversation))
    return Entry.objects.filter(pk__in=said.values("pk")).order_by("-pk")


def _named_in(letter: Letter | None) -> list[Address]:
    """Return everybody whom a letter came from or went to, each once."""
    if letter is None:
        return []
    named = [[letter.sender_address, letter.sender_name], *letter.to, *letter.cc]
    found: dict[str, str] = {}
    for address, name in named:
        if address:
            found.setdefault(str(address).lower(), str(name))
    return list(found.items())


def _references(last: Letter | None) -> tuple[str, ...]:
    if last is None or not last.mail_id:
        return ()
    chain = [*(one for one in last.references if one != last.mail_id), last.mail_id]
    # The first names the thread, the last ones its end.
    return tuple(
        chain if len(chain) <= MOST_REFERENCES else chain[:1] + chain[1 - MOST_REFERENCES :]
    )


def _inherited(department: Department) -> str:
    """Return the signature of the nearest department above that has one."""
    above = department.parent_id
    if above is None:
        return ""
    listed = Department.objects.order_by().values_list("pk", "parent_id", "signature")
    rows = {pk: (parent, text) for pk, parent, text in listed}
    seen: set[int] = set()
    while above in rows and above not in seen:
        seen.add(above)
        above, text = rows[above]
        if text.strip():
            return str(text)
    return ""


def sender_name(mailbox: Channel) -> str:
    """Return under which name a mailbox writes, in the active language."""
    names = ("sender_name_en", "sender_name_zh")
    if not translation.get_language().startswith("en"):
        names = names[::-1]
    found = (str(mailbox.settings.get(name) or "").strip() for name in names)
    return one_line(next(filter(None, found), mailbox.label))


def address_of(mailbox: Channel) -> str:
    """Return the address of a mailbox. Raises Invalid when it has none."""
    address = str(mailbox.settings.get("address") or "").strip().lower()
    if address.count("@") != 1:
        raise Invalid(_("This channel has no mail address of its own yet."), field="channel")
    return address
