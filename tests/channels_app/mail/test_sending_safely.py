"""What a composed mail looks like, and that nothing written into it can become a header."""

import email
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from channels_app.adapters.mail import composing
from channels_app.protocol import (
    Attachment,
    ChannelConfig,
    ContactIdentity,
    OutboundLetter,
    OutboundMessage,
    SendError,
)
from tests.channels_app.mail.conftest import settings_for

ANN = ("ann@shop.example", "Ann")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def composed(*, config: ChannelConfig | None = None, **changes: Any) -> composing.Envelope:
    letter = {
        name: changes.pop(name)
        for name in list(changes)
        if name in OutboundLetter.__dataclass_fields__
    }
    message = OutboundMessage(
        **{
            "client_ref": "1",
            "to": ContactIdentity(ANN[0]),
            "text": "好的。",
            "subject": "退货",
            "letter": OutboundLetter(**{"mail_id": "m-1@ours.example", "to": (ANN,), **letter}),
            **changes,
        }
    )
    return composing.compose(
        message, config or ChannelConfig(public_id="box-1", settings=settings_for())
    )


def arrived(letter: composing.Envelope) -> EmailMessage:
    """Return the mail as a server on the other side reads it."""
    raw = letter.mail.as_bytes()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert letter.needs_utf8 or raw.isascii()
    mail = email.message_from_bytes(raw, policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


def test_a_reply_has_what_clients_thread_and_show_by() -> None:
    mail = arrived(
        composed(
            references=("first@shop.example", "second@shop.example"),
            cc=(("bob@shop.example", "鲍勃"),),
            sender_name="陈晨 · 客服",
            reply_address="help+abc@ours.example",
        )
    )
    assert mail["From"] == "陈晨 · 客服 <help@ours.example>"
    assert mail["To"] == "Ann <ann@shop.example>"
    assert mail["Cc"] == "鲍勃 <bob@shop.example>"
    assert mail["Reply-To"] == "help+abc@ours.example"
    assert mail["Subject"] == "退货"
    assert mail["Message-ID"] == "<m-1@ours.example>"
    assert mail["In-Reply-To"] == "<second@shop.example>"
    assert mail["References"] == "<first@shop.example> <second@shop.example>"
    assert mail["Date"].datetime.tzinfo is not None
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().strip() == "好的。"
    assert "Auto-Submitted" not in mail
    assert "X-Everydesk-Loop" not in mail


def test_long_ids_are_folded_between_them_and_never_inside() -> None:
    ids = tuple(f"{'x' * 200}{number}@shop.example" for number in range(40))
    letter = composed(references=ids)
    raw = letter.mail.as_bytes()
    for each in (ids[0], *ids[-19:]):
        assert f"<{each}>".encode() in raw
    found = arrived(letter)["References"].split()
    assert found == [f"<{each}>" for each in (ids[0], *ids[-19:])]
    assert f"In-Reply-To: <{ids[-1]}>\r\n".encode() in raw


def test_an_endless_line_is_cut_into_lines_that_travel() -> None:
    for text in ("x" * 100_000, "长" * 100_000, "a\u2028b\x85c"):
        assert arrived(composed(text=text)).get_content().strip() == text


def test_html_goes_beside_the_text_with_the_pictures_that_it_shows() -> None:
    picture = Attachment("image", "a.png", "image/png", content_id="pic-1", data=PNG)
    other = Attachment("image", "b.png", "image/png", content_id="pic-2", data=PNG)
    mail = arrived(composed(html='<p>好 <img src="cid:pic-1"></p>', attachments=(picture, other)))
    body = mail.get_body(("related", "html"))
    assert body is not None
    shown = next(iter(body.iter_attachments()))  # type: ignore[attr-defined]
    assert shown["Content-ID"] == "<pic-1>"
    assert shown.get_payload(decode=True) == PNG
    assert [each.get_filename() for each in mail.iter_attachments()] == ["b.png"]
    plain = mail.get_body(("plain",))
    assert plain is not None
    assert plain.get_content().strip() == "好的。"


@pytest.mark.parametrize(
    "name",
    [
        "发票 2026.pdf",
        "a" * 150 + ".pdf",
        'quo"te\\.pdf',
        "a;b=c.pdf",
        "😀.pdf",
        "../../etc/passwd",
    ],
)
def test_a_file_arrives_with_its_name_and_its_bytes(tmp_path: Path, name: str) -> None:
    path = tmp_path / "stored"
    path.write_bytes(PNG)
    file = Attachment("file", name, "application/pdf", path=str(path))
    (found,) = arrived(composed(attachments=(file,))).iter_attachments()
    assert found.get_filename() == name
    assert found.get_content_type() == "application/pdf"
    assert found.get_payload(decode=True) == PNG


@pytest.mark.parametrize(
    "mime",
    ["", "image", "a/b/c", "text/plain; charset=x", "message/rfc822", "multipart/mixed", "/"],
)
def test_a_type_that_cannot_be_attached_travels_as_bytes(mime: str) -> None:
    file = Attachment("file", "a.bin", mime, data=PNG)
    (found,) = arrived(composed(attachments=(file,))).iter_attachments()
    assert found.get_content_type() == "application/octet-stream"
    assert found.get_payload(decode=True) == PNG


def test_a_file_that_is_gone_is_said_to_be_gone(tmp_path: Path) -> None:
    file = Attachment("file", "a.pdf", "application/pdf", path=str(tmp_path / "gone"))
    with pytest.raises(SendError) as caught:
        composed(attachments=(file,))
    assert not caught.value.retryable


ENDS = [
    "\r\n",
    "\n",
    "\r",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x1d",
    "\x1e",
    "\x85",
    "\u2028",
    "\u2029",
    "\x00",
]
PAYLOADS = [f"a{end}Bcc: evil@evil.example" for end in ENDS]
PAYLOADS += [f"a{end}{end}<script>" for end in ENDS]
PAYLOADS += [
    "a\r\n\tBcc: evil@evil.example",
    "=?utf-8?q?a=0D=0ABcc=3A_evil=40evil.example?=",
    "=?utf-8?b?YQ0KQmNjOiBldmlsQGV2aWwuZXhhbXBsZQ==?=",
    'a" <evil@evil.example>, "b',
    "a>, <evil@evil.example",
    "a%0d%0aBcc: evil@evil.example",
    "a\ud800\r\nBcc: evil@evil.example",
]


def harmless(letter: composing.Envelope) -> None:
    mail = arrived(letter)
    assert "Bcc" not in mail
    assert letter.recipients == (ANN[0],)
    assert [each.addr_spec for each in mail["To"].addresses] == [ANN[0]]
    assert [each.addr_spec for each in mail["From"].addresses] == ["help@ours.example"]
    assert "evil" not in str(mail.get("Reply-To", ""))
    assert "".join(mail.get_body(("plain",)).get_content().split()) == "好的。"  # type: ignore[union-attr]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_written_anywhere_becomes_a_header(payload: str) -> None:
    harmless(composed(subject=payload))
    harmless(composed(to=((ANN[0], payload),)))
    harmless(composed(sender_name=payload))
    harmless(composed(references=(payload, f"{payload}@shop.example")))
    settings = settings_for(sender_name_zh=payload)
    harmless(composed(config=ChannelConfig(public_id=payload, settings=settings)))
    harmless(composed(is_automatic=True, config=ChannelConfig(payload, settings=settings)))
    file = Attachment("file", payload, f"text/{payload}", content_id=payload, data=b"x")
    harmless(composed(attachments=(file,)))
    html = f'<img src="cid:{payload}">'.encode("utf-8", "replace").decode()
    harmless(composed(html=html, attachments=(file,)))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_an_address_with_more_in_it_is_refused(payload: str) -> None:
    for bad in (payload, f"{payload}@shop.example", f"ann@shop.example{payload}"):
        for where in ({"to": ((bad, ""),)}, {"cc": ((bad, ""),)}, {"reply_address": bad}):
            with pytest.raises(SendError) as caught:
                composed(**where)
            assert caught.value.kind == "undeliverable"
        with pytest.raises(SendError):
            composed(config=ChannelConfig("box-1", settings=settings_for(address=bad)))
    with pytest.raises(SendError):
        composed(mail_id=f"{payload} x@ours.example")


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "ann",
        "@shop.example",
        "ann@",
        "ann@@shop.example",
        "a b@shop.example",
        "ann@-",
        "a@b..c",
    ],
)
def test_what_is_no_address_is_refused(bad: str) -> None:
    with pytest.raises(SendError):
        composed(to=((bad, ""),))


