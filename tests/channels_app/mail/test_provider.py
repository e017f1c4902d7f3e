"""Calls of mail providers, written by us in the vendors' shapes."""

import base64
import hashlib
import hmac
import json
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any
from urllib.parse import urlencode

import pytest

from channels_app.adapters.mail import posted_fields, provider
from channels_app.adapters.mail.adapter import Adapter
from channels_app.protocol import BadPayload, BadSignature, ChannelConfig, Event, RawRequest
from tests.channels_app.mail.conftest import settings_for
from tests.channels_app.mail.mails import written

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
PDF = bytes(range(256)) + b"\r\n\n\r" * 3
GB = b"From: ann@shop.example\r\nMessage-ID: <gb@shop.example>\r\n\r\n" + "退货".encode("gb18030")


def adapter(name: str, *secrets: str) -> Adapter:
    config = ChannelConfig("box-1", settings_for(provider=name), secrets=secrets or ("key:word",))
    return Adapter(config)


def call(body: bytes, **headers: str) -> RawRequest:
    return RawRequest("POST", "https://desk.example/", (), headers, body, NOW)


def basic(secret: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(secret.encode()).decode()}


def form(
    fields: dict[str, str | bytes], files: dict[str, tuple[str, bytes]] | None = None
) -> bytes:
    parts = []
    for name, value in fields.items():
        data = value.encode() if isinstance(value, str) else value
        parts.append(f'Content-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + data)
    for name, (filename, data) in (files or {}).items():
        head = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
        parts.append((head + "Content-Type: application/pdf\r\n\r\n").encode() + data)
    cut = b"--xYzZY"
    return b"".join(cut + b"\r\n" + part + b"\r\n" for part in parts) + cut + b"--\r\n"


def mailgun(fields: dict[str, str | bytes], *, key: str = "key:word", at: datetime = NOW) -> Any:
    timestamp, token = str(int(at.timestamp())), "a" * 50
    digest = hmac.new(key.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    return {**fields, "timestamp": timestamp, "token": token, "signature": digest}


HEADERS = [
    ["Received", "from a by b"],
    ["Message-Id", "<7@shop.example>"],
    ["From", "Ann <ann@shop.example>"],
    ["To", "help@ours.example"],
    ["Subject", "退货 7"],
    ["Date", "Sun, 22 Nov 2026 08:00:00 +0800"],
]
MAILGUN = {
    "recipient": "help@ours.example",
    "sender": "ann@shop.example",
    "message-headers": json.dumps(HEADERS),
    "body-plain": "怎么退货?",
    "body-html": "<p>怎么退货?</p>",
    "attachment-count": "1",
}
POSTMARK = {
    "FromFull": {"Email": "ann@shop.example", "Name": "Ann", "MailboxHash": ""},
    "ToFull": [{"Email": "help@ours.example", "Name": "", "MailboxHash": ""}],
    "CcFull": [],
    "BccFull": [],
    "OriginalRecipient": "help@ours.example",
    "Subject": "退货 7",
    "MessageID": "73e6d360-66eb-11e1-8e72-a8904824019b",
    "Date": "Sun, 22 Nov 2026 08:00:00 +0800",
    "TextBody": "怎么退货?",
    "HtmlBody": "<p>怎么退货?</p>",
    "Headers": [{"Name": name, "Value": value} for name, value in HEADERS[:2]],
    "Attachments": [
        {
            "Name": "发票.pdf",
            "Content": base64.b64encode(PDF).decode(),
            "ContentType": "application/pdf",
            "ContentLength": len(PDF),
        }
    ],
}
SENDGRID: dict[str, str | bytes] = {
    "headers": "\n".join(f"{name}: {value}" for name, value in HEADERS),
    "from": "Ann <ann@shop.example>",
    "to": "help@ours.example",
    "subject": "退货 7",
    "text": "怎么退货?",
    "html": "<p>怎么退货?</p>",
    "envelope": '{"to":["help@ours.example"],"from":"ann@shop.example"}',
    "charsets": '{"to":"UTF-8","subject":"UTF-8","from":"UTF-8","text":"UTF-8","html":"UTF-8"}',
    "attachments": "1",
    "attachment-info": '{"attachment1":{"filename":"a.pdf","name":"a.pdf","type":"application/pdf"}}',
}
MAILJET = {
    "Sender": "ann@shop.example",
    "Recipient": "help@ours.example",
    "From": "Ann <ann@shop.example>",
    "Subject": "退货 7",
    "Headers": dict(HEADERS),
    "Parts": [
        {"Headers": {"Content-Type": "text/plain; charset=utf-8"}, "ContentRef": "Text-part"},
        {
            "Headers": {
                "Content-Type": 'application/pdf; name="a.pdf"',
                "Content-Disposition": 'attachment; filename="a.pdf"',
            },
            "ContentRef": "Attachment1",
        },
    ],
    "Text-part": "怎么退货?",
    "Html-part": "<p>怎么退货?</p>",
    "Attachment1": base64.b64encode(PDF).decode(),
    "SpamAssassinScore": "0.1",
}
FILE = {"attachment-1": ("a.pdf", PDF)}
PARSED = {
    "mailgun": (form(mailgun(MAILGUN), FILE), {}),
    "postmark": (json.dumps(POSTMARK).encode(), basic("key:word")),
    "sendgrid": (form(SENDGRID, {"attachment1": ("a.pdf", PDF)}), basic("key:word")),
    "mailjet": (json.dumps(MAILJET).encode(), basic("key:word")),
}
WHOLE = {
    "mailgun in a form": ("mailgun", form(mailgun({"body-mime": GB})), GB),
    "mailgun in a line": ("mailgun", urlencode(mailgun({"body-mime": GB})).encode(), GB),
    "sendgrid": ("sendgrid", form({"email": GB, "to": "help@ours.example"}), GB),
    "postmark": (
        "postmark",
        json.dumps({**POSTMARK, "RawEmail": written(7).decode()}).encode(),
        written(7),
    ),
}


def event_of(name: str, body: bytes, headers: dict[str, str]) -> Event:
    desk = adapter(name)
    desk.verify(call(body, **headers))
    (event,) = desk.parse(call(body, **headers))
    return event


@pytest.mark.parametrize("name", PARSED)
def test_a_call_becomes_a_mail_with_everything_in_it(name: str) -> None:
    body, headers = PARSED[name]
    event = event_of(name, body, headers)
    assert event.kind == "raw"
    assert (event.provider_id, event.subject) == ("7@shop.example", "退货 7")
    assert event.sender is not None
    assert event.sender.external_id == "ann@shop.example"
    raw = provider.mail_in(name, body)
    mail = message_from_bytes(raw, policy=default)
    assert mail["To"] == "help@ours.example"
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))  # type: ignore[attr-defined]
    assert text.get_content().strip() == "怎么退货?"
    assert html.get_content().strip() == "<p>怎么退货?</p>"
    (file,) = mail.iter_attachments()  # type: ignore[attr-defined]
    assert file.get_payload(decode=True) == PDF
    assert file.get_filename() in {"a.pdf", "发票.pdf"}
    assert provider.mail_in(name, body) == raw  # read again later, it is the same


