"""What the products of Meta have in common: the handshake, the signature, the Graph API and what its errors mean.

https://developers.facebook.com/docs/graph-api/guides/error-handling
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Literal

from django.utils import timezone
from django.utils.translation import gettext as _

from channels_app import calling, http, signatures, vendor_files
from channels_app.json_fields import Fields, read_object
from channels_app.protocol import (
    BadPayload,
    BadSignature,
    ChannelConfig,
    HttpReply,
    RawRequest,
    SendError,
)

# They retire a version after about two years; the setting may name another one.
BASE_URL = "https://graph.facebook.com/v26.0"
# Where they keep files that want the token.
OWN_HOSTS = (".facebook.com", ".fbsbx.com", ".instagram.com", ".whatsapp.net")
Kind = Literal["window", "auth", "rate", "blocked", "undeliverable", "server"]
_CODES: dict[Kind, tuple[int, ...]] = {
    # Longer than a day since the customer's last message.
    "window": (131047,),
    # The token, the permissions, the account behind them, and its bills.
    "auth": (0, 3, 10, 102, 190, *range(200, 300), 368, 131005, 131031, 131042, 131045, 133010),
    # Of the app, the account, the page or number, and one person.
    "rate": (4, 17, 32, 341, 613, *range(80000, 80015), 130429, 131048, 131056),
    # The person has blocked us, has left, or is not there for now.
    "blocked": (551, 131050),
    # No such person, or nothing that they can be sent.
    "undeliverable": (
        *(33, 100, 130472, 131008, 131009, 131021, 131026, 131030, 131049, 131051, 131052),
        *(131053, 131062, 132000, 132001, 132005, 132007, 132012, 132015, 132016),
    ),
    # Of the moment.
    "server": (1, 2, 1200, 131000, 131016, 131057, 133004),
}
_KINDS: dict[int, Kind] = {code: kind for kind, codes in _CODES.items() for code in codes}
# Where the subcode says more than the code.
_CLOSER: dict[tuple[int, int], Kind] = {
    (10, 2018065): "window",
    (10, 2018278): "window",
    (10, 2534022): "window",
    (10, 2018108): "blocked",
    (200, 1545041): "blocked",
    (200, 2018108): "blocked",
}
# One message in six seconds to one person, when it has been many.
_PAUSES = {131056: timedelta(seconds=6)}
_CHALLENGE = re.compile(r"[!-~]{1,500}")
_ACCOUNT = re.compile(r"[0-9A-Za-z_.-]{1,64}")


def handshake(config: ChannelConfig, request: RawRequest) -> HttpReply | None:
    """Return what answers the check of the address, which names the verify token; None when it is none."""
    query = dict(request.query)
    if request.method != "GET" or query.get("hub.mode") != "subscribe":
        return None
    known = config.named_secrets.get("verify_token", "")
    given = query.get("hub.verify_token", "")
    challenge = query.get("hub.challenge", "")
    if not (known and signatures.is_one_of(given, [known]) and _CHALLENGE.fullmatch(challenge)):
        return None
    return HttpReply(body=challenge.encode())


def signature(secret: str, body: bytes) -> str:
    """Return what Meta writes beside a call: HMAC-SHA256 of its bytes under the app secret."""
    return "sha256=" + hmac.new(_bytes(secret), body, hashlib.sha256).hexdigest()


def verify(config: ChannelConfig, request: RawRequest) -> None:
    """Raise BadSignature unless one of the app secrets signed these bytes."""
    known = [signature(secret, request.body) for secret in filter(None, config.secrets)]
    if not signatures.is_one_of(request.headers.get("x-hub-signature-256", ""), known):
        raise BadSignature("No signature fits")


def base_url(config: ChannelConfig, default: str = BASE_URL) -> str:
    """Return the address of the interface, with its version."""
    return config.address("base_url", default)


def account_id(config: ChannelConfig, name: str) -> str:
    """Return the id of the page, number or account that this channel is. Raises SendError."""
    found = str(config.settings.get(name) or "")
    if not _ACCOUNT.fullmatch(found):
        raise SendError(_("There is no usable account id yet."), kind="auth")
    return found


def token(config: ChannelConfig) -> dict[str, str]:
    """Return the header that carries the access token. Raises SendError."""
    return calling.bearer(config.named_secrets.get("access_token", ""))


def post(url: str, body: Mapping[str, object], config: ChannelConfig) -> Fields:
    """Return what they answer to a message that they took. Raises SendError."""
    content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    return _answer(calling.exchange("POST", url, body=content, headers=token(config)), sent=True)


def get(url: str, config: ChannelConfig) -> Fields:
    """Return what they answer to a question. Raises SendError."""
    return _answer(calling.exchange("GET", url, headers=token(config)), sent=False)


def holds_files(url: str, base: str) -> bool:
    """Tell whether a file lies with Meta itself, who may see the token."""
    return vendor_files.is_at(url, base, OWN_HOSTS)


def refusal(reply: http.Reply) -> SendError:
    """Return what an answer that is no success means; a code says more than the status does."""
    try:
        error = read_object(reply.content).fields("error")
        code, subcode = error.number("code"), error.number("error_subcode") or 0
    except BadPayload:
        return calling.refusal(reply)
    if code is None:
        return calling.refusal(reply)
    kind = kind_of(code, subcode)
    is_passing = kind in {"rate", "server"} or _is_transient(error)
    if kind is None and not is_passing:
        kind = "undeliverable" if reply.status < 500 else "server"
        is_passing = kind == "server"
    return SendError(
        meaning(code, subcode, said=_said(error)),
        kind=kind or "server",
        retryable=is_passing,
        retry_after=_pause(reply, code) if is_passing else None,
    )


def kind_of(code: int, subcode: int = 0) -> Kind | None:
    """Return what an error of theirs means for a message; None for those that nobody listed."""
    return _CLOSER.get((code, subcode)) or _KINDS.get(code)


def meaning(code: int | None, subcode: int = 0, *, said: str = "") -> str:
    """Return an error of theirs as a sentence for people, with what they say themselves."""
    words = {
        "window": _("The time for answers is over until the customer writes again."),
        "auth": _("Meta does not accept the account, its token or its permissions."),
        "rate": _("Meta asks us to send more slowly."),
        "blocked": _("The customer takes no messages from here."),
        "server": _("Meta cannot take it for the moment."),
    }
    kind = None if code is None else kind_of(code, subcode)
    known = _of_template(code) or words.get(kind or "", _("Meta refused it."))
    number = "/".join(str(each) for each in (code, subcode) if each)
    return " ".join(filter(None, (known, said, f"({number})" if number else "")))


def _of_template(code: int | None) -> str:
    """Return what an error says of an approved text; empty for other errors."""
    words = {
        132000: _("The template has another number of places at Meta."),
        132001: _("Meta knows no approved template of this name in this language."),
        132005: _("The template is too long with these values."),
        132012: _("Meta takes something else in the places of the template."),
        132015: _("Meta has paused the template."),
        132016: _("Meta has switched the template off."),
    }
    return words.get(code or 0, "")


def _answer(reply: http.Reply, *, sent: bool) -> Fields:
    if reply.status != HTTPStatus.OK:
        raise refusal(reply)
    try:
        found = read_object(reply.content)
        is_error = "error" in found
    except BadPayload as error:
        # Whatever stands in between may have passed it on.
        reason = _("What answers there is not Meta.")
        raise SendError(reason, kind="other", ambiguous=sent) from error
    if is_error:
        raise refusal(reply)
    return found


def _said(error: Fields) -> str:
    try:
        details = error.fields("error_data").line("details", 2000)
    except BadPayload:
        details = ""
    try:
        return (details or error.line("error_user_msg", 2000) or error.line("message", 2000))[:200]
    except BadPayload:
        return details[:200]


def _is_transient(error: Fields) -> bool:
    try:
        return error.boolean("is_transient")
    except BadPayload:
        return False


def _pause(reply: http.Reply, code: int) -> timedelta | None:
    """Return how long they ask us to wait: in a header, or by what is known of the error."""
    asked = calling.pause(reply.headers.get("retry-after", ""), timezone.now())
    return (
        asked or _minutes(reply.headers.get("x-business-use-case-usage", "")) or _PAUSES.get(code)
    )


def _minutes(usage: str) -> timedelta | None:
    """Return the longest time to regain access that a header of theirs names, an hour at most."""
    found = re.findall(r'"estimated_time_to_regain_access"\s*:\s*([0-9]{1,6})', usage)
    longest = timedelta(minutes=max(map(int, found), default=0))
    return min(longest, calling.LONGEST_PAUSE) or None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
