"""The chat in a visitor's hands: what it says, where the focus is, and what fits a phone."""

import re
from uuid import uuid4

from playwright.sync_api import Locator, expect

from tests.journeys.people import Colleague, Crowd, Visitor

PHONE = {"width": 390, "height": 844}

# The heights of what can be pressed or filled in, by what it is, where it is under 40 px.
SMALL = """chat => [...chat.querySelectorAll('button, a, input, textarea')]
  .filter(each => each.checkVisibility() && each.getBoundingClientRect().height < 39.5)
  .map(each => `${each.textContent || each.className} ${each.getBoundingClientRect().height}`)"""

# How well what an element says can be read: its colour against the bubble's.
CONTRAST = """element => {
  const light = colour => {
    const parts = colour.match(/[\\d.]+/g).slice(0, 3).map(each => each / 255)
      .map(each => each <= .03928 ? each / 12.92 : ((each + .055) / 1.055) ** 2.4)
    return .2126 * parts[0] + .7152 * parts[1] + .0722 * parts[2]
  }
  const [a, b] = [getComputedStyle(element).color, getComputedStyle(element.closest('.bubble')).backgroundColor]
    .map(light).sort((one, other) => other - one)
  return (a + .05) / (b + .05)
}"""


def arrivals(visitor: Visitor) -> Locator:
    return visitor.chat.locator("li.sys").filter(has_text=re.compile("joined|来了"))


def test_a_handover_that_is_undone_stays_between_colleagues(
    crowd: Crowd, jia: Colleague, xiaolan: Colleague
) -> None:
    words = f"My earbuds crackle {uuid4().hex[:6]}"
    visitor = crowd.visitor(locale="en-GB")
    visitor.says(words)
    jia.opens(words)
    jia.replies("Which ones are they?")
    expect(arrivals(visitor)).to_have_count(1)
    expect(arrivals(visitor)).to_contain_text("Chen")
    jia.hands_over("林晓岚")
    expect(visitor.chat.locator("header .av")).to_have_class(re.compile("sales"))
    jia.presses("z")
    expect(visitor.chat.locator("header .av")).to_have_class(re.compile("support"))
    jia.replies("It is me again")
    expect(visitor.message("It is me again")).to_be_visible()
    expect(arrivals(visitor)).to_have_count(1)
    jia.hands_over("林晓岚")
    xiaolan.opens("It is me again")
    xiaolan.replies("Hello from sales")
    expect(arrivals(visitor)).to_have_count(2)
    expect(arrivals(visitor).last).to_contain_text("Sales")
    for _ in ("live", "after a reload"):
        answer = visitor.message("Hello from sales")
        expect(answer.locator("xpath=preceding-sibling::li[1]")).to_contain_text("joined")
        visitor.page.reload()
        expect(arrivals(visitor)).to_have_count(2)


def test_the_words_follow_the_conversation(crowd: Crowd) -> None:
    visitor = crowd.visitor(locale="en-GB")
    visitor.opens_chat()
    expect(visitor.message("Good")).to_contain_text("pick one")
    visitor.says(f"My earbuds hiss {uuid4().hex[:6]}")
    expect(visitor.message("Good")).not_to_contain_text("pick one")
    expect(visitor.chat.locator(".legal")).to_contain_text(
        re.compile(r"days\s*·\s*End chat"), use_inner_text=True
    )
    visitor.chat.get_by_role("button", name="End chat").click()
    for label in ("1 star", "2 stars"):
        expect(visitor.chat.get_by_role("radio", name=label, exact=True)).to_be_visible()


def test_the_focus_follows_an_end_and_a_rating(crowd: Crowd, jia: Colleague) -> None:
    words = f"My earbuds hiss {uuid4().hex[:6]}"
    visitor = crowd.visitor(locale="en-GB")
    visitor.says(words)
    jia.opens(words)
    jia.box.press_sequentially("Please try")
    visitor.sees_typing()
    visitor.chat.get_by_role("button", name="End chat").press("Enter")
    first = visitor.chat.get_by_role("radio", name="1 star", exact=True)
    expect(first).to_be_focused()
    assert not visitor.chat.locator("li.msg .dots").is_visible()
    first.press("ArrowRight")
    expect(first).to_have_attribute("aria-checked", "true")
    visitor.chat.get_by_role("button", name="Send rating").press("Enter")
    expect(visitor.box).to_be_focused()
    expect(visitor.chat.locator(".csat")).to_be_hidden()


def test_the_chat_fits_a_thumb_and_can_be_read(crowd: Crowd) -> None:
    for locale in ("zh-CN", "en-GB"):
        visitor = crowd.visitor(locale=locale, viewport=PHONE, color_scheme="light")
        visitor.opens_chat()
        expect(visitor.chat.locator(".quick button").first).to_be_visible()
        assert visitor.chat.evaluate(SMALL) == []
        title = visitor.chat.locator("header .small")
        assert title.evaluate("each => each.scrollHeight <= each.clientHeight")
        visitor.page.locator("#everydesk input[type=file]").set_input_files(
            {"name": "receipt.txt", "mimeType": "text/plain", "buffer": b"order 1234"}
        )
        expect(visitor.chat.locator(".chip")).to_have_text("receipt.txt")
        assert visitor.chat.evaluate(SMALL) == []
        visitor.says(f"receipt {uuid4().hex[:6]}")
        size = visitor.chat.locator(".file .soft")
        expect(size).to_have_text("1 KB")
        assert size.evaluate(CONTRAST) > 4.5
        expect(visitor.chat.locator(".link")).to_be_visible()
        assert visitor.chat.evaluate(SMALL) == []
        visitor.chat.locator(".link").click()
        visitor.chat.locator(".csat [role=radio]").last.click()
        assert visitor.chat.evaluate(SMALL) == []
        comment, card = (
            visitor.chat.locator(each).bounding_box() for each in (".csat input", ".csat")
        )
        assert comment
        assert card
        assert comment["width"] > card["width"] - 40
