"""The App Store, played on loopback."""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import ClassVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from django.utils import timezone

from channels_app.fake_vendor import Answer, Call, FakeVendor
from channels_app.protocol import ChannelConfig

APP = "682658836"
ISSUER, KEY = "57246542-96fe-1a63-e053-0824d011072a", "2X9R4HXF34"
_REVIEWS = f"/v1/apps/{APP}/customerReviews"
_ANSWERS = "/v1/customerReviewResponses"
# So many on one page.
PAGE = 2


@cache
def key() -> ec.EllipticCurvePrivateKey:
    """Return the key of the team."""
    return ec.generate_private_key(ec.SECP256R1())


@cache
def private_key() -> str:
    """Return the file of the key, as Apple gives it."""
    return (
        key()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


class Vendor(FakeVendor):
    """Believes what the key of the team signed, shows reviews page by page, and takes answers."""

    facts: ClassVar[Mapping[str, object]] = {"app_id": APP, "issuer_id": ISSUER, "key_id": KEY}
    calls_us: ClassVar[bool] = False
    customer: ClassVar[str] = "00000028-b08c-0014-729e-fbd500000000"

    def __init__(self, port: int = 0, took: Callable[[Call], None] | None = None) -> None:
        super().__init__(port, took)
        self.named_secrets = {"private_key": private_key()}  # type: ignore[misc]  # made when it is needed
        self.reviews: list[dict[str, object]] = []
        self.answers: dict[str, str] = {}

    def has(self, reference: str, *, text: str = "怎么退货?", **facts: object) -> None:
        """Have a customer write something that is fetched; the same reference again is a newer version."""
        at = facts.pop("at", None)
        moment = at if isinstance(at, datetime) else timezone.now()
        told = {
            "rating": 2,
            "title": "不好用",
            "body": text,
            "reviewerNickname": "王芳",
            "createdDate": moment.isoformat(),
            "territory": "CHN",
            **facts,
        }
        review: dict[str, object] = {"type": "customerReviews", "id": reference, "attributes": told}
        kept = [each for each in self.reviews if each["id"] != reference]
        self.reviews = [review, *kept]

    def message(self, reference: str, *, text: str = "怎么退货?") -> bytes:
        raise NotImplementedError("Nobody is called")

    def sign(self, body: bytes, config: ChannelConfig, at: datetime) -> Mapping[str, str]:
        raise NotImplementedError("Nobody is called")

    def answer(self, call: Call) -> Answer:
        if not _is_ours(call.headers.get("authorization", "").removeprefix("Bearer ")):
            return refusal(401, "Provide a properly configured and signed bearer token")
        if call.path == _REVIEWS:
            return self._page(int(call.query.get("cursor") or 0))
        if call.path == _ANSWERS:
            return self._reply(json.loads(call.body)["data"])
        return refusal(404, "There is no resource of this type")

    def text_of(self, call: Call) -> str | None:
        if call.path != _ANSWERS:
            return None
        return str(json.loads(call.body)["data"]["attributes"]["responseBody"])

    def _page(self, start: int) -> Answer:
        rows = [self._shown(each) for each in self.reviews[start : start + PAGE]]
        told: dict[str, object] = {"data": rows, "links": {"self": "https://x.example/"}}
        told["included"] = [
            {
                "type": "customerReviewResponses",
                "id": f"answer-{reference}",
                "attributes": {
                    "responseBody": text,
                    "lastModifiedDate": "2026-11-22T08:00:00Z",
                    "state": "PUBLISHED",
                },
            }
            for reference, text in self.answers.items()
        ]
        if start + PAGE < len(self.reviews):
            told["links"] = {"next": f"https://elsewhere.example{_REVIEWS}?cursor={start + PAGE}"}
        return Answer(200, json.dumps(told, ensure_ascii=False).encode())

    def _shown(self, review: dict[str, object]) -> dict[str, object]:
        reference = str(review["id"])
        if reference not in self.answers:
            return review
        about = {"type": "customerReviewResponses", "id": f"answer-{reference}"}
        return {**review, "relationships": {"response": {"data": about}}}

    def _reply(self, told: dict[str, dict[str, object]]) -> Answer:
        review = told["relationships"]["review"]
        reference = review["data"]["id"] if isinstance(review, dict) else ""
        self.answers[reference] = str(told["attributes"]["responseBody"])
        found = {
            "type": "customerReviewResponses",
            "id": f"answer-{reference}",
            "attributes": {"state": "PENDING_PUBLISH"},
        }
        return Answer(201, json.dumps({"data": found}).encode())


def refusal(status: int, said: str) -> Answer:
    """Return how Apple says no."""
    error = {"status": str(status), "code": "X", "title": "No", "detail": said}
    return Answer(status, json.dumps({"errors": [error]}).encode())


def _is_ours(token: str) -> bool:
    signed, _dot, signature = token.rpartition(".")
    try:
        proof = _unpacked(signature)
        halves = (int.from_bytes(proof[:32], "big"), int.from_bytes(proof[32:], "big"))
        key().public_key().verify(
            encode_dss_signature(*halves), signed.encode(), ec.ECDSA(hashes.SHA256())
        )
        claims = json.loads(_unpacked(signed.partition(".")[2]))
    except (InvalidSignature, ValueError):
        return False
    return bool(
        claims["iss"] == ISSUER
        and claims["aud"] == "appstoreconnect-v1"
        and claims["exp"] - claims["iat"] <= 1200
    )


def _unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
