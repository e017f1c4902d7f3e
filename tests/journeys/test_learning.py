"""Somebody in training answers an easy case, with a colleague behind them who is one key away."""

from collections.abc import Iterator
from itertools import count

import pytest
from playwright.sync_api import expect

from routing.candidates import Need
from routing.deciding.rules import Rules
from routing.learning import is_drawn
from tests.deploy.stack import Stack
from tests.journeys.conftest import clear_desk
from tests.journeys.contrast import weak_texts
from tests.journeys.people import Colleague, Crowd, Visitor
from tests.journeys.rows import change_rows, rows_of

SHARE = """
    INSERT INTO routing_policy
        (organization_id, department_id, mode, weights, offer_seconds, urgent_seconds, calm_seconds,
         calm_chat_seconds, slack_percent, patience_percent, sticky_seconds, return_seconds,
         learning_percent, version, changed_at)
    SELECT id, NULL, 'automatic', '{}', 120, 60, 1800, 300, 60, 100, 15, 900, %s, 1, now()
    FROM helpdesk_organization
    ON CONFLICT (organization_id, department_id) DO UPDATE SET learning_percent = %s,
        version = routing_policy.version + 1, changed_at = now()"""
TRAINING = """
    UPDATE helpdesk_staffskill SET is_learning = %s
    WHERE staff_id IN (SELECT id FROM helpdesk_staff WHERE name = '林晓岚')
      AND skill_id IN (SELECT id FROM helpdesk_skill WHERE name = '网关与 Matter')"""
LAST = "SELECT nextval(pg_get_serial_sequence('helpdesk_conversation', 'id'))"
GO_ON_AFTER = "SELECT setval(pg_get_serial_sequence('helpdesk_conversation', 'id'), %s)"


@pytest.fixture
def training(crowd: Crowd) -> Iterator[None]:
    """Lin Xiaolan learns what hubs do, the next case is one of the share, and only who comes in is there."""
    installation = crowd.installation
    clear_desk(installation)
    draw_next(installation)
    change_rows(installation, TRAINING, [True])
    change_rows(installation, SHARE, [50, 50])
    yield
    change_rows(installation, TRAINING, [False])
    change_rows(installation, SHARE, [0, 0])


def draw_next(installation: Stack) -> None:
    """Let the next conversation have a number that is drawn."""
    half = Rules(learning_percent=50)
    ((last,),) = rows_of(installation, LAST, [])
    drawn = next(number for number in count(last + 1) if is_drawn(Need(number, 1), half))
    change_rows(installation, GO_ON_AFTER, [drawn - 1])


@pytest.mark.usefixtures("training")
def test_an_easy_case_comes_to_whoever_learns_and_one_key_asks_the_colleague_behind(
    visitor: Visitor, xiaolan: Colleague, jia: Colleague
) -> None:
    for person in (xiaolan, jia):
        person.goes_online()
    jia.page.goto("/?view=mentions")
    jia.is_live()
    visitor.says("小满 H2 断网还能用吗？")

    # Both screens show it by themselves, each what it is to them.
    expect(xiaolan.row("断网还能用")).to_have_attribute("data-owner", xiaolan.staff_id)
    expect(jia.page.locator("#toasts .toast")).to_contain_text("学习")
    called = jia.row("断网还能用")
    expect(called.locator(".chip.behind")).to_have_text("支持林晓岚")
    assert weak_texts(jia.page) == []
    xiaolan.opens("断网还能用")
    behind = xiaolan.context.locator("#guests li").filter(has_text="陈嘉")
    expect(behind).to_contain_text("在后面支持你")
    expect(xiaolan.page.locator("#why")).to_contain_text("你正在学习“网关与 Matter”")
    assert weak_texts(xiaolan.page) == []

    # Asked and answered by keys alone; the customer sees neither.
    behind.locator("[data-ask]").focus()
    xiaolan.page.keyboard.press("Enter")
    expect(xiaolan.box).to_be_focused()
    expect(xiaolan.box).to_have_value("@陈嘉 ")
    xiaolan.page.keyboard.insert_text("断网时自动化还能跑吗？")
    xiaolan.page.keyboard.press("Control+Enter")
    expect(xiaolan.message("自动化还能跑吗")).to_be_visible()
    called.focus()
    jia.page.keyboard.press("Enter")
    expect(jia.message("自动化还能跑吗")).to_be_visible()
    jia.presses("n")
    jia.page.keyboard.insert_text("能，本地自动化都在网关里跑。")
    jia.page.keyboard.press("Control+Enter")
    expect(xiaolan.message("本地自动化")).to_be_visible()

    # Handed over by mistake and taken back: the colleague is behind again.
    xiaolan.hands_over("陈嘉")
    expect(behind).to_have_count(0)
    xiaolan.page.locator("#toasts .toast form button").first.click()
    expect(behind).to_contain_text("在后面支持你")
    xiaolan.replies("能用，自动化在网关里照常运行。")
    expect(visitor.message("照常运行")).to_be_visible()
    expect(visitor.message("本地自动化")).to_have_count(0)
    xiaolan.resolves()
    expect(called).to_have_count(0)
