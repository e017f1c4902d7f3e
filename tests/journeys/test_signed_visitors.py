"""Visitors for whom the embedding page vouches."""

import json
import time
from uuid import uuid4

from playwright.sync_api import Page, expect

from channels_app.chat.identity import sign_identity
from tests.journeys.people import Colleague, Crowd, Visitor

SECRET = "the-shop-keeps-this-for-itself"


def signed_visitor(crowd: Crowd, channel: str, subject: str) -> Visitor:
    """Open the shop in a browser of its own, as somebody whom the shop knows."""
    page = crowd.page()
    vouch(page, channel, subject)
    return Visitor(crowd, page)


def vouch(page: Page, channel: str, subject: str, after_ms: int | None = None) -> None:
    """Let the shop vouch for somebody from the next page on; with a time, after so long, when it is asked."""
    claims = {"sub": subject, "aud": channel, "exp": time.time() + 600, "name": "Mei"}
    identity = json.dumps(sign_identity(claims, SECRET))
    if after_ms is not None:
        identity = f"() => new Promise(done => setTimeout(done, {after_ms}, {identity}))"
    page.add_init_script(f"everydeskIdentity = {identity}")


def channel_of(ling: Colleague) -> str:
    """Give the shop's channel a secret; returns the channel's public id."""
    ling.page.goto("/admin/helpdesk/channel/")
    ling.page.locator("#result_list th a").filter(has_text="官网聊天").first.click()
    ling.page.locator("input[name=setting_secret]").fill(SECRET)
    ling.page.locator("button[name=_continue], input[name=_continue]").first.click()
    tag = ling.page.get_by_text("data-channel=").first.text_content() or ""
    return tag.split('data-channel="')[1].split('"')[0]


def test_a_signed_visitor_is_one_person_in_two_browsers(crowd: Crowd, ling: Colleague) -> None:
    channel = channel_of(ling)
    subject = uuid4().hex
    desk, phone = (signed_visitor(crowd, channel, subject) for _ in range(2))
    for one in (desk, phone):
        one.opens_chat()
    desk.says("Where is my parcel?")
    expect(phone.message("Where is my parcel?")).to_be_visible()
    phone.page.locator("#everydesk input[type=file]").set_input_files(
        {"name": "receipt.txt", "mimeType": "text/plain", "buffer": b"order 1234"}
    )
    expect(phone.chat.locator(".chip")).to_have_text("receipt.txt")
    phone.says("This is the receipt")
    expect(desk.message("This is the receipt")).to_contain_text("receipt.txt")


def test_what_one_person_could_not_send_is_not_sent_by_the_next(
    crowd: Crowd, ling: Colleague
) -> None:
    channel = channel_of(ling)
    first, second = uuid4().hex, uuid4().hex
    shared = signed_visitor(crowd, channel, first)
    shared.says("I am the first one")
    crowd.is_rough = True
    shared.page.context.set_offline(True)
    shared.writes("The first one's secret")
    expect(shared.message("The first one's secret")).to_be_visible()
    shared.box.fill("And a draft of it")
    shared.page.close()
    shared.page.context.set_offline(False)
    crowd.is_rough = False
    page = shared.page.context.new_page()
    vouch(page, channel, second)
    other = Visitor(crowd, page)
    # The chat is open, as it was left.
    expect(other.box).to_have_value("")
    other.says("I am the second one")
    expect(other.message("The first one's secret")).to_be_hidden()
    page.close()
    page = shared.page.context.new_page()
    vouch(page, channel, first)
    back = Visitor(crowd, page)
    expect(back.message("The first one's secret").locator(".meta")).to_contain_text("Delivered")
    expect(back.box).to_have_value("And a draft of it")
    expect(back.message("I am the second one")).to_be_hidden()


def test_what_was_written_before_the_page_said_who_writes_is_that_persons_or_nobodys(
    crowd: Crowd, ling: Colleague
) -> None:
    channel = channel_of(ling)
    page = crowd.page()
    vouch(page, channel, uuid4().hex, after_ms=1_000_000)
    early = Visitor(crowd, page)
    early.writes("Written too early")
    expect(early.message("Written too early")).to_be_visible()
    page.close()
    page = page.context.new_page()
    vouch(page, channel, uuid4().hex, after_ms=200)
    later = Visitor(crowd, page)
    later.writes("Written while the page was asked")
    expect(later.message("while the page was asked").locator(".meta")).to_contain_text("Delivered")
    expect(later.message("Written too early")).to_be_hidden()
