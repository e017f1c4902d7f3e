"""What a colleague writes reaches the conversation it was written in, whatever the line does."""

import re
from typing import NamedTuple
from uuid import uuid4

import pytest
from playwright.sync_api import Page, Route, expect

from tests.journeys.people import Colleague, Crowd, Visitor


class Asking(NamedTuple):
    """Two visitors, and what they asked."""

    first: Visitor
    second: Visitor
    one: str
    two: str


@pytest.fixture
def asking(crowd: Crowd, jia: Colleague) -> Asking:
    """Have two visitors wait for Chen Jia, who has the first one open."""
    jia.goes_online()
    mark = uuid4().hex[:6]
    asking = Asking(
        crowd.visitor(), crowd.visitor(), f"退货的第一位 {mark}", f"退货的第二位 {mark}"
    )
    asking.first.says(asking.one)
    asking.second.says(asking.two)
    for text in (asking.one, asking.two):
        expect(jia.row(text)).to_have_attribute("data-owner", jia.staff_id)
    jia.opens(asking.one)
    return asking


def cut(page: Page, pattern: str) -> None:
    page.route(pattern, lambda route: route.abort())


def test_a_reply_that_could_not_be_sent_is_kept_and_sent_once(
    crowd: Crowd, jia: Colleague, asking: Asking
) -> None:
    crowd.is_rough = True
    cut(jia.page, "**/write/")
    jia.page.locator("#composer [data-mode=reply]").click()
    for text in ("这一句没有网络", "紧接着的一句"):
        jia.box.fill(text)
        jia.box.press("Control+Enter")
    waiting = jia.page.locator("#timeline li.is-pending")
    expect(waiting).to_have_count(2)
    jia.opens(asking.two)
    expect(waiting).to_have_count(0)
    jia.opens(asking.one)
    expect(waiting).to_have_count(2)
    jia.page.reload()
    jia.is_live()
    expect(waiting).to_have_count(2)
    jia.opens(asking.two)
    jia.page.unroute("**/write/")
    for text in ("这一句没有网络", "紧接着的一句"):
        expect(asking.first.message(text)).to_have_count(1)
    said = asking.first.chat.locator("li.msg").filter(has_text=re.compile("没有网络|紧接着"))
    expect(said.first).to_contain_text("这一句没有网络")
    expect(asking.second.message("这一句没有网络")).to_have_count(0)
    jia.opens("紧接着的一句")
    expect(waiting).to_have_count(0)
    expect(jia.message("这一句没有网络")).to_have_count(1)


def test_who_was_signed_out_is_told_so_and_what_was_written_is_sent_later(
    crowd: Crowd, jia: Colleague, asking: Asking
) -> None:
    crowd.is_rough = True
    cookies = jia.page.context.cookies()
    # What a page asks for by itself would lead to the sign-in page first, sooner or later.
    jia.page.route("**/*", _only_what_is_sent)
    jia.page.context.clear_cookies()
    jia.page.locator("#composer [data-mode=reply]").click()
    jia.box.fill("写完才发现退出了")
    jia.box.press("Control+Enter")
    expect(jia.page.locator("li.is-pending [data-cause]")).to_have_text(
        re.compile("signed out|退出登录")
    )
    jia.page.unroute("**/*")
    jia.page.context.add_cookies(cookies)
    jia.page.reload()
    expect(asking.first.message("写完才发现退出了")).to_have_count(1)


def _only_what_is_sent(route: Route) -> None:
    if route.request.method == "GET":
        route.abort()
    else:
        route.continue_()


def test_until_the_next_conversation_is_there_nobody_writes_to_the_one_before(
    crowd: Crowd, jia: Colleague, asking: Asking
) -> None:
    held: list[Route] = []
    address = re.compile(r"/conversations/\d+/$")
    jia.page.route(address, lambda route: held.append(route))
    jia.row(asking.two).first.click()
    thread = jia.page.locator("#thread")
    expect(thread).to_have_attribute("aria-busy", "true")
    jia.presses("r")
    # Had the key reached the one before, it would be resolved.
    jia.presses("e")
    for route in held:
        route.continue_()
    expect(jia.timeline).to_contain_text(asking.two)
    expect(jia.box).to_be_focused()
    expect(thread).not_to_have_attribute("aria-busy", "true")
    expect(jia.row(asking.one)).to_have_attribute("data-state", "open")
    jia.page.unroute(address)


def test_a_conversation_that_does_not_come_leaves_everything_as_it_was(
    crowd: Crowd, jia: Colleague, asking: Asking
) -> None:
    crowd.is_rough = True
    address = re.compile(r"/conversations/\d+/$")
    title = jia.page.title()
    jia.page.route(address, lambda route: route.abort())
    jia.row(asking.two).first.click()
    expect(jia.page.locator("#toasts .toast.danger")).to_be_visible()
    expect(jia.row(asking.one).first).to_have_attribute("aria-current", "true")
    expect(jia.page.locator("#thread")).to_have_attribute("aria-busy", "false")
    jia.page.unroute(address)
    jia.opens(asking.two)
    assert jia.page.title() != title


def test_the_menu_of_a_thread_closes_by_escape_and_by_a_click_elsewhere(
    crowd: Crowd, jia: Colleague, asking: Asking
) -> None:
    menu = jia.page.locator(".actions-menu")
    for leave in (lambda: jia.page.keyboard.press("Escape"), jia.timeline.click):
        menu.locator("summary").click()
        expect(menu).to_have_attribute("open", "")
        leave()
        expect(menu).not_to_have_attribute("open", "")
    expect(jia.page.locator("#dialog")).to_be_hidden()


def test_resolving_is_undone_by_a_key(crowd: Crowd, jia: Colleague, asking: Asking) -> None:
    jia.resolves()
    expect(asking.first.chat.locator(".csat")).to_be_visible()
    jia.presses("z")
    expect(jia.page.locator("#thread-actions form[action$='/resolve/']")).to_be_visible()
    expect(jia.row(asking.one)).to_have_attribute("data-owner", jia.staff_id)
    expect(asking.first.chat.locator(".csat")).to_be_hidden()
