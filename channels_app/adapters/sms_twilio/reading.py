"""What a call of Twilio reports: a message that came in, or how far one of ours has come."""

import re
from typing import Literal

from django.utils.translation import gettext as _

from channels_app.json_fields import Fields
from channels_app.protocol import Attachment, ContactIdentity, Event, RawRequest
from channels_app.twilio import read_form

MOST_TEXT = 20_000
# Twilio takes ten at most.
MOST_FILES = 20
_COUNT = re.compile("[0-9]{0,3}")
_CODE = re.compile("[0-9]{0,10}")
_NUMBER = re.compile(r"\+[1-9][0-9]{4,14}")
_RECEIVED = "received"
# Those in between say nothing new: queued, sending, accepted, scheduled.
_STATES = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "undelivered": "failed",
    "failed": "failed",
    "canceled": "failed",
}
_KINDS: dict[str, Literal["image", "audio", "video"]] = {
    "image": "image",
    "audio": "audio",
    "video": "video",
}


def read_events(request: RawRequest) -> list[Event]:
    """Return what the call reports: one event at most. Raises BadPayload."""
    form = read_form(request.body)
    sid = form.identifier("MessageSid", 64) or form.identifier("SmsSid", 64, required=True)
    # A message that comes in has it in `SmsStatus` alone.
    state = form.line("MessageStatus", 50) or _RECEIVED
    return [_message(form, sid)] if state == _RECEIVED else _receipt(form, sid, state)


def _receipt(form: Fields, sid: str, state: str) -> list[Event]:
    reached = _STATES.get(state)
    if reached is None:
        return []
    return [
        Event(
            kind="receipt",
            dedup_key=f"{sid}:{reached}",
            status=reached,
            references=(sid,),
            error=_why(form) if reached == "failed" else "",
        )
    ]


def _why(form: Fields) -> str:
    code = form.line("ErrorCode", 20, fits=_CODE)
    if not code:
        return _("Twilio could not deliver it.")
    return _("Twilio could not deliver it (error %(code)s).") % {"code": code}


def _message(form: Fields, sid: str) -> Event:
    sender = form.identifier("From", 100, required=True)
    files = _files(form)
    text = form.text("Body", MOST_TEXT)
    return Event(
        kind="message",
        dedup_key=sid,
        provider_id=sid,
        sender=ContactIdentity(
            sender,
            display_name=form.line("ProfileName", 200),
            phone=sender if _NUMBER.fullmatch(sender) else "",
            verified=True,
        ),
        text=text if text or files else _("[An empty message]"),
        attachments=files,
        # STOP, HELP or START, where Twilio has answered it itself.
        data={"opt_out": form.line("OptOutType", 20)} if "OptOutType" in form else {},
    )


def _files(form: Fields) -> tuple[Attachment, ...]:
    count = int(form.line("NumMedia", 10, fits=_COUNT) or 0)
    if count > MOST_FILES:
        raise form.refuse("NumMedia", f"is more than {MOST_FILES}")
    return tuple(_file(form, number) for number in range(count))


def _file(form: Fields, number: int) -> Attachment:
    mime = form.line(f"MediaContentType{number}", 100).lower()
    return Attachment(
        kind=_KINDS.get(mime.partition("/")[0], "file"),
        mime=mime,
        url=form.identifier(f"MediaUrl{number}", 2000, required=True),
    )
