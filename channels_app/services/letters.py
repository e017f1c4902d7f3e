"""Where a letter belongs: found by our own addresses and ids, and only if whoever wrote it takes part.

Addresses, ids and subjects are known to everybody who has seen one of our letters. So they say which
conversation is meant, and never who may write into it: that is for the sender's address, unless the
receiving server disproves it. A stranger's letter begins a conversation of its own, and colleagues are
asked whether its author may take part.
"""

import hashlib
import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from channels_app.models import Dispatch, InboundEvent
from channels_app.protocol import ContactIdentity, Event, Letter
from channels_app.services import staff_letters
from channels_app.services.acknowledging import acknowledge
from channels_app.services.outcomes import Files, Outcome, State, reference_of
from channels_app.services.reply_addresses import ReplyAddress, read_address
from channels_app.services.senders import sender_of
from helpdesk.models import Channel, Conversation, Direction, Entry, Identity, Participant
from helpdesk.models import Letter as StoredLetter
from helpdesk.models import State as ConversationState
from helpdesk.services import links, timeline
from helpdesk.services.identifying import identify
from helpdesk.services.receiving import MAXIMUM_TEXT, Arrival, Received, receive_from

JOINED, HELD, OWN, BY_STAFF = "joined", "held", "own", "by_staff"
NOBODY = ContactIdentity("nobody")
_TAG = re.compile(r"\[C-(\d{1,15})\]")
MOST_WAITING = 20  # strangers who wait at one conversation
MOST_KNOWN = 500  # letters under the ids that one letter names


@dataclass(frozen=True, slots=True)
class _Known:
    """A stored letter that another one names, and the conversation in which it is answered."""

    direction: str
    conversation_id: int
    # Where it stood before it was split off.
    stood_in: int


@dataclass(frozen=True, slots=True)
class _Place:
    """The conversation that a letter means, locked, and by what; the sender may be a stranger to it."""

    conversation: Conversation | None = None
    # The address was made for a colleague.
    colleague: ReplyAddress | None = None


def arrive(kept: InboundEvent, event: Event, letter: Letter, files: Files) -> Outcome:
    """Store a letter where it belongs; the transaction is open."""
    known = _known(letter)
    if any(each.direction == Direction.OUT for each in known[letter.mail_id]):
        return Outcome(State.IGNORED, reason=OWN)  # sent to another mailbox of ours
    place = _place_of(kept, event, letter, known)
    if place.colleague and place.conversation:
        answered = staff_letters.answer(place.colleague, event, letter, files, kept.dedup_key)
        if answered is not None:
            return Outcome(State.DONE, answered, BY_STAFF)
    if place.conversation is None:
        stored, _ = _begin(kept, event, letter, files)
        return Outcome(State.DONE, stored.message_id)
    if letter.is_authentic is not False and _takes_part(place.conversation, _address(event)):
        if _is_over(place.conversation, event):
            stored, _ = _begin(kept, event, letter, files)
            return Outcome(State.DONE, stored.message_id)
        stored = _join(kept, place.conversation, event, letter, files)
        return Outcome(State.DONE, stored.message_id, JOINED)
    return _hold(kept, place.conversation, event, letter, files)


def _known(letter: Letter) -> dict[str, list[_Known]]:
    """Return the letters that this one is or refers to, by their ids: ours first, then the oldest.

    Anybody may write under an id that they have seen, and so often that a later one hides no earlier.
    """
    ids = {each for each in (letter.mail_id, *letter.references) if each}
    rows = StoredLetter.objects.filter(mail_id__in=ids)
    rows = rows.order_by("-message__direction", "message_id")
    columns = (
        "mail_id",
        "message__direction",
        "message__conversation_id",
        "message__entry__number",
    )
    found = list(rows.values_list(*columns)[:MOST_KNOWN])
    moved = links.split_off({conversation_id for *_rest, conversation_id, _number in found})
    known: dict[str, list[_Known]] = defaultdict(list)
    for mail_id, direction, conversation_id, number in found:
        goes_on = moved.get((conversation_id, number), conversation_id)
        known[mail_id].append(_Known(direction, goes_on, conversation_id))
    return known


