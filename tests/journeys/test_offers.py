"""Where a department wants it, work is offered before it is given."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.journeys.contrast import weak_texts
from tests.journeys.people import Colleague, Crowd
from tests.journeys.rows import change_rows

OFFER_FIRST = """
    INSERT INTO routing_policy
        (organization_id, department_id, mode, weights, offer_seconds, urgent_seconds, calm_seconds,
         calm_chat_seconds, slack_percent, patience_percent, sticky_seconds, return_seconds,
         learning_percent, version, changed_at)
    SELECT organization_id, id, 'offer', '{}', 120, 60, 1800, 300, 60, 100, 15, 900, 0, 1, now()
    FROM helpdesk_department WHERE color = 'admin'
    ON CONFLICT (organization_id, department_id) DO UPDATE SET mode = 'offer'"""
AT_ONCE = "UPDATE routing_policy SET mode = 'automatic' WHERE department_id IS NOT NULL"


@pytest.fixture
def yue(crowd: Crowd) -> Iterator[Colleague]:
    """Tang Yue of administration, where invoices are offered first."""
    change_rows(crowd.installation, OFFER_FIRST, [])
    yue = crowd.colleague("yue.tang")
    yue.goes_online()
    yield yue
    change_rows(crowd.installation, AT_ONCE, [])


def come_to(yue: Colleague, text: str) -> Locator:
    """Take what else waits and is offered first, until this one is offered."""
    offered = yue.page.locator("#offer[data-offer]")
    wanted = offered.filter(has_text=text)
    for _other in range(15):
        expect(offered).to_have_count(1)
        if wanted.count():
            break
        number = offered.get_attribute("data-offer")
        yue.presses("a")
        expect(yue.page.locator(f"#offer[data-offer='{number}']")).to_have_count(0)
    expect(wanted).to_be_visible()
    return wanted


def test_an_offer_is_accepted_by_one_key(crowd: Crowd, yue: Colleague) -> None:
    visitor = crowd.visitor()
    visitor.says("发票抬头写错了，可以重开增值税发票吗？")
    offer = come_to(yue, "发票抬头写错了")
    assert weak_texts(yue.page) == []
    expect(yue.row("发票抬头写错了").and_(yue.mine)).to_have_count(0)
    yue.presses("a")
    expect(yue.row("发票抬头写错了").and_(yue.mine)).to_have_count(1)
    expect(offer).to_have_count(0)
    yue.opens("发票抬头写错了")
    yue.resolves()


def test_an_offer_is_declined_with_a_reason_and_no_harm_done(crowd: Crowd, yue: Colleague) -> None:
    visitor = crowd.visitor()
    visitor.says("电子发票没有收到，请再发一次发票")
    offer = come_to(yue, "电子发票没有收到")
    offer.locator("summary").click()
    offer.locator("button[name=reason]").first.click()
    expect(offer).to_have_count(0)
    expect(yue.row("电子发票没有收到").and_(yue.mine)).to_have_count(0)


def test_an_offer_nobody_answers_runs_out(crowd: Crowd, yue: Colleague) -> None:
    visitor = crowd.visitor()
    visitor.says("专用发票寄到哪里了，查一下发票快递")
    offer = come_to(yue, "专用发票寄到哪里了")
    change_rows(
        crowd.installation, "UPDATE routing_offer SET due_at = now() WHERE state = 'pending'", []
    )
    expect(offer).to_have_count(0)
    expect(yue.row("专用发票寄到哪里了").and_(yue.mine)).to_have_count(0)


def test_what_nobody_answers_in_time_goes_back_unless_it_is_kept(
    crowd: Crowd, yue: Colleague
) -> None:
    for text, is_kept in (("发票税号填错了能改吗", True), ("发票金额和订单不一样", False)):
        crowd.visitor().says(text)
        come_to(yue, text)
        yue.presses("a")
        yue.opens(text)
        countdown = yue.page.locator("#thread-facts [data-until]")
        expect(countdown).to_be_visible()
        if is_kept:
            yue.page.locator("#thread-actions form[action$='/keep/'] button").click()
            expect(countdown).to_have_count(0)
            yue.resolves()
        else:
            change_rows(
                crowd.installation,
                "UPDATE helpdesk_conversation SET return_at = now() WHERE return_at IS NOT NULL",
                [],
            )
            expect(yue.timeline).to_contain_text("没有及时回复")
            expect(yue.row(text).and_(yue.mine)).to_have_count(0)
