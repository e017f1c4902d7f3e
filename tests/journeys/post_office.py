"""The company's mail servers on loopback, and people who write to it with mail programs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from email.utils import format_datetime, getaddresses, make_msgid
from itertools import count
from typing import Any, cast
from uuid import uuid4

from django.utils import timezone
from playwright.sync_api import expect

from tests.deploy.stack import Stack, eventually
from tests.journeys.people import Colleague
from tests.journeys.rows import rows_of
from tests.mail_servers import ImapServer, SmtpServer, imap_server, smtp_server

SERVICE = "service@heguang.example"
# What the company's own server is called in Authentication-Results; the demo's mailbox knows it.
OWN_SERVER = "mx.heguang.example"
SMTP_PASSWORD = "smtp-pass"
# The smallest PNG with a colour of its own.
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753"
    "de0000000c4944415478da63e0bfd0000002510160b22784f90000000049454e44ae426082"
)


@dataclass
class PostOffice:
    """Two servers: what arrives lies in the one, what leaves is taken by the other."""

    smtp: SmtpServer
    imap: ImapServer
    is_connected: bool = False
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def somebody(self, name: str = "王芳") -> "Correspondent":
        """Return somebody who has never written before."""
        return Correspondent(
            self, name, f"customer{next(self._numbers)}.{uuid4().hex[:6]}@mail.example"
        )

    def settings(self) -> dict[str, str]:
        """Return what an administrator writes into the form of a mailbox at these servers."""
        return {
            "setting_imap_host": "127.0.0.1",
            "setting_imap_port": str(self.imap.port),
            "setting_imap_security": "none",
            "setting_imap_user": self.imap.user,
            "setting_imap_password": self.imap.password,
            "setting_outgoing": "smtp",
            "setting_smtp_host": "127.0.0.1",
            "setting_smtp_port": str(self.smtp.port),
            "setting_smtp_security": "none",
            "setting_smtp_user": SERVICE,
            "setting_smtp_password": SMTP_PASSWORD,
            "setting_rate_per_minute": "6000",
        }

    def works_well(self) -> None:
        """Let the server for what leaves take everything again."""
        self.smtp.script.clear()

    def mails_to(self, address: str) -> list[EmailMessage]:
        """Return what left for an address, acknowledgements left out."""
        return [mail for mail in self.all_to(address) if mail["Auto-Submitted"] is None]

    def mail_to(self, address: str, saying: str) -> EmailMessage:
        """Wait until the server has taken a mail for an address that says this, and return it."""

        def found() -> list[EmailMessage]:
            return [mail for mail in self.all_to(address) if saying in text_of(mail)]

        eventually(found, 20)
        return found()[0]

    def all_to(self, address: str) -> list[EmailMessage]:
        return [
            cast(EmailMessage, message_from_bytes(one.content, policy=default))
            for one in self.smtp.received
            if address in one.recipients
        ]


@dataclass
class Correspondent:
    """Somebody with a mail program."""

    post: PostOffice
    name: str
    address: str

    def writes(self, text: str, **facts: Any) -> EmailMessage:
        """Send a new mail; the company's server says what it thinks of the sender."""
        mail = self.drafts(text, **facts)
        self.sends(mail)
        return mail

    def drafts(
        self,
        text: str,
        *,
        subject: str,
        to: str = SERVICE,
        proof: str = "pass",
        forged: str = "",
        **headers: str,
    ) -> EmailMessage:
        mail = EmailMessage(SMTP)
        domain = self.address.partition("@")[2]
        said = [f"{OWN_SERVER}; dmarc={proof} header.from={domain}"] if proof else []
        for line in (*said, *([forged] if forged else [])):
            mail["Authentication-Results"] = line
        mail["From"] = f"{self.name} <{self.address}>"
        mail["To"] = to
        mail["Subject"] = subject
        mail["Date"] = format_datetime(timezone.now())
        mail["Message-ID"] = make_msgid(domain=domain)
        for name, value in headers.items():
            mail[name.replace("_", "-")] = value
        mail.set_content(text)
        return mail

    def answers(self, mail: EmailMessage, text: str, **changes: Any) -> EmailMessage:
        """Answer a mail as programs do: to where it asks, naming it, and quoting it."""
        quoted = "\n".join(f"> {line}" for line in text_of(mail).splitlines())
        ids = [*str(mail["References"] or "").split(), str(mail["Message-ID"])]
        facts = {
            "subject": f"Re: {str(mail['Subject']).removeprefix('Re: ')}",
            "to": reply_address_of(mail),
            "In_Reply_To": str(mail["Message-ID"]),
            "References": " ".join(ids),
        }
        facts |= changes
        whole = f"{text}\n\nOn 26 Nov 2026, at 10:00, {SERVICE} wrote:\n\n{quoted}\n"
        return self.writes(whole, **facts)

    def sends(self, mail: EmailMessage) -> None:
        self.post.imap.append(mail.as_bytes())


