"""Answers to the customer and notes among colleagues."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk import events, permissions
from helpdesk.access import Access
from helpdesk.access import conversation as visible_conversation
from helpdesk.errors import Invalid, Refused, TooLate, WrongState
from helpdesk.models import (
    Conversation,
    Delivery,
    Direction,
    Entry,
    Letter,
    Mention,
    Message,
    Outbox,
    Staff,
    State,
)
from helpdesk.registries import reply_gates
from helpdesk.services import (
    assignment,
    audit,
    indexing,
    letters,
    limits,
    mentions,
    message_templates,
    timeline,
)
from helpdesk.services.letters import LetterFields
from helpdesk.services.message_templates import Chosen, Filled
from helpdesk.services.receiving import MAXIMUM_TEXT, claim_files
from helpdesk.tenancy import organization_transaction


@dataclass(frozen=True)
class Written:
    """Where a reply or note went; `is_repeated` when it was there already."""

    message_id: int
    number: int
    is_repeated: bool = False


def reply(
    by: Access,
    conversation_id: int,
    *,
    text: str = "",
    client_ref: str = "",
    attachment_ids: Iterable[str] = (),
    letter: LetterFields | None = None,
    template: Chosen | None = None,
) -> Written:
    """Answer the customer: message and outbox row in one transaction.

    A conversation that waits in a queue is taken first. The same `client_ref` again is the same reply.
    Where answers leave as letters, `letter` says how; without it, to the customer alone.
    A `template` is the whole answer, without text or files, and may leave when other answers may not.
    Raises NotFound, Refused, Invalid, WrongState, and what `take` raises.
    """
    files, client_ref = list(attachment_ids), client_ref or uuid4().hex
    with organization_transaction():
        conversation = visible_conversation(
            by, conversation_id, permissions.CONVERSATION_REPLY, lock=True
        )
        repeated = _repeated(conversation, client_ref)
        if repeated:
            return repeated
        filled = _filled(conversation, template, text, files) if template else None
        text = filled.text if filled else text
        _check_answer(conversation, text, files, is_template=filled is not None)
        _pass_gates(by, conversation, text)
        if conversation.state == State.QUEUED:
            assignment.take_locked(by, conversation)
        message = _write(by, conversation, Direction.OUT, text, client_ref, files)
        sent = letters.write(message, conversation, by, letter)
        _queue(conversation, message, sent, filled, has_files=bool(files))
        _answered(conversation, message)
        audit.record("conversation.answered", conversation, by, number=message.entry.number)
    return Written(message.pk, message.entry.number)


def note(
    by: Access,
    conversation_id: int,
    *,
    text: str,
    client_ref: str = "",
    attachment_ids: Iterable[str] = (),
    mention_ids: Iterable[int] = (),
    access_for: timedelta = mentions.ACCESS_FOR,
) -> Written:
    """Write an internal note; colleagues named in `mention_ids` are called in for `access_for`.

    A note of somebody who was called in counts as their answer.
    Raises NotFound, Refused, Invalid.
    """
    files, client_ref = list(attachment_ids), client_ref or uuid4().hex
    with organization_transaction():
        conversation = visible_conversation(
            by, conversation_id, permissions.CONVERSATION_NOTE, lock=True
        )
        repeated = _repeated(conversation, client_ref)
        if repeated:
            return repeated
        _check(text, files)
        message = _write(by, conversation, Direction.NOTE, text, client_ref, files)
        indexing.index(message, has_files=bool(files))
        mentions.call_in(by, conversation, message.entry, mention_ids, access_for)
        _answer_mentions(by, conversation)
        conversation.save()
    return Written(message.pk, message.entry.number)


def take_back(by: Access, conversation_id: int, number: int) -> None:
    """Take a reply back while it is still held: the customer waits as before it; raises NotFound, TooLate."""
    with organization_transaction():
        conversation = visible_conversation(
            by, conversation_id, permissions.CONVERSATION_REPLY, lock=True
        )
        now = timezone.now()
        cancelled = Outbox.objects.filter(
            conversation=conversation,
            message__entry__number=number,
            message__entry__actor_id=by.staff_id,
            state=Delivery.QUEUED,
            attempts=0,
            due_at__gt=now,
        ).update(state=Delivery.CANCELLED, due_at=None, settled_at=now)
        if not cancelled:
            raise TooLate
        _wait_again(conversation, number)
        audit.record("reply.taken_back", conversation, by, number=number)
        _tell_delivery(conversation, number)


def _wait_again(conversation: Conversation, number: int) -> None:
    """Let go on what a reply had ended; where another one followed, it is that one which ended it."""
    replies = Outbox.objects.filter(conversation=conversation, message__entry__actor__isnull=False)
    gone = replies.get(message__entry__number=number)
    if gone.waiting_since is None or not conversation.is_open:
        return
    held = timeline.running_assignment(conversation)
    # Whoever got it since is not timed by what another had left.
    return_at = gone.return_at if held and held.starts_at <= gone.created_at else None
    others = replies.exclude(state=Delivery.CANCELLED).filter(message__entry__number__gt=number)
    following = others.order_by("message__entry__number").first()
    if following:
        Outbox.objects.filter(pk=following.pk).update(
            waiting_since=gone.waiting_since, return_at=return_at
        )
        return
    if conversation.state == State.WAITING:
        timeline.set_state(conversation, State.OPEN)
    conversation.waiting_since = gone.waiting_since
    if conversation.state == State.OPEN:
        conversation.return_at = conversation.return_at or return_at
    conversation.save()


def resend(by: Access, conversation_id: int, number: int) -> None:
    """Send a reply again that failed or whose fate is not known; raises NotFound, WrongState."""
    with organization_transaction():
        conversation = visible_conversation(
            by, conversation_id, permissions.CONVERSATION_REPLY, lock=True
        )
        again = Outbox.objects.filter(
            conversation=conversation,
            message__entry__number=number,
            state__in=[Delivery.FAILED, Delivery.UNKNOWN],
        ).update(
            state=Delivery.QUEUED,
            attempts=0,
            error="",
            error_code="",
            due_at=timezone.now(),
            settled_at=None,
        )
        if not again:
            raise WrongState
        audit.record("reply.resent", conversation, by, number=number)
        _tell_delivery(conversation, number)
        events.publish(events.MessageQueued(conversation.organization_id, conversation.pk, number))


def _check(text: str, files: list[str]) -> None:
    if not text.strip() and not files:
        raise Invalid(field="text")
    if len(text) > MAXIMUM_TEXT:
        raise Invalid(field="text", limit=MAXIMUM_TEXT)


def _filled(conversation: Conversation, template: Chosen, text: str, files: list[str]) -> Filled:
    """Return a template with its values, which is the whole answer."""
    if text or files:
        raise Invalid(_("A template leaves by itself."), field="text" if text else "files")
    return message_templates.write(conversation, template)


def _check_answer(
    conversation: Conversation, text: str, files: list[str], *, is_template: bool
) -> None:
    """Raise Invalid, WrongState or Refused for what is no answer, comes too late or is not taken there."""
    _check(text, files)
    if not conversation.is_open:
        raise WrongState
    limits.check_words(conversation, text, has_files=bool(files))
    if is_template:
        return
    limits.check_window(conversation)
    limits.check_files(conversation, files)
    limits.check_quota(conversation, text, len(files))


def _repeated(conversation: Conversation, client_ref: str) -> Written | None:
    found = (
        Message.objects.filter(conversation=conversation, client_ref=client_ref)
        .select_related("entry")
        .first()
    )
    return Written(found.pk, found.entry.number, is_repeated=True) if found else None


def _pass_gates(by: Access, conversation: Conversation, text: str) -> None:
    gates = reply_gates.items()
    if not gates:
        return
    writer = Staff.objects.get(pk=by.staff_id)
    for name, gate in gates:
        refusal = gate(writer, conversation, text)
        if refusal:
            raise Refused(refusal.reason, gate=name, **refusal.details)


def _write(
    by: Access,
    conversation: Conversation,
    direction: Direction,
    text: str,
    client_ref: str,
    files: list[str],
) -> Message:
    entry = timeline.add_entry(conversation, Entry.Kind.MESSAGE, actor_id=by.staff_id)
    message = Message.objects.create(
        entry=entry,
        conversation=conversation,
        direction=direction,
        text=text,
        client_ref=client_ref,
    )
    claim_files(message, files, staff_id=by.staff_id)
    return message


def _queue(
    conversation: Conversation,
    message: Message,
    letter: Letter | None,
    filled: Filled | None,
    *,
    has_files: bool,
) -> None:
    """Let the reply leave, and be found."""
    indexing.index(message, letter, has_files=has_files)
    channel = conversation.channel.answers_by or conversation.channel
    Outbox.objects.create(
        message=message,
        conversation=conversation,
        channel=channel,
        due_at=timezone.now() + timedelta(seconds=channel.hold_seconds),
        waiting_since=conversation.waiting_since,
        return_at=conversation.return_at,
        template=filled.as_json() if filled else None,
    )
    events.publish(
        events.MessageQueued(conversation.organization_id, conversation.pk, message.entry.number)
    )


def _answered(conversation: Conversation, message: Message) -> None:
    now = message.entry.at
    conversation.last_text = timeline.preview(message.text)
    conversation.last_direction = Direction.OUT
    conversation.last_message_at = now
    conversation.first_replied_at = conversation.first_replied_at or now
    conversation.waiting_since = None
    conversation.snoozed_until = None
    conversation.return_at = None
    timeline.set_state(conversation, State.WAITING)
    conversation.save()


def _answer_mentions(by: Access, conversation: Conversation) -> None:
    Mention.objects.filter(
        conversation=conversation,
        staff_id=by.staff_id,
        ended_at__isnull=True,
        answered_at__isnull=True,
    ).update(answered_at=timezone.now())


def _tell_delivery(conversation: Conversation, number: int) -> None:
    events.publish(events.DeliveryChanged(conversation.organization_id, conversation.pk, number))
    timeline.changed(conversation)
