"""How each vendor signs and what it sends: the one thing a new adapter adds to the contract suite."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from channels_app.adapters.webchat.identity import sign_identity
from channels_app.protocol import ChannelConfig


@dataclass(frozen=True)
class ContractCase:
    """A good call with the given message id, its signature, and calls that mean nothing to us."""

    body: Callable[[str], bytes]
    sign: Callable[[bytes, ChannelConfig, datetime], Mapping[str, str]]
    unknown: tuple[bytes, ...]
    signs_body: bool = True


def _signed_visitor(body: bytes, config: ChannelConfig, at: datetime) -> Mapping[str, str]:
    claims = {"sub": "u-1", "aud": config.public_id, "exp": at.timestamp() + 600}
    secret = config.secrets[0] if config.secrets else ""
    return {"authorization": f"Bearer {sign_identity(claims, secret)}"}


def _message(reference: str) -> bytes:
    return json.dumps({"type": "message", "client_ref": reference, "text": "怎么退货?"}).encode()


CASES = {
    "webchat": ContractCase(
        body=_message,
        sign=_signed_visitor,
        unknown=(b'{"type":"ping"}', b'{"type":"typing","on":true}'),
        signs_body=False,
    ),
}
