"""A role taken away in admin ends what an open screen shows, at once and everywhere."""

import time

from playwright.sync_api import expect

from tests.journeys.people import Colleague, Crowd, Visitor

# From the answer to the administrator, which comes right after the commit.
WITHIN_SECONDS = 2.0


def test_a_role_taken_away_takes_the_conversation_off_the_open_screen(
    crowd: Crowd, visitor: Visitor, ling: Colleague
) -> None:
    zhiyuan = crowd.colleague("zhiyuan.ma")
    zhiyuan.goes_away()
    visitor.says("路由器指示灯一直闪，帮我看看")
    zhiyuan.page.goto("/?view=departments")
    zhiyuan.is_live()
    zhiyuan.opens("指示灯一直闪")
    conversation = zhiyuan.conversation_id()
    page, file = (
        f"/conversations/{conversation}/",
        f"/conversations/{conversation}/earlier/?before=9",
    )
    assert zhiyuan.status_of(page) == zhiyuan.status_of(file) == 200

    ling.page.goto(f"/admin/helpdesk/staff/{zhiyuan.staff_id}/change/")
    for box in ling.page.locator("label:has(input[name^='role_grants-'][name$='-DELETE'])").all():
        box.click()
    with ling.page.expect_response(lambda answer: answer.request.method == "POST") as saving:
        ling.page.locator("[name=_save]").click()
    assert saving.value.status == 302
    saved_at = time.monotonic()
    expect(zhiyuan.page.locator("#timeline")).to_have_count(0)
    took = time.monotonic() - saved_at
    print(f"taken off the screen after {took:.2f} s")
    assert took < WITHIN_SECONDS

    expect(zhiyuan.row("指示灯一直闪")).to_have_count(0)
    for address in (page, file, f"/routing/conversations/{conversation}/why/"):
        assert zhiyuan.status_of(address) == 404
        assert zhiyuan.status_of(address, fragment=True) == 404
    assert zhiyuan.status_of(f"/admin/helpdesk/conversation/{conversation}/change/") in {302, 404}
    zhiyuan.page.goto(f"/?view=search&q=C-{conversation}")
    expect(zhiyuan.page.locator("#conversations a.conv")).to_have_count(0)

    # The line itself tells nothing either: what is asked for by number does not come.
    zhiyuan.is_live()
    zhiyuan.page.evaluate(
        "id => window.everydesk.send({type: 'open', conversation: id, after: 0})", conversation
    )
    visitor.says("还在闪")
    expect(zhiyuan.page.get_by_text("还在闪")).to_have_count(0)


def test_a_stranger_is_asked_to_sign_in_and_a_neighbour_finds_nothing(
    crowd: Crowd, visitor: Visitor, jia: Colleague
) -> None:
    jia.goes_online()
    visitor.says("怎么退换货？我的订单想退货")
    expect(jia.row("我的订单想退货")).to_be_visible()
    jia.opens("我的订单想退货")
    address = f"/conversations/{jia.conversation_id()}/"

    stranger = crowd.page()
    stranger.goto(address)
    expect(stranger.locator("#username")).to_be_visible()

    neighbour = crowd.colleague("pan.gu")
    assert neighbour.status_of(address) == neighbour.status_of("/conversations/99999999/") == 404
    jia.resolves()
