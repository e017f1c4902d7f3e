"""What the products of Meta have in common: the handshake, the signature, errors, times, and who sees the token."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.utils.translation import override

from channels_app import http, meta
from channels_app.json_fields import read_object
from channels_app.protocol import BadPayload, BadSignature, ChannelConfig, RawRequest, SendError

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
CONFIG = ChannelConfig(
    "c", secrets=("new", "old"), named_secrets={"verify_token": "a word of our own"}
)
ASKED = {
    "hub.mode": "subscribe",
    "hub.verify_token": "a word of our own",
    "hub.challenge": "1158201444",
}


def asking(method: str = "GET", **changed: str) -> RawRequest:
    query = {**ASKED, **{f"hub.{name}": value for name, value in changed.items()}}
    return RawRequest(method, "", tuple(query.items()), {}, b"", NOW)


def test_the_address_is_proved_by_the_verify_token() -> None:
    answer = meta.handshake(CONFIG, asking())
    assert answer is not None
    assert (answer.status, answer.body) == (200, b"1158201444")
    assert answer.content_type.startswith("text/plain")


@pytest.mark.parametrize(
    "request_",
    [
        asking("POST"),
        asking(mode="unsubscribe"),
        asking(verify_token="a guess"),
        asking(verify_token=""),
        asking(verify_token="käse\ud800"),
        asking(challenge=""),
        asking(challenge="two\nlines"),
        asking(challenge="x" * 501),
    ],
)
def test_nothing_else_is_answered(request_: RawRequest) -> None:
    assert meta.handshake(CONFIG, request_) is None


def test_without_a_verify_token_of_ours_none_fits() -> None:
    assert meta.handshake(ChannelConfig("c"), asking(verify_token="")) is None


def test_the_signature_is_that_of_their_documentation() -> None:
    # HMAC-SHA256 of the body under the app secret, in hexadecimal; reckoned with openssl.
    assert meta.signature("secret", b"body") == (
        "sha256=dc46983557fea127b43af721467eb9b3fde2338fe3e14f51952aa8478c13d355"
    )


def signed(header: str) -> RawRequest:
    return RawRequest("POST", "", (), {"x-hub-signature-256": header}, b"body", NOW)


@pytest.mark.parametrize("secret", ["new", "old"])
def test_every_secret_of_ours_verifies(secret: str) -> None:
    meta.verify(CONFIG, signed(meta.signature(secret, b"body")))


@pytest.mark.parametrize(
    "header",
    [
        "",
        meta.signature("a guess", b"body"),
        meta.signature("new", b"body").removeprefix("sha256="),
        meta.signature("new", b"body").upper(),
        meta.signature("new", b"body "),
        "sha256=käse\ud800",
    ],
)
def test_no_other_signature_verifies(header: str) -> None:
    with pytest.raises(BadSignature):
        meta.verify(CONFIG, signed(header))


def refused(
    code: int | None, *, status: int = 400, headers: dict[str, str] | None = None, **facts: object
) -> SendError:
    error = {"message": "No", "type": "OAuthException", "code": code, **facts}
    body = json.dumps({"error": {k: v for k, v in error.items() if v is not None}}).encode()
    with override("en"):
        return meta.refusal(http.Reply(status, headers or {}, body))


@pytest.mark.parametrize(
    ("code", "subcode", "kind"),
    [
        (131047, None, "window"),
        (10, 2018278, "window"),
        (10, 2534022, "window"),
        (10, None, "auth"),
        (190, 463, "auth"),
        (200, None, "auth"),
        (131031, None, "auth"),
        (200, 1545041, "blocked"),
        (551, None, "blocked"),
        (4, 2018022, "rate"),
        (613, None, "rate"),
        (80007, None, "rate"),
        (130429, None, "rate"),
        (131056, None, "rate"),
        (131026, None, "undeliverable"),
        (100, 2018001, "undeliverable"),
        (2, None, "server"),
        (131016, None, "server"),
        (999999, None, "undeliverable"),
    ],
)
def test_codes_say_more_than_the_status(code: int, subcode: int | None, kind: str) -> None:
    error = refused(code, error_subcode=subcode)
    assert (error.kind, error.retryable) == (kind, kind in {"rate", "server"})
    assert not error.ambiguous
    assert f"({code}" in str(error.message)


def test_what_they_say_themselves_is_shown_to_people() -> None:
    assert str(refused(131047, error_data={"details": "More than 24 hours"}).message) == (
        "The time for answers is over until the customer writes again. More than 24 hours (131047)"
    )


def test_an_error_nobody_listed_passes_where_they_say_so_or_their_server_is_broken() -> None:
    assert refused(999999, is_transient=True).retryable
    broken = refused(999999, status=500)
    assert (broken.kind, broken.retryable) == ("server", True)


def test_they_say_how_long_to_wait() -> None:
    usage = json.dumps(
        {"1": [{"type": "whatsapp", "estimated_time_to_regain_access": 7}, {"call_count": 100}]}
    )
    assert refused(131056).retry_after == timedelta(seconds=6)
    assert refused(4, headers={"x-business-use-case-usage": usage}).retry_after == timedelta(
        minutes=7
    )
    assert refused(4, headers={"retry-after": "30"}).retry_after == timedelta(seconds=30)
    assert refused(4, headers={"x-business-use-case-usage": "{}"}).retry_after is None
    long = usage.replace("7", "90000")
    assert refused(4, headers={"x-business-use-case-usage": long}).retry_after == timedelta(hours=1)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error":"no"}', b'{"error":{}}'])
def test_an_answer_that_is_not_theirs_means_what_its_status_says(body: bytes) -> None:
    assert meta.refusal(http.Reply(401, {}, body)).kind == "auth"
    assert meta.refusal(http.Reply(429, {}, body)).kind == "rate"
    assert meta.refusal(http.Reply(502, {}, body)).retryable


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1697043223", 1697043223),
        (1697043223, 1697043223),
        (1697043223500, 1697043223.5),
        ("1697043223500", 1697043223.5),
        ("2023-10-11T16:53:43+00:00", 1697043223),
        (0, None),
        (None, None),
    ],
)
def test_times_come_in_several_ways(value: object, seconds: float | None) -> None:
    found = read_object(json.dumps({"at": value}).encode()).moment("at")
    assert (found.timestamp() if found else None) == seconds


@pytest.mark.parametrize("value", ["yesterday", 2**62, -1, [], "９９９"])
def test_what_is_no_time_is_a_bad_payload(value: object) -> None:
    with pytest.raises(BadPayload):
        read_object(json.dumps({"at": value}).encode()).moment("at")


@pytest.mark.parametrize(
    ("url", "is_theirs"),
    [
        ("https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1", True),
        ("https://graph.facebook.com/x", True),
        ("http://127.0.0.1:8080/files/1", True),
        ("http://127.0.0.1:8081/files/1", False),
        ("http://lookaside.fbsbx.com/x", False),
        ("https://fbsbx.com.example/x", False),
        ("https://evilfbsbx.com/x", False),
        ("https://lookaside.fbsbx.com@evil.example/x", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_only_meta_sees_the_token(url: str, *, is_theirs: bool) -> None:
    assert meta.holds_files(url, "http://127.0.0.1:8080/v26.0") is is_theirs
