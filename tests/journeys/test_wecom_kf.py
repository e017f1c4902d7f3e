"""A customer of the customer service of WeCom: fetched after a hint, answered, and told when nothing arrived."""

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from channels_app.adapters.wecom_kf.adapter import SEND
from channels_app.adapters.wecom_kf.fake import IN_WECOM, Vendor
from channels_app.fake_vendor import Call
from channels_app.protocol import ChannelConfig
from tests.deploy.stack import eventually
from tests.journeys.people import Colleague

CONFIG = ChannelConfig("wecom_kf", secrets=("the token",))


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    with Vendor() as vendor:
        yield vendor


def sent(vendor: Vendor) -> list[Call]:
    return [call for call in list(vendor.calls) if call.path == SEND]


@pytest.mark.usefixtures("cleared_desk")
def test_a_customer_of_the_customer_service_is_answered(
    vendor: Vendor, ling: Colleague, jia: Colleague
) -> None:
    address = ling.connects(
        "wecom_kf", secret=CONFIG.secrets[0], **vendor.named_secrets, **vendor.settings
    )
    jia.goes_online()
    words = f"想退货 {uuid4().hex[:6]}"
    assert vendor.says(address, CONFIG, words) == 200
    expect(jia.row(words)).to_be_visible()
    jia.opens(words)
    # A colleague took the session in WeCom: the answer takes it over.
    vendor.states[vendor.customer] = IN_WECOM
    jia.replies("可以退货，请把订单号发给我")
    eventually(lambda: len(sent(vendor)) == 2, 20)
    assert vendor.text_of(sent(vendor)[1]) == "可以退货，请把订单号发给我"
    lost = json.loads(sent(vendor)[1].body)["msgid"]
    failed = vendor.happens("msg_send_fail", fail_msgid=lost, fail_type=5)
    assert vendor.post(address, CONFIG, failed) == 200
    expect(jia.message("请把订单号发给我")).to_contain_text("会话已结束")
    assert vendor.says(address, CONFIG, "还在吗？") == 200
    expect(jia.message("还在吗？")).to_be_visible()
    jia.sends_again("请把订单号发给我")
    eventually(lambda: len(sent(vendor)) == 3, 20)
    jia.resolves()
