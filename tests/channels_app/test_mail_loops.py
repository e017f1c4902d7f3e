"""Machines that answer machines: two installations, somebody on holiday and a server that sends back.

Both installations fetch from a real IMAP server and send to a real SMTP server; a relay carries what
was sent to where it belongs, as the servers of the world do. Half an hour passes, minute by minute.
"""

import dataclasses
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from threading import Event as Flag
from uuid import uuid4

import pytest
import time_machine
from pytest_django import Settings

from channels_app.mailbox import Mailbox
from channels_app.models import MailboxCursor
from channels_app.processing import process_due
from channels_app.services.dispatching import MOST_AUTOMATIC
from channels_app.services.doors import find_door
from helpdesk.models import Channel, Conversation, Letter, State
from helpdesk.services import lifecycle, organizations
from helpdesk.tenancy import organization_scope
from tests.delivering import deliver_due
from tests.factories import World
from tests.mail_servers import ImapServer, Received, SmtpServer, imap_server, smtp_server

MINUTES = 30
# What tells one machine from a person (RFC 3834), and what a careless one leaves out.
TELLING = ("Auto-Submitted", "X-Auto-Response-Suppress", "X-Everydesk-Loop", "Precedence")
Machine = Callable[[Received], bytes | None]


@dataclass
class House:
    """One installation's mailbox: where its mails arrive and where they leave."""

    world: World
    channel: Channel
    address: str
    imap: ImapServer
    smtp: SmtpServer
    carried: int = 0

    def work(self) -> None:
        """Fetch, read and send what is there."""
        with organization_scope(self.world.organization.pk):
            Mailbox(find_door(self.channel.public_id, kind="mail"), Flag()).read(once=True)
            with self.world.transaction():
                assert MailboxCursor.objects.get(channel=self.channel).error == ""

    def sent_to(self, address: str) -> list[Received]:
        return [mail for mail in self.smtp.received if mail.recipients == [address]]

    def conversations(self) -> list[Conversation]:
        with organization_scope(self.world.organization.pk), self.world.transaction():
            return list(Conversation.objects.filter(channel=self.channel).order_by("pk"))

    def letters(self) -> list[str]:
        """Return what kind of machine wrote each letter that came; empty for people."""
        with organization_scope(self.world.organization.pk), self.world.transaction():
            rows = Letter.objects.filter(message__direction="in").order_by("pk")
            return list(rows.values_list("automatic", flat=True))

    def resolves_all(self) -> None:
        with organization_scope(self.world.organization.pk):
            by = self.world.access("alice")
            for each in self.conversations():
                if each.is_open:
                    lifecycle.resolve(by, each.pk)


@dataclass
class Street:
    """Who answers at which address, and what carries the mails between them."""

    houses: list[House]
    machines: dict[str, Machine] = field(default_factory=dict)
    strips: tuple[str, ...] = ()

    def live(self, clock: time_machine.Traveller, minutes: int = MINUTES) -> None:
        """Let the minutes pass, and everybody do their work in each."""
        for _minute in range(minutes):
            for house in self.houses:
                house.work()
            process_due()
            deliver_due()
            for house in self.houses:
                self._carry(house)
            clock.shift(timedelta(minutes=1))

    def _carry(self, sender: House) -> None:
        for mail in sender.smtp.received[sender.carried :]:
            sender.carried += 1
            for recipient in mail.recipients:
                self._deliver(sender, mail, recipient)

    def _deliver(self, sender: House, mail: Received, recipient: str) -> None:
        for house in self.houses:
            if _bare(recipient) == house.address:
                house.imap.append(_without(mail.content, self.strips))
        answer = self.machines[recipient](mail) if recipient in self.machines else None
        if answer:
            sender.imap.append(answer)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    # The database has a clock of its own, to which nothing may be in the future.
    with time_machine.travel(datetime.now(UTC) - timedelta(hours=2), tick=True) as clock:
        yield clock


@pytest.fixture
def houses(world: World, other_world: World, settings: Settings) -> Iterator[list[House]]:
    """Two organizations, each with a mailbox that tells people when their letter has arrived."""
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with imap_server() as imap, smtp_server() as first, smtp_server() as second:
        houses = [_house(world, imap, first), _house(other_world, imap, second)]
        for house in houses:
            house.work()  # what comes from now on is no past
        yield houses


def _house(world: World, imap: ImapServer, smtp: SmtpServer) -> House:
    folder = dataclasses.replace(imap, folder=f"box-{world.organization.slug}")
    folder.create()
    address = f"help@{world.organization.slug}.example"
    facts = {
        "address": address,
        "imap_host": "127.0.0.1",
        "imap_port": folder.port,
        "imap_user": folder.user,
        "imap_security": "none",
        "folder": folder.folder,
        "first_import": "new",
        "outgoing": "smtp",
        "smtp_host": "127.0.0.1",
        "smtp_port": smtp.port,
        "smtp_security": "none",
        "plus_addressing": True,
        "acknowledge_zh": "我们已收到。",
        "acknowledge_en": "We have it.",
    }
    with organization_scope(world.organization.pk), world.transaction():
        channel = organizations.open_channel(
            Channel(
                kind="mail",
                name="邮箱",
                settings=facts,
                secret=json.dumps({"imap_password": folder.password}),
            )
        )
    return House(world, channel, address, folder, smtp)


