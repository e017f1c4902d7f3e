"""What the tests of WeChat and WeCom have in common: tokens that are kept, calls as they reach an adapter."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from channels_app.fake_vendor import FakeVendor, Sealed
from channels_app.protocol import (
    Attachment,
    ChannelConfig,
    ContactIdentity,
    FetchToken,
    OutboundMessage,
    RawRequest,
)
from helpdesk.errors import HelpdeskError

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


class KeptTokens:
    """Keeps a token until it is refused, as the stored ones are."""

    def __init__(self) -> None:
        self.value = ""
        self.fetched = 0

    def get(self, name: str, fetch: FetchToken, *, refused: str = "") -> str:
        if not self.value or self.value == refused:
            self.value, _life = fetch()
            self.fetched += 1
        return self.value


def config(vendor: FakeVendor, *, serves: bool = True, **facts: Any) -> ChannelConfig:
    """The channel of a played vendor; `serves`: it has an address."""
    known: dict[str, Any] = {
        "settings": vendor.settings if serves else dict(vendor.facts),
        "secrets": ("the token", "the older token"),
        "named_secrets": dict(vendor.named_secrets),
        "tokens": KeptTokens(),
    }
    return ChannelConfig("c", **{**known, **facts})


def request(call: Sealed, *, at: datetime = NOW, method: str = "POST") -> RawRequest:
    """A sealed call as it reaches an adapter."""
    return RawRequest(method, "", tuple(call.query.items()), call.headers, call.body, at)


def reply(vendor: FakeVendor, text: str = "好的 👍", **facts: Any) -> OutboundMessage:
    to = ContactIdentity(vendor.customer)
    return OutboundMessage(client_ref=str(uuid4()), to=to, text=text, **facts)


def stored(folder: Path, name: str, mime: str, data: bytes = b"\x89PNG and more") -> Attachment:
    """A file of ours, to hand over."""
    path = folder / uuid4().hex
    path.write_bytes(data)
    url = f"https://desk.example/{name}"
    return Attachment("file", filename=name, mime=mime, size=len(data), path=str(path), url=url)


@contextmanager
def says(kind: type[HelpdeskError], word: str) -> Iterator[None]:
    """Expect an error whose message has this word in it."""
    with pytest.raises(kind) as found:
        yield
    assert word in str(found.value.message)
