"""Mails that a provider posts: signatures and payloads are django-anymail's business, used as a library.

What comes out is one mail as bytes, so that everything behind this knows only mails. A kept call is
read again later, without its headers: what form it has is told from its bytes, both times.
"""

import json
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.encoders import encode_base64
from email.message import Message
from typing import Any
from urllib.parse import unquote_to_bytes

from anymail.exceptions import AnymailNotSupportedWarning, AnymailWebhookValidationFailure
from anymail.webhooks.mailgun import MailgunInboundWebhookView
from anymail.webhooks.mailjet import MailjetInboundWebhookView
from anymail.webhooks.postmark import PostmarkInboundWebhookView
from anymail.webhooks.sendgrid import SendGridInboundWebhookView
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest, QueryDict
from django.utils.crypto import salted_hmac
from django.utils.datastructures import MultiValueDict
from django.utils.http import parse_header_parameters

from channels_app.protocol import BadPayload, BadSignature, ChannelConfig, RawRequest

# Mailgun tries for eight hours, and may do so under the first signature.
MAILGUN_SECONDS = 12 * 3600
MOST_FIELDS = 500
_VIEWS = {
    "mailgun": MailgunInboundWebhookView,
    "mailjet": MailjetInboundWebhookView,
    "postmark": PostmarkInboundWebhookView,
    "sendgrid": SendGridInboundWebhookView,
}
# Where a provider that was asked for it puts the mail as it came.
_WHOLE_MAIL = {"mailgun": "body-mime", "sendgrid": "email", "postmark": "RawEmail"}
_BOUNDARY = re.compile(rb"--[^\r\n]{1,200}(?=\r\n)")
_HEADER_NAME = re.compile(r"[!-9;-~]{1,100}")
_LINE_ENDS = re.compile(r"[\x00\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")

# Said by anymail for every call; that it still works is held by our own tests.
warnings.filterwarnings("ignore", category=AnymailNotSupportedWarning)


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of a posted form; one with a file name is a file."""

    name: str
    data: bytes
    filename: str | None = None
    mime: str = ""


def name_of(config: ChannelConfig) -> str:
    """Return which provider the channel's mails come from; empty for none."""
    name = str(config.settings.get("provider") or "")
    return name if name in _VIEWS else ""


def verify(name: str, request: RawRequest, secrets: tuple[str, ...]) -> None:
    """Raise BadSignature unless the provider made this call with one of the secrets."""
    try:
        call = _call(request.body, request.headers)
    except BadPayload as error:
        # What cannot be taken apart carries no signature.
        raise BadSignature("The call cannot be read") from error
    if not any(_has_signed(name, call, secret) for secret in secrets):
        raise BadSignature("The provider did not sign this call")
    if name == "mailgun":
        _check_age(call, request)


def mail_in(name: str, body: bytes) -> bytes:
    """Return the mail that a call carries. Raises BadPayload."""
    with _readable():
        whole = _whole_mail(name, body)
        if whole:
            return whole
        (event,) = _view(name, "unused").parse_events(_call(body, {}))
        if not event.message.get("From"):
            raise BadPayload("The call carries no mail")
        _settle(event.message)
        return bytes(event.message.as_bytes())


def _view(name: str, secret: str) -> Any:  # Any: anymail is not annotated
    view: Any = _VIEWS[name]
    if name == "mailgun":
        return view(webhook_signing_key=secret, webhook_secret=[])
    return view(webhook_secret=[secret])


def _has_signed(name: str, call: HttpRequest, secret: str) -> bool:
    if not secret or not secret.isascii():
        return False
    try:
        _view(name, secret).run_validators(call)
    except (AnymailWebhookValidationFailure, UnicodeError, RecursionError, TypeError):
        # The last ones are odd values where the signature should be.
        return False
    return True


def _check_age(call: HttpRequest, request: RawRequest) -> None:
    signed_at = call.POST.get("timestamp", "")
    is_number = signed_at.isascii() and signed_at.isdecimal() and len(signed_at) < 12
    if not is_number or abs(request.received_at.timestamp() - int(signed_at)) > MAILGUN_SECONDS:
        raise BadSignature("The call is too old")