@pytest.mark.parametrize("name", PARSED)
def test_a_kept_call_is_read_behind_without_its_headers(name: str) -> None:
    read = adapter(name).read(PARSED[name][0])
    assert (read.kind, read.provider_id) == ("message", "7@shop.example")
    assert read.text.strip() == "怎么退货?"
    assert read.dedup_key == event_of(name, *PARSED[name]).dedup_key


@pytest.mark.parametrize(("name", "body", "mail"), WHOLE.values(), ids=WHOLE)
def test_a_whole_mail_keeps_its_bytes(name: str, body: bytes, mail: bytes) -> None:
    assert provider.mail_in(name, body) == mail
    headers = {} if name == "mailgun" else basic("key:word")
    assert event_of(name, body, headers).kind == "raw"


@pytest.mark.parametrize("name", ["mailgun", "postmark", "sendgrid"])
def test_no_field_in_a_providers_mail_proves_its_sender(name: str) -> None:
    # Providers pass on what came with the mail; nobody says that they take out such fields.
    says = "mx.ours.example; dmarc=pass header.from=shop.example"
    mail = written(7, Authentication_Results=says)
    bodies = {
        "mailgun": form(mailgun({"body-mime": mail})),
        "postmark": json.dumps({**POSTMARK, "RawEmail": mail.decode()}).encode(),
        "sendgrid": form({"email": mail}),
    }
    told = settings_for(provider=name, authserv_id="mx.ours.example")
    desk = Adapter(ChannelConfig("box-1", told, secrets=("key:word",)))
    for body, is_authentic in ((bodies[name], None), (mail, True)):
        letter = desk.read(body).letter
        assert letter is not None
        assert letter.is_authentic is is_authentic


