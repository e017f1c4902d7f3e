"""What becomes of an event: a message, a newer version of one, a receipt, or nothing, with the reason."""

from collections.abc import Callable
from dataclasses import replace

from django.utils import translation
from django.utils.translation import gettext as _

from channels_app.calls import recording
from channels_app.letters.plain import plain_text
from channels_app.models import InboundEvent
from channels_app.outgoing_events import message_stored
from channels_app.protocol import Attachment, Event, NotNow
from channels_app.registry import account_of, adapter_for
from channels_app.services import (
    fetching,
    letters,
    phoning,
    proving,
    reactions,
    receipts,
    staff_chats,
)
from channels_app.services.outcomes import Files, Outcome, State, reference_of
from channels_app.services.senders import sender_of
from helpdesk.errors import ChannelError
from helpdesk.models import Channel, Identity
from helpdesk.services import files as stored_files
from helpdesk.services import revising
from helpdesk.services.identifying import find, identify, readdress
from helpdesk.services.identities import move_open
from helpdesk.services.matching import join_proved
from helpdesk.services.receiving import Arrival, receive_from

# What is never made of words.
_MEDIA = frozenset({"image", "audio", "video"})
_LOOKED_AT = 512
# Of the HTML of a chat message; these are read in a fifth of a second at worst.
MOST_TAGS = 10_000


def prepared_files(
    channel: Channel, event: Event, *, hold: Callable[[], None]
) -> tuple[Event, Files]:
    """Return the files of an event, fetched and kept on disk, as rows to be saved with its message.

    `hold` is called before each that the vendor is asked for, which may take a minute.
    The event comes back with its text, read from its HTML where it has nothing else, and with a word in it
    for each file that its channel does not give out.
    Raises NotNow when one cannot be fetched for the moment. No transaction is open.
    """
    event = _with_text(event)
    files: Files = []
    missing = []
    try:
        for each in _wanted(event):
            if each.data is None:
                hold()
            data = each.data if each.data is not None else _fetched(channel, each)
            if data is None:
                missing.append(each.filename or each.kind)
            else:
                files.append(stored_files.prepare(data, each.filename, content_id=each.content_id))
    except BaseException:
        stored_files.discard(files)
        raise
    if not missing:
        return event, files
    with translation.override(channel.language):
        words = [_("[The file %(name)s could not be fetched.]") % {"name": one} for one in missing]
    return replace(event, text="\n".join(filter(None, (event.text, *words)))), files


def _wanted(event: Event) -> tuple[Attachment, ...]:
    """Return the files to be kept: none of what was said in our name elsewhere."""
    return () if event.direction == "out" else event.attachments


def _with_text(event: Event) -> Event:
    """Return the event with the text of its HTML, unless it has one; letters are read elsewhere.

    Long HTML takes a while: no transaction is open.
    """
    if event.text or not event.html or event.letter is not None:
        return event
    return replace(event, text=plain_text(event.html, MOST_TAGS))


def _fetched(channel: Channel, attachment: Attachment) -> bytes | None:
    """Return a file's bytes from the vendor; None when it will never give them."""
    try:
        with recording.calls_of(account_of(channel), recording.FILE):
            data, _mime = adapter_for(channel).fetch_media(attachment)
    except ChannelError as error:
        if error.permanent:
            return None
        raise NotNow(str(error.message)) from error
    return None if attachment.kind in _MEDIA and _is_text(data) else data


def _is_text(data: bytes) -> bool:
    """Tell whether a page or an error in JSON came, as from a vendor whose link or token has lapsed."""
    start = data[:_LOOKED_AT].lstrip()
    if not start.startswith((b"<", b"{", b"[")):
        return False
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        # A character that is cut by the end of what is looked at.
        return error.start > len(start) - 4
    return b"\x00" not in start


def arrive(kept: InboundEvent, event: Event, files: Files) -> Outcome:
    """Store what an event means; the transaction is open. Raises Invalid."""
    handle = _HANDLERS.get(event.kind)
    if handle is None:
        return Outcome(State.IGNORED, reason="not_needed")
    if event.direction == "out" and event.kind != "receipt":
        # Said in the vendor's own app, in our name: nothing that a customer did.
        return Outcome(State.IGNORED, reason="said_elsewhere")
    return handle(kept, event, files)


