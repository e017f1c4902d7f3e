"""Where a department wants it, work is offered before it is given."""

import pytest
from playwright.sync_api import Locator, expect

from tests.journeys.people import Colleague, Crowd
from tests.journeys.rows import change_rows

OFFER_FIRST = """
    INSERT INTO routing_policy
        (organization_id, department_id, mode, weights, offer_seconds, urgent_seconds, calm_seconds,
         calm_chat_seconds, slack_percent, patience_percent, sticky_seconds, return_seconds, version, changed_at)
    SELECT organization_id, id, 'offer', '{}', 120, 60, 1800, 300, 60, 100, 15, 900, 1, now()
    FROM helpdesk_department WHERE color = 'admin' ON CONFLICT DO NOTHING"""


@pytest.fixture
def yue(crowd: Crowd) -> Colleague:
    """Tang Yue of administration, where invoices are offered first."""
    change_rows(crowd.installation, OFFER_FIRST, [])
    yue = crowd.colleague("yue.tang")
    yue.goes_online()
    return yue


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
