"""What Teams and its sign-in answer: a status, and on a refusal a word that says why.

https://learn.microsoft.com/microsoftteams/platform/bots/build-conversational-capability#status-codes-from-bot-conversational-apis
"""

from datetime import timedelta
from http import HTTPStatus

from django.utils import timezone
from django.utils.translation import gettext as _

from channels_app import calling, http
from channels_app.access_tokens import TokenRefused
from channels_app.json_fields import Fields, read_object
from channels_app.protocol import BadPayload, SendError

# They ask to have these repeated, as a call that came too often.
_AGAIN = frozenset(
    {HTTPStatus.PRECONDITION_FAILED, HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT}
)
PAUSE = timedelta(seconds=5)


def read(reply: http.Reply) -> Fields:
    """Return the object that a success holds. Raises SendError, of it TokenRefused."""
    try:
        answer = read_object(reply.content)
        error = answer.plain("error")
        said = _said(answer, error)
    except BadPayload as unread:
        if not _is_success(reply):
            raise _refusal(reply, "") from unread
        # Something in between wrote this; what we sent may have gone through it.
        reason = _("What answers there is not Microsoft Teams.")
        raise SendError(reason, kind="server", ambiguous=True) from unread
    if _is_success(reply) and not error:
        return answer
    raise _refusal(reply, said)


def token_of(reply: http.Reply) -> tuple[str, timedelta]:
    """Return the token that an answer holds, and for how long it is good. Raises SendError."""
    try:
        answer = read(reply)
        token = answer.identifier("access_token", 8000, required=True)
        life = timedelta(seconds=answer.number("expires_in") or 0)
    except SendError as error:
        if error.retryable or error.ambiguous:
            raise
        # Whatever is wrong here is wrong with the app.
        raise SendError(error.message, kind="auth") from error
    except BadPayload as error:
        reason = _("What answers there is not Microsoft Teams.")
        raise SendError(reason, kind="server", retryable=True) from error
    calling.bearer(token)
    return token, life


def _is_success(reply: http.Reply) -> bool:
    return HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES


def _said(answer: Fields, error: object) -> str:
    """Return why not: the service tells it in an object, the sign-in beside a word."""
    if isinstance(error, str):
        return answer.line("error_description", 4000)[:200] or error[:200]
    found = answer.fields("error")
    return (found.line("message", 4000) or found.line("code", 200))[:200]


def _refusal(reply: http.Reply, said: str) -> SendError:
    status = reply.status
    if status == HTTPStatus.TOO_MANY_REQUESTS or status in _AGAIN:
        reason = _("The other system answered with %(status)s.") % {"status": status}
        is_crowded = status == HTTPStatus.TOO_MANY_REQUESTS
        return SendError(
            reason,
            kind="rate" if is_crowded else "server",
            retryable=True,
            retry_after=calling.pause(reply.headers.get("retry-after", ""), timezone.now())
            or PAUSE,
        )
    reason = _("Teams answers: %(reason)s") % {"reason": said or status}
    if status == HTTPStatus.UNAUTHORIZED:
        return TokenRefused(reason)
    if status == HTTPStatus.FORBIDDEN:
        # The bot was taken out, or the person has blocked it.
        return SendError(reason, kind="blocked")
    if not said:
        return calling.refusal(reply)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return SendError(reason, kind="server", retryable=True)
    return SendError(reason, kind="undeliverable")
