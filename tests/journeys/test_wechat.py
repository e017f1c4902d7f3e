"""A customer of an official account: encrypted both in the form and on the way, refused by WeChat, sent again."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from channels_app.adapters.wechat.fake import Vendor
from channels_app.protocol import ChannelConfig
from channels_app.wechat.accounts import SEND
from channels_app.wechat.played import refusal
from tests.deploy.stack import eventually
from tests.journeys.people import Colleague, Crowd
from tests.journeys.rows import change_rows

CONFIG = ChannelConfig("wechat", secrets=("the token",))
TWO_DAYS_AGO = (
    """UPDATE helpdesk_entry SET at = at - interval '49 hours' WHERE conversation_id = %s"""
)


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    with Vendor() as vendor:
        yield vendor


def told(vendor: Vendor) -> list[str]:
    return [vendor.text_of(call) or "" for call in list(vendor.calls) if call.path == SEND]


@pytest.mark.usefixtures("cleared_desk")
def test_a_customer_on_wechat_is_answered_and_hears_again_what_was_refused(
    crowd: Crowd, vendor: Vendor, ling: Colleague, jia: Colleague
) -> None:
    address = ling.connects(
        "wechat", secret=CONFIG.secrets[0], **vendor.named_secrets, **vendor.settings
    )
    jia.goes_online()
    words = f"想退货 {uuid4().hex[:6]}"
    assert vendor.says(address, CONFIG, words) == 200
    expect(jia.row(words)).to_be_visible()
    jia.opens(words)
    expect(jia.page.locator("#composer [data-window]")).to_be_visible()
    jia.replies("可以退货，请把订单号发给我")
    eventually(lambda: told(vendor) == ["可以退货，请把订单号发给我"], 20)
    # Five answers were sent from elsewhere: it fails, and leaves once the customer has written again.
    vendor.fail(refusal(45047, "out of response count limit"))
    jia.replies("七天之内都可以")
    expect(jia.message("七天之内都可以")).to_contain_text("45047")
    assert vendor.says(address, CONFIG, "在吗？") == 200
    expect(jia.message("在吗？")).to_be_visible()
    jia.sends_again("七天之内都可以")
    eventually(lambda: told(vendor)[1:] == ["七天之内都可以"] * 2, 20)

    change_rows(crowd.installation, TWO_DAYS_AGO, [jia.conversation_id()])
    jia.page.reload()
    jia.is_live()
    expect(jia.page.locator("#composer [data-closed]")).to_contain_text("48")
    assert vendor.says(address, CONFIG, "还在吗？") == 200
    expect(jia.page.locator("#composer [role=tab][data-mode=reply]")).to_be_visible()
    jia.resolves()
