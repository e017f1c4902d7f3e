"""What proves a call of Teams: a token of the Bot Connector, by a key that is endorsed for Teams."""

import base64
import hmac
import json
from collections.abc import Mapping
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from channels_app import vendor_keys
from channels_app.adapters.teams.adapter import OPENID_URL
from channels_app.adapters.teams.fake import (
    APP,
    KEY,
    OTHER_KEY,
    TENANT,
    Vendor,
    bearer,
    jwk,
    pem_of,
    private_key,
    said,
)
from channels_app.fake_vendor import Answer, Call
from channels_app.protocol import BadSignature, SendError, UnknownKey
from helpdesk.errors import ChannelError
from tests.channels_app.teams.apps import (
    NOW,
    QUESTION,
    adapter,
    claimed,
    config,
    request,
)

SERVICE = json.loads(QUESTION)["serviceUrl"]


def packed(value: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def refuses(headers: dict[str, str], body: bytes = QUESTION) -> str:
    """Return why a call is refused, which is good without what is wrong with it."""
    adapter().verify(request(body, claimed(body)))
    with pytest.raises(BadSignature) as refused:
        adapter().verify(request(body, headers))
    return str(refused.value.message)


# --- the token ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://sts.windows.net/t-1/"},
        {"iss": None},
        {"aud": "another-app"},
        {"aud": None},
        {"aud": [APP]},
        {"aud": ""},
        {"serviceurl": "https://evil.example/"},
        {"serviceurl": None},
        {"serviceurl": SERVICE.rstrip("/")},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": float("nan")},
        {"exp": 10**400},
        {"nbf": "now"},
        {"nbf": float("nan")},
        {"nbf": -(10**400)},
    ],
)
def test_a_token_that_says_something_else_proves_nothing(wrong: dict[str, object]) -> None:
    refuses(claimed(**wrong))


def test_clocks_may_differ_by_five_minutes() -> None:
    ends, begins = NOW + timedelta(hours=1), NOW
    within, beyond = timedelta(minutes=4, seconds=59), timedelta(minutes=5, seconds=1)
    for at in (begins - within, ends + within):
        adapter().verify(request(at=at))
    for at in (begins - beyond, ends + beyond):
        with pytest.raises(BadSignature):
            adapter().verify(request(at=at))


def test_a_token_without_a_beginning_is_good() -> None:
    adapter().verify(request(headers=claimed(nbf=None)))


def test_the_scheme_is_written_in_any_case_and_nothing_else_is_a_token() -> None:
    token = claimed()["authorization"].removeprefix("Bearer ")
    adapter().verify(request(headers={"authorization": f"bearer {token}"}))
    for given in (
        "",
        token,
        f"Basic {token}",
        "Bearer",
        "Bearer a.b",
        "Bearer a.b.c.d",
        "Bearer é",
    ):
        refuses({"authorization": given})


def test_nothing_but_the_algorithm_of_the_key_counts() -> None:
    claims = Vendor().claims(QUESTION, config(), NOW)
    public = private_key(KEY).public_key()
    encodings = (serialization.Encoding.PEM, serialization.Encoding.DER)
    shape = serialization.PublicFormat.SubjectPublicKeyInfo
    secrets = [public.public_bytes(encoding, shape) for encoding in encodings]
    unsigned = f"{packed({'alg': 'none', 'kid': KEY, 'typ': 'JWT'})}.{packed(claims)}"
    refuses({"authorization": f"Bearer {unsigned}."})
    for secret in (*secrets, b"", KEY.encode()):
        for algorithm in ("HS256", "RS256"):
            signed = f"{packed({'alg': algorithm, 'kid': KEY, 'typ': 'JWT'})}.{packed(claims)}"
            digest = hmac.digest(secret, signed.encode(), "sha256")
            proof = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            refuses({"authorization": f"Bearer {signed}.{proof}"})


