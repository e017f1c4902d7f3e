"""What Telegram answers: a result, or why not.

It says so in the body, whatever the status is (https://core.telegram.org/bots/api#making-requests).
"""

from datetime import timedelta
from http import HTTPStatus

from django.utils.translation import gettext as _

from channels_app import calling, http
from channels_app.json_fields import LOWEST, Fields, read_object
from channels_app.protocol import BadPayload, SendError

LONGEST_PAUSE = timedelta(days=1)


class Refused(SendError):
    """Telegram did not take a message; `description` says why, `moved_to` where its group is by now."""

    def __init__(self, description: str, *, moved_to: int | None = None) -> None:
        reason = _("Telegram answers: %(reason)s") % {"reason": description}
        super().__init__(reason, kind="undeliverable")
        self.description, self.moved_to = description, moved_to


def result_of(reply: http.Reply, token: str) -> Fields:
    """Return what an answer holds, as an object with the field `result`. Raises SendError."""
    try:
        answer = read_object(reply.content)
        if answer.boolean("ok"):
            return answer
        raise _refusal(answer, reply.status, token)
    except BadPayload as error:
        if reply.status != HTTPStatus.OK:
            raise calling.refusal(reply) from error
        # Something in between wrote this; what we sent may have gone through it.
        reason = _("What answers there is not Telegram.")
        raise SendError(reason, kind="server", ambiguous=True) from error


def _refusal(answer: Fields, status: int, token: str) -> SendError:
    code = answer.number("error_code") or status
    description = answer.line("description", 1000).replace(token, "…")[:200]
    reason = _("Telegram answers: %(reason)s") % {"reason": description}
    hints = answer.fields("parameters")
    if code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND}:
        return SendError(_("Telegram does not know this bot token."), kind="auth")
    if code == HTTPStatus.FORBIDDEN:
        # Blocked by the person, thrown out of the group, or never written to.
        return SendError(reason, kind="blocked")
    if code == HTTPStatus.TOO_MANY_REQUESTS:
        seconds = min(hints.number("retry_after") or 1, int(LONGEST_PAUSE.total_seconds()))
        return SendError(
            reason, kind="rate", retryable=True, retry_after=timedelta(seconds=seconds)
        )
    if code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        is_late = code == HTTPStatus.GATEWAY_TIMEOUT
        return SendError(reason, kind="server", retryable=True, ambiguous=is_late)
    return Refused(description, moved_to=hints.number("migrate_to_chat_id", lowest=LOWEST))
