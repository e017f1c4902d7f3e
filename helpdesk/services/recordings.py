"""What was said on the phone and kept: recordings of talks, and what callers leave when nobody answers."""

from collections.abc import Sequence

from django.utils import translation
from django.utils.translation import gettext as _

from helpdesk import events
from helpdesk.models import Attachment, Call, Channel, Direction, Message
from helpdesk.services import calls, indexing, timeline
from helpdesk.services.calls import News
from helpdesk.services.identifying import Sender
from helpdesk.services.receiving import Arrival, receive_from
from helpdesk.tenancy import organization_transaction


def leave_message(
    channel: Channel,
    news: News,
    sender: Sender | None,
    *,
    recording_id: str,
    seconds: int | None,
    files: Sequence[Attachment] = (),
) -> int | None:
    """Store what a caller left as their message, and end the call with it; returns the message's id.

    Its file may come later, under the same id. The same recording again is the same message. None while
    nothing is known of the call, nor who called.
    """
    with organization_transaction():
        calls.hear(channel, news, sender)
        call = calls.known_call(channel.pk, news.call_id)
        if call is None:
            return None
        with translation.override(channel.language):
            text = _("Voicemail (%(length)s)") % {"length": length(seconds)}
        received = receive_from(
            call.conversation.identity,
            Arrival(
                text,
                client_ref=recording_id[:64],
                provider_id=recording_id,
                files=tuple(files),
                at=news.at,
            ),
        )
        if call.voicemail_id is None:
            # What the message has changed of the conversation is news to the call.
            call = calls.known_call(channel.pk, news.call_id) or call
            call.voicemail_id = received.message_id
            calls.finish(call, news.at, ending=Call.Ending.VOICEMAIL)
    return received.message_id


def add_to_message(channel_id: int, recording_id: str, files: Sequence[Attachment]) -> int | None:
    """Put the file of a voicemail to its message; returns the entry's id, None while there is none."""
    with organization_transaction():
        rows = Message.objects.filter(
            conversation__channel_id=channel_id,
            provider_id=recording_id,
            direction=Direction.IN,
        )
        message = rows.select_related("entry").order_by("-pk").first()
        if message is None:
            return None
        conversation = timeline.lock(message.conversation_id)
        if not Attachment.objects.filter(message=message).exists():
            for file in files:
                file.message = message
                file.save(force_insert=True)
            indexing.reindex([message.pk])
            events.publish(
                events.MessageChanged(
                    conversation.organization_id, conversation.pk, message.entry.number
                )
            )
        return int(message.pk)


def add_to_call(channel_id: int, news: News, files: Sequence[Attachment]) -> int | None:
    """Put the recording of a talk to its call; returns the entry's id, None while there is none.

    Without a file, the call says that its recording was lost.
    """
    with organization_transaction():
        call = calls.known_call(channel_id, news.call_id, news.reference)
        if call is None:
            return None
        for file in files:
            file.call = call
            file.save(force_insert=True)
        if not files:
            call.is_recording_lost = True
            call.save(update_fields=["is_recording_lost"])
        calls.tell(call)
        return int(call.entry_id)


def write_down(channel_id: int, call_id: str, text: str) -> int | None:
    """Keep what was said in a call as text; returns the entry's id, None while there is no such call."""
    with organization_transaction():
        call = calls.known_call(channel_id, call_id)
        if call is None:
            return None
        call.transcript = text[: calls.MOST_TRANSCRIPT]
        call.save(update_fields=["transcript"])
        calls.tell(call)
        return int(call.entry_id)


def length(seconds: int | None) -> str:
    """Return a length as minutes and seconds."""
    minutes, rest = divmod(max(0, seconds or 0), 60)
    return f"{minutes}:{rest:02}"
