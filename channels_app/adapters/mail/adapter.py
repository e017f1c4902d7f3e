"""Mail: fetched from a mailbox or posted to the channel's address, and sent by SMTP.

`parse` reads no more than the head; what a mail says is read behind, in `read`, within bounds.
"""

import hashlib
import re
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Literal

from django.utils.translation import gettext as _

from channels_app import signatures
from channels_app.adapters.mail import composing, imap, provider, smtp
from channels_app.adapters.mail.authentication import is_authentic
from channels_app.mails.letter import Mail, Mailbox, Part
from channels_app.mails.reading.bounded import NotStarted, Reader, Unreadable
from channels_app.mails.reading.head import is_mail, read_head
from channels_app.protocol import (
    Address,
    Attachment,
    BadPayload,
    Capabilities,
    ChannelConfig,
    ContactIdentity,
    Event,
    HttpReply,
    Letter,
    NotNow,
    OutboundMessage,
    RawRequest,
    SendResult,
)

_HEADER_ENDS = re.compile(rb"\r?\n\r?\n")
_CHUNK = 1024 * 1024
_MEDIA: tuple[Literal["image", "audio", "video"], ...] = ("image", "audio", "video")


class Adapter:
    """The adapter of one mailbox with its address."""

    capabilities = Capabilities(
        text_max=100_000,
        receipts=frozenset({"failed"}),
        is_chat=False,
        idempotent_send=False,
        rate_per_minute=60,
        longest_send=timedelta(seconds=smtp.WHOLE_SECONDS),
    )

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config
        rate = str(config.settings.get("rate_per_minute") or "")
        if rate.isdecimal() and int(rate):
            self.capabilities = replace(self.capabilities, rate_per_minute=int(rate))

    def handshake(self, request: RawRequest) -> HttpReply | None:
        return None

    def verify(self, request: RawRequest) -> None:
        name = provider.name_of(self.config)
        if name:
            provider.verify(name, request, self.config.secrets)
        else:
            signatures.verify(request, self.config.secrets)

    def parse(self, request: RawRequest) -> list[Event]:
        raw = self._mail_in(request.body)
        return [named(raw)]

    def read(self, raw: bytes) -> Event:
        """Return the message that a mail is, or the receipt that a delivery report is. Raises BadPayload."""
        whole = self._mail_in(raw)
        try:
            mail = _reader().read(whole)
        except Unreadable as error:
            raise BadPayload(error.reason) from error
        except NotStarted as error:
            raise NotNow(str(error)) from error
        authentic = is_authentic(mail, str(self.config.settings.get("authserv_id") or ""))
        # Only providers wrap mails, and may pass on what a stranger wrote in our server's name.
        if authentic and whole is not raw:
            authentic = None
        return self._event(mail, named(whole), authentic)

    def send(self, message: OutboundMessage) -> SendResult:
        letter = composing.compose(message, self.config)
        if composing.is_kept_here(self.config):
            return composing.keep_here(letter, self.config)
        return smtp.send(letter, self.config)

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        raise BadPayload("Files of mails come with them")

    def test_connection(self) -> str:
        sentences = []
        if self.config.settings.get("imap_host"):
            count = imap.count_mails(self.config)
            sentences.append(_("The mailbox was opened; the folder has %d mails.") % count)
        if composing.is_kept_here(self.config):
            sentences.append(_("Mails that leave are written into a folder of this machine."))
        elif self.config.settings.get("smtp_host"):
            smtp.test(self.config)
            sentences.append(_("The server for mails that leave has let us in."))
        else:
            sentences.append(_("There is no server for mails that leave."))
        return " ".join(sentences)

    def _mail_in(self, body: bytes) -> bytes:
        """Return the mail that a call carries: the body itself, or what the provider wrapped."""
        if is_mail(body):
            return body
        name = provider.name_of(self.config)
        if not name:
            raise BadPayload("This is no mail")
        raw = provider.mail_in(name, body)
        if not is_mail(raw):
            raise BadPayload("The provider sent no mail")
        return raw

    def _event(self, mail: Mail, head: Event, authentic: bool | None) -> Event:
        sender = mail.sender  # without an address where the mail names none
        bounce = mail.bounce if mail.bounce and mail.bounce.is_permanent else None
        return Event(
            kind="receipt" if bounce else "message",
            dedup_key=head.dedup_key,
            provider_id=mail.message_id,
            # Who is asked to be answered elsewhere is still who wrote: Reply-To is no sender.
            sender=ContactIdentity(
                external_id=sender.address,
                display_name=sender.name,
                email=sender.address,
                verified=authentic is True,
            ),
            sent_at=mail.date,
            text=mail.reply,
            html=mail.html,
            subject=mail.subject,
            attachments=tuple(_attachment(part) for part in mail.parts),
            status="failed" if bounce else "",
            references=bounce.message_ids if bounce else (),
            error=bounce.reason[:300] if bounce else "",
            data={"recipients": list(bounce.recipients)} if bounce else {},
            is_automatic=bool(mail.automatic or mail.bounce),
            letter=_letter(mail, authentic),
        )


