"""What Weibo answers to a call: it says what is wrong in the body, whatever the status is.

Its codes are from https://open.weibo.com/wiki/Error_code; of one that is not known here the status counts.
"""

from datetime import timedelta
from http import HTTPStatus
from typing import Literal

from django.utils.translation import gettext as _

from channels_app import calling, http
from channels_app.json_fields import Fields, read_object
from channels_app.protocol import BadPayload, SendError

Kind = Literal["quota", "auth", "rate", "blocked", "undeliverable", "server"]
PAUSE = timedelta(minutes=1)
# Above this a file is no error that somebody wrote down.
MOST_ERROR_BYTES = 4096
_CODES: dict[Kind, tuple[int, ...]] = {
    "server": (10001, 10002, 10003, 10009, 10010, 10011),
    "auth": (
        *(10004, 10005, 10006, 10013, 10014, 20006, 21301, 21302, 21303),
        *range(21311, 21333),
    ),
    "rate": (10022, 10023, 10024, 20016),
    "undeliverable": (20003,),
}
_KINDS: dict[int, Kind] = {code: kind for kind, codes in _CODES.items() for code in codes}


def read(reply: http.Reply, *, sent: bool) -> Fields:
    """Return the object that a success holds. Raises SendError."""
    try:
        answer = read_object(reply.content)
        error = _error(answer)
    except BadPayload as error_in_it:
        if reply.status != HTTPStatus.OK:
            raise calling.refusal(reply) from error_in_it
        # Something in between wrote this; what we sent may have gone through it.
        reason = _("What answers there is not Weibo.")
        raise SendError(reason, kind="server", ambiguous=sent) from error_in_it
    if error is not None:
        raise error
    if reply.status != HTTPStatus.OK:
        raise calling.refusal(reply)
    return answer


def error_in(data: bytes) -> SendError | None:
    """Return the error that stands where a file should be; None for what is a file."""
    if len(data) > MOST_ERROR_BYTES or not data.lstrip().startswith(b"{"):
        return None
    try:
        return _error(read_object(data))
    except BadPayload:
        return None


def _error(answer: Fields) -> SendError | None:
    code = answer.number("error_code")
    if not code:
        return None
    kind = _KINDS.get(code, "undeliverable")
    reason = _("Weibo answers: %(reason)s (%(code)s)") % {
        "reason": answer.line("error", 1000)[:200],
        "code": code,
    }
    is_passing = kind in {"rate", "server"}
    return SendError(
        reason,
        kind=kind,
        retryable=is_passing,
        retry_after=PAUSE if kind == "rate" else None,
    )