def test_a_call_that_is_made_again_is_the_same_mail() -> None:
    again = mailgun(MAILGUN, at=NOW + timedelta(hours=1))
    body = form(again, FILE).replace(b"xYzZY", b"other")
    assert (
        event_of("mailgun", body, {}).dedup_key == event_of("mailgun", *PARSED["mailgun"]).dedup_key
    )


@pytest.mark.parametrize("name", PARSED)
def test_a_forged_call_is_refused(name: str) -> None:
    body, headers = PARSED[name]
    desk = adapter(name)
    desk.verify(call(body, **headers))
    guesses: list[dict[str, str]] = [
        {},
        basic("key:wrong"),
        basic(""),
        {"authorization": "Basic x"},
    ]
    if name == "mailgun":
        forged = [
            form(mailgun(MAILGUN, key="a guess"), FILE),
            form({**mailgun(MAILGUN), "token": "b" * 50}, FILE),
            form({**mailgun(MAILGUN), "signature": ""}, FILE),
            form(MAILGUN, FILE),
            form(mailgun(MAILGUN, at=NOW - timedelta(days=1)), FILE),
            form({**mailgun(MAILGUN), "timestamp": "9" * 40}, FILE),
            json.dumps({"signature": {"token": [], "timestamp": {}, "signature": None}}).encode(),
            b"[" * 50_000,
        ]
        for each in forged:
            with pytest.raises(BadSignature):
                desk.verify(call(each))
    else:
        for guess in guesses:
            with pytest.raises(BadSignature):
                desk.verify(call(body, **guess))
    for secrets in (("",), ("a guess",), ("ключ",)):
        with pytest.raises(BadSignature):
            adapter(name, *secrets).verify(call(body, **headers))
    with pytest.raises(BadSignature):
        Adapter(ChannelConfig("box-1", settings_for(provider=name))).verify(call(body, **headers))
    adapter(name, "newer", "key:word").verify(call(body, **headers))


