"""What DingTalk answers: the newer interface by status and a word, the older by a number in the body."""

from datetime import timedelta
from http import HTTPStatus
from typing import Literal

from django.utils import timezone
from django.utils.translation import gettext as _

from channels_app import calling, http
from channels_app.access_tokens import TokenRefused
from channels_app.json_fields import Fields, read_object
from channels_app.protocol import BadPayload, SendError

Kind = Literal["auth", "rate", "blocked", "undeliverable", "server"]
# The token; the words of the newer interface, the numbers of the older.
_STALE = frozenset({"InvalidAuthentication", "40001", "40014", "42001", "41001", "33001"})
_KINDS: dict[str, Kind] = {
    "invalidClientIdOrSecret": "auth",
    "Forbidden.AccessDenied.AccessTokenPermissionDenied": "auth",
    "robot.not.found": "auth",
    "robotNotExist": "auth",
    "130101": "rate",
    "90018": "rate",
    "410100": "rate",
    "400013": "blocked",
    "430104": "blocked",
    "-1": "server",
    "serviceUnavailable": "server",
    "unknownError": "server",
}
# A session that has ended, or never was.
_OVER = frozenset({"300001", "300005", "400601", "410101"})
# Whoever sends too much to one group is shut out of it for so long.
_SHUT_OUT = timedelta(minutes=10)
PAUSE = timedelta(seconds=5)


class SessionOver(SendError):
    """The place where a message could be answered at once is gone; nothing was said."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, kind="undeliverable")


def read(reply: http.Reply) -> Fields:
    """Return the object that a success holds. Raises SendError, of it TokenRefused."""
    try:
        answer = read_object(reply.content)
        code = _code(answer)
        said = (answer.line("message", 2000) or answer.line("errmsg", 2000))[:200]
    except BadPayload as error:
        if reply.status != HTTPStatus.OK:
            raise calling.refusal(reply) from error
        # Something in between wrote this; what we sent may have gone through it.
        reason = _("What answers there is not DingTalk.")
        raise SendError(reason, kind="server", ambiguous=True) from error
    if reply.status == HTTPStatus.OK and code in {"", "0"}:
        return answer
    raise _refusal(reply, code, said)


def _code(answer: Fields) -> str:
    number = answer.number("errcode", lowest=-(10**9))
    return str(number) if number is not None else answer.line("code", 200)


def _refusal(reply: http.Reply, code: str, said: str) -> SendError:
    reason = _("DingTalk answers: %(reason)s (%(code)s)") % {"reason": said, "code": code}
    if code in _STALE or (reply.status == HTTPStatus.UNAUTHORIZED and code):
        return TokenRefused(reason)
    if code in _OVER:
        return SessionOver(reason)
    is_crowded = reply.status == HTTPStatus.TOO_MANY_REQUESTS or "QpsLimit" in code
    kind = "rate" if is_crowded or code.startswith("Throttling") else _KINDS.get(code)
    if kind is None and (reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR or not code):
        return calling.refusal(reply)
    return SendError(
        reason,
        kind=kind or "undeliverable",
        retryable=kind in {"rate", "server"},
        retry_after=_pause(reply, code) if kind == "rate" else None,
    )


def _pause(reply: http.Reply, code: str) -> timedelta:
    if code == "130101":
        return _SHUT_OUT
    return calling.pause(reply.headers.get("retry-after", ""), timezone.now()) or PAUSE
