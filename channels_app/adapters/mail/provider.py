"""Mails that a provider posts: signatures and payloads are django-anymail's business, used as a library.

What comes out is one mail as bytes, so that everything behind this knows only mails. A kept call is
read again later, without its headers: what form it has is told from its bytes, both times.
"""

import json
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.encoders import encode_base64
from email.message import Message
from typing import Any

from anymail.exceptions import AnymailNotSupportedWarning, AnymailWebhookValidationFailure
from anymail.webhooks.mailgun import MailgunInboundWebhookView
from anymail.webhooks.mailjet import MailjetInboundWebhookView
from anymail.webhooks.postmark import PostmarkInboundWebhookView
from anymail.webhooks.sendgrid import SendGridInboundWebhookView
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest, QueryDict
from django.utils.crypto import salted_hmac
from django.utils.datastructures import MultiValueDict

from channels_app.adapters.mail.posted_fields import fields
from channels_app.protocol import BadPayload, BadSignature, ChannelConfig, RawRequest

# Mailgun tries for eight hours, and may do so under the first signature.
MAILGUN_SECONDS = 12 * 3600
# What it signs with; a token has fifty characters.
_PROOF = frozenset({"timestamp", "token", "signature"})
LONGEST_PROOF = 500
_VIEWS = {
    "mailgun": MailgunInboundWebhookView,
    "mailjet": MailjetInboundWebhookView,
    "postmark": PostmarkInboundWebhookView,
    "sendgrid": SendGridInboundWebhookView,
}
# Where a provider that was asked for it puts the mail as it came.
_WHOLE_MAIL = {"mailgun": "body-mime", "sendgrid": "email", "postmark": "RawEmail"}
_HEADER_NAME = re.compile(r"[!-9;-~]{1,100}")
_LINE_ENDS = re.compile(r"[\x00\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")

# Said by anymail for every call; that it still works is held by our own tests.
warnings.filterwarnings("ignore", category=AnymailNotSupportedWarning)


def name_of(config: ChannelConfig) -> str:
    """Return which provider the channel's mails come from; empty for none."""
    name = str(config.settings.get("provider") or "")
    return name if name in _VIEWS else ""


def verify(name: str, request: RawRequest, secrets: tuple[str, ...]) -> None:
    """Raise BadSignature unless the provider made this call with one of the secrets.

    Anybody may call: of what they send no more is read than what proves who they are.
    """
    call = _unread(request.headers)
    if name == "mailgun":
        call.POST = _proof(request.body)
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
        (event,) = _view(name, "unused").parse_events(_call(body))
        if not event.message.get("From"):
            raise BadPayload("The call carries no mail")
        _settle(event.message)
        return bytes(event.message.as_bytes())


def _proof(body: bytes) -> Any:  # Any: their stubs say less of it than is true
    """Return the fields that Mailgun signs a form with. Raises BadSignature."""
    found: Any = QueryDict(mutable=True)
    try:
        with _readable():
            for field in () if _is_json(body) else fields(body):
                is_proof = field.name in _PROOF and field.filename is None
                if is_proof and field.size_bytes <= LONGEST_PROOF:
                    found.appendlist(field.name, field.data().decode())
    except BadPayload as error:
        # What cannot be taken apart carries no signature.
        raise BadSignature("The call cannot be read") from error
    return found


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
    return next((field.data() for field in fields(body) if field.name == wanted), b"")


def _unread(headers: Mapping[str, str]) -> HttpRequest:
    """Return a request with headers and nothing else."""
    request = HttpRequest()
    request.method = "POST"
    request.encoding = "utf-8"
    request.META = {_meta_name(name): value for name, value in headers.items()}
    return request


def _call(body: bytes) -> HttpRequest:
    """Return the request that anymail's views read a mail from. Raises BadPayload.

    The form is taken apart here: Django's own parser has the limits of pages.
    """
    request = _unread({})
    request.content_type = "application/json" if _is_json(body) else "multipart/form-data"
    request.META["CONTENT_TYPE"] = request.content_type
    # Any: their stubs say less of them than is true.
    post: Any = QueryDict(mutable=True)
    files: Any = MultiValueDict()
    with _readable():
        for field in () if _is_json(body) else fields(body):
            if field.filename is None:
                post.appendlist(field.name, field.data().decode("utf-8", "replace"))
            else:
                file = SimpleUploadedFile(field.filename, field.data(), field.mime)
                files.appendlist(field.name, file)
    request.POST, request.FILES = post, files
    request._body = body  # where Django keeps what it has read
    return request


def _meta_name(name: str) -> str:
    return f"HTTP_{name.upper().replace('-', '_')}"


def _is_json(body: bytes) -> bool:
    return body[:100].lstrip().startswith((b"{", b"["))


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
