"""What Feishu answers: a code in the body, whatever the status is.

https://open.feishu.cn/document/server-docs/api-call-guide/generic-error-code. The codes of tokens and
of too many calls are from there; those of single messages are from the page of each call, those of long
connections (from 1000040343 on, and 1) from their own kit.
"""

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
_STALE = frozenset({99991661, 99991663, 99991664, 99991665, 99991668, 99991671, 99991677})
_CODES: dict[Kind, tuple[int, ...]] = {
    # The app, its secret, its permissions, its bot.
    "auth": (
        10003,
        10005,
        10012,
        10014,
        99991401,
        99991543,
        99991672,
        99991679,
        230006,
        230027,
        1000040344,
        1000040350,
    ),
    "rate": (11232, 11247, 99991400, 230020),
    # Not in the group, muted, not allowed to write to this person, or switched off by them.
    "blocked": (230002, 230013, 230018, 230035, 230036, 230037, 230038, 230053),
    # The same message is being sent by an earlier attempt.
    "server": (230049, 99991500, 232096, 1, 1000040343),
}
_KINDS: dict[int, Kind] = {code: kind for kind, codes in _CODES.items() for code in codes}
# What an answer may refer to no longer: recalled, deleted, out of sight, a topic that is gone.
_GONE = frozenset({230011, 230019, 230050, 230110})
PAUSE = timedelta(seconds=5)


class Refused(SendError):
    """Feishu did not take a message; `is_gone` when only what it answers is not there any more."""

    def __init__(self, reason: str, *, is_gone: bool) -> None:
        super().__init__(reason, kind="undeliverable")
        self.is_gone = is_gone


def read(reply: http.Reply) -> Fields:
    """Return the object that a success holds. Raises SendError, of it TokenRefused and Refused."""
    try:
        answer = read_object(reply.content)
        code, said = answer.number("code"), answer.line("msg", 2000)[:200]
    except BadPayload as error:
        if reply.status != HTTPStatus.OK:
            raise calling.refusal(reply) from error
        # Something in between wrote this; what we sent may have gone through it.
        reason = _("What answers there is not Feishu.")
        raise SendError(reason, kind="server", ambiguous=True) from error
    if code == 0 and reply.status == HTTPStatus.OK:
        return answer
    if not code:
        raise calling.refusal(reply)
    raise _refusal(reply, code, said)


def token_of(reply: http.Reply) -> tuple[str, timedelta]:
    """Return the token that an answer holds, and for how long it is good. Raises SendError."""
    try:
        found = read(reply)
        token = found.identifier("tenant_access_token", 1000, required=True)
        seconds = found.number("expire") or 0
    except (Refused, TokenRefused) as error:
        # Whatever is wrong here is wrong with the app.
        raise SendError(error.message, kind="auth") from error
    except BadPayload as error:
        raise SendError(_("What answers there is not Feishu."), kind="auth") from error
    return token, timedelta(seconds=seconds)


def _refusal(reply: http.Reply, code: int, said: str) -> SendError:
    reason = _("Feishu answers: %(reason)s (%(code)s)") % {"reason": said, "code": code}
    if code in _STALE:
        return TokenRefused(reason)
    kind = _KINDS.get(code)
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        kind = "rate"
    elif kind is None and reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        kind = "server"
    if kind is None:
        return Refused(reason, is_gone=code in _GONE)
    return SendError(
        reason,
        kind=kind,
        retryable=kind in {"rate", "server"},
        retry_after=_pause(reply) if kind == "rate" else None,
    )


def _pause(reply: http.Reply) -> timedelta:
    asked = reply.headers.get("x-ogw-ratelimit-reset", "") or reply.headers.get("retry-after", "")
    return calling.pause(asked, timezone.now()) or PAUSE