def _conversation(conversation_id: int) -> Conversation | None:
    """Return where a conversation goes on, with its identity, its row locked until the transaction ends."""
    place_id = links.place_of(conversation_id)
    rows = Conversation.objects.filter(pk=place_id).select_related("identity")
    return next(iter(rows.select_for_update(of=("self",), no_key=True)), None)


def _place_of(
    kept: InboundEvent, event: Event, letter: Letter, known: dict[str, list[_Known]]
) -> _Place:
    signed = _signed_address(kept, letter)
    if signed is not None:
        found = _conversation(_part(letter, known, signed.conversation_id))
        if found is not None:
            return _Place(found, None if signed.kind == "customer" else signed)
    quoted = _quoted(event, letter, known) or _dispatched(letter)
    return _Place(_conversation(quoted) if quoted else _tagged(event))


def _signed_address(kept: InboundEvent, letter: Letter) -> ReplyAddress | None:
    written = [*letter.delivered_to, *(address for address, _ in (*letter.to, *letter.cc))]
    for address in written[:100]:
        found = read_address(address, organization_id=kept.organization_id, now=kept.received_at)
        if found is not None:
            return found
    return None


def _part(letter: Letter, known: dict[str, list[_Known]], conversation_id: int) -> int:
    """Return what was split off a conversation with the newest letter that is referred to, or itself."""
    for each in reversed(letter.references):
        for one in known.get(each, ()):
            if one.stood_in == conversation_id:
                return one.conversation_id
    return conversation_id


def _quoted(event: Event, letter: Letter, known: dict[str, list[_Known]]) -> int | None:
    """Return the conversation of the newest letter that is referred to, ours or the customer's own.

    A letter may stand in several, as it does once its author was let take part: then in the last of
    those in which the sender takes part, else in the first.
    """
    for each in reversed(letter.references):
        found = [one.conversation_id for one in known.get(each, ())]
        if len(set(found)) > 1:
            joined = _joined(found, _address(event))
            found = [one for one in reversed(found) if one in joined] or found
        if found:
            return found[0]
    return None


def _joined(conversation_ids: list[int], address: str) -> set[int]:
    """Return those conversations in which an address takes part."""
    approved = Participant.State.APPROVED
    own = Q(identity__external_id=address)
    own |= Q(participants__address=address, participants__state=approved)
    rows = Conversation.objects.filter(own, pk__in=conversation_ids)
    return set(rows.values_list("pk", flat=True)) if "@" in address else set()


def _dispatched(letter: Letter) -> int | None:
    """Return the conversation about which we sent the mail that is answered, though no person wrote it."""
    if not letter.references:
        return None
    rows = Dispatch.objects.filter(
        provider_id__in=letter.references, conversation__isnull=False
    ).exclude(provider_id="")
    return rows.order_by("-pk").values_list("conversation_id", flat=True).first()


def _tagged(event: Event) -> Conversation | None:
    """Return the conversation that the subject names, for somebody who takes part in it."""
    tag = _TAG.search(event.subject)
    if tag is None:
        return None
    found = _conversation(int(tag[1]))
    return found if found is not None and _takes_part(found, _address(event)) else None


def _is_over(conversation: Conversation, event: Event) -> bool:
    """Tell whether a conversation is closed, and the letter from somebody whose own it was not."""
    is_own = conversation.identity.external_id == _address(event)
    return conversation.state == ConversationState.CLOSED and not is_own


def _takes_part(conversation: Conversation, address: str) -> bool:
    if not address:
        return False
    if conversation.identity.external_id == address and "@" in address:
        return True
    approved = Participant.objects.filter(
        conversation=conversation, address=address, state=Participant.State.APPROVED
    )
    return bool(approved.exists())


def _begin(
    kept: InboundEvent, event: Event, letter: Letter, files: Files, thread_key: str = ""
) -> tuple[Received, Identity]:
    """Store a letter in a conversation of its own, or in the one that `thread_key` names."""
    identity = _identity(kept.channel, event, letter)
    key = thread_key or _thread_key(letter.mail_id or kept.dedup_key)
    stored = receive_from(identity, _arrival(kept, event, letter, files, key))
    is_forged = letter.is_authentic is False
    if stored.number == 1 and not letter.automatic and not kept.is_backlog and not is_forged:
        acknowledge(kept.channel, identity, stored.conversation_id, event, kept.received_at)
    return stored, identity


