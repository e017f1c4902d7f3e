"""Posts to the other system through the guarded client and says what its answer means."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
from django.utils import timezone
from django.utils.translation import gettext as _

from channels_app import http
from channels_app.protocol import SendError

MOST_REPLY_BYTES = 64 * 1024
LONGEST_PAUSE = timedelta(hours=1)
# Shorter together than the whole call may take.
TIMEOUT = httpx.Timeout(20, connect=5, pool=5)
# Answers that speak of the moment, not of the message.
_TIMED_OUT, _TOO_EARLY, _TOO_MANY = 408, 425, 429
_SECONDS = re.compile(r"[0-9]{1,9}")


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries an access token. Raises SendError for one that no header can carry."""
    if not token or not token.isascii() or not token.isprintable():
        raise SendError(_("There is no usable access token yet."), kind="auth")
    return {"authorization": f"Bearer {token}"}


@contextmanager
def said_nothing_yet() -> Iterator[None]:
    """Take the doubt from errors of calls that only prepare a message: nobody has heard anything."""
    try:
        yield
    except SendError as error:
        if not error.ambiguous:
            raise
        raise SendError(
            error.message, kind=error.kind, retryable=True, retry_after=error.retry_after
        ) from error


def post(url: str, body: bytes, headers: Mapping[str, str]) -> http.Reply:
    """Return the reply when it is a success. Raises SendError for everything else."""
    reply = exchange("POST", url, body=body, headers=headers)
    if not 200 <= reply.status < 300:
        raise refusal(reply)
    return reply


def exchange(
    method: str,
    url: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str],
    most_bytes: int = MOST_REPLY_BYTES,
) -> http.Reply:
    """Return the reply whatever it says. Raises SendError where there is none."""
    try:
        return http.call(
            method,
            url,
            headers={
                "content-type": "application/json; charset=utf-8",
                "accept": "application/json",
                **headers,
            },
            content=body,
            max_bytes=most_bytes,
            timeout=TIMEOUT,
        )
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:
        raise SendError(_("The address for replies is unusable."), kind="undeliverable") from error
    except httpx.TransportError as error:
        raise _not_answered(error) from error


def _not_answered(error: httpx.TransportError) -> SendError:
    if http.was_refused(error):
        # Trying again would ask the same private machine; an operator has to allow it first.
        return SendError(_("The address for replies is not a public one."), kind="undeliverable")
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return SendError(_("The other system cannot be reached."), kind="server", retryable=True)
    if isinstance(error, http.ReplyTooLarge):
        reason = _("The answer of the other system is too large.")
    elif isinstance(error, http.ReplyPacked):
        reason = _("The other system compressed its answer, which was not asked for.")
    else:
        reason = _("The other system did not answer in time.")
    return SendError(reason, kind="server", retryable=True, ambiguous=True)


def refusal(reply: http.Reply) -> SendError:
    """Return what an answer that is no success means."""
    status = reply.status
    if status == 410:
        return SendError(_("The other system wants no more messages (410)."), kind="blocked")
    if status in {401, 403}:
        reason = _("The other system does not accept our signature (%(status)s).")
        return SendError(reason % {"status": status}, kind="auth")
    reason = _("The other system answered with %(status)s.") % {"status": status}
    if status >= 500 or status in {_TIMED_OUT, _TOO_EARLY, _TOO_MANY}:
        return SendError(
            reason,
            kind="rate" if status == _TOO_MANY else "server",
            retryable=True,
            retry_after=pause(reply.headers.get("retry-after", ""), timezone.now()),
        )
    if 300 <= status < 400:
        reason = _("The address for replies redirects (%(status)s), which is not followed.")
        reason %= {"status": status}
    return SendError(reason, kind="undeliverable")


def pause(value: str, now: datetime) -> timedelta | None:
    """Return how long a Retry-After asks us to wait, an hour at most; None when it does not say."""
    if _SECONDS.fullmatch(value.strip()):
        return min(timedelta(seconds=int(value)), LONGEST_PAUSE)
    try:
        until = parsedate_to_datetime(value)
        wait = (until if until.tzinfo else until.replace(tzinfo=UTC)) - now
    except (TypeError, ValueError, OverflowError):
        return None
    return min(max(wait, timedelta(0)), LONGEST_PAUSE)
