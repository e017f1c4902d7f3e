"""What the server is told, and what its answers mean."""

import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from channels_app.adapters.mail import composing, smtp
from channels_app.mails.reading.mail import read
from channels_app.protocol import (
    ChannelConfig,
    ContactIdentity,
    OutboundLetter,
    OutboundMessage,
    SendError,
    SendResult,
)
from tests.channels_app.mail.conftest import settings_for
from tests.mail_servers import SmtpServer, smtp_server

ANN, BOB = ("ann@shop.example", "Ann"), ("bob@shop.example", "")


def config(server: SmtpServer, **changes: Any) -> ChannelConfig:
    found = settings_for(smtp_host="127.0.0.1", smtp_port=server.port, **changes)
    return ChannelConfig(public_id="box-1", settings=found)


def send(target: ChannelConfig, text: str = "好的。", **changes: Any) -> SendResult:
    letter = OutboundLetter(**{"mail_id": "m-1@ours.example", "to": (ANN,), **changes})
    message = OutboundMessage(
        client_ref="1", to=ContactIdentity(ANN[0]), text=text, subject="退货", letter=letter
    )
    return smtp.send(composing.compose(message, target), target)


def refusal(target: ChannelConfig, **changes: Any) -> SendError:
    with pytest.raises(SendError) as caught:
        send(target, **changes)
    return caught.value


def test_one_transaction_carries_the_mail_to_everybody(smtp_desk: SmtpServer) -> None:
    result = send(config(smtp_desk), to=(ANN, BOB), cc=(ANN, ("cy@shop.example", "")))
    assert result == SendResult(status="sent", provider_ids=("m-1@ours.example",))
    (mail,) = smtp_desk.received
    assert mail.sender == "help@ours.example"
    assert mail.recipients == [ANN[0], BOB[0], "cy@shop.example"]
    assert b"Message-ID: <m-1@ours.example>\r\n" in mail.content


def test_nothing_can_answer_an_automatic_mail(smtp_desk: SmtpServer) -> None:
    send(config(smtp_desk), is_automatic=True)
    (mail,) = smtp_desk.received
    assert mail.sender == ""
    assert b"Auto-Submitted: auto-replied" in mail.content
    assert b"X-Everydesk-Loop: " in mail.content
    assert read(mail.content).automatic == "own"


def test_an_automatic_mail_tells_nobody_the_address_of_its_channel(smtp_desk: SmtpServer) -> None:
    send(config(smtp_desk), is_automatic=True)
    assert b"box-1" not in smtp_desk.received[0].content


def test_lines_that_begin_with_a_dot_arrive_as_written(smtp_desk: SmtpServer) -> None:
    send(config(smtp_desk), text=".\n..two\nend\n.")
    assert b"\r\n.\r\n..two\r\nend\r\n." in smtp_desk.received[0].content


def test_some_are_refused_and_the_others_have_it(smtp_desk: SmtpServer) -> None:
    smtp_desk.script[BOB[0]] = "550 5.1.1 No such user"
    result = send(config(smtp_desk), to=(ANN, BOB))
    assert result.status == "sent"
    assert "bob@shop.example" in result.warning
    assert "No such user" in result.warning
    assert smtp_desk.received[0].recipients == [ANN[0]]


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(
    ("answer", "kind", "retryable"),
    [
        ("421 4.3.2 Later", "rate", True),
        ("450 4.2.0 Greylisted", "rate", True),
        ("451 4.7.1 Slow down", "rate", True),
        ("452 4.2.2 Full", "rate", True),
        ("455 4.0.0 Odd", "server", True),
        ("530 5.7.0 Sign in first", "auth", False),
        ("550 5.1.1 No such user", "undeliverable", False),
        ("552 5.3.4 Too large", "undeliverable", False),
        ("554 5.7.1 Blocked by policy", "blocked", False),
        ("554 5.6.0 Bad content", "undeliverable", False),
    ],
)
def test_an_answer_means_the_same_at_every_step(
    smtp_desk: SmtpServer, step: str, answer: str, kind: str, retryable: bool
) -> None:
    smtp_desk.script[step] = answer
    error = refusal(config(smtp_desk))
    if step == "RCPT" and kind in {"rate", "server"} and not answer.startswith("421"):
        kind = "undeliverable"  # for now, and because of the recipient
    assert (error.kind, error.retryable, error.ambiguous) == (kind, retryable, False)
    assert answer in str(error.message)
    assert not smtp_desk.received


def test_an_address_that_is_refused_for_now_is_not_the_servers_trouble(
    smtp_desk: SmtpServer,
) -> None:
    smtp_desk.script[ANN[0]] = "450 4.1.2 Domain not found"
    error = refusal(config(smtp_desk))
    assert (error.kind, error.retryable, error.ambiguous) == ("undeliverable", True, False)
    assert "Domain not found" in str(error.message)
    smtp_desk.script[ANN[0]] = "421 4.3.2 Later"
    assert refusal(config(smtp_desk)).kind == "rate"


@pytest.mark.parametrize(
    ("answer", "retryable"), [("450 4.2.0 Greylisted", True), ("550 5.1.1 No such user", False)]
)
def test_nobody_gets_a_copy_of_what_the_customer_does_not_get(
    smtp_desk: SmtpServer, answer: str, retryable: bool
) -> None:
    smtp_desk.script[ANN[0]] = answer
    error = refusal(config(smtp_desk), cc=(BOB,))
    assert (error.kind, error.retryable) == ("undeliverable", retryable)
    assert not smtp_desk.received
    del smtp_desk.script[ANN[0]]
    send(config(smtp_desk), cc=(BOB,))
    assert smtp_desk.received[0].recipients == [ANN[0], BOB[0]]