def test_a_key_that_comes_with_the_token_is_not_looked_at() -> None:
    claims = Vendor().claims(QUESTION, config(), NOW)
    strange = private_key("of a stranger")
    for extra in (
        {"jwk": jwk("of a stranger")},
        {"jku": "https://evil.example/keys"},
        {"x5u": "x"},
    ):
        signed = f"{packed({'alg': 'RS256', 'kid': KEY, **extra})}.{packed(claims)}"
        proof = strange.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        token = f"{signed}.{base64.urlsafe_b64encode(proof).rstrip(b'=').decode()}"
        refuses({"authorization": f"Bearer {token}"})


def test_a_name_that_no_key_has_is_told_from_a_forged_token() -> None:
    claims = Vendor().claims(QUESTION, config(), NOW)
    with pytest.raises(UnknownKey):
        adapter().verify(request(headers=bearer(claims, name="key-of-tomorrow")))
    with pytest.raises(BadSignature) as refused:
        adapter().verify(request(headers=bearer(claims, pem=pem_of("of a stranger"))))
    assert not isinstance(refused.value, UnknownKey)
    # Whoever does not even know the bot, or signs in another way, has nothing fetched.
    elsewhere = bearer({**claims, "aud": "another-app"}, name="key-of-tomorrow")
    unsigned = f"Bearer {packed({'alg': 'HS256', 'kid': 'key-of-tomorrow'})}.{packed(claims)}.AA"
    for proof in (elsewhere, {"authorization": unsigned}):
        with pytest.raises(BadSignature) as refused:
            adapter().verify(request(headers=proof))
        assert not isinstance(refused.value, UnknownKey)


@pytest.mark.parametrize("name", [None, 7, [], {}, [KEY]])
def test_a_token_that_names_no_key_has_none_fetched(name: object) -> None:
    claims = Vendor().claims(QUESTION, config(), NOW)
    signed = f"{packed({'alg': 'RS256', 'kid': name})}.{packed(claims)}"
    proof = private_key(KEY).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    token = f"{signed}.{base64.urlsafe_b64encode(proof).rstrip(b'=').decode()}"
    with pytest.raises(BadSignature) as refused:
        adapter().verify(request(headers={"authorization": f"Bearer {token}"}))
    assert not isinstance(refused.value, UnknownKey)


# --- the call that it was given for -----------------------------------------------------------------


def test_a_token_is_good_for_calls_of_its_service_and_of_teams_only() -> None:
    activity = json.loads(QUESTION)
    token = claimed()
    for other in (
        {"serviceUrl": "https://evil.example/"},
        {"serviceUrl": None},
        {"serviceUrl": [activity["serviceUrl"]]},
        {"channelId": "webchat"},
        {"channelId": 7},
        {"channelId": None},
    ):
        body = json.dumps({**activity, **other}).encode()
        with pytest.raises(BadSignature):
            adapter().verify(request(body, token))


STRANGE = "0f8fad5b-d9cb-469f-a165-70867728950e"


def of_tenant(data: object, conversation: object = STRANGE) -> bytes:
    """Return a question that names its tenant in these two places."""
    about = {"id": "a:1", "conversationType": "personal", "tenantId": conversation}
    return Vendor().activity("message", "1", text="hi", channelData=data, conversation=about)


@pytest.mark.parametrize(
    ("data", "conversation"),
    [
        ({"tenant": {"id": STRANGE}}, TENANT),
        ({"tenant": {}}, STRANGE),
        ({"tenant": {"id": [TENANT]}}, TENANT),
        ({"tenant": TENANT}, TENANT),
        ([TENANT], TENANT),
        (None, None),
        (None, [TENANT]),
    ],
)
def test_a_call_of_another_tenant_is_refused_however_good_its_token(
    data: object, conversation: object
) -> None:
    body = of_tenant(data, conversation)
    for several in ("", "contoso.onmicrosoft.com"):
        adapter(tenant_id=several).verify(request(body, claimed(body)))
    unproved = bearer(Vendor().claims(body, config(), NOW), pem=pem_of("of a stranger"))
    # Whoever has proved nothing is not told of tenants.
    for proof, why in ((claimed(body), "tenant"), (unproved, "signature")):
        with pytest.raises(BadSignature) as refused:
            adapter().verify(request(body, proof))
        assert why in str(refused.value.message)


