"""How Twilio signs its calls (https://www.twilio.com/docs/usage/security), whatever they are about."""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from urllib.parse import SplitResult, parse_qsl, urlsplit

from channels_app import signatures
from channels_app.protocol import RawRequest

MOST_PARAMETERS = 1000
# Bytes that are no UTF-8 stay what they are: what is signed is what came.
_KEEP = "surrogateescape"
_BODY_DIGEST = "bodySHA256"


def signature(token: str, url: str, parameters: Iterable[tuple[str, str]]) -> str:
    """Return what Twilio writes beside a call: HMAC-SHA1 of the address and the sorted form, in base64."""
    signed = url + "".join(name + value for name, value in sorted(set(parameters)))
    digest = hmac.new(token.encode("utf-8", _KEEP), signed.encode("utf-8", _KEEP), hashlib.sha1)
    return base64.b64encode(digest.digest()).decode("ascii")


def fits(request: RawRequest, secrets: Sequence[str]) -> bool:
    """Tell whether a call is signed with one of these secrets, for the address it came to."""
    digest = dict(request.query).get(_BODY_DIGEST, "")
    if digest:
        # What is no form is signed by its digest, which stands in the address.
        found = hashlib.sha256(request.body).hexdigest()
        is_whole = signatures.is_one_of(digest, [found])
        return _is_signed(request, (), secrets) and is_whole
    try:
        text = request.body.decode("utf-8", _KEEP)
        form = parse_qsl(text, keep_blank_values=True, errors=_KEEP, max_num_fields=MOST_PARAMETERS)
    except ValueError:
        return False
    return _is_signed(request, form, secrets)


def _is_signed(
    request: RawRequest, parameters: Sequence[tuple[str, str]], secrets: Sequence[str]
) -> bool:
    known = [
        signature(secret, url, parameters)
        for secret in filter(None, secrets)
        for url in _addresses(request.url)
    ]
    return signatures.is_one_of(request.headers.get("x-twilio-signature", ""), known)


def _addresses(url: str) -> list[str]:
    """Return an address with and without its port: Twilio signs either."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    bare = host.rpartition(":")[0] if parts.port else host
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return sorted({url, _at(parts, bare), _at(parts, f"{bare}:{port}")})


def _at(parts: SplitResult, place: str) -> str:
    return parts._replace(netloc=place).geturl()