def test_a_copy_that_is_refused_keeps_nothing_from_the_customer(smtp_desk: SmtpServer) -> None:
    smtp_desk.script[BOB[0]] = "450 4.2.0 Greylisted"
    assert "Greylisted" in send(config(smtp_desk), cc=(BOB,)).warning
    assert smtp_desk.received[0].recipients == [ANN[0]]


def test_all_are_refused_and_one_only_for_now(smtp_desk: SmtpServer) -> None:
    smtp_desk.script |= {ANN[0]: "550 Never", BOB[0]: "450 Later"}
    error = refusal(config(smtp_desk), to=(ANN, BOB))
    assert error.retryable


@pytest.mark.parametrize("step", ["EHLO", "MAIL", "RCPT"])
def test_a_line_cut_before_the_mail_was_handed_over_is_tried_again(
    smtp_desk: SmtpServer, step: str
) -> None:
    smtp_desk.script[step] = "drop"
    error = refusal(config(smtp_desk))
    assert (error.kind, error.retryable, error.ambiguous) == ("server", True, False)


@pytest.mark.parametrize("how", ["drop", "wait"])
def test_no_answer_after_the_mail_was_handed_over_is_ambiguous(
    smtp_desk: SmtpServer, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(smtp, "ANSWER_SECONDS", 0.2)
    smtp_desk.script["DATA"] = how
    error = refusal(config(smtp_desk))
    assert error.ambiguous
    assert not error.retryable
    assert len(smtp_desk.received) == 1


def test_a_server_that_never_answers_is_left(
    smtp_desk: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "COMMAND_SECONDS", 0.2)
    smtp_desk.script["MAIL"] = "wait"
    assert refusal(config(smtp_desk)).retryable


def test_a_server_that_drips_is_left_when_the_whole_time_is_over(
    loopback: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "WHOLE_SECONDS", 0.3)
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            line, _address = listener.accept()
            with line:
                while not stop.wait(0.02):
                    try:
                        line.sendall(b"220-still here\r\n")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        dripping = SmtpServer(port=listener.getsockname()[1])
        error = refusal(config(dripping))
        stop.set()
        thread.join(5)
    assert error.retryable


def test_user_and_password_are_given(loopback: None) -> None:
    with smtp_server(password="right") as server:
        plain = config(server)
        target = ChannelConfig("box-1", plain.settings, named_secrets={"smtp_password": "right"})
        send(target)
        assert server.received[0].user == "help@ours.example"
        wrong = ChannelConfig("box-1", plain.settings, named_secrets={"smtp_password": "wrong"})
        error = refusal(wrong)
        assert (error.kind, error.retryable) == ("auth", False)
        assert refusal(plain).kind == "auth"  # the server wants them


def test_a_server_without_passwords_is_said_to_be_one(smtp_desk: SmtpServer) -> None:
    target = ChannelConfig(
        "box-1", config(smtp_desk).settings, named_secrets={"smtp_password": "secret"}
    )
    assert refusal(target).kind == "auth"
    assert not smtp_desk.received


def test_a_password_never_leaves_where_encryption_was_asked_for_and_is_missing(
    loopback: None,
) -> None:
    with smtp_server(password="right") as server:
        for security in ("starttls", "tls"):
            target = ChannelConfig(
                "box-1",
                config(server, smtp_security=security).settings,
                named_secrets={"smtp_password": "right"},
            )
            assert refusal(target).kind == "server"
        assert not server.received


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_certificate_is_for_the_name_that_was_asked_for(
    loopback: None, certificate: Path, security: str, request: pytest.FixtureRequest
) -> None:
    with smtp_server(password="right", certificate=certificate, security=security) as server:
        told = config(server, smtp_security=security).settings
        secrets = {"smtp_password": "right"}
        by_name = ChannelConfig("box-1", {**told, "smtp_host": "localhost"}, named_secrets=secrets)
        assert refusal(by_name).retryable  # nobody trusts it
        request.getfixturevalue("trusted")
        send(by_name)
        by_address = ChannelConfig("box-1", told, named_secrets=secrets)
        error = refusal(by_address)  # trusted, and not for this name
        assert (error.kind, error.retryable) == ("server", True)
        assert len(server.received) == 1


def test_letters_outside_of_ascii_before_the_at_need_a_server_that_can(
    smtp_desk: SmtpServer,
) -> None:
    to = (("张三@shop.example", "张三"),)
    error = refusal(config(smtp_desk), to=to)
    assert (error.kind, error.retryable) == ("undeliverable", False)
    smtp_desk.script["SMTPUTF8"] = "offered"
    send(config(smtp_desk), to=to)
    (mail,) = smtp_desk.received
    assert mail.recipients == ["张三@shop.example"]
    assert "SMTPUTF8" in mail.options


def test_a_mail_larger_than_the_server_takes_is_not_begun(smtp_desk: SmtpServer) -> None:
    error = refusal(config(smtp_desk), text="x" * 34_000_000)
    assert (error.kind, error.retryable) == ("undeliverable", False)
    assert not smtp_desk.received
