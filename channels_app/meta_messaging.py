"""What Messenger and Instagram have in common: how messages are reported, and how they are sent.

https://developers.facebook.com/docs/messenger-platform/reference/webhook-events
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from channels_app import meta
from channels_app.json_fields import Fields, read_object
from channels_app.meta_words import MOST_TEXT, attachments_of, text_of
from channels_app.protocol import (
    Attachment,
    BadPayload,
    ChannelConfig,
    ContactIdentity,
    Event,
    EventKind,
    OutboundMessage,
    RawRequest,
    SendError,
    SendResult,
)
from channels_app.signs import reaction_data

# They report many at once after they could not reach us for a while.
MOST = 2000
LONGEST_ID = 250
# The test button of the app dashboard reports from this account.
TEST_ACCOUNT = "0"
# Fields of `changes` that report the same rows as `messaging` does.
_SAME = frozenset(
    {"messages", "message_edit", "message_reactions", "messaging_postbacks", "messaging_seen"}
)


@dataclass(frozen=True, slots=True)
class Place:
    """What the rows of one entry have in common."""

    account: str
    # Another app answers this person for now.
    is_standby: bool = False


def read_events(request: RawRequest, *, product: str, account: str = "") -> list[Event]:
    """Return what the call reports to an account; without one, to any. Raises BadPayload."""
    body = read_object(request.body)
    if body.line("object", 100) not in {"", product}:
        return []
    found: list[Event | None] = []
    for entry in body.each("entry", MOST):
        named = entry.identifier("id", 100)
        events = _entry(entry, named)
        if account and named not in {account, TEST_ACCOUNT, ""}:
            events = [_kept(each, "another_account") for each in events]
        found += events
    return [each for each in found if each is not None]


def _entry(entry: Fields, account: str) -> list[Event | None]:
    rows = entry.each("messaging", MOST)
    changes = entry.each("changes", MOST)
    rows += [each.fields("value") for each in changes if each.line("field", 100) in _SAME]
    found = [_read(row, Place(account)) for row in rows]
    standby = [_read(row, Place(account, is_standby=True)) for row in entry.each("standby", MOST)]
    return found + [_kept(each, "standby") for each in standby]


def _read(row: Fields, place: Place) -> Event | None:
    for name, read in _READERS.items():
        if name in row:
            return read(row, row.fields(name), place)
    return None


def _kept(event: Event | None, state: str) -> Event | None:
    """Return what is another's to answer: kept with its call, and nothing becomes of it here."""
    if event is None or event.kind == "receipt":
        return event
    return Event(
        kind="lifecycle",
        dedup_key=event.dedup_key,
        sender=event.sender,
        direction=event.direction,
        provider_id=event.provider_id,
        sent_at=event.sent_at,
        data={"state": state},
    )


def _message(row: Fields, message: Fields, place: Place) -> Event | None:
    found = message.identifier("mid", LONGEST_ID, required=True)
    if message.boolean("is_deleted"):
        return _made(row, "delete", found, place, provider_id=found)
    ours = message.line("metadata", 1000) if message.boolean("is_echo") else ""
    if _is_key(ours):
        # What we sent ourselves: it has been taken.
        return Event(
            kind="receipt",
            dedup_key=f"{found}:sent",
            status="sent",
            references=(found,),
            client_ref=ours,
            sent_at=row.moment("timestamp"),
        )
    return _made(
        row,
        "message",
        found,
        place,
        provider_id=found,
        text=text_of(message),
        attachments=attachments_of(message),
        reply_to=message.fields("reply_to").identifier("mid", LONGEST_ID),
    )


def _edit(row: Fields, edit: Fields, place: Place) -> Event | None:
    found = edit.identifier("mid", LONGEST_ID, required=True)
    text = edit.text("text", MOST_TEXT)
    number = _count(edit, "num_edit")
    if not text or number == 0:
        return None
    about = f"{found}:{number or row.moment('timestamp')}"
    return _made(row, "edit", about, place, provider_id=found, text=text, sequence=number)


def _postback(row: Fields, postback: Fields, place: Place) -> Event | None:
    """Read a pressed button; one with a title shows it to the customer as their own words."""
    title, payload = postback.text("title", 1000), postback.text("payload", 2000)
    found = postback.identifier("mid", LONGEST_ID)
    at = row.moment("timestamp")
    about = found or f"{at.isoformat() if at else ''}:{title}:{payload}"
    kind: EventKind = "message" if title else "postback"
    return _made(
        row, kind, about, place, provider_id=found, text=title or payload, data={"data": payload}
    )


