"""An administrator connects a mailbox and tries it out, and finds what could not be read."""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.journeys.people import Crowd
from tests.journeys.post_office import PostOffice

TEST = {"zh-hans": "测试连接", "en": "Test connection"}
# More fields than any mail has.
POISON = (
    b"From: Mallory <mallory@poison.example>\r\nTo: service@heguang.example\r\n"
    b"Subject: poison, do not drink\r\n" + b"X-Padding: 1\r\n" * 20_000 + b"\r\nhello\r\n"
)


@pytest.mark.parametrize("language", TEST)
def test_a_mailbox_is_connected_step_by_step_and_tried_out(
    crowd: Crowd, post: PostOffice, language: str
) -> None:
    ling = crowd.colleague("ling.qin")
    if language != "zh-hans":
        ling.chooses_language(language)
    try:
        # Names are taken once; an installation may have seen this journey before.
        facts = {"name": f"售后 {uuid4().hex[:6]}", "name_en": "After sales"}
        facts |= {"setting_address": "after@heguang.example"}
        wrong = post.settings() | facts | {"setting_imap_password": "not the password"}
        ling.connects_mailbox(wrong, is_active=False)
        test = ling.page.get_by_role("button", name=TEST[language])
        test.click()
        expect(ling.blame).to_be_visible()
        ling.page.locator("[name=setting_imap_password]").fill(post.imap.password)
        ling.page.locator("button[name=_continue]").click()
        expect(ling.blame).to_have_count(0)
        test.click()
        expect(ling.praise).to_be_visible()
        expect(ling.blame).to_have_count(0)
    finally:
        if language != "zh-hans":
            ling.chooses_language("zh-hans")


def test_what_could_not_be_read_stands_in_a_report_with_its_reason(
    crowd: Crowd, post: PostOffice
) -> None:
    ling = crowd.colleague("ling.qin")
    # Whoever gets the next mail is told by its topic; the administrator sees them all.
    ling.page.goto("/?view=all")
    post.imap.append(POISON)
    post.somebody().writes("退货之后的下一封。", subject="好的")
    expect(ling.row("退货之后的下一封")).to_be_visible()
    ling.page.goto("/admin/channels_app/inboundevent/?state__exact=quarantined")
    report = ling.page.locator("#result_list tbody tr").first
    expect(report).to_contain_text("邮件头的行数太多")
    report.locator("a", has_text=re.compile(r"C-\d+")).click()
    line = ling.timeline.locator("li.sys").filter(has_text="邮件头的行数太多")
    address = line.locator("a[download]").get_attribute("href") or ""
    assert ling.page.request.get(address).body() == POISON
