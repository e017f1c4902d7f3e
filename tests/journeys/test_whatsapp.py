"""A customer on WhatsApp: answered, told apart by receipts, and reached by templates only once their time is over."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from channels_app.adapters.whatsapp.fake import Vendor
from channels_app.fake_vendor import Call
from channels_app.protocol import ChannelConfig
from tests.deploy.stack import eventually
from tests.journeys.people import Colleague, Crowd
from tests.journeys.rows import change_rows

CONFIG = ChannelConfig("whatsapp", secrets=("the app secret",))
A_DAY_AGO = """UPDATE helpdesk_entry SET at = at - interval '25 hours' WHERE conversation_id = %s"""


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    with Vendor() as vendor:
        yield vendor


def sent(vendor: Vendor) -> list[Call]:
    return [call for call in list(vendor.calls) if vendor.text_of(call) is not None]


def writes_template_down(ling: Colleague, name: str, vendor: Vendor) -> None:
    """Write down in admin what the vendor has approved, for the channel whose page is open."""
    page = ling.page
    channel = page.locator("input[name=name]").input_value()
    page.goto("/admin/helpdesk/messagetemplate/add/")
    page.locator("select[name=channel]").select_option(label=channel)
    page.locator("input[name=name]").fill(name)
    page.locator("input[name=language_code]").fill("zh_CN")
    page.locator("textarea[name=text]").fill(vendor.templates[name, "zh_CN"])
    page.locator("textarea[name=place_labels]").fill("称呼\n订单号")
    page.locator("button[name=_save], input[name=_save]").first.click()
    page.wait_for_url("**/messagetemplate/")


def sends_template(jia: Colleague) -> None:
    """Choose the template, fill in its places and send it, by keyboard alone."""
    keyboard, dialog = jia.page.keyboard, jia.page.locator("#dialog")
    jia.presses("r")
    expect(dialog.locator(".choices a")).to_be_focused()
    keyboard.press("Enter")
    expect(dialog.get_by_label("称呼")).to_be_focused()
    keyboard.type("李女士")
    keyboard.press("Tab")
    keyboard.type("A-17")
    expect(dialog.locator(".preview")).to_have_text("李女士，您好！您的订单 A-17 已经发货。")
    keyboard.press("Control+Enter")
    expect(dialog).to_be_hidden()


@pytest.mark.usefixtures("cleared_desk")
def test_a_customer_on_whatsapp_is_answered_within_a_day(
    crowd: Crowd, vendor: Vendor, ling: Colleague, jia: Colleague
) -> None:
    address = ling.connects(
        "whatsapp", secret=CONFIG.secrets[0], **vendor.named_secrets, **vendor.settings
    )
    writes_template_down(ling, "order_shipped", vendor)
    jia.goes_online()
    words = f"想退货 {uuid4().hex[:6]}"
    assert vendor.says(address, CONFIG, words) == 200
    expect(jia.row(words)).to_be_visible()
    jia.opens(words)
    clock = jia.page.locator("#composer [data-window]")
    expect(clock).to_be_visible()
    jia.box.fill("很" * 5000)
    expect(jia.page.locator("#parts")).to_contain_text("2")
    jia.replies("可以退货，请把订单号发给我")
    eventually(lambda: len(sent(vendor)) == 1, 20)
    assert vendor.post(address, CONFIG, vendor.receipt(sent(vendor)[0], "read")) == 200
    expect(jia.message("请把订单号发给我")).to_contain_text("已读")

    change_rows(crowd.installation, A_DAY_AGO, [jia.conversation_id()])
    jia.page.reload()
    jia.is_live()
    expect(jia.page.locator("#composer [data-closed]")).to_contain_text("WhatsApp")
    expect(jia.page.locator("#composer [data-mode=reply]")).to_have_count(0)
    sends_template(jia)
    eventually(lambda: len(sent(vendor)) == 2, 20)
    text = vendor.text_of(sent(vendor)[1])
    assert text == "李女士，您好！您的订单 A-17 已经发货。"
    assert vendor.post(address, CONFIG, vendor.receipt(sent(vendor)[1], "delivered")) == 200
    expect(jia.message(text)).to_contain_text("已送达")

    # They write again: the box opens by itself.
    assert vendor.says(address, CONFIG, "还在吗？") == 200
    expect(jia.page.locator("#composer [role=tab][data-mode=reply]")).to_be_visible()
    jia.replies("在的")
    eventually(lambda: len(sent(vendor)) == 3, 20)
    jia.resolves()