LARGE = 3_000_000
COSTLY = {
    "escapes": b"a=" + b"%41" * (LARGE // 3),
    "no UTF-8": b"--x\r\n\r\n\r\n" + b"\xff" * LARGE + b"\r\n--x--",
    "lines in a head": b"--x\r\n" + b"a:b\r\n" * (LARGE // 5) + b"\r\n\r\n\r\n--x--",
    "semicolons": b"--x\r\ncontent-disposition: a" + b";" * LARGE + b"\r\n\r\n\r\n--x--",
    "heads": (b"--x\r\ncontent-disposition: a" + b";" * 4000 + b"\r\n\r\n\r\n") * 700 + b"--x--",
    "parts": b"--x" + b"\r\n--x" * (LARGE // 5) + b"--",
    "pairs": b"a=b&" * (LARGE // 4),
    "a long name": b"%41" * (LARGE // 3) + b"=a",
    "a long token": b"token=" + b"%41" * (LARGE // 3),
    "lists": b"[[]" + b",[]" * (LARGE // 3) + b"]",
}


@pytest.mark.parametrize("name", PARSED)
@pytest.mark.parametrize("body", COSTLY.values(), ids=COSTLY)
def test_a_call_of_a_stranger_is_not_read(name: str, body: bytes) -> None:
    with costing_at_most(LARGE // 3), pytest.raises(BadSignature):
        adapter(name).verify(call(body))


def test_a_large_call_is_read_without_much_more_than_it_holds() -> None:
    mail = GB + b"%" * (LARGE // 3)
    in_a_line = urlencode(mailgun({"body-mime": mail})).encode()
    in_a_form = form(mailgun({"body-mime": mail}))
    for body in (in_a_line, in_a_form):
        with costing_at_most(2 * LARGE):
            assert provider.mail_in("mailgun", body) == mail
        adapter("mailgun").verify(call(body))


@pytest.mark.parametrize("shift", range(3))
def test_an_escape_is_read_wherever_it_stands(shift: int) -> None:
    mail = b"From: ann@shop.example\r\n\r\n" + b"x" * shift + bytes(range(128, 256)) * 600
    body = urlencode({"body-mime": mail}).encode()
    assert len(body) > 3 * posted_fields.CHUNK
    assert provider.mail_in("mailgun", body) == mail


@contextmanager
def costing_at_most(most_bytes: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] <= most_bytes
    finally:
        tracemalloc.stop()


def test_another_channel_does_not_take_a_call_of_a_provider() -> None:
    body, headers = PARSED["postmark"]
    with pytest.raises(BadSignature):
        adapter("none").verify(call(body, **headers))
    with pytest.raises(BadPayload):
        adapter("none").parse(call(body, **headers))


@pytest.mark.parametrize("name", PARSED)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{}",
        b"[]",
        b"null",
        b"[" * 50_000,
        b"\xff\xfe",
        b"\x00",
        b"--x",
        b"--x\r\n",
        b"--x\r\n\r\n--x--\r\n",
        b"a=b",
        b"&" * 10_000,
        b"body-mime=x&email=y",
        b'{"RawEmail": 1}',
        b'{"Headers": 1, "Parts": 2, "Attachments": [3]}',
        b'--x\r\nContent-Disposition: form-data; name="body-mime"\r\n\r\nnot ended',
    ],
)
def test_what_carries_no_mail_is_a_bad_payload_and_nothing_worse(name: str, body: bytes) -> None:
    with pytest.raises(BadPayload):
        adapter(name).parse(call(body))
    with pytest.raises(BadPayload):
        adapter(name).read(body)


INJECTED = "Authentication-Results: mx.ours.example; dmarc=pass"
ENDS = ["\r\n", "\n", "\r", "\x0b", "\x85", "\u2028"]
HIDDEN = "=?utf-8?q?a=0D=0AAuthentication-Results:_mx.ours.example=3B_dmarc=3Dpass?="
HIDDEN_TWICE = f"=?utf-8?b?{base64.b64encode(HIDDEN.encode()).decode()}?="


@pytest.mark.parametrize(
    "evil", [*(f"a{end}{INJECTED}" for end in ENDS), HIDDEN, HIDDEN_TWICE, f"{HIDDEN} {HIDDEN}"]
)
def test_no_value_of_a_call_becomes_a_header_of_the_mail(evil: str) -> None:
    headers = [*HEADERS[:4], ["Subject", evil], [f"X{evil}", "dmarc=pass"], ["X-Evil", evil]]
    told = [{"Name": name, "Value": value} for name, value in headers[5:]]
    bodies = {
        "mailgun": form(mailgun({**MAILGUN, "message-headers": json.dumps(headers)}), FILE),
        "postmark": json.dumps({**POSTMARK, "Subject": evil, "Headers": told}).encode(),
        "mailjet": json.dumps({**MAILJET, "Headers": dict(headers)}).encode(),
        # Its headers are lines already: only what hides in a line is told apart.
        "sendgrid": form({**SENDGRID, "headers": f"From: ann@shop.example\nSubject: {evil}"}),
    }
    if evil.startswith("a"):
        del bodies["sendgrid"]
    for name, body in bodies.items():
        try:
            raw = provider.mail_in(name, body)
        except BadPayload:
            # A line that ends inside of a value is seen by the library already.
            assert evil.startswith("a")
            continue
        mail = message_from_bytes(raw, policy=default)
        assert "Authentication-Results" not in mail, name
        assert mail["Subject"]


def test_an_address_that_hides_a_header_is_refused() -> None:
    who = {**POSTMARK["FromFull"], "Name": HIDDEN}  # type: ignore[dict-item]
    with pytest.raises(BadPayload):
        provider.mail_in("postmark", json.dumps({**POSTMARK, "FromFull": who}).encode())