def asks(
    post: PostOffice, colleague: Colleague, text: str, *, subject: str = "想退货"
) -> tuple[Correspondent, EmailMessage]:
    """Let somebody write for the first time, and the colleague who gets it open it."""
    customer = post.somebody()
    first = customer.writes(text, subject=subject)
    expect(colleague.row(text)).to_have_attribute("data-owner", colleague.staff_id)
    colleague.opens(text)
    return customer, first


def answered(
    post: PostOffice, colleague: Colleague, customer: Correspondent, text: str
) -> EmailMessage:
    """Let the colleague answer; returns the mail that the customer got."""
    colleague.writes_letter(text)
    colleague.sees_sent(text)
    return post.mails_to(customer.address)[-1]


def text_of(mail: EmailMessage) -> str:
    """Return what stands in a mail, as plain text."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def reply_address_of(mail: EmailMessage) -> str:
    ((_name, address),) = getaddresses([str(mail["Reply-To"] or mail["From"])])
    return address


def with_picture(mail: EmailMessage, html: str) -> EmailMessage:
    """Give a mail a second body in HTML, which shows a picture that travels with it."""
    mail.add_alternative(html, subtype="html")
    shown = mail.get_body(("html",))
    assert shown is not None
    shown.add_related(PICTURE, "image", "png", cid="<shot@mail.example>", filename="earbuds.png")
    return mail


def bounce_of(mail: EmailMessage, recipient: str, why: str) -> bytes:
    """Return the report that a server sends back about a mail which it could not deliver (RFC 3464)."""
    head = "".join(f"{name}: {value}\r\n" for name, value in mail.items() if name != "Content-Type")
    boundary = uuid4().hex
    parts = (
        f"Content-Type: text/plain; charset=us-ascii\r\n\r\nYour mail was not delivered: {why}\r\n",
        "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.mail.example\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient}\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        f"Diagnostic-Code: smtp; {why}\r\n",
        f"Content-Type: text/rfc822-headers\r\n\r\n{head}",
    )
    body = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"
    lines = (
        "Return-Path: <>",
        "From: Mail Delivery System <MAILER-DAEMON@mx.mail.example>",
        f"To: {SERVICE}",
        "Subject: Undelivered Mail Returned to Sender",
        f"Date: {format_datetime(timezone.now())}",
        f"Message-ID: {make_msgid(domain='mx.mail.example')}",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"',
    )
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("utf-8")


def is_watched(installation: Stack, since: datetime) -> bool:
    """Tell whether a mailbox has been read to its end since then."""
    statement = "SELECT 1 FROM channels_app_mailboxcursor WHERE read_at > %s AND error = ''"
    return bool(rows_of(installation, statement, [since]))


@contextmanager
def open_post_office() -> Iterator[PostOffice]:
    """Run both servers."""
    with smtp_server(password=SMTP_PASSWORD) as smtp, imap_server() as imap:
        yield PostOffice(smtp, imap)
