"""What Twilio answers to a call (https://www.twilio.com/docs/usage/twilios-response).

Its codes are from the dictionary of errors, which Twilio changes: of one that is not known here the
status counts.
"""

import re
from datetime import timedelta
from http import HTTPStatus
from typing import Literal

from django.utils import timezone
from django.utils.translation import gettext as _

from channels_app import calling, http
from channels_app.json_fields import Fields, read_object
from channels_app.protocol import BadPayload, SendError

# Addresses, which belong in no log.
_NUMBERS = re.compile(r"\+?[0-9]{6,}")
Kind = Literal["quota", "auth", "rate", "blocked", "undeliverable"]
# Of a queue that is full.
PAUSE = timedelta(minutes=1)
_KINDS: dict[int, Kind] = {
    # The recipient has sent STOP.
    21610: "blocked",
    # Our account, or the number that we send from: whoever is written to.
    20003: "auth",
    20005: "auth",
    20404: "auth",
    21212: "auth",
    21603: "auth",
    21606: "auth",
    21659: "auth",
    21703: "auth",
    21705: "auth",
    30002: "auth",
    # A country that the account may not write to.
    21408: "undeliverable",
    # Too many calls; more waits for this number than Twilio holds.
    14107: "rate",
    20429: "rate",
    21611: "rate",
    # What an account on trial may send in a day.
    63038: "quota",
}


def read(reply: http.Reply) -> Fields:
    """Return the object that a success holds. Raises SendError."""
    try:
        answer = read_object(reply.content)
        code = answer.number("code") or answer.number("error_code") or 0
        said = answer.line("message", 1000) or answer.line("error_message", 1000)
    except BadPayload as error:
        if not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
            raise _by_status(reply, "") from error
        # Something in between wrote this; what we sent may have gone through it.
        reason = _("What answers there is not Twilio.")
        raise SendError(reason, kind="server", ambiguous=True) from error
    if HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES and not code:
        return answer
    reason = _("Twilio answers: %(reason)s (%(code)s)") % {
        "reason": _NUMBERS.sub("…", said)[:200],
        "code": code,
    }
    kind = _KINDS.get(code)
    if kind is None:
        raise _by_status(reply, reason)
    raise SendError(
        reason,
        kind=kind,
        retryable=kind == "rate",
        retry_after=_pause(reply) or PAUSE if kind == "rate" else None,
    )


def _by_status(reply: http.Reply, reason: str) -> SendError:
    known = calling.refusal(reply)
    is_late = reply.status == HTTPStatus.GATEWAY_TIMEOUT
    return SendError(
        reason or known.message,
        kind=known.kind,
        retryable=known.retryable,
        retry_after=known.retry_after,
        ambiguous=is_late,
    )


def _pause(reply: http.Reply) -> timedelta | None:
    return calling.pause(reply.headers.get("retry-after", ""), timezone.now())
