"""What Apple answers to a call: a list of errors, the first of which says enough."""

from datetime import timedelta
from http import HTTPStatus

from django.utils.translation import gettext as _

from channels_app import calling, http
from channels_app.access_tokens import TokenRefused
from channels_app.json_fields import Fields, read_object
from channels_app.protocol import BadPayload, SendError

# Of calls in an hour.
PAUSE = timedelta(minutes=15)
MOST_ERRORS = 20


def read(reply: http.Reply) -> Fields:
    """Return the object that a success holds. Raises SendError."""
    is_success = HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES
    try:
        answer = read_object(reply.content)
        said = _said(answer)
        is_told = "data" in answer
    except BadPayload as error:
        if not is_success:
            raise calling.refusal(reply) from error
        raise _unknown() from error
    if is_success and is_told:
        return answer
    if is_success:
        raise _unknown()
    reason = _("Apple answers: %(reason)s") % {"reason": f"{said} ({reply.status})"}
    if reply.status == HTTPStatus.UNAUTHORIZED:
        raise TokenRefused(reason)
    known = calling.refusal(reply)
    is_rate = reply.status == HTTPStatus.TOO_MANY_REQUESTS
    raise SendError(
        reason,
        kind=known.kind,
        retryable=known.retryable,
        retry_after=known.retry_after or (PAUSE if is_rate else None),
    )


def _unknown() -> SendError:
    # The same answer again takes its own place: nothing can go wrong by trying.
    return SendError(_("What answers there is not Apple."), kind="server", retryable=True)


def _said(answer: Fields) -> str:
    for each in answer.each("errors", MOST_ERRORS):
        return (each.line("detail", 2000) or each.line("title", 200))[:200]
    return ""