def test_a_domain_outside_of_ascii_leaves_in_ascii() -> None:
    letter = composed(to=(("ann@例子.example", ""),))
    assert letter.recipients == ("ann@xn--fsqu00a.example",)
    assert not letter.needs_utf8
    assert arrived(letter)["To"] == "ann@xn--fsqu00a.example"


def test_an_answer_without_a_letter_goes_to_whoever_wrote() -> None:
    letter = composed(letter=None)
    assert letter.recipients == (ANN[0],)
    assert letter.mail_id == "1@ours.example"


def test_whoever_tries_things_out_finds_mails_in_a_folder(
    tmp_path: Path, settings: Settings
) -> None:
    settings.HOME, settings.IS_LOOPBACK = tmp_path, True
    config = ChannelConfig("box-1", settings=settings_for(outgoing="folder"))
    assert composing.is_kept_here(config)
    for _time in range(2):
        result = composing.keep_here(composed(), config)
        assert result.provider_ids == ("m-1@ours.example",)
    (path,) = (tmp_path / "mail" / "box-1").iterdir()
    assert path.suffix == ".eml"
    assert email.message_from_bytes(path.read_bytes(), policy=default)["Subject"] == "退货"


def test_an_installation_that_others_can_reach_writes_no_folder(settings: Settings) -> None:
    settings.IS_LOOPBACK = False
    config = ChannelConfig("box-1", settings=settings_for(outgoing="folder"))
    assert not composing.is_kept_here(config)