def _reaction(row: Fields, reaction: Fields, place: Place) -> Event | None:
    about = reaction.identifier("mid", LONGEST_ID)
    at, action = row.moment("timestamp"), reaction.line("action", 50)
    # Where there is no sign of that, they name it only.
    emoji = reaction.line("emoji", 50) or reaction.line("reaction", 50)
    return _made(
        row,
        "reaction",
        f"{about}:{action}:{at}",
        place,
        references=(about,) if about else (),
        data=reaction_data(emoji, is_gone=action == "unreact", is_only=True),
    )


def _delivered(row: Fields, told: Fields, place: Place) -> Event | None:
    return _receipt(row, told, place, "delivered")


def _seen(row: Fields, told: Fields, place: Place) -> Event | None:
    return _receipt(row, told, place, "read")


def _receipt(row: Fields, told: Fields, place: Place, status: str) -> Event | None:
    """Read that messages came or were read: those that are named, or all up to a time."""
    named = told.identifiers("mids", MOST, LONGEST_ID) or (told.identifier("mid", LONGEST_ID),)
    references = tuple(filter(None, named))
    until = told.moment("watermark")
    if not references and until is None:
        return None
    about = f"{status}:{until.isoformat() if until else ''}:{','.join(references)}"
    return _made(
        row, "receipt", about, place, status=status, references=references, watermark=until
    )


_READERS: dict[str, Callable[[Fields, Fields, Place], Event | None]] = {
    "message": _message,
    "message_edit": _edit,
    "postback": _postback,
    "reaction": _reaction,
    "delivery": _delivered,
    "read": _seen,
}


def _made(
    row: Fields, kind: EventKind, about: str, place: Place, /, **facts: object
) -> Event | None:
    """Return an event with what all have; None where nobody is named whom we could answer."""
    sender = row.fields("sender").identifier("id")
    recipient = row.fields("recipient").identifier("id")
    is_ours = row.fields("message").boolean("is_echo") or (
        bool(place.account) and sender == place.account
    )
    person = recipient if is_ours else sender
    if not person:
        return None
    return Event(
        kind=kind,
        dedup_key=f"{about}:{kind}",
        sender=ContactIdentity(person, verified=True),
        direction="out" if is_ours else "in",
        sent_at=row.moment("timestamp"),
        **facts,  # type: ignore[arg-type]  # each caller gives fields of Event
    )


def _is_key(text: str) -> bool:
    """Tell whether this is a key of ours, such as we send along."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _count(data: Fields, name: str) -> int | None:
    """Return a number that some of them write as text."""
    try:
        return data.number(name)
    except BadPayload:
        text = data.line(name, 10)
        return int(text) if text.isascii() and text.isdigit() else None


def send(
    url: str,
    body: Mapping[str, object],
    message: OutboundMessage,
    config: ChannelConfig,
    *,
    may_tag: bool = False,
) -> SendResult:
    """Send one message; a person's answer that comes too late again, as one of a person, where `may_tag`.

    `body` says what is sent and how, and this to whom. Raises SendError.
    """
    body = {"recipient": {"id": message.to.external_id}, **body}
    try:
        answer = meta.post(url, body, config)
    except SendError as error:
        if error.kind != "window" or not may_tag or not message.context.get("author"):
            raise
        # Within seven days a person may still answer, if the app was allowed to.
        tagged = {**body, "messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
        answer = meta.post(url, tagged, config)
    return SendResult(status="sent", provider_ids=(_sent_id(answer),))


def link_to(file: Attachment) -> dict[str, object]:
    """Return a file that they do not take as a text that leads to it."""
    return {"text": f"{file.filename[:100]}\n{file.url}".strip()}


def file_at(file: Attachment, kind: str) -> dict[str, object]:
    """Return a file by its address, from where they fetch it."""
    return {"attachment": {"type": kind, "payload": {"url": file.url, "is_reusable": False}}}


def _sent_id(answer: Fields) -> str:
    try:
        return answer.identifier("message_id", LONGEST_ID, required=True)
    except BadPayload as error:
        reason = _("What answers there is not Meta.")
        raise SendError(reason, kind="other", ambiguous=True) from error
