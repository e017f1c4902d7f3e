"""SMS by Twilio: what its calls say, and who may say it."""

import base64
import hashlib
import hmac
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.utils.translation import override

from channels_app.adapters.sms_twilio.adapter import Adapter
from channels_app.protocol import (
    Attachment,
    BadPayload,
    BadSignature,
    ChannelConfig,
    ContactIdentity,
    Event,
    RawRequest,
)
from channels_app.twilio_signature import signature

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
URL = "https://desk.example/channels/c/?a=1&b=2"
SID = "SM1234567890abcdef1234567890abcdef"
ADAPTER = Adapter(ChannelConfig("c", secrets=("s", "older")))


def request(
    body: bytes, *, url: str = URL, query: tuple[tuple[str, str], ...] = (), **headers: str
) -> RawRequest:
    return RawRequest("POST", url, query, headers, body, NOW)


def parsed(**facts: Any) -> list[Event]:
    known = {"MessageSid": SID, "From": "+8613800138000", "To": "+14155550100", "NumMedia": "0"}
    form = {name: value for name, value in (known | facts).items() if value is not None}
    with override("en"):
        return ADAPTER.parse(request(urlencode(form).encode()))


def signed(secret: str, url: str, *form: tuple[str, str]) -> dict[str, str]:
    return {"x-twilio-signature": signature(secret, url, form)}


# --- what its calls say ----------------------------------------------------------------------------


def test_a_text_is_a_message_of_the_number_that_sent_it() -> None:
    (found,) = parsed(Body="Hello 世界 & more\nline two ", SmsStatus="received", FutureField="x")
    assert (found.kind, found.text) == ("message", "Hello 世界 & more\nline two")
    assert (found.dedup_key, found.provider_id) == (SID, SID)
    number = "+8613800138000"
    assert found.sender == ContactIdentity(number, phone=number, verified=True)


def test_a_short_code_is_an_address_and_no_phone_number() -> None:
    (found,) = parsed(From="88811", Body="Your code")
    assert found.sender == ContactIdentity("88811", verified=True)


def test_files_are_named_by_where_they_lie() -> None:
    url = "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME"
    (found,) = parsed(
        Body="",
        NumMedia="3",
        **{f"MediaUrl{number}": f"{url}{number}" for number in range(3)},
        MediaContentType0="image/jpeg",
        MediaContentType1="text/x-vCard",
        MediaContentType2="audio/amr",
    )
    assert found.attachments == (
        Attachment("image", mime="image/jpeg", url=f"{url}0"),
        Attachment("file", mime="text/x-vcard", url=f"{url}1"),
        Attachment("audio", mime="audio/amr", url=f"{url}2"),
    )
    assert found.text == ""


def test_an_empty_message_is_said_and_an_opt_out_is_one_too() -> None:
    assert parsed(Body=" ")[0].text == "[An empty message]"
    (stop,) = parsed(Body="STOP", OptOutType="STOP")
    assert (stop.kind, stop.text, stop.data) == ("message", "STOP", {"opt_out": "STOP"})


@pytest.mark.parametrize(
    ("state", "reached"),
    [
        ("sent", "sent"),
        ("delivered", "delivered"),
        ("read", "read"),
        ("undelivered", "failed"),
        ("failed", "failed"),
        ("canceled", "failed"),
    ],
)
def test_a_callback_is_a_receipt_of_the_message_that_it_names(state: str, reached: str) -> None:
    (found,) = parsed(MessageStatus=state, SmsStatus=state, ErrorCode="30003")
    assert (found.kind, found.status, found.references) == ("receipt", reached, (SID,))
    assert found.dedup_key == f"{SID}:{reached}"
    assert found.error == (
        "Twilio could not deliver it (error 30003)." if reached == "failed" else ""
    )


@pytest.mark.parametrize("state", ["queued", "sending", "accepted", "scheduled", "beamed"])
def test_states_in_between_say_nothing(state: str) -> None:
    assert parsed(MessageStatus=state) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"MessageSid": None},
        {"MessageSid": " "},
        {"From": None, "Body": "x"},
        {"From": "a\nb", "Body": "x"},
        {"NumMedia": "1"},
        {"NumMedia": "x"},
        {"NumMedia": "21", **{f"MediaUrl{number}": "https://a.example" for number in range(21)}},
        {"MessageStatus": "failed", "ErrorCode": "many"},
    ],
)
def test_what_does_not_fit_is_a_bad_payload(broken: dict[str, Any]) -> None:
    with pytest.raises(BadPayload):
        parsed(**broken)


