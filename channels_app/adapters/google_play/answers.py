"""What Google answers to a call (https://cloud.google.com/apis/design/errors)."""

from datetime import timedelta
from http import HTTPStatus

from django.utils.translation import gettext as _

from channels_app import calling, http
from channels_app.access_tokens import TokenRefused
from channels_app.json_fields import Fields, read_object
from channels_app.protocol import BadPayload, SendError

SHORTEST_LIFE = timedelta(minutes=1)
# Of calls in an hour, and of answers in a day.
PAUSE = timedelta(hours=1)
_TOO_MUCH = frozenset({"quotaExceeded", "rateLimitExceeded", "userRateLimitExceeded"})


def read(reply: http.Reply) -> Fields:
    """Return the object that a success holds. Raises SendError."""
    try:
        answer = read_object(reply.content)
    except BadPayload as error:
        if reply.status != HTTPStatus.OK:
            raise calling.refusal(reply) from error
        # The same answer again takes its own place: nothing can go wrong by trying.
        reason = _("What answers there is not Google.")
        raise SendError(reason, kind="server", retryable=True) from error
    if reply.status == HTTPStatus.OK:
        return answer
    raise _refusal(reply, answer)


def read_token(reply: http.Reply) -> tuple[str, timedelta]:
    """Return an access token and how long it is good for. Raises SendError."""
    if reply.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise SendError(_("Google does not know the key of the service account."), kind="auth")
    if reply.status != HTTPStatus.OK:
        raise calling.refusal(reply)
    try:
        answer = read_object(reply.content)
        life = timedelta(seconds=answer.number("expires_in") or 0)
        return answer.identifier("access_token", 4000, required=True), max(life, SHORTEST_LIFE)
    except (BadPayload, OverflowError) as error:
        raise SendError(_("What answers there is not Google."), kind="auth") from error


def _refusal(reply: http.Reply, answer: Fields) -> SendError:
    try:
        error = answer.fields("error")
        said = error.line("message", 2000)[:200]
        reasons = {each.line("reason", 100) for each in error.each("errors", 20)}
    except BadPayload:
        said, reasons = "", set()
    reason = _("Google answers: %(reason)s") % {"reason": f"{said} ({reply.status})"}
    if reply.status == HTTPStatus.UNAUTHORIZED:
        return TokenRefused(reason)
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS or reasons & _TOO_MUCH:
        wait = calling.refusal(reply).retry_after or PAUSE
        return SendError(reason, kind="rate", retryable=True, retry_after=wait)
    known = calling.refusal(reply)
    return SendError(
        reason, kind=known.kind, retryable=known.retryable, retry_after=known.retry_after
    )
