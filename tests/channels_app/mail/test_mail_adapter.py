"""One mail on its way in: named by its head, read behind, never taken for another."""

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils.translation import override
from pytest_django import Settings

from channels_app import signatures
from channels_app.adapters.mail import adapter as adapters
from channels_app.adapters.mail.adapter import Adapter, named
from channels_app.mails.letter import Bounce, Mail, Mailbox, Part
from channels_app.protocol import (
    Adapter as Protocol,
)
from channels_app.protocol import (
    BadPayload,
    BadSignature,
    ChannelConfig,
    ContactIdentity,
    OutboundMessage,
    RawRequest,
    ReadsBehind,
    SendError,
)
from channels_app.registry import config_of
from helpdesk.errors import ChannelError
from helpdesk.models import Channel
from tests.channels_app.mail.conftest import settings_for
from tests.channels_app.mail.mails import written
from tests.factories import World
from tests.mail_servers import ImapServer, SmtpServer

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
CONFIG = ChannelConfig(public_id="box-1", settings=settings_for(), secrets=("hush", "older"))


def call(body: bytes, *, secret: str = "hush", **headers: str) -> RawRequest:
    signed = signatures.signed_headers("id-1", body, secrets=[secret], at=NOW)
    return RawRequest("POST", "https://desk.example/", (), {**signed, **headers}, body, NOW)


class Reading:
    """Stands where the reader does."""

    def __init__(self, mail: Mail) -> None:
        self.mail = mail

    def read(self, raw: bytes) -> Mail:
        return self.mail


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Any:
    def use(**values: Any) -> Any:
        mail = Mail(**{"sender": Mailbox("ann@shop.example", "Ann"), "text": "All", **values})
        monkeypatch.setattr(adapters, "_reader", lambda: Reading(mail))
        return Adapter(CONFIG).read(written())

    return use


def test_it_speaks_the_protocol() -> None:
    assert isinstance(Adapter(CONFIG), Protocol)
    assert isinstance(Adapter(CONFIG), ReadsBehind)


def test_a_posted_mail_is_named_by_its_head() -> None:
    adapter = Adapter(CONFIG)
    request = call(written(7))
    adapter.verify(request)
    (event,) = adapter.parse(request)
    assert (event.kind, event.provider_id, event.subject) == ("raw", "7@shop.example", "退货 7")
    assert event.sender is not None
    assert (event.sender.external_id, event.sender.display_name) == ("ann@shop.example", "Ann")
    assert event.sent_at is not None
    assert not event.sender.verified


def test_whoever_has_no_secret_posts_nothing() -> None:
    request = call(written(), secret="a guess")
    with pytest.raises(BadSignature):
        Adapter(CONFIG).verify(request)
    with pytest.raises(BadSignature):
        Adapter(CONFIG).verify(dataclasses.replace(call(written()), body=written(2)))
    Adapter(CONFIG).verify(call(written(), secret="older"))


def test_the_same_mail_has_the_same_key_however_it_travelled() -> None:
    raw = written()
    received = b"Received: from a by b; Sun, 22 Nov 2026 08:00:00 +0800\r\n"
    keys = {
        named(each).dedup_key
        for each in (
            raw,
            received + raw,
            raw.replace(b"\r\n", b"\n"),
            raw + b"\r\n\r\n",
        )
    }
    assert len(keys) == 1


def test_other_contents_are_other_mails_whatever_they_are_called() -> None:
    mails = [
        written(1),
        written(2),
        written(1, text="怎么换货?"),
        written(1, From="Bob <bob@shop.example>"),
        written(1, Date="Sun, 22 Nov 2026 09:00:00 +0800"),
        written(1, Subject="别的"),
        b"To: a@x.example\r\n\r\nsame",
        b"To: b@x.example\r\n\r\nsame",
        b"no header 1",
        b"no header 2",
        b"\r\n\r\n",
    ]
    assert len({named(each).dedup_key for each in mails}) == len(mails)


