"""Who writes into a conversation besides its customer: let in, turned away, taken out again by a person."""

from collections.abc import Iterable

from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk import access, events, permissions
from helpdesk.access import Access
from helpdesk.errors import Invalid, NotFound, Refused, WrongState
from helpdesk.models import (
    Attachment,
    Conversation,
    Direction,
    Entry,
    Letter,
    Message,
    Participant,
    State,
)
from helpdesk.services import audit, indexing, lifecycle, timeline
from helpdesk.tenancy import organization_transaction

MOST_COPIED = 200
_COPIED = (
    "mail_id", "references", "subject", "sender_name", "sender_address", "to", "cc",
    "full_text", "signature", "html", "remote_pictures", "automatic", "is_authentic",
)  # fmt: skip


def approve(by: Access, participant_id: int) -> Participant:
    """Let somebody take part: what they wrote meanwhile joins the conversation.

    The conversation in which it waited is resolved unless somebody has answered there. Where this person
    may not answer in that one, as when another department has it by now, it stays as it is, and so does
    what was written there.
    Raises NotFound, Refused, WrongState when the conversation is not open or the decision was made.
    """
    with organization_transaction():
        participant, conversation = _locked(by, participant_id)
        if participant.state == Participant.State.APPROVED or not conversation.is_open:
            raise WrongState
        _let_in(by, conversation, participant)
        conversation.save()
        audit.record("participant.approved", conversation, by, participant=participant.pk)
        timeline.changed(conversation)
    return participant


def decline(by: Access, participant_id: int) -> Participant:
    """Turn somebody away; what they wrote stays where it is. Raises as `approve` does."""
    with organization_transaction():
        participant, conversation = _locked(by, participant_id)
        if participant.state != Participant.State.WAITING:
            raise WrongState
        _decide(by, participant, Participant.State.DECLINED)
        audit.record("participant.declined", conversation, by, participant=participant.pk)
        _show_again(conversation, participant)
        timeline.changed(conversation)
    return participant


def remove(by: Access, participant_id: int) -> Participant:
    """Let somebody take part no longer; what they wrote stays. Raises NotFound, Refused, WrongState."""
    with organization_transaction():
        participant, conversation = _locked(by, participant_id)
        if participant.state != Participant.State.APPROVED:
            raise WrongState
        _decide(by, participant, Participant.State.DECLINED)
        audit.record("participant.removed", conversation, by, participant=participant.pk)
        timeline.changed(conversation)
    return participant


def add(by: Access, conversation: Conversation, people: Iterable[tuple[str, str]]) -> None:
    """Let those take part whom the writer of a letter named.

    Raises Invalid for somebody who waits for approval: what they wrote is looked at first.
    """
    named = dict(people)
    rows = Participant.objects.select_for_update().filter(
        conversation=conversation, address__in=named
    )
    known = {row.address: row for row in rows.order_by("id")}
    added = []
    for address, name in named.items():
        found = known.get(address)
        if found is None:
            added.append(_approved(by, conversation, address, name))
        elif found.state == Participant.State.WAITING:
            raise Invalid(
                _("%(address)s waits for approval: let them take part first.")
                % {"address": address},
                field="cc",
            )
        elif found.state == Participant.State.DECLINED:
            _decide(by, found, Participant.State.APPROVED)
            added.append(found)
    for row in added:
        audit.record("participant.approved", conversation, by, participant=row.pk)


def _approved(by: Access, conversation: Conversation, address: str, name: str) -> Participant:
    return Participant.objects.create(
        conversation=conversation,
        address=address,
        name=name,
        state=Participant.State.APPROVED,
        decided_by_id=by.staff_id,
        decided_at=timezone.now(),
    )


def _locked(by: Access, participant_id: int) -> tuple[Participant, Conversation]:
    """Return the participant and the conversation, both locked, and with them the one that waits."""
    found = access.participant(by, participant_id)
    timeline.lock_all(filter(None, (found.conversation_id, found.asked_in_id)))
    conversation = access.conversation(
        by, found.conversation_id, permissions.CONVERSATION_REPLY, lock=True
    )
    return Participant.objects.select_for_update().get(pk=participant_id), conversation