def named(raw: bytes) -> Event:
    """Return the event that names a mail without reading it.

    The key is the same for the same mail, however it travelled; another content under the same
    Message-ID is another mail.
    """
    head = read_head(raw)
    names = (head.message_id, head.sender.address, str(head.date), head.subject)
    # What is no mail, or tells nothing that is its own, is only the same when all of it is.
    tells = is_mail(raw) and (head.message_id or head.date)
    return Event(
        kind="raw",
        dedup_key=_key(raw, names if tells else None),
        provider_id=head.message_id,
        sender=ContactIdentity(
            external_id=head.sender.address,
            display_name=head.sender.name,
            email=head.sender.address,
        ),
        subject=head.subject,
        sent_at=head.date,
    )


def _key(raw: bytes, names: tuple[str, ...] | None) -> str:
    digest, begin = hashlib.sha256(), 0
    if names is not None:
        digest.update("\n".join(names).encode("utf-8", "surrogatepass") + b"\n\n")
        end = _HEADER_ENDS.search(raw)
        begin = end.end() if end else len(raw)
    body = memoryview(raw)[begin : len(raw.rstrip())]
    for at in range(0, len(body), _CHUNK):
        # Some carry their line ends as they were written, some as they travel.
        digest.update(bytes(body[at : at + _CHUNK]).replace(b"\r", b""))
    return digest.hexdigest()


def _letter(mail: Mail, authentic: bool | None) -> Letter:
    arrived_at = (*mail.delivered_to, *(box.address for box in (*mail.to, *mail.cc)))
    return Letter(
        mail_id=mail.message_id,
        references=_once((*mail.references, *mail.in_reply_to)),
        to=_addresses(mail.to),
        cc=_addresses(mail.cc),
        delivered_to=tuple(dict.fromkeys(arrived_at)),
        full_text=mail.text,
        signature=mail.signature,
        remote_pictures=mail.remote_pictures,
        automatic="bounce" if mail.bounce else mail.automatic,
        is_authentic=authentic,
    )


def _once(ids: tuple[str, ...]) -> tuple[str, ...]:
    # Each at its last place, so that the one it answers is the last.
    return tuple(reversed(dict.fromkeys(reversed(ids))))


def _addresses(boxes: tuple[Mailbox, ...]) -> tuple[Address, ...]:
    return tuple((box.address, box.name) for box in boxes)


def _attachment(part: Part) -> Attachment:
    main = part.mime.partition("/")[0].lower()
    return Attachment(
        kind=next((kind for kind in _MEDIA if kind == main), "file"),
        filename=part.filename,
        mime=part.mime,
        size=len(part.data),
        data=part.data,
        content_id=part.content_id,
    )


@cache
def _reader() -> Reader:
    # One for the process: making it costs more than reading a mail.
    return Reader()
