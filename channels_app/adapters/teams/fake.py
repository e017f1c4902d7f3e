"""Microsoft Teams, played on loopback: the Bot Connector, its keys, and the sign-in."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import ClassVar
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.utils import timezone

from channels_app import own_tokens, signed_tokens, vendor_keys
from channels_app.adapters.teams.adapter import OPENID_URL, SCOPE
from channels_app.adapters.teams.proof import CHANNEL, ISSUER
from channels_app.adapters.teams.references import Reference
from channels_app.fake_vendor import PICTURE, Answer, Call, FakeVendor, Sealed
from channels_app.protocol import ChannelConfig

APP = "7d2b9a10-5c1e-4a55-9f0e-0c1d2e3f4a5b"
TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
SECRET = "the-secret"  # noqa: S105  (of an app that is played)
CHAT = "a:1pL6i0oY3C0K8oAj8private"
GROUP = "19:b7b1d7f3a0c34f5f@thread.v2"
THREAD = "19:0b7f32667e064dd9@thread.tacv2;messageid=1481567603816"
SERVICE = "/amer/"
# One for Teams, one for other channels of bots, and one that is nobody's.
KEY, OTHER_KEY, STRANGE_KEY = "key-of-teams", "key-of-others", "key-of-nobody"
_OPENID, _KEYS = "/v1/.well-known/openidconfiguration", "/v1/.well-known/keys"


@cache
def private_key(name: str) -> rsa.RSAPrivateKey:
    """Return the key of a name, made once."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Vendor(FakeVendor):
    """Signs its calls, issues tokens, takes activities, and gives pictures to whoever may see them."""

    addresses: ClassVar[Mapping[str, str]] = {
        "service_url": "",
        "login_url": "",
        "openid_url": _OPENID,
    }
    facts: ClassVar[Mapping[str, object]] = {"app_id": APP, "tenant_id": TENANT}
    unknown: ClassVar[tuple[bytes, ...]] = (
        b"{}",
        b'{"type":"typing","from":{"id":"29:1"},"conversation":{"id":"a:1"}}',
        b'{"type":"conversationUpdate","membersAdded":[{"id":"28:b"}],"from":{"id":"29:1"}}',
        b'{"type":"message","id":"1","text":"of a bot","from":{"id":"28:b"}}',
        b'{"type":"event","name":"application/vnd.microsoft.readReceipt","from":{"id":"29:1"}}',
    )
    has_keys: ClassVar[bool] = True
    signs_time: ClassVar[bool] = True
    refusals: ClassVar[tuple[Answer, ...]] = (
        Answer(200, b'{"error":{"code":"BadSyntax","message":"Bad format"}}'),
        Answer(200, b"{}"),
    )
    customer: ClassVar[str] = "29:1XJKJMvc5GBtc2JwZq0oj8tHZmzrQgFmB39ATiQWA85"

    def __init__(self, port: int = 0, took: Callable[[Call], None] | None = None) -> None:
        super().__init__(port, took)
        self.issued = 0

    @property
    def token(self) -> str:
        """The token that counts by now."""
        return f"token-{self.issued}"

    @property
    def vendor_keys(self) -> str:
        return vendor_keys.keep(OPENID_URL, {KEY: private_key(KEY).public_key()})

    @property
    def service(self) -> str:
        """The address that answers go to."""
        return f"http://127.0.0.1:{self.port}{SERVICE}"

    @property
    def reply_token(self) -> str:
        return Reference(self.service, CHAT).key

    def begin(self) -> None:
        self.issued = 0

    def message(self, reference: str, *, text: str = "怎么退货?") -> bytes:
        return self.activity("message", reference, text=text)

    def activity(self, kind: str, reference: str, /, **facts: object) -> bytes:
        """Return a call that reports one activity of the customer; facts of None are left out."""
        about = {
            "type": kind,
            "id": reference,
            "timestamp": timezone.now().isoformat(),
            "channelId": CHANNEL,
            "serviceUrl": self.service,
            "from": {"id": self.customer, "name": "王芳", "aadObjectId": "aad-fang"},
            "conversation": {"id": CHAT, "conversationType": "personal", "tenantId": TENANT},
            "recipient": {"id": f"28:{APP}", "name": "Everydesk"},
            "textFormat": "plain",
            "locale": "zh-CN",
            "channelData": _data(),
            **facts,
        }
        known = {name: value for name, value in about.items() if value is not None}
        return json.dumps(known, ensure_ascii=False).encode("utf-8", "surrogatepass")

    def edited(self, reference: str, *, text: str) -> bytes:
        about = _data(eventType="editMessage")
        return self.activity("messageUpdate", reference, text=text, channelData=about)

    def withdrawn(self, reference: str) -> bytes:
        about = _data(eventType="softDeleteMessage")
        return self.activity("messageDelete", reference, channelData=about)

    def reacted(self, reference: str, *, second: int, is_gone: bool = False) -> bytes:
        at = timezone.now() + timedelta(seconds=second)
        changed = "reactionsRemoved" if is_gone else "reactionsAdded"
        facts = {"replyToId": reference, changed: [{"type": "like"}], "timestamp": at.isoformat()}
        return self.activity("messageReaction", f"r-{second}-{is_gone:d}", **facts)

    def picture(self, reference: str, *, text: str = "") -> bytes:
        url = f"{self.service}v3/attachments/0-cus-d1/views/original"
        shown = [{"contentType": "image/*", "contentUrl": url}]
        return self.activity("message", reference, text=text, attachments=shown)

    def sign(self, body: bytes, config: ChannelConfig, at: datetime) -> Mapping[str, str]:
        return bearer(self.claims(body, config, at))

    def forged(self, body: bytes, config: ChannelConfig, at: datetime) -> Sealed:
        claims = self.claims(body, config, at)
        return Sealed(body, bearer(claims, pem=pem_of(STRANGE_KEY)))

    def claims(self, body: bytes, config: ChannelConfig, at: datetime) -> dict[str, object]:
        """Return what a token says that belongs to a call."""
        now = int(at.timestamp())
        return {
            "serviceurl": _service_of(body) or self.service,
            "nbf": now,
            "exp": now + 3600,
            "iss": ISSUER,
            "aud": config.text("app_id"),
        }

    def answer(self, call: Call) -> Answer:
        here = f"http://127.0.0.1:{self.port}"
        if call.path == _OPENID:
            return said(issuer=ISSUER, jwks_uri=f"{here}{_KEYS}")
        if call.path == _KEYS:
            return said(keys=[jwk(KEY, CHANNEL, "webchat"), jwk(OTHER_KEY, "webchat")])
        if call.path.endswith("/oauth2/v2.0/token"):
            return self._issue(
                {name: each[0] for name, each in parse_qs(call.body.decode()).items()}
            )
        if call.path.startswith("/files/"):
            return refused("no token here", 400) if "authorization" in call.headers else _file()
        if not self.issued or call.headers.get("authorization") != f"Bearer {self.token}":
            return refused("Authorization has been denied for this request.", 401)
        if call.path.startswith(f"{SERVICE}v3/attachments/"):
            return _file()
        if call.method == "POST" and call.path.endswith("/activities"):
            return Answer(201, json.dumps({"id": f"sent-{len(self.calls)}"}).encode())
        return refused("no such path", 404)

    def text_of(self, call: Call) -> str | None:
        if not call.path.endswith("/activities"):
            return None
        activity = json.loads(call.body)
        return str(activity.get("text") or activity["attachments"][0]["name"])

    def _issue(self, asked: Mapping[str, str]) -> Answer:
        wanted = {
            "grant_type": "client_credentials",
            "client_id": APP,
            "client_secret": SECRET,
            "scope": SCOPE,
        }
        if asked != wanted:
            body = {"error": "invalid_client", "error_description": "AADSTS7000215: no such secret"}
            return Answer(401, json.dumps(body).encode())
        self.issued += 1
        return said(expires_in=3599, access_token=self.token)


