"""A reply as a mail: plain values in, an EmailMessage out, and nothing in it that could start a header."""

import os
import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from channels_app.mails.reading.automatic import LOOP_HEADER
from channels_app.protocol import (
    Address,
    Attachment,
    ChannelConfig,
    OutboundLetter,
    OutboundMessage,
    SendError,
    SendResult,
)

MOST_REFERENCES = 20
LONGEST_SUBJECT = 500
LONGEST_NAME = 200
_IDS = {"message-id", "in-reply-to", "references"}
# Everything that ends a line somewhere, and everything else that cannot be seen.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_LOCAL_PART = re.compile(r"[^\s<>()\[\]\\,;:\"@]{1,64}")
_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?")
_ID = re.compile(r"[!-;=?-~]{1,900}")
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}")


class _Policy(EmailPolicy):
    """Folds ids between them and never inside: the standard library encodes long ones as words."""

    # Any: what the base class has there.
    def fold(self, name: str, value: Any) -> str:
        if name.lower() in _IDS:
            return f"{name}: " + "\r\n ".join(str(value).split()) + "\r\n"
        return str(super().fold(name, value))

    def fold_binary(self, name: str, value: Any) -> bytes:
        return self.fold(name, value).encode("utf-8" if self.utf8 else "ascii", "surrogateescape")


