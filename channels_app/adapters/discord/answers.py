"""What Discord answers to a call: by status, with a number of its own in the body.

https://discord.com/developers/docs/topics/opcodes-and-status-codes
"""

import math
from datetime import timedelta
from http import HTTPStatus
from typing import Literal

from django.utils.translation import gettext as _

from channels_app import calling, http
from channels_app.json_fields import Fields, read_object
from channels_app.protocol import BadPayload, SendError

Kind = Literal["auth", "blocked", "undeliverable"]
_KINDS: dict[int, Kind] = {
    # Takes no private messages from there; the channel or its server lets us not write.
    50007: "blocked",
    50001: "blocked",
    50013: "blocked",
    20028: "blocked",
    40007: "blocked",
    50278: "blocked",
    10003: "undeliverable",
    10013: "undeliverable",
    40001: "auth",
    40002: "auth",
}
LONGEST_PAUSE = timedelta(hours=1)


def read(reply: http.Reply) -> Fields:
    """Return the object that a success holds. Raises SendError."""
    try:
        answer = read_object(reply.content)
        code, said = answer.number("code") or 0, answer.line("message", 1000)[:200]
    except BadPayload as error:
        if not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
            raise _by_status(reply) from error
        # Something in between wrote this; what we sent may have gone through it.
        raise SendError(stranger(), kind="server", ambiguous=True) from error
    if HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
        return answer
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise _slower(answer)
    kind = _KINDS.get(code)
    if kind is None and (not code or reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR):
        raise _by_status(reply)
    reason = _("Discord answers: %(reason)s (%(code)s)") % {"reason": said, "code": code}
    raise SendError(reason, kind=kind or "undeliverable")


def stranger() -> str:
    """Return what to say of an answer that is not theirs."""
    return _("What answers there is not Discord.")


def _slower(answer: Fields) -> SendError:
    try:
        seconds = answer.real("retry_after") or 1.0
    except BadPayload:
        seconds = 1.0
    wait = timedelta(seconds=math.ceil(max(seconds, 0.0)))
    reason = _("Discord asks us to send more slowly.")
    return SendError(reason, kind="rate", retryable=True, retry_after=min(wait, LONGEST_PAUSE))


def _by_status(reply: http.Reply) -> SendError:
    error = calling.refusal(reply)
    if reply.status == HTTPStatus.GATEWAY_TIMEOUT:
        return SendError(error.message, kind="server", retryable=True, ambiguous=True)
    return error