def test_a_huge_mail_is_named_without_reading_it() -> None:
    raw = written() + b"\n" * 10_000_000
    assert named(raw).dedup_key == named(written()).dedup_key


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b"[]", b"null", b"[" * 50_000, b"\x00", b'{"a": 1}', b"hello\r\n"],
)
def test_what_is_no_mail_is_not_taken_for_one(body: bytes) -> None:
    with pytest.raises(BadPayload):
        Adapter(CONFIG).parse(call(body))
    with pytest.raises(BadPayload):
        Adapter(CONFIG).read(body)


@pytest.mark.parametrize(
    "body",
    [b"From ann Sun Nov 22\nSubject: x\n\n", b">From ann\r\nTo: x\r\n\r\n", b"\r\nTo : x\r\n\r\n"],
)
def test_a_mail_with_something_before_its_header_is_one(body: bytes) -> None:
    assert len(Adapter(CONFIG).parse(call(body))) == 1


def test_a_mail_becomes_a_message_with_everything_it_has(reading: Any) -> None:
    event = reading(
        message_id="m-2@shop.example",
        in_reply_to=("m-1@ours.example",),
        references=("m-0@shop.example", "m-1@ours.example", "m-3@shop.example"),
        reply_to=(Mailbox("boss@evil.example"),),
        to=(Mailbox("help@ours.example", "Help"),),
        cc=(Mailbox("bob@shop.example"),),
        delivered_to=("help+x@ours.example", "help@ours.example"),
        subject="退货",
        date=NOW,
        text="All of it",
        reply="New",
        signature="Ann",
        html="<p>New</p>",
        remote_pictures=("https://shop.example/a.png",),
        parts=(
            Part(b"png", "a.png", "image/png", "pic-1", is_inline=True),
            Part(b"pdf", "a.pdf", "application/pdf"),
        ),
    )
    assert (event.kind, event.provider_id, event.sent_at) == ("message", "m-2@shop.example", NOW)
    assert event.dedup_key == named(written()).dedup_key
    assert (event.text, event.html, event.subject) == ("New", "<p>New</p>", "退货")
    assert event.sender == ContactIdentity(
        "ann@shop.example", display_name="Ann", email="ann@shop.example"
    )
    letter = event.letter
    assert letter.references == ("m-0@shop.example", "m-3@shop.example", "m-1@ours.example")
    assert letter.to == (("help@ours.example", "Help"),)
    assert letter.cc == (("bob@shop.example", ""),)
    assert letter.delivered_to == (
        "help+x@ours.example",
        "help@ours.example",
        "bob@shop.example",
    )
    assert (letter.full_text, letter.signature) == ("All of it", "Ann")
    assert (letter.automatic, letter.is_authentic) == ("", None)
    picture, document = event.attachments
    assert (picture.kind, picture.content_id, picture.data) == ("image", "pic-1", b"png")
    assert (document.kind, document.filename, document.size) == ("file", "a.pdf", 3)