def test_the_tenant_is_known_in_both_places_and_in_any_case() -> None:
    for body in (
        of_tenant({"tenant": {"id": TENANT.upper()}}),
        of_tenant(None, TENANT),
        of_tenant({"tenant": {"id": None}}, TENANT),
    ):
        for written in (TENANT, TENANT.upper()):
            adapter(tenant_id=written).verify(request(body, claimed(body)))


def test_a_channel_that_is_not_set_up_believes_nobody() -> None:
    for facts in ({"app_id": ""}, {"app_id": "another-app"}):
        with pytest.raises(BadSignature):
            adapter(**facts).verify(request())
    empty = claimed(aud="")
    with pytest.raises(BadSignature):
        adapter(app_id="").verify(request(headers=empty))


def test_keys_of_another_address_prove_nothing() -> None:
    with pytest.raises(UnknownKey):
        adapter(openid_url="https://keys.example/openid").verify(request())


# --- the keys ----------------------------------------------------------------------------------------


def fetched(vendor: Vendor) -> list[str]:
    """Return the names of the keys that a channel of this vendor keeps."""
    page = adapter(vendor).poll(vendor_keys.PLACE, "", {})
    assert page.items == ()
    return sorted(vendor_keys.kept(page.position, str(vendor.settings["openid_url"])))


def test_only_keys_that_are_endorsed_for_teams_are_kept(vendor: Vendor) -> None:
    assert fetched(vendor) == [KEY]
    kept = vendor_keys.keep(OPENID_URL, {OTHER_KEY: private_key(OTHER_KEY).public_key()})
    assert list(vendor_keys.kept(kept, OPENID_URL)) == [OTHER_KEY]


def answering(vendor: Vendor, monkeypatch: pytest.MonkeyPatch, **answers: Answer) -> None:
    """Have the vendor answer these at the last parts of its addresses."""
    known = vendor.answer

    def answer(call: Call) -> Answer:
        return answers.get(call.path.rpartition("/")[2]) or known(call)

    monkeypatch.setattr(vendor, "answer", answer)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b"<html>Sign in</html>"),
        Answer(200, b"{}"),
        Answer(503, b""),
        Answer(is_dropped=True),
        Answer(302, b"", {"location": "http://127.0.0.1:9/"}),
    ],
)
@pytest.mark.parametrize("at", ["openidconfiguration", "keys"])
def test_what_is_no_list_of_keys_changes_nothing(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch, answer: Answer, at: str
) -> None:
    assert fetched(vendor) == [KEY]
    answering(vendor, monkeypatch, **{at: answer})
    with pytest.raises(SendError) as failed:
        fetched(vendor)
    assert not failed.value.ambiguous
    with pytest.raises(ChannelError):
        adapter(vendor).test_connection()


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/keys",
        "https://login.botframework.com.evil.example/keys",
        "http://login.botframework.com/keys",
        "http://127.0.0.1:9/keys",
        "file:///etc/passwd",
    ],
)
def test_keys_are_not_fetched_from_elsewhere(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch, elsewhere: str
) -> None:
    answering(vendor, monkeypatch, openidconfiguration=said(jwks_uri=elsewhere))
    with pytest.raises(SendError):
        fetched(vendor)
    assert len(vendor.calls) == 1


def test_a_list_without_a_key_for_teams_is_a_failure(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(vendor, monkeypatch, keys=said(keys=[jwk(OTHER_KEY, "webchat")]))
    with pytest.raises(SendError) as failed:
        fetched(vendor)
    assert failed.value.message == "The Bot Connector names no key for Teams."


def test_the_connection_is_tried_with_token_and_keys(vendor: Vendor) -> None:
    assert adapter(vendor).test_connection().startswith("Ready")
    assert [call.path.rpartition("/")[2] for call in vendor.calls] == [
        "token",
        "openidconfiguration",
        "keys",
    ]
