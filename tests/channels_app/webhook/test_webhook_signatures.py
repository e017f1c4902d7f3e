"""Who signed a call: against the library of Standard Webhooks as an independent reference."""

import base64
import hmac
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from channels_app import signatures
from channels_app.adapters.webhook.adapter import Adapter
from channels_app.protocol import BadSignature, ChannelConfig, RawRequest

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(b"twenty-four random bytes").decode()
OLDER = "whsec_" + base64.b64encode(b"the bytes of last summer").decode()
FOREIGN = "whsec_" + base64.b64encode(b"a channel of someone els").decode()
BODY = '{"type":"message.created","data":{"text":"怎么退货? 👍"}}'.encode()
IDENTIFIER = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"


def signed(body=BODY, *, secret=SECRET, identifier=IDENTIFIER, at=NOW):
    """Return the headers that the library would send."""
    return {
        "webhook-id": identifier,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(identifier, at, body.decode()),
    }


def call(headers=None, *, body=BODY, at=NOW):
    return RawRequest(
        method="POST",
        url="https://desk.example/channels/c/",
        query=(),
        headers=signed() if headers is None else headers,
        body=body,
        received_at=at,
    )


def verify(request, *secrets):
    Adapter(ChannelConfig("c", secrets=secrets or (SECRET, OLDER))).verify(request)


@pytest.mark.parametrize("secret", [SECRET, OLDER])
def test_what_the_library_signs_is_accepted_with_each_secret(secret):
    verify(call(signed(secret=secret)))


def test_the_published_vector_of_the_specification_is_accepted():
    # https://github.com/standard-webhooks/standard-webhooks, the vector that its libraries test.
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    at = datetime.fromtimestamp(1614265330, UTC)
    verify(
        call(headers, body=b'{"test": 2432232314}', at=at), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    )


@time_machine.travel(NOW, tick=False)
@settings(deadline=None)
@given(
    body=st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
    identifier=st.text(
        st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="."), min_size=1
    ),
    key=st.binary(min_size=1, max_size=64),
)
def test_the_library_accepts_what_we_sign_and_we_what_it_signs(body, identifier, key):
    secret = "whsec_" + base64.b64encode(key).decode()
    raw = body.encode()
    mine = signatures.signed_headers(identifier[:200], raw, secrets=[secret], at=NOW)
    Webhook(secret).verify(raw, mine, json_parse=False)
    verify(call(signed(raw, secret=secret, identifier=identifier[:200]), body=raw), secret)


@time_machine.travel(NOW, tick=False)
def test_during_a_rotation_the_receiver_may_hold_either_secret():
    headers = signatures.signed_headers(IDENTIFIER, BODY, secrets=(SECRET, OLDER), at=NOW)
    for secret in (SECRET, OLDER):
        Webhook(secret).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(FOREIGN).verify(BODY, headers)


def altered(**changes):
    headers = signed()
    for name, value in changes.items():
        headers[f"webhook-{name}"] = value
    return headers


def without(name):
    headers = signed()
    del headers[name]
    return headers