# Everything in seven bits: no line grows too long and no server on the way changes a byte.
_POLICY = _Policy(linesep=SMTP.linesep, cte_type="7bit", max_line_length=78)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A mail that is ready to leave, with the addresses that the server is told."""

    mail: EmailMessage
    mail_id: str
    sender: str  # empty for automatic mails, so that nothing answers them
    recipients: tuple[str, ...]
    to: tuple[str, ...]  # those of them whom it is written to; the others get a copy
    needs_utf8: bool = False  # for the part of an address before the @


def compose(message: OutboundMessage, config: ChannelConfig) -> Envelope:
    """Return the mail for a message. Raises SendError for an address nothing can be sent to."""
    own = _address(str(config.settings.get("address") or ""))
    letter = message.letter or _plain_letter(message, own)
    to, cc = _mailboxes(letter.to), _mailboxes(letter.cc)
    if not to:
        raise SendError(_("There is nobody to send this to."), kind="undeliverable")
    recipients = tuple(dict.fromkeys(each.addr_spec for each in (*to, *cc)))
    needs_utf8 = not all(each.isascii() for each in (*recipients, own.addr_spec))
    mail = EmailMessage(_POLICY.clone(utf8=needs_utf8))
    mail["From"] = _named(own, letter.sender_name or _sender_name(config))
    mail["To"] = to
    if cc:
        mail["Cc"] = cc
    if letter.reply_address:
        mail["Reply-To"] = _address(letter.reply_address)
    mail["Subject"] = clean(message.subject, LONGEST_SUBJECT)
    mail["Date"] = _now()
    _identify(mail, letter)
    if letter.is_automatic:
        # RFC 3834; it speaks against Precedence, and no answer goes to an empty return path.
        mail["Auto-Submitted"] = "auto-replied"
        mail["X-Auto-Response-Suppress"] = "All"
        # That it is there says enough; the name of the channel would tell everybody its address.
        mail[LOOP_HEADER] = salted_hmac("mail loop", clean(config.public_id, 64)).hexdigest()[:32]
    _fill(mail, message)
    return Envelope(
        mail=mail,
        mail_id=letter.mail_id,
        sender="" if letter.is_automatic else own.addr_spec,
        recipients=recipients,
        to=tuple(each.addr_spec for each in to),
        needs_utf8=needs_utf8,
    )


def clean(text: str, limit: int) -> str:
    """Return a text as one line without controls.

    What looks like an encoded word is taken apart: the standard library would decode it, line ends and
    all, and write those out.
    """
    return " ".join(_CONTROLS.sub(" ", text).replace("=?", "= ?").split())[:limit]


def is_kept_here(config: ChannelConfig) -> bool:
    """Tell whether mails are written into a folder; only where nobody else can reach the installation."""
    return config.settings.get("outgoing") == "folder" and settings.IS_LOOPBACK


def keep_here(letter: Envelope, config: ChannelConfig) -> SendResult:
    """Write the mail where somebody who tries things out finds it; the same mail again is the same file."""
    folder = Path(settings.HOME) / "mail" / re.sub(r"[^\w-]", "_", config.public_id)
    folder.mkdir(parents=True, exist_ok=True)
    name = uuid.uuid5(uuid.NAMESPACE_URL, f"mid:{letter.mail_id}").hex
    draft = folder / f".{name}"
    draft.write_bytes(letter.mail.as_bytes())
    os.replace(draft, folder / f"{name}.eml")
    return SendResult(status="sent", provider_ids=(letter.mail_id,))


def _plain_letter(message: OutboundMessage, own: HeaderAddress) -> OutboundLetter:
    who = (message.to.external_id, message.to.display_name)
    return OutboundLetter(mail_id=f"{message.client_ref}@{own.domain}", to=(who,))


def _identify(mail: EmailMessage, letter: OutboundLetter) -> None:
    if not _ID.fullmatch(letter.mail_id):
        raise SendError("The mail has no usable id", kind="other")
    mail["Message-ID"] = f"<{letter.mail_id}>"
    known = [each for each in letter.references if _ID.fullmatch(each)]
    if known:
        # The first began the thread; clients need it and the latest ones.
        kept = known if len(known) <= MOST_REFERENCES else known[:1] + known[1 - MOST_REFERENCES :]
        mail["In-Reply-To"] = f"<{known[-1]}>"
        mail["References"] = " ".join(f"<{each}>" for each in kept)


def _fill(mail: EmailMessage, message: OutboundMessage) -> None:
    mail.set_content(_encodable(message.text), charset="utf-8")
    if message.html:
        mail.add_alternative(_encodable(message.html), subtype="html", charset="utf-8")
    for file in message.attachments:
        is_shown = bool(file.content_id) and f"cid:{file.content_id}" in message.html
        content_id = f"<{file.content_id}>"
        if is_shown and _ID.fullmatch(file.content_id):
            # In the part that shows it: clients look nowhere else.
            html = mail.get_body(("html",))
            if html is not None:
                _attach(html.add_related, file, disposition="inline", cid=content_id)
                continue
        _attach(mail.add_attachment, file)


# Any: the two methods of EmailMessage share no narrower type.
def _attach(add: Any, file: Attachment, **how: str) -> None:
    main, _slash, sub = file.mime.lower().partition("/")
    # A mail inside a mail may not be encoded, so it travels as a file like any other.
    is_usable = _TYPE.fullmatch(main) and _TYPE.fullmatch(sub)
    if not is_usable or main in {"message", "multipart"}:
        main, sub = "application", "octet-stream"
    name = clean(file.filename, LONGEST_NAME) or "file"
    add(_content(file), maintype=main, subtype=sub, filename=name, **how)


def _content(file: Attachment) -> bytes:
    if file.data is not None:
        return file.data
    try:
        return Path(file.path).read_bytes()
    except OSError as error:
        raise SendError(_("A file of this message is no longer there."), kind="other") from error


def _mailboxes(addresses: tuple[Address, ...]) -> list[HeaderAddress]:
    return [_named(_address(address), name) for address, name in addresses]


def _named(address: HeaderAddress, name: str) -> HeaderAddress:
    return HeaderAddress(clean(name, LONGEST_NAME), address.username, address.domain)


def _address(written: str) -> HeaderAddress:
    local, _at, domain = written.strip().rpartition("@")
    try:
        domain = domain.rstrip(".").lower().encode("idna").decode("ascii")
    except UnicodeError:
        domain = ""
    is_clean = not _CONTROLS.search(written) and "=?" not in local
    if not (is_clean and _LOCAL_PART.fullmatch(local) and _DOMAIN.fullmatch(domain)):
        raise SendError(_("An address is not one that mail can be sent to."), kind="undeliverable")
    return HeaderAddress("", local, domain)


def _sender_name(config: ChannelConfig) -> str:
    names = (config.settings.get(f"sender_name_{language}") for language in ("zh", "en"))
    return next((str(name) for name in names if name), "")


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _now() -> str:
    now: datetime = timezone.localtime()
    return format_datetime(now)
