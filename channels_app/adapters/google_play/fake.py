"""Google Play, played on loopback."""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import ClassVar
from urllib.parse import parse_qsl, unquote
from uuid import uuid4

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from django.utils import timezone

from channels_app.fake_vendor import Answer, Call, FakeVendor
from channels_app.protocol import ChannelConfig

PACKAGE = "com.example.app"
ACCOUNT = "reviews@played.iam.example"
_REVIEWS = f"/androidpublisher/v3/applications/{PACKAGE}/reviews"
# So many on one page.
PAGE = 2


@cache
def key() -> rsa.RSAPrivateKey:
    """Return the key of the service account."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def service_account() -> str:
    """Return the file of the key, as Google gives it."""
    pem = key().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    told = {
        "type": "service_account",
        "private_key_id": "key-1",
        "private_key": pem.decode(),
        "client_email": ACCOUNT,
    }
    return json.dumps(told)


class Vendor(FakeVendor):
    """Gives tokens for what the service account signed, shows reviews page by page, and takes answers."""

    addresses: ClassVar[Mapping[str, str]] = {"base_url": "", "token_url": "/token"}
    facts: ClassVar[Mapping[str, object]] = {"package": PACKAGE}
    calls_us: ClassVar[bool] = False
    customer: ClassVar[str] = "gp:AOqpTOEhZuqSqqWnaKRgv"

    def __init__(self, port: int = 0, took: Callable[[Call], None] | None = None) -> None:
        super().__init__(port, took)
        self.named_secrets = {"service_account": service_account()}  # type: ignore[misc]  # made when it is needed
        self.access_token = ""
        self.reviews: list[dict[str, object]] = []

    def has(self, reference: str, *, text: str = "怎么退货?", **facts: object) -> None:
        """Have a customer write something that is fetched; the same reference again is a newer version."""
        at = facts.pop("at", None)
        moment = at if isinstance(at, datetime) else timezone.now()
        nanoseconds = moment.microsecond * 1000
        said = {
            "text": text,
            "lastModified": {"seconds": str(int(moment.timestamp())), "nanos": nanoseconds},
            "starRating": 2,
            "reviewerLanguage": "zh",
            **facts,
        }
        review: dict[str, object] = {
            "reviewId": reference,
            "authorName": "王芳",
            "comments": [{"userComment": said}],
        }
        kept = [each for each in self.reviews if each["reviewId"] != reference]
        self.reviews = [review, *kept]

    def message(self, reference: str, *, text: str = "怎么退货?") -> bytes:
        raise NotImplementedError("Nobody is called")

    def sign(self, body: bytes, config: ChannelConfig, at: datetime) -> Mapping[str, str]:
        raise NotImplementedError("Nobody is called")

    def answer(self, call: Call) -> Answer:
        if call.path == "/token":
            return self._token(dict(parse_qsl(call.body.decode())))
        if call.headers.get("authorization") != f"Bearer {self.access_token or None}":
            return refusal(401, "Invalid Credentials")
        if call.path == _REVIEWS:
            return self._page(int(call.query.get("token") or 0))
        if call.path.startswith(f"{_REVIEWS}/") and call.path.endswith(":reply"):
            return self._reply(call)
        return refusal(404, "Package not found")

    def text_of(self, call: Call) -> str | None:
        return str(json.loads(call.body)["replyText"]) if call.path.endswith(":reply") else None

    def forget_token(self) -> None:
        """Let the access token end before its time."""
        self.access_token = uuid4().hex

    def _token(self, form: Mapping[str, str]) -> Answer:
        signed, _dot, signature = form["assertion"].rpartition(".")
        try:
            key().public_key().verify(
                _unpacked(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
            )
        except InvalidSignature:
            return Answer(400, b'{"error":"invalid_grant"}')
        claims = json.loads(_unpacked(signed.partition(".")[2]))
        if claims["iss"] != ACCOUNT or claims["exp"] - claims["iat"] > 3600:
            return Answer(400, b'{"error":"invalid_grant"}')
        self.forget_token()
        told = {"access_token": self.access_token, "expires_in": 3599, "token_type": "Bearer"}
        return Answer(200, json.dumps(told).encode())

    def _page(self, start: int) -> Answer:
        found = self.reviews[start : start + PAGE]
        told: dict[str, object] = {"reviews": found} if found else {}
        if start + PAGE < len(self.reviews):
            told["tokenPagination"] = {"nextPageToken": str(start + PAGE)}
        return Answer(200, json.dumps(told, ensure_ascii=False).encode())

    def _reply(self, call: Call) -> Answer:
        text = json.loads(call.body)["replyText"]
        reference = unquote(call.path.removeprefix(f"{_REVIEWS}/").removesuffix(":reply"))
        if len(text) > 350:
            return refusal(400, "The reply is too long")
        told = {"replyText": text, "lastEdited": {"seconds": "1"}}
        for review in self.reviews:
            if review["reviewId"] == reference and isinstance(review["comments"], list):
                moment = {"seconds": str(int(timezone.now().timestamp()))}
                answer = {"developerComment": {"text": text, "lastModified": moment}}
                review["comments"] = [review["comments"][0], answer]
        return Answer(200, json.dumps({"result": told}).encode())


def refusal(status: int, said: str, *reasons: str) -> Answer:
    """Return how Google says no."""
    told = {"code": status, "message": said, "errors": [{"reason": each} for each in reasons]}
    return Answer(status, json.dumps({"error": told}).encode())


def _unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
