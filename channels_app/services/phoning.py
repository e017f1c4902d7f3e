"""What an exchange reports of phone calls, as the core hears it."""

from typing import Any, cast, get_args

from channels_app.models import InboundEvent
from channels_app.protocol import Event
from channels_app.services.outcomes import Files, Outcome, State, reference_of
from channels_app.services.senders import sender_of
from helpdesk.models import Staff
from helpdesk.services import calls, recordings
from helpdesk.services.calls import Change, News

# What is reported besides what the ends of a call do.
LEFT, RECORDED, TRANSCRIBED = "left", "recorded", "transcribed"
# What a recording is of.
VOICEMAIL = "voicemail"


def arrive(kept: InboundEvent, event: Event, files: Files) -> Outcome:
    """Store what a report of a call means; what is about a call that has not come yet waits."""
    change = event.data.get("change")
    if change == LEFT:
        return _left(kept, event, files)
    if change == RECORDED:
        return _found(_recorded(kept, event, files))
    if change == TRANSCRIBED:
        call_id = _text(event, "call_id")
        return _found(recordings.write_down(kept.channel_id, call_id, event.text))
    if change not in get_args(Change):
        return Outcome(State.IGNORED, reason="not_needed")
    sender = sender_of(event.sender) if event.sender else None
    return _found(calls.hear(kept.channel, _news(kept, event), sender))


def _left(kept: InboundEvent, event: Event, files: Files) -> Outcome:
    seconds = event.data.get("seconds")
    message_id = recordings.leave_message(
        kept.channel,
        _news(kept, event),
        sender_of(event.sender) if event.sender else None,
        recording_id=reference_of(_text(event, "recording_id") or event.dedup_key),
        seconds=seconds if isinstance(seconds, int) else None,
        files=files,
    )
    return _found(message_id)


def _recorded(kept: InboundEvent, event: Event, files: Files) -> int | None:
    if event.data.get("of") == VOICEMAIL:
        recording_id = reference_of(_text(event, "recording_id"))
        return recordings.add_to_message(kept.channel_id, recording_id, files)
    return recordings.add_to_call(kept.channel_id, _news(kept, event), files)


def _found(entry_id: int | None) -> Outcome:
    return Outcome(State.DONE if entry_id else State.PARKED, entry_id)


def _news(kept: InboundEvent, event: Event) -> News:
    data, staff_id = event.data, event.data.get("staff_id")
    known = isinstance(staff_id, int) and Staff.objects.filter(pk=staff_id).exists()
    change = data.get("change")
    return News(
        call_id=_text(event, "call_id")[:100],
        leg="staff" if data.get("leg") == "staff" else "customer",
        change=cast(Change, change if change in get_args(Change) else "ringing"),
        at=event.sent_at or kept.received_at,
        leg_id=_text(event, "leg_id")[:100],
        sequence=event.sequence,
        ending=_text(event, "ending"),
        reference=_text(event, "reference"),
        staff_id=cast(int, staff_id) if known else None,
        customer_number=_text(event, "customer_number")[:120],
        our_number=_text(event, "our_number")[:120],
    )


def _text(event: Event, name: str) -> str:
    value: Any = event.data.get(name)  # Any: as the adapter wrote it
    return value if isinstance(value, str) else ""
