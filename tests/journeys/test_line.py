"""A customer on LINE: the channel is connected by its form, and one conversation goes both ways."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from channels_app.adapters.line.fake import PUSH, Vendor
from channels_app.fake_vendor import Answer
from channels_app.protocol import ChannelConfig
from tests.deploy.stack import eventually
from tests.journeys.people import Colleague

CONFIG = ChannelConfig("line", secrets=("the channel secret",))


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    with Vendor() as vendor:
        yield vendor


@pytest.mark.usefixtures("cleared_desk")
def test_a_customer_on_line_is_answered_also_after_a_failure(
    vendor: Vendor, ling: Colleague, jia: Colleague
) -> None:
    address = ling.connects(
        "line", secret=CONFIG.secrets[0], **vendor.named_secrets, **vendor.settings
    )
    jia.goes_online()
    words = f"想退货 {uuid4().hex[:6]}"
    assert vendor.says(address, CONFIG, words) == 200
    expect(jia.row(words)).to_be_visible()
    jia.opens(words)
    jia.replies("可以退货，请把订单号发给我")
    eventually(lambda: vendor.texts() == ["可以退货，请把订单号发给我"], 20)
    # Their server breaks down once: the answer leaves by itself a little later, once.
    vendor.fail(Answer(500))
    jia.replies("七天之内都可以")
    eventually(lambda: vendor.texts()[1:] == ["七天之内都可以"] * 2, 20)
    keys = {call.headers["x-line-retry-key"] for call in vendor.calls if call.path == PUSH}
    assert len(keys) == 2
    jia.resolves()