GOOD = signed()["webhook-signature"]
AGE = timedelta(seconds=301)
STAMP = str(int(NOW.timestamp()))
FORGERIES = {
    "signed with a guess": signed(secret="whsec_" + base64.b64encode(b"x" * 24).decode()),
    "signed for another channel": signed(secret=FOREIGN),
    "older than five minutes": signed(at=NOW - AGE),
    "newer than five minutes": signed(at=NOW + AGE),
    "no id": without("webhook-id"),
    "no time": without("webhook-timestamp"),
    "no signature": without("webhook-signature"),
    "another id": altered(id="msg_other"),
    "empty id": altered(id=""),
    "an id with a full stop": signed(identifier="msg.1"),
    "an id with a space": signed(identifier="msg 1"),
    "an id of 201 characters": signed(identifier="m" * 201),
    "an id that is not ASCII": signed(identifier="消息"),
    "another time": altered(timestamp=str(int(STAMP) + 1)),
    "a time in other digits": altered(
        timestamp=STAMP.translate({48 + n: 0xFF10 + n for n in range(10)})
    ),
    "a time with a fraction": altered(timestamp=f"{STAMP}.0"),
    "a time with a sign": altered(timestamp=f"+{STAMP}"),
    "a time with a space": altered(timestamp=f" {STAMP}"),
    "a time before all time": altered(timestamp=f"-{STAMP}"),
    "a time beyond all time": altered(timestamp="9" * 400),
    "a time of twelve nines": altered(timestamp="9" * 12),
    "a time that is no number": altered(timestamp="nan"),
    "the version of another algorithm": altered(signature=GOOD.replace("v1,", "v1a,")),
    "another version": altered(signature=GOOD.replace("v1,", "v2,")),
    "no version": altered(signature=GOOD.removeprefix("v1,")),
    "an empty signature": altered(signature="v1,"),
    "an empty header": altered(signature=""),
    "a shortened signature": altered(signature=GOOD[:-5]),
    "a signature without padding": altered(signature=GOOD.rstrip("=")),
    "a signature in hexadecimal": altered(
        signature="v1," + base64.b64decode(GOOD.removeprefix("v1,")).hex()
    ),
    "a signature in capitals": altered(signature="v1," + GOOD.removeprefix("v1,").upper()),
    "a thousand signatures, the last one good": altered(signature="v1,eA== " * 999 + GOOD),
    "seventeen signatures, the last one good": altered(signature="v1,eA== " * 16 + GOOD),
    "a signature that is not ASCII": altered(signature=f"v1,é {GOOD}"),
}


@pytest.mark.parametrize("headers", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_call_is_refused(headers):
    verify(call())  # the same call, unaltered, passes
    with pytest.raises(BadSignature):
        verify(call(headers))


@pytest.mark.parametrize("body", [BODY + b" ", BODY[:-1], BODY.replace(b"m", b"M", 1), b""])
def test_a_tampered_body_is_refused(body):
    with pytest.raises(BadSignature):
        verify(call(body=body))


@pytest.mark.parametrize(
    "secrets",
    [(), ("",), ("", ""), ("whsec_",), ("whsec_====",), ("whsec_no base64!",), ("whsec_é",)],
)
@pytest.mark.parametrize("guessed", ["", "whsec_"])
def test_a_channel_without_a_usable_secret_accepts_nothing(secrets, guessed):
    signed_content = f"{IDENTIFIER}.{STAMP}.".encode() + BODY
    digest = hmac.digest(guessed.encode(), signed_content, "sha256")
    signature = base64.b64encode(digest).decode()
    with pytest.raises(BadSignature):
        Adapter(ChannelConfig("c", secrets=secrets)).verify(
            call(altered(signature=f"v1,{signature}"))
        )


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_five_minutes_either_way_are_forgiven(seconds):
    verify(call(at=NOW + timedelta(seconds=seconds)))


def test_sixteen_signatures_are_looked_through():
    verify(call(altered(signature="v1,eA== v1a,eA== " + "x " * 13 + GOOD)))


def test_a_secret_in_plain_text_counts_byte_for_byte():
    headers = signatures.signed_headers(IDENTIFIER, BODY, secrets=["口令"], at=NOW)
    assert headers["webhook-signature"] == Webhook("口令".encode()).sign(
        IDENTIFIER, NOW, BODY.decode()
    )
    verify(call(headers), "口令")


def test_every_secret_is_compared_with_every_signature(monkeypatch):
    compared = []
    monkeypatch.setattr(
        signatures.hmac,
        "compare_digest",
        lambda mine, given: bool(compared.append((mine, given))) or mine == given,
    )
    verify(call(altered(signature=f"{GOOD} v1,eA== v1,eQ==")))
    assert len(compared) == 6


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text()
    )
)
def test_headers_of_any_content_are_refused_and_nothing_worse(headers):
    with pytest.raises(BadSignature):
        verify(call({**signed(), **headers} if len(headers) == 1 else headers, body=BODY + b"x"))


def test_signing_twice_at_one_time_is_the_same():
    first, second = (
        signatures.signed_headers(IDENTIFIER, BODY, secrets=[SECRET], at=NOW) for _ in "12"
    )
    assert first == second == signed()
