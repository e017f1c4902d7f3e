"""How each vendor signs and what it sends: the one thing a new adapter adds to the contract suite."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from channels_app import registry, signatures
from channels_app.chat.identity import sign_identity
from channels_app.fake_vendor import FakeVendor, Sealed
from channels_app.protocol import ChannelConfig
from tests.mail_servers import smtp_server


@contextmanager
def _nobody() -> Iterator[Mapping[str, object]]:
    yield {}


def _longer(call: Sealed) -> Sealed:
    return replace(call, body=call.body + b" ")


@dataclass(frozen=True)
class ContractCase:
    """A good call with the given message id, what proves it, and calls that mean nothing to us."""

    body: Callable[..., bytes]
    seal: Callable[[bytes, ChannelConfig, datetime], Sealed]
    unknown: tuple[bytes, ...]
    tampered: Callable[[Sealed], Sealed] = _longer
    signs_body: bool = True
    content_type: str = "application/json"
    # Whether the vendor calls us; what does not is fetched.
    calls_us: bool = True
    # Whether a call only says that there is something to fetch.
    only_hints: bool = False
    settings: Mapping[str, object] = field(default_factory=dict)
    recipient: str = "visitor-1"
    # Who plays the vendor, where somebody does.
    vendor: FakeVendor | None = None
    # Starts a stand-in of the vendor on loopback; yields the settings that lead to it.
    stand_in: Callable[[], AbstractContextManager[Mapping[str, object]]] = _nobody
    # Whether it sends; what does not is answered by another channel.
    sends: bool = True
    named_secrets: Mapping[str, str] = field(default_factory=dict)
    # What proves calls of a vendor that has keys, as it was fetched.
    vendor_keys: str = ""


# Those of every channel of the contract, the newer first.
SECRETS = ("the-secret", "the-older-secret")


def _by_headers(
    sign: Callable[[bytes, ChannelConfig, datetime], Mapping[str, str]],
) -> Callable[[bytes, ChannelConfig, datetime], Sealed]:
    return lambda body, config, at: Sealed(body, sign(body, config, at))


def _signed_visitor(body: bytes, config: ChannelConfig, at: datetime) -> Mapping[str, str]:
    claims = {"sub": "u-1", "aud": config.public_id, "exp": at.timestamp() + 600}
    secret = config.secrets[0] if config.secrets else ""
    return {"authorization": f"Bearer {sign_identity(claims, secret)}"}


def _message(reference: str, *, text: str = "怎么退货?") -> bytes:
    return json.dumps({"type": "message", "client_ref": reference, "text": text}).encode()


def _signed_webhook(body: bytes, config: ChannelConfig, at: datetime) -> Mapping[str, str]:
    # The signature does not name the channel: what tells channels apart is that each has a secret.
    secret = "another secret" if config.public_id == "channel-2" else config.secrets[0]
    identifier, timestamp = f"msg_{hashlib.sha256(body).hexdigest()[:24]}", str(int(at.timestamp()))
    digest = hmac.digest(secret.encode(), f"{identifier}.{timestamp}.".encode() + body, "sha256")
    return {
        "webhook-id": identifier,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _signed_mail(body: bytes, config: ChannelConfig, at: datetime) -> Mapping[str, str]:
    # The signature does not name the channel: what tells channels apart is that each has a secret.
    secrets = ["another secret"] if config.public_id == "channel-2" else config.secrets
    return signatures.signed_headers("id-1", body, secrets=secrets, at=at)


def _mail(reference: str, *, text: str = "怎么退货?") -> bytes:
    head = (
        f"From: ann@shop.example\r\nMessage-ID: <{reference}@x>\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    )
    return head.encode() + text.encode("utf-8", "surrogatepass") + b"\r\n"


@contextmanager
def _mail_server() -> Iterator[Mapping[str, object]]:
    with smtp_server() as server:
        yield {
            "address": "help@ours.example",
            "smtp_host": "127.0.0.1",
            "smtp_port": server.port,
            "smtp_security": "none",
        }


def _posted_form(reference: str, *, text: str = "怎么退货?") -> bytes:
    data = {"id": reference, "email": "fang@shop.example", "name": "王芳", "text": text}
    return json.dumps({"type": "form.posted", "data": data}).encode()


def _faked(kind: str) -> ContractCase:
    """Return the case of a kind whose folder plays its vendor itself."""
    vendor: FakeVendor = registry.fake_vendor_of(kind)()

    def seal(body: bytes, config: ChannelConfig, at: datetime) -> Sealed:
        # The signature does not name the channel: what tells channels apart is that each has a secret.
        if config.public_id == "channel-2":
            config = replace(config, secrets=("another secret",))
        # Whoever has no secret of ours has no key of the vendor's either.
        if vendor.has_keys and not set(config.secrets) & set(SECRETS):
            return vendor.forged(body, config, at)
        return vendor.seal(body, config, at)

    @contextmanager
    def stand_in() -> Iterator[Mapping[str, object]]:
        with vendor as found:
            yield found.settings

    return ContractCase(
        body=vendor.message,
        vendor=vendor,
        seal=seal,
        unknown=vendor.unknown,
        tampered=vendor.tampered,
        content_type=vendor.content_type,
        calls_us=vendor.calls_us,
        only_hints=vendor.only_hints,
        settings=vendor.facts,
        recipient=vendor.customer,
        stand_in=stand_in,
        sends=vendor.takes_answers,
        named_secrets=vendor.named_secrets,
        vendor_keys=vendor.vendor_keys,
    )


CASES = {
    "webchat": ContractCase(
        body=_message,
        seal=_by_headers(_signed_visitor),
        unknown=(b'{"type":"ping"}', b'{"type":"typing","on":true}'),
        signs_body=False,
    ),
    "mail": ContractCase(
        body=_mail,
        seal=_by_headers(_signed_mail),
        unknown=(),
        recipient="ann@shop.example",
        stand_in=_mail_server,
    ),
    "form": ContractCase(
        body=_posted_form,
        seal=_by_headers(_signed_webhook),
        unknown=(b'{"type":"ping"}', b'{"type":"form.opened","data":{"id":"m-1"}}'),
        sends=False,
    ),
}
CASES |= {kind: _faked(kind) for kind in registry.FOLDERS if kind not in CASES}