def _decide(by: Access, participant: Participant, state: Participant.State) -> None:
    participant.state = state
    participant.decided_by_id = by.staff_id
    participant.decided_at = timezone.now()
    participant.save(update_fields=["state", "decided_by", "decided_at"])


def _let_in(by: Access, conversation: Conversation, participant: Participant) -> None:
    _decide(by, participant, Participant.State.APPROVED)
    _say_joined(by, conversation, participant)
    side = _waiting_place(by, participant)
    if side is not None:
        _bring(conversation, _waiting_messages(side, participant))
        _say_joined(by, side, participant, conversation=conversation.pk)
        side.save()
        may_resolve = by.may(permissions.CONVERSATION_RESOLVE, side)
        if may_resolve and side.is_open and side.first_replied_at is None:
            lifecycle.resolve_locked(side, by=by)
        else:
            timeline.changed(side)
    _show_again(conversation, participant)


def _waiting_place(by: Access, participant: Participant) -> Conversation | None:
    """Return the conversation in which their letters wait; None where this person may not answer there."""
    if participant.asked_in_id is None:
        return None
    try:
        return access.conversation(
            by, participant.asked_in_id, permissions.CONVERSATION_REPLY, lock=True
        )
    except (NotFound, Refused):
        return None


def _say_joined(by: Access, where: Conversation, participant: Participant, **facts: int) -> None:
    entry = timeline.next_entry(where, Entry.Kind.JOINED, actor_id=by.staff_id)
    name = participant.name or participant.address
    entry.data = {"participant": participant.pk, "name": name, **facts}
    timeline.append([entry])


def _waiting_messages(side: Conversation, participant: Participant) -> list[Message]:
    rows = Message.objects.filter(
        conversation=side,
        direction=Direction.IN,
        letter__sender_address__iexact=participant.address,
    )
    return list(rows.select_related("letter", "entry").order_by("entry__number")[:MOST_COPIED])


def _bring(conversation: Conversation, messages: list[Message]) -> None:
    """Copy letters to the end of the conversation; their files move with them."""
    there = Message.objects.filter(
        conversation=conversation, client_ref__in=[message.client_ref for message in messages]
    )
    known = set(there.values_list("client_ref", flat=True))
    for message in messages:
        if message.client_ref not in known:
            _speak(conversation, _copy(conversation, message))


def _copy(conversation: Conversation, message: Message) -> Message:
    entry = timeline.add_entry(conversation, Entry.Kind.MESSAGE, at=message.entry.at)
    copied = Message.objects.create(
        entry=entry,
        conversation=conversation,
        direction=Direction.IN,
        text=message.text,
        language=message.language,
        client_ref=message.client_ref,
    )
    facts = {name: getattr(message.letter, name) for name in _COPIED}
    Letter.objects.create(message=copied, **facts)
    Attachment.objects.filter(message=message).update(message=copied)
    indexing.reindex([message.pk, copied.pk])
    return copied


def _speak(conversation: Conversation, message: Message) -> None:
    """Have the conversation know that somebody wrote and waits for an answer."""
    if message.letter.automatic:
        return
    if conversation.state in {State.WAITING, State.SNOOZED}:
        timeline.set_state(conversation, State.OPEN)
        conversation.snoozed_until = None
    now = timezone.now()
    conversation.waiting_since = conversation.waiting_since or now
    conversation.last_text = timeline.preview(message.text)
    conversation.last_direction = Direction.IN
    conversation.last_message_at = now
    timeline.wake_router(conversation)
    events.publish(
        events.MessageReceived(conversation.organization_id, conversation.pk, message.entry.number)
    )


def _show_again(conversation: Conversation, participant: Participant) -> None:
    """Have the entry that asks for a decision shown as decided."""
    asked = Entry.objects.filter(
        conversation=conversation,
        kind=Entry.Kind.ASKED_TO_JOIN,
        data__participant=participant.pk,
    )
    for number in asked.order_by("number").values_list("number", flat=True)[:20]:
        events.publish(
            events.DeliveryChanged(conversation.organization_id, conversation.pk, number)
        )