def _message(kept: InboundEvent, event: Event, files: Files) -> Outcome:
    if event.letter is not None:
        return letters.arrive(kept, event, event.letter, files)
    by_staff = staff_chats.answered(kept, event, files)
    if by_staff is not None:
        return by_staff
    identity = identify(kept.channel, sender_of(event.sender))
    if identity.awaits_proof:
        proving.ask(kept.channel, identity, now=kept.received_at)
    stored = receive_from(
        identity,
        Arrival(
            event.text,
            # The same reference again in a conversation is the same message.
            reference_of(event.client_ref or event.provider_id or event.dedup_key),
            files=tuple(files),
            thread_key=event.thread_key[:200],
            subject=event.subject,
            provider_id=event.provider_id[:200],
            at=kept.received_at,
            revision=event.sequence or 0,
        ),
    )
    if not stored.is_repeated:
        message_stored(kept.channel, stored.message_id)
    return Outcome(State.DONE, stored.message_id)


def _edit(kept: InboundEvent, event: Event, files: Files) -> Outcome:
    entry_id = revising.edit(
        kept.channel_id,
        _author_id(kept, event),
        event.provider_id,
        text=event.text,
        revision=_revision(event, kept),
    )
    return Outcome(State.DONE if entry_id else State.PARKED, entry_id)


def _delete(kept: InboundEvent, event: Event, files: Files) -> Outcome:
    entry_id = revising.withdraw(kept.channel_id, _author_id(kept, event), event.provider_id)
    return Outcome(State.DONE if entry_id else State.PARKED, entry_id)


def _receipt(kept: InboundEvent, event: Event, files: Files) -> Outcome:
    moved = receipts.apply(event, kept.channel_id)
    if moved is None:
        return Outcome(State.IGNORED, reason="not_needed")
    if moved:
        named = receipts.match(
            kept.channel_id, references=event.references, client_ref=event.client_ref
        )
        return Outcome(State.DONE, named[0].pk if named else None, "receipt")
    if (
        event.letter is not None
    ):  # a delivery report about a letter that is not ours is a letter itself
        return letters.arrive(kept, event, event.letter, files)
    return Outcome(State.PARKED)


def _reaction(kept: InboundEvent, event: Event, files: Files) -> Outcome:
    return reactions.arrive(kept, event, _revision(event, kept))


def _lifecycle(kept: InboundEvent, event: Event, files: Files) -> Outcome:
    """Follow somebody whose vendor gave them another number or id."""
    newer = _newer(event)
    identity = find(kept.channel, sender_of(event.sender)) if event.sender and newer else None
    if identity is None:
        return Outcome(State.IGNORED, reason="not_needed")
    successor = readdress(identity, newer)
    if successor.pk != identity.pk:
        _bring_together(identity, successor)
    return Outcome(State.DONE)


def _bring_together(former: Identity, successor: Identity) -> None:
    """Join an account with itself, which wrote from its newer address before we were told of it."""
    told = [{"kind": "address", "value": successor.external_id, "verified": True}]
    successor.customer_id = join_proved(successor.customer_id, former.customer_id, evidence=told)
    move_open(former, successor)


def _newer(event: Event) -> list[str]:
    told = event.data.get("newer_ids", ())
    scope = f"{event.sender.scope}:" if event.sender and event.sender.scope else ""
    return (
        [f"{scope}{each}"[:200] for each in told if each] if isinstance(told, list | tuple) else []
    )


def _author_id(kept: InboundEvent, event: Event) -> int | None:
    """Return whose message an event is about: None where the channel speaks for all, 0 for nobody known."""
    if event.sender is None:
        return None
    found = find(kept.channel, sender_of(event.sender))
    return found.pk if found else 0


def _revision(event: Event, kept: InboundEvent) -> int:
    """Return which version an edit or a reaction is: by the vendor's count, else its clock, else ours."""
    if event.sequence is not None:
        return event.sequence
    return int((event.sent_at or kept.received_at).timestamp() * 1_000_000)


def _hint(kept: InboundEvent, event: Event, files: Files) -> Outcome:
    fetching.want(kept.channel_id, str(event.data.get("place", ""))[:200], event.data)
    return Outcome(State.IGNORED, reason="fetched")


_HANDLERS: dict[str, Callable[[InboundEvent, Event, Files], Outcome]] = {
    "message": _message,
    "call": phoning.arrive,
    "edit": _edit,
    "delete": _delete,
    "receipt": _receipt,
    "reaction": _reaction,
    "poll_hint": _hint,
    "lifecycle": _lifecycle,
}