def written(sender: str, to: str, subject: str, text: str, **headers: str) -> bytes:
    mail = EmailMessage(SMTP)
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    mail["Message-ID"] = f"<{uuid4().hex}@{sender.partition('@')[2]}>"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail.as_bytes()


def _without(content: bytes, names: tuple[str, ...]) -> bytes:
    mail = message_from_bytes(content, policy=SMTP)
    for name in names:
        del mail[name]
    return mail.as_bytes()


def _bare(address: str) -> str:
    local, _at, domain = address.partition("@")
    return f"{local.partition('+')[0]}@{domain}"


@pytest.mark.parametrize(
    ("strips", "most"), [((), 0), (TELLING, MOST_AUTOMATIC)], ids=["telling", "not telling"]
)
def test_two_installations_stop_answering_each_other(
    houses: list[House], clock: time_machine.Traveller, strips: tuple[str, ...], most: int
) -> None:
    ours, theirs = houses
    # Somebody writes to the one in the other's name.
    ours.imap.append(written(theirs.address, ours.address, "Parcel", "Where is it?"))
    Street(houses, strips=strips).live(clock)
    assert len(ours.sent_to(theirs.address)) == len(ours.smtp.received) == 1
    assert len(theirs.sent_to(ours.address)) == len(theirs.smtp.received) <= most
    assert len(theirs.letters()) == 1


def test_somebody_on_holiday_gets_few_mails_and_reopens_nothing(
    houses: list[House], clock: time_machine.Traveller
) -> None:
    ours = houses[0]
    ann = "ann@customer.example"

    def is_away(mail: Received) -> bytes:
        # Without a header that says so.
        name = str(message_from_bytes(mail.content, policy=SMTP)["Message-ID"])
        reference = {"In_Reply_To": name, "References": name}
        return written(ann, ours.address, "Automatic reply: Parcel", "I am away.", **reference)

    street = Street([ours], machines={ann: is_away})
    for number in range(5):
        ours.imap.append(written(ann, ours.address, f"Parcel {number}", "Where is it?"))
    street.live(clock, 3)
    ours.resolves_all()
    ours.imap.append(is_away(ours.smtp.received[0]))
    street.live(clock)
    assert len(ours.sent_to(ann)) == len(ours.smtp.received) == MOST_AUTOMATIC
    assert ours.letters().count("absence") == MOST_AUTOMATIC + 1
    assert {each.state for each in ours.conversations()} == {State.RESOLVED}


def test_a_machine_that_nothing_tells_from_a_person_gets_few_mails(
    houses: list[House], clock: time_machine.Traveller
) -> None:
    ours = houses[0]
    bot = "bot@customer.example"

    def answers(mail: Received) -> bytes:
        return written(bot, ours.address, f"Ticket {uuid4().hex}", "Thank you for your message.")

    ours.imap.append(written(bot, ours.address, "Ticket", "Thank you for your message."))
    Street([ours], machines={bot: answers}).live(clock)
    assert len(ours.sent_to(bot)) == len(ours.smtp.received) == MOST_AUTOMATIC


def test_a_server_that_sends_everything_back_gets_no_answer(
    houses: list[House], clock: time_machine.Traveller
) -> None:
    ours = houses[0]
    gone = "gone@customer.example"

    def sends_back(mail: Received) -> bytes:
        return bounce(message_from_bytes(mail.content, policy=SMTP), ours.address, gone)

    ours.imap.append(written(gone, ours.address, "Parcel", "Where is it?"))
    street = Street([ours], machines={gone: sends_back})
    street.live(clock, 3)
    ours.resolves_all()
    ours.imap.append(sends_back(ours.smtp.received[0]))
    street.live(clock)
    assert [mail.recipients for mail in ours.smtp.received] == [[gone]]
    assert {each.state for each in ours.conversations()} == {State.RESOLVED}


def bounce(mail: EmailMessage, to: str, recipient: str) -> bytes:
    parts = (
        "Content-Type: text/plain\r\n\r\nIt was not delivered.\r\n",
        "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.customer.example\r\n"
        f"\r\nFinal-Recipient: rfc822; {recipient}\r\nAction: failed\r\nStatus: 5.1.1\r\n",
        f"Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: {mail['Message-ID']}\r\n",
    )
    body = "".join(f"--part\r\n{part}\r\n" for part in parts) + "--part--\r\n"
    head = (
        "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.customer.example\r\n"
        f"To: {to}\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        f"Message-ID: <{uuid4().hex}@mx.customer.example>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="part"\r\n\r\n'
    )
    return (head + body).encode()
