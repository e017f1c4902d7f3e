"""Visitors for whom the embedding page vouches."""

import json
import time
from uuid import uuid4

from playwright.sync_api import expect

from channels_app.adapters.webchat.identity import sign_identity
from tests.journeys.people import Colleague, Crowd, Visitor

SECRET = "the-shop-keeps-this-for-itself"


def signed_visitor(crowd: Crowd, channel: str, subject: str) -> Visitor:
    """Open the shop in a browser of its own, as somebody whom the shop knows."""
    claims = {"sub": subject, "aud": channel, "exp": time.time() + 600, "name": "Mei"}
    page = crowd.page()
    page.add_init_script(f"everydeskIdentity = {json.dumps(sign_identity(claims, SECRET))}")
    return Visitor(crowd, page)


def channel_of(ling: Colleague) -> str:
    """Give the shop's channel a secret; returns the channel's public id."""
    ling.page.goto("/admin/helpdesk/channel/")
    ling.page.locator("tbody a[href*='/change/']").first.click()
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