def test_our_own_server_vouches_for_a_sender(reading: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    says = ("mx.ours.example; dmarc=pass header.from=shop.example",)
    assert reading(authentication=says).letter.is_authentic is None
    told = settings_for(authserv_id="mx.ours.example")
    event = Adapter(ChannelConfig("box-1", settings=told)).read(written())
    assert event.sender is not None
    assert event.sender.verified
    assert event.letter is not None
    assert event.letter.is_authentic is True


def test_a_bounce_is_a_receipt_of_the_mail_that_came_back(reading: Any) -> None:
    bounce = Bounce(("m-1@ours.example",), ("ann@shop.example",), "5.1.1", "No such user")
    event = reading(sender=Mailbox(""), bounce=bounce, automatic="bounce")
    assert (event.kind, event.status) == ("receipt", "failed")
    assert (event.references, event.error) == (("m-1@ours.example",), "No such user")
    assert (event.letter.full_text, event.letter.automatic) == ("All", "bounce")
    assert event.is_automatic


def test_a_report_that_it_takes_longer_fails_nothing(reading: Any) -> None:
    bounce = Bounce(("m-1@ours.example",), (), "4.4.1", "Later", is_permanent=False)
    event = reading(bounce=bounce)
    assert (event.kind, event.status, event.references) == ("message", "", ())
    assert event.letter.automatic == "bounce"
    assert event.is_automatic


def test_an_absence_note_is_automatic(reading: Any) -> None:
    event = reading(automatic="absence")
    assert (event.kind, event.letter.automatic, event.is_automatic) == ("message", "absence", True)


def test_a_mail_without_a_sender_is_read_all_the_same(reading: Any) -> None:
    event = reading(sender=Mailbox(""))
    assert (event.kind, event.sender.external_id) == ("message", "")


def test_a_mail_that_cannot_be_read_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Giving:
        def read(self, raw: bytes) -> Mail:
            raise adapters.Unreadable("too_many_parts")

    monkeypatch.setattr(adapters, "_reader", Giving)
    with pytest.raises(BadPayload) as caught:
        Adapter(CONFIG).read(written())
    assert caught.value.message == "too_many_parts"


def test_the_channel_says_how_many_may_leave() -> None:
    told = ChannelConfig("box-1", settings=settings_for(rate_per_minute=7))
    assert Adapter(told).capabilities.rate_per_minute == 7
    assert Adapter(CONFIG).capabilities.rate_per_minute == 60


def test_a_mail_leaves_by_the_server_or_into_the_folder(
    smtp_desk: SmtpServer, settings: Settings, tmp_path: Any
) -> None:
    settings.HOME, settings.IS_LOOPBACK = tmp_path, True
    message = OutboundMessage("ref", ContactIdentity("ann@shop.example"), "好的")
    told = settings_for(smtp_host="127.0.0.1", smtp_port=smtp_desk.port)
    assert Adapter(ChannelConfig("box-1", settings=told)).send(message).status == "sent"
    assert len(smtp_desk.received) == 1
    kept = ChannelConfig("box-1", settings={**told, "outgoing": "folder"})
    Adapter(kept).send(message)
    assert (len(smtp_desk.received), len(list((tmp_path / "mail/box-1").iterdir()))) == (1, 1)
    with pytest.raises(SendError):
        Adapter(CONFIG).send(message)


def test_the_connection_is_tested_both_ways(mailbox: ImapServer, smtp_desk: SmtpServer) -> None:
    mailbox.append(written(1), written(2))
    told = settings_for(
        imap_host="127.0.0.1",
        imap_port=mailbox.port,
        imap_user=mailbox.user,
        folder=mailbox.folder,
        smtp_host="127.0.0.1",
        smtp_port=smtp_desk.port,
    )
    right = ChannelConfig("box-1", told, named_secrets={"imap_password": mailbox.password})
    wrong = ChannelConfig("box-1", told, named_secrets={"imap_password": "wrong"})
    no_mailbox = ChannelConfig("box-1", {**told, "imap_host": ""})
    with override("en"):
        assert "has 2 mails" in Adapter(right).test_connection()
        assert "2 mails" not in Adapter(no_mailbox).test_connection()
        with pytest.raises(ChannelError) as caught:
            Adapter(wrong).test_connection()
        assert str(caught.value.message) == "The server did not accept user and password."
        smtp_desk.script["EHLO"] = "drop"
        with pytest.raises(ChannelError):
            Adapter(no_mailbox).test_connection()


def test_the_secret_that_signs_is_told_from_the_passwords(world: World) -> None:
    with world.transaction():
        Channel.objects.update(
            kind="mail",
            secret=json.dumps({"imap_password": "i", "smtp_password": "s", "secret": "signs"}),
            previous_secret="signed before",
        )
        config = config_of(Channel.objects.get())
        assert config.secrets == ("signs", "signed before")
        assert config.named_secrets == {"imap_password": "i", "smtp_password": "s"}
        Channel.objects.update(kind="webchat", secret="signs")
        config = config_of(Channel.objects.get())
        assert (config.secrets, config.named_secrets) == (("signs", "signed before"), {})