def _join(
    kept: InboundEvent, conversation: Conversation, event: Event, letter: Letter, files: Files
) -> Received:
    arrival = _arrival(kept, event, letter, files, conversation.thread_key)
    return receive_from(conversation.identity, arrival, place=conversation)


def _hold(
    kept: InboundEvent, conversation: Conversation, event: Event, letter: Letter, files: Files
) -> Outcome:
    """Let a stranger wait for approval; what they wrote stands in a conversation of its own."""
    address = _address(event)
    asked = Participant.objects.filter(conversation=conversation, address=address).first()
    thread_key = asked.asked_in.thread_key if asked is not None and asked.asked_in else ""
    stored, identity = _begin(kept, event, letter, files, thread_key)
    is_known = asked is not None or not address or bool(letter.automatic)
    if not is_known and _waiting(conversation) < MOST_WAITING:
        _ask(conversation, address, identity, stored)
    return Outcome(State.DONE, stored.message_id, HELD)


def _waiting(conversation: Conversation) -> int:
    waiting = Participant.State.WAITING
    return int(Participant.objects.filter(conversation=conversation, state=waiting).count())


def _ask(conversation: Conversation, address: str, identity: Identity, stored: Received) -> None:
    participant = Participant.objects.create(
        conversation=conversation,
        address=address,
        name=identity.display_name,
        state=Participant.State.WAITING,
        asked_in_id=stored.conversation_id,
    )
    entry = timeline.next_entry(conversation, Entry.Kind.ASKED_TO_JOIN)
    entry.data = {
        "participant": participant.pk,
        "address": address,
        "name": identity.display_name,
        "conversation": stored.conversation_id,
    }
    timeline.append([entry])
    conversation.save(update_fields=["last_number"])
    timeline.changed(conversation)


def _identity(channel: Channel, event: Event, letter: Letter) -> Identity:
    sender = event.sender if event.sender and event.sender.external_id else NOBODY
    identity = identify(channel, sender_of(sender))
    if letter.is_authentic and not identity.is_verified:
        identity.is_verified = True
        identity.save(update_fields=["is_verified"])
    return identity


def _arrival(
    kept: InboundEvent, event: Event, letter: Letter, files: Files, thread_key: str
) -> Arrival:
    return Arrival(
        event.text,
        reference_of(kept.dedup_key),
        files=tuple(files),
        thread_key=thread_key,
        subject=event.subject,
        provider_id=letter.mail_id[:200],
        at=_moment(kept, event),
        is_of_the_past=kept.is_backlog,
        letter=_stored(event, letter),
    )


def _moment(kept: InboundEvent, event: Event) -> datetime:
    """Return when a letter came: now, unless it is taken over from the past and says when it was."""
    if kept.is_backlog and event.sent_at is not None:
        return min(event.sent_at, kept.received_at)
    return kept.received_at


def _stored(event: Event, letter: Letter) -> StoredLetter:
    sender = event.sender or NOBODY
    return StoredLetter(
        mail_id=letter.mail_id[:250],
        references=[each[:250] for each in letter.references],
        subject=event.subject[:300],
        sender_name=sender.display_name[:200],
        sender_address=sender.external_id[:320],
        to=[list(each) for each in letter.to],
        cc=[list(each) for each in letter.cc],
        # What the message itself does not show.
        full_text="" if letter.full_text == event.text[:MAXIMUM_TEXT] else letter.full_text,
        signature=letter.signature,
        html=event.html,
        remote_pictures=list(letter.remote_pictures),
        automatic=letter.automatic,
        is_authentic=letter.is_authentic,
    )


def _address(event: Event) -> str:
    return event.sender.external_id if event.sender else ""


def _thread_key(name: str) -> str:
    return f"letter:{hashlib.sha256(name.encode()).hexdigest()[:40]}"
