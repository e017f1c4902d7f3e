"""Fetches the files of messages through the guarded client, and says whether another try makes sense."""

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

import httpx
from django.conf import settings
from django.utils.translation import gettext as _

from channels_app import http
from helpdesk.errors import ChannelError

_TYPE = re.compile(r"[A-Za-z0-9.+-]{1,60}/[A-Za-z0-9.+-]{1,39}")
_ELSEWHERE = frozenset(
    {
        HTTPStatus.MOVED_PERMANENTLY,
        HTTPStatus.FOUND,
        HTTPStatus.SEE_OTHER,
        HTTPStatus.TEMPORARY_REDIRECT,
        HTTPStatus.PERMANENT_REDIRECT,
    }
)
# A vendor that is still preparing the file says so.
_PASSING = frozenset(
    {HTTPStatus.ACCEPTED, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
)


def fetch(
    url: str,
    mime: str,
    *,
    headers: Mapping[str, str] | None = None,
    may_redirect: bool = False,
    look: Callable[[http.Reply], None] | None = None,
) -> tuple[bytes, str]:
    """Return a file's bytes and the type that its server claims, else `mime`. Raises ChannelError.

    With `may_redirect` one redirect is followed; its address is checked as any, and gets no headers of ours.
    `look` sees the first answer and raises ChannelError where it knows it to be no file.
    """
    reply = _called(url, headers)
    if look is not None:
        look(reply)
    if may_redirect and reply.status in _ELSEWHERE:
        reply = _called(urljoin(url, reply.headers.get("location", "")), None)
    if reply.status != HTTPStatus.OK:
        raise ChannelError(
            _("The file cannot be fetched (%(status)s).") % {"status": reply.status},
            permanent=not (reply.status >= 500 or reply.status in _PASSING),
        )
    claimed = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    return reply.content, claimed if _TYPE.fullmatch(claimed) else mime


def is_at(url: str, base: str, hosts: tuple[str, ...]) -> bool:
    """Tell whether an address is the vendor's own: below `base`, or by https at a host that ends like this."""
    try:
        found, known = urlsplit(url), urlsplit(base)
        host = found.hostname or ""
    except ValueError:
        return False
    if (found.scheme, found.netloc) == (known.scheme, known.netloc):
        return True
    return found.scheme == "https" and host.endswith(hosts)


def _called(url: str, headers: Mapping[str, str] | None) -> http.Reply:
    try:
        return http.call("GET", url, headers=headers, max_bytes=settings.ATTACHMENT_MAX_BYTES)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:
        raise ChannelError(_("The file has no usable address."), permanent=True) from error
    except http.ReplyTooLarge as error:
        raise ChannelError(_("The file is too large."), permanent=True) from error
    except http.ReplyPacked as error:
        reason = _("The server compressed the file, which was not asked for.")
        raise ChannelError(reason, permanent=True) from error
    except httpx.TransportError as error:
        reason = _("The file cannot be fetched.")
        raise ChannelError(reason, permanent=http.was_refused(error)) from error
