"""Waiting is honest: the place and the time change live, and a rule speaks where nobody is there."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from playwright.sync_api import expect

from tests.deploy.stack import Stack
from tests.journeys.conftest import clear_desk, make_room
from tests.journeys.people import Colleague, Crowd
from tests.journeys.rows import change_rows

# Nobody gets more than they hold now.
FULL = "UPDATE helpdesk_staff SET capacity = GREATEST(load, 1) WHERE is_active"
ON_LEAVE = """
    INSERT INTO helpdesk_leave (organization_id, staff_id, first_day, last_day, note)
    SELECT organization_id, id, current_date - 2, current_date + 2, 'journey' FROM helpdesk_staff"""
BACK = "DELETE FROM helpdesk_leave WHERE note = 'journey'"
NO_RULES = "UPDATE routing_overflowrule SET is_active = false"


@contextmanager
def everybody_on_leave(installation: Stack) -> Iterator[None]:
    change_rows(installation, ON_LEAVE, [])
    try:
        yield
    finally:
        change_rows(installation, BACK, [])


def test_a_visitor_sees_place_and_time_change(crowd: Crowd) -> None:
    yue = crowd.colleague("yue.tang")
    clear_desk(crowd.installation)
    yue.goes_online()
    words = f"发票抬头写错了，可以重开增值税发票吗？{uuid4().hex[:6]}"
    crowd.visitor().says(words)
    expect(yue.row(words[-6:])).to_have_attribute("data-owner", yue.staff_id)
    change_rows(crowd.installation, FULL, [])
    second, third = crowd.visitor(), crowd.visitor(locale="en-GB")
    second.says("发票抬头写错了，可以重开吗？")
    expect(second.chat.locator(".card[role=status]")).to_contain_text("下一位就是您")
    third.says("发票抬头写错了，可以重开吗？")
    card = third.chat.locator(".card[role=status]")
    expect(card).to_contain_text("You are number 2 in line")
    expect(card).to_contain_text(re.compile(r"minute"))
    yue.opens(words[-6:])
    yue.resolves()
    expect(card).to_contain_text("You are next")
    make_room(crowd.installation)


def test_a_rule_of_the_administrator_speaks_outside_working_hours(
    crowd: Crowd, ling: Colleague, min_zhou: Colleague
) -> None:
    make_room(crowd.installation)
    page = ling.page
    page.goto("/admin/routing/overflowrule/add/")
    page.locator("input[name=name]").fill("下班后")
    page.locator("select[name=condition]").select_option("closed")
    page.locator("select[name=action]").select_option("call_back")
    page.locator("textarea[name=text_zh]").fill("我们下班了，留下电话，上班后给您回电。")
    save = page.locator("button[name=_save], input[name=_save]").first
    save.click()
    # Customers read either language, and the page says so beside the field.
    expect(page.locator("textarea[name=text_en]")).to_be_visible()
    expect(page.locator("body")).to_contain_text(re.compile("两种都要写|write both"))
    page.locator("textarea[name=text_en]").fill(
        "We are closed. Leave your number and we call back."
    )
    save.click()
    expect(page).to_have_url(re.compile("/overflowrule/$"))
    words = f"怎么退货呢？{uuid4().hex[:6]}"
    try:
        with everybody_on_leave(crowd.installation):
            visitor = crowd.visitor()
            visitor.says(words)
            answer = visitor.message("上班后给您回电")
            expect(answer).to_have_count(1)
            expect(answer).to_contain_text("自动消息")
            min_zhou.opens(words[-6:])
            expect(min_zhou.timeline).to_contain_text("下班后")
            expect(min_zhou.timeline).to_contain_text("自动消息")
            min_zhou.page.goto("/board/")
            expect(min_zhou.page.locator("#board-waits")).to_contain_text("不在上班时间")
    finally:
        change_rows(crowd.installation, NO_RULES, [])
    make_room(crowd.installation)
