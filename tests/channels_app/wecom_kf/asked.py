"""What is asked of a played WeCom."""

from collections.abc import Mapping
from typing import Any

from channels_app.adapters.wecom_kf.adapter import (
    Adapter,
)
from channels_app.adapters.wecom_kf.fake import ACCOUNT, Vendor
from channels_app.fake_vendor import Call
from channels_app.protocol import Event, Polled
from tests.channels_app.wechat.played_accounts import config


def adapter(vendor: Vendor, **facts: Any) -> Adapter:
    return Adapter(config(vendor, **facts))


def calls(vendor: Vendor, path: str) -> list[Call]:
    return [call for call in vendor.calls if call.path == path]


def polled(vendor: Vendor, position: str = "", **facts: Any) -> Polled:
    return adapter(vendor, **facts).poll(ACCOUNT, position, {"place": ACCOUNT, "token": "t-1"})


def events(page: Polled) -> list[Event]:
    return [event for _raw, found in page.items for event in found]


def fetched(vendor: Vendor, kind: str, content: Mapping[str, object], **facts: object) -> Event:
    vendor.comes(kind, content, **facts)
    return events(polled(vendor))[-1]


def happened(vendor: Vendor, event: str, **facts: object) -> list[Event]:
    vendor.happens(event, **facts)
    return events(polled(vendor))
