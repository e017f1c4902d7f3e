"""An administrator tries weights out: what would change now, and what a replay says of it."""

from playwright.sync_api import expect

from tests.journeys.contrast import weak_texts
from tests.journeys.people import Colleague, Visitor


def test_a_draft_is_tried_on_what_waits_and_replayed(ling: Colleague, visitor: Visitor) -> None:
    visitor.opens_chat()
    visitor.says("怎么退货？耳机左边没有声音。")
    ling.comes_in()
    page = ling.page
    page.locator(".rail a[href='/routing/lab/']").click()
    skill = page.locator("#weight_skill")
    before = page.locator("#weight_skill-figures").inner_text()
    skill.focus()
    with page.expect_response("**/routing/lab/preview/"):
        for _ in range(5):
            page.keyboard.press("ArrowLeft")
    expect(page.locator("#weight_skill-figures")).not_to_have_text(before)
    expect(page.locator("#preview")).to_be_visible()
    with page.expect_response("**/routing/lab/preview/"):
        page.locator("#patience_percent").fill("0")
    expect(page.locator("#preview [data-field=patience_percent]")).to_be_visible()
    with page.expect_response("**/routing/lab/preview/"):
        page.locator("#patience_percent").fill("90")
    page.locator("button[formaction='/routing/lab/trials/']").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#replay tbody .chip").first).to_be_visible(timeout=150_000)
    expect(page.locator("#weight_skill")).to_have_value("27")
    assert weak_texts(page) == []
    page.locator(".seg a[href='/routing/lab/decisions/']").click()
    expect(page.locator("#decision")).to_be_visible()