def bearer(
    claims: Mapping[str, object], *, name: str = KEY, pem: str | None = None
) -> dict[str, str]:
    """Return the header that proves a call: by the key of a name, or by another one under its name."""
    token = own_tokens.sign(claims, pem=pem or pem_of(name), key_id=name)
    return {"authorization": f"Bearer {token}"}


def pem_of(name: str) -> str:
    """Return the private key of a name."""
    shape = serialization.PrivateFormat.PKCS8
    written = private_key(name).private_bytes(
        serialization.Encoding.PEM, shape, serialization.NoEncryption()
    )
    return written.decode("ascii")


def jwk(name: str, *endorsed: str) -> dict[str, object]:
    """Return a key as the Bot Connector names it, and for which channels it is good."""
    numbers = private_key(name).public_key().public_numbers()
    modulus = numbers.n.to_bytes(256, "big")
    return {
        "kty": "RSA",
        "use": "sig",
        "kid": name,
        "n": signed_tokens.encode(modulus),
        "e": signed_tokens.encode(numbers.e.to_bytes(3, "big")),
        "endorsements": list(endorsed),
    }


def refused(message: str, status: int) -> Answer:
    """Return how the service says no."""
    error = {"error": {"code": "Refused", "message": message}}
    return Answer(status, json.dumps(error).encode())


def said(**found: object) -> Answer:
    """Return an answer of Microsoft's."""
    return Answer(200, json.dumps(found).encode())


def _data(**facts: object) -> dict[str, object]:
    """Return what only Teams says of an activity: of which tenant it is, and more."""
    return {"tenant": {"id": TENANT}, **facts}


def _file() -> Answer:
    return Answer(200, PICTURE, {"content-type": "image/png"})


def _service_of(body: bytes) -> str:
    try:
        return str(json.loads(body)["serviceUrl"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
