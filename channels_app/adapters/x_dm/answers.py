"""What X answers to a call: a problem with a title and a detail, or a list of errors with codes."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from django.utils import timezone
from django.utils.translation import gettext as _

from channels_app import calling, http
from channels_app.access_tokens import Renewed, TokenRefused
from channels_app.json_fields import Fields, read_object
from channels_app.protocol import BadPayload, SendError

SHORTEST_LIFE = timedelta(minutes=1)
PAUSE = timedelta(minutes=15)
MOST_ERRORS = 20
# The person does not take messages from us.
_BLOCKED_CODES = frozenset({150, 349})
_BLOCKED_WORDS = "cannot send messages to this user"


def read(reply: http.Reply, *, sent: bool) -> Fields:
    """Return the object that a success holds. Raises SendError."""
    try:
        answer = read_object(reply.content)
        said, code = _said(answer)
    except BadPayload as error:
        if not _is_success(reply):
            raise _by_status(reply, "") from error
        # Something in between wrote this; what we sent may have gone through it.
        raise SendError(_("What answers there is not X."), kind="server", ambiguous=sent) from error
    if _is_success(reply) and "data" in answer:
        return answer
    reason = _("X answers: %(reason)s") % {"reason": f"{said} ({code or reply.status})"}
    if code in _BLOCKED_CODES or _BLOCKED_WORDS in said.lower():
        raise SendError(reason, kind="blocked")
    if _is_success(reply):
        raise SendError(reason, kind="undeliverable")
    raise _by_status(reply, reason)


def read_tokens(reply: http.Reply) -> Renewed:
    """Return the tokens that an answer gives. Raises SendError."""
    if reply.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise SendError(_("X does not take the refresh token any more."), kind="auth")
    if not _is_success(reply):
        raise calling.refusal(reply)
    try:
        answer = read_object(reply.content)
        life = timedelta(seconds=answer.number("expires_in") or 0)
        return Renewed(
            answer.identifier("access_token", 2000, required=True),
            max(life, SHORTEST_LIFE),
            answer.identifier("refresh_token", 2000),
        )
    except (BadPayload, OverflowError) as error:
        raise SendError(_("What answers there is not X."), kind="auth") from error


def _is_success(reply: http.Reply) -> bool:
    return HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES


def _said(answer: Fields) -> tuple[str, int]:
    for each in answer.each("errors", MOST_ERRORS):
        text = each.line("detail", 2000) or each.line("message", 2000) or each.line("title", 200)
        return text[:200], each.number("code") or 0
    return (answer.line("detail", 2000) or answer.line("title", 200))[:200], 0


def _by_status(reply: http.Reply, reason: str) -> SendError:
    if reply.status == HTTPStatus.UNAUTHORIZED:
        return TokenRefused(reason or _("X does not take the access token."))
    known = calling.refusal(reply)
    wait = known.retry_after
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = wait or _until(reply.headers.get("x-rate-limit-reset", ""), timezone.now())
    return SendError(
        reason or known.message,
        kind=known.kind,
        retryable=known.retryable,
        retry_after=wait,
        ambiguous=reply.status == HTTPStatus.GATEWAY_TIMEOUT,
    )


def _until(seconds: str, now: datetime) -> timedelta:
    """Return how long to wait until an instant that they name in seconds."""
    try:
        wait = datetime.fromtimestamp(int(seconds), UTC) - now
    except (ValueError, OverflowError, OSError):
        return PAUSE
    return min(max(wait, timedelta(seconds=1)), calling.LONGEST_PAUSE)
