"""A customer on Telegram: connected by its form, answered, and told again after they had shut us out."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from channels_app.adapters.telegram.fake import Vendor, refusal
from channels_app.protocol import ChannelConfig
from tests.deploy.stack import eventually
from tests.journeys.people import Colleague

CONFIG = ChannelConfig("telegram", secrets=("the-secret-token",))


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    with Vendor() as vendor:
        yield vendor


@pytest.mark.usefixtures("cleared_desk")
def test_a_customer_on_telegram_edits_and_is_answered_also_after_blocking(
    vendor: Vendor, ling: Colleague, jia: Colleague
) -> None:
    address = ling.connects(
        "telegram", secret=CONFIG.secrets[0], **vendor.named_secrets, **vendor.settings
    )
    jia.goes_online()
    reference = uuid4().hex[:6]
    words = f"想退货 {reference}"
    assert vendor.post(address, CONFIG, vendor.message(reference, text=words)) == 200
    expect(jia.row(words)).to_be_visible()
    jia.opens(words)
    amended = f"想退耳机 {reference}"
    assert vendor.post(address, CONFIG, vendor.edited(reference, text=amended)) == 200
    expect(jia.message(amended)).to_be_visible()
    assert vendor.post(address, CONFIG, vendor.reacted(reference, second=1)) == 200
    reactions = jia.message(amended).get_by_role("list", name="对这条消息的回应")
    expect(reactions).to_have_text("👍")
    assert vendor.post(address, CONFIG, vendor.reacted(reference, second=2, is_gone=True)) == 200
    expect(reactions).to_have_count(0)
    jia.replies("可以退货，请把订单号发给我")
    eventually(lambda: vendor.texts() == ["可以退货，请把订单号发给我"], 20)

    vendor.fail(refusal(403, "Forbidden: bot was blocked by the user"))
    jia.replies("七天之内都可以")
    expect(jia.message("七天之内都可以")).to_contain_text("blocked by the user")
    assert vendor.says(address, CONFIG, f"在吗？{reference}") == 200
    expect(jia.message(f"在吗？{reference}")).to_be_visible()
    jia.sends_again("七天之内都可以")
    eventually(lambda: vendor.texts()[1:] == ["七天之内都可以"] * 2, 20)
    jia.resolves()
