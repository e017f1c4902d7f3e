"""A customer who calls a company with an Asterisk of its own: seen, put through, and shown what was said."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from channels_app.adapters.voice_asterisk.fake import Vendor
from channels_app.fake_vendor import Call
from tests.deploy.stack import eventually
from tests.journeys.people import Colleague


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    with Vendor() as vendor:
        yield vendor


def legs(vendor: Vendor, call: str) -> list[Call]:
    """Return the colleagues' phones that were rung for a call."""
    return [
        each
        for each in list(vendor.calls)
        if each.path == "/ari/channels" and each.query.get("appArgs") == f"leg,{call}"
    ]


def is_hung_up(vendor: Vendor, call: str) -> bool:
    return any(
        each.method == "DELETE" and each.path == f"/ari/channels/{call}"
        for each in list(vendor.calls)
    )


@pytest.mark.usefixtures("cleared_desk")
def test_a_caller_at_an_asterisk_is_put_through(
    vendor: Vendor, ling: Colleague, jia: Colleague
) -> None:
    ling.connects("voice_asterisk", secret="the password", **vendor.settings)
    jia.enters_phone("sip:jia@pbx.example")
    eventually(lambda: bool(vendor.wires), 30)
    call = f"call-{uuid4().hex[:8]}"
    vendor.says_event("StasisStart", call, args=[])
    expect(jia.dock).to_contain_text("客户来电")
    expect(jia.dock).to_contain_text(vendor.customer)
    eventually(lambda: bool(legs(vendor, call)), 20)
    (leg,) = legs(vendor, call)
    assert leg.query["endpoint"] == "PJSIP/jia"
    vendor.says_event("StasisStart", leg.query["channelId"], args=["leg", call])
    expect(jia.dock).to_contain_text("你正在通话")
    jia.dock.locator("a.btn").click()
    expect(jia.timeline).to_contain_text("正在与客户通话")
    vendor.says_event("ChannelDestroyed", leg.query["channelId"], cause=16)
    eventually(lambda: is_hung_up(vendor, call), 20)
    vendor.says_event("ChannelDestroyed", call, cause=16)
    expect(jia.timeline).to_contain_text("与客户通话（0:")
    expect(jia.dock).to_have_count(0)
    jia.resolves()