def test_a_form_that_is_not_text_is_a_bad_payload() -> None:
    for body in (
        b"Body=%ff&MessageSid=SM1",
        b"Body=\xff&MessageSid=SM1",
        b"&".join([b"a=1"] * 2000),
    ):
        with pytest.raises(BadPayload):
            ADAPTER.parse(request(body))


# --- who may say it --------------------------------------------------------------------------------


def test_the_address_and_the_whole_form_are_signed() -> None:
    form = (("Body", "a b"), ("Empty", ""), ("From", "+1"))
    body = b"From=%2B1&Body=a+b&Empty="
    for secret in ("s", "older"):
        ADAPTER.verify(request(body, **signed(secret, URL, *form)))
    bad = [
        request(body, **signed("guess", URL, *form)),
        request(body, **signed("s", URL.replace("b=2", "b=3"), *form)),
        request(body, url=URL.replace("/c/", "/d/"), **signed("s", URL, *form)),
        request(body + b"&New=", **signed("s", URL, *form)),
        request(b"From=%2B1&Body=a+b", **signed("s", URL, *form)),
        request(b"&".join([b"a=1"] * 2000), **signed("s", URL, ("a", "1"))),
    ]
    for call in bad:
        with pytest.raises(BadSignature):
            ADAPTER.verify(call)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("https://desk.example/c/", "https://desk.example:443/c/"),
        ("http://desk.example/c/", "http://desk.example:80/c/"),
        ("https://desk.example:8443/c/", "https://desk.example/c/"),
        ("https://desk.example:8443/c/", "https://desk.example:8443/c/"),
    ],
)
def test_the_port_may_stand_in_the_signed_address_or_not(ours: str, theirs: str) -> None:
    ADAPTER.verify(request(b"a=1", url=ours, **signed("s", theirs, ("a", "1"))))
    other = theirs.replace("desk", "task")
    with pytest.raises(BadSignature):
        ADAPTER.verify(request(b"a=1", url=ours, **signed("s", other, ("a", "1"))))


def test_what_stands_there_twice_is_signed_once_and_sorted() -> None:
    once = signed("s", URL, ("Digits", "12"), ("Digits", "56"), ("Sid", "1"))
    call = request(b"Sid=1&Digits=56&Digits=12&Digits=12", **once)
    ADAPTER.verify(call)
    expected = b"https://desk.example/channels/c/?a=1&b=2Digits12Digits56Sid1"
    digest = base64.b64encode(hmac.digest(b"s", expected, "sha1")).decode()
    assert call.headers["x-twilio-signature"] == digest


def test_bytes_that_are_no_text_are_signed_as_they_came() -> None:
    form = (("Body", "\udcff"),)
    for body in (b"Body=%ff", b"Body=\xff"):
        ADAPTER.verify(request(body, **signed("s", URL, *form)))


def test_what_is_no_form_is_signed_by_its_digest() -> None:
    body = b'{"a": 1}'
    digest = hashlib.sha256(body).hexdigest()
    for given, is_good in ((digest, True), (digest[::-1], False)):
        url = f"https://desk.example/c/?bodySHA256={given}"
        call = request(body, url=url, query=(("bodySHA256", given),), **signed("s", url))
        if is_good:
            ADAPTER.verify(call)
            continue
        with pytest.raises(BadSignature):
            ADAPTER.verify(call)


@pytest.mark.corpus
def test_known_vectors_fit() -> None:
    path = Path(os.environ["EVERYDESK_CORPUS"]) / "webhooks/_vectors/signature_vectors.json"
    known = json.loads(path.read_text(encoding="utf-8"))["twilio"]
    found = Adapter(ChannelConfig("c", secrets=(known["auth_token"],)))
    for parameters, expected in (
        (known["params"], known["signature"]),
        (known["duplicate_params"], known["duplicate_signature"]),
    ):
        body = urlencode([tuple(each) for each in parameters]).encode()
        headers = {"x-twilio-signature": expected}
        found.verify(RawRequest("POST", known["url"], (), headers, body, NOW))
