"""A feed, played on loopback."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import ClassVar
from xml.sax.saxutils import escape

from channels_app.fake_vendor import Answer, Call, FakeVendor
from channels_app.protocol import ChannelConfig


class Vendor(FakeVendor):
    """Shows entries, the newest first, and says when nothing has changed."""

    addresses: ClassVar[Mapping[str, str]] = {}
    calls_us: ClassVar[bool] = False
    takes_answers: ClassVar[bool] = False
    customer: ClassVar[str] = "feed"

    def __init__(self, port: int = 0, took: Callable[[Call], None] | None = None) -> None:
        super().__init__(port, took)
        self.entries: list[str] = []

    @property
    def settings(self) -> dict[str, object]:
        return {**super().settings, "feeds": [f"http://127.0.0.1:{self.port}/feed.xml"]}

    def has(self, reference: str, *, text: str = "怎么退货?", **facts: object) -> None:
        """Have an entry in the feed."""
        entry = (
            f"<item><guid isPermaLink='false'>{escape(reference)}</guid><title>{escape(text)}</title>"
            f"<link>https://news.example/{escape(reference)}</link></item>"
        )
        self.entries.insert(0, entry)

    def message(self, reference: str, *, text: str = "怎么退货?") -> bytes:
        raise NotImplementedError("Nobody is called")

    def sign(self, body: bytes, config: ChannelConfig, at: datetime) -> Mapping[str, str]:
        raise NotImplementedError("Nobody is called")

    def answer(self, call: Call) -> Answer:
        if call.path != "/feed.xml":
            return Answer(404, b"")
        body = (
            '<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel>'
            f"<title>News</title>{''.join(self.entries)}</channel></rss>"
        ).encode()
        tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if call.headers.get("if-none-match") == tag:
            return Answer(304, b"", {"etag": tag})
        return Answer(200, body, {"content-type": "application/rss+xml", "etag": tag})

    def text_of(self, call: Call) -> str | None:
        return None