def _whole_mail(name: str, body: bytes) -> bytes:
    wanted = _WHOLE_MAIL.get(name)
    if _is_json(body):
        mail = json.loads(body).get(wanted)
        return mail.encode("utf-8", "surrogatepass") if isinstance(mail, str) else b""
    # As bytes: in a form for pages, a mail that is not in UTF-8 would be decoded for good.
    return next((field.data for field in _fields(body) if field.name == wanted), b"")


def _call(body: bytes, headers: Mapping[str, str]) -> HttpRequest:
    """Return the request that anymail's views read. Raises BadPayload.

    The form is taken apart here: Django's own parser has the limits of pages.
    """
    request = HttpRequest()
    request.method = "POST"
    request.encoding = "utf-8"
    request.content_type = "application/json" if _is_json(body) else "multipart/form-data"
    request.META = {_meta_name(name): value for name, value in headers.items()}
    request.META["CONTENT_TYPE"] = request.content_type
    # Any: their stubs say less of them than is true.
    post: Any = QueryDict(mutable=True)
    files: Any = MultiValueDict()
    with _readable():
        for field in () if _is_json(body) else _fields(body):
            if field.filename is None:
                post.appendlist(field.name, field.data.decode("utf-8", "replace"))
            else:
                file = SimpleUploadedFile(field.filename, field.data, field.mime)
                files.appendlist(field.name, file)
    request.POST, request.FILES = post, files
    request._body = body  # where Django keeps what it has read
    return request


def _meta_name(name: str) -> str:
    return f"HTTP_{name.upper().replace('-', '_')}"


def _is_json(body: bytes) -> bool:
    return body[:100].lstrip().startswith((b"{", b"["))


def _fields(body: bytes) -> list[_Field]:
    boundary = _BOUNDARY.match(body)
    if boundary is None:
        pairs = (pair.partition(b"=") for pair in body.split(b"&", MOST_FIELDS)[:MOST_FIELDS])
        return [_Field(_decoded(name).decode(), _decoded(value)) for name, _equals, value in pairs]
    parts = (b"\r\n" + body).split(b"\r\n" + boundary.group(), MOST_FIELDS + 1)
    if len(parts) < 3 or not parts[-1].startswith(b"--"):
        raise BadPayload("The form has no end")
    return [_part(part) for part in parts[1:-1]]


def _part(part: bytes) -> _Field:
    header, _empty, data = part.partition(b"\r\n\r\n")
    lines = [line.partition(":") for line in header.decode("utf-8", "replace").split("\r\n")]
    found = {name.strip().lower(): value.strip() for name, _colon, value in lines}
    _disposition, about = parse_header_parameters(found.get("content-disposition", ""))
    mime = found.get("content-type", "application/octet-stream")
    return _Field(about.get("name", ""), data, about.get("filename"), mime)


def _decoded(written: bytes) -> bytes:
    return unquote_to_bytes(written.replace(b"+", b" "))


def _settle(message: Message) -> None:
    """Make the mail the same bytes each time, and keep what it was made of inside its places."""
    names = (str(message.get(name, "")) for name in ("Message-ID", "Date", "From", "Subject"))
    digest = salted_hmac("mail boundary", "\n".join(names)).hexdigest()
    for number, part in enumerate(message.walk()):
        _tame(part)
        if part.is_multipart():
            if part.get_content_maintype() == "multipart":
                part.set_boundary(f"={digest}-{number}")
        elif "Content-Transfer-Encoding" not in part:
            # Written as they are, line ends in files would change.
            encode_base64(part)


def _tame(part: Message) -> None:
    """Keep every header on its line: an encoded word may hide its end, and another encoded word."""
    found = part.items()
    for name in set(part.keys()):
        del part[name]
    for name, value in found:
        if _HEADER_NAME.fullmatch(name):
            part[name] = _LINE_ENDS.sub(" ", str(value)).replace("=?", "= ?")


@contextmanager
def _readable() -> Iterator[None]:
    """Turn whatever a hostile payload makes of the code that reads it into BadPayload."""
    try:
        yield
    except BadPayload:
        raise
    except Exception as error:
        raise BadPayload(f"The call cannot be read: {type(error).__name__}") from error
