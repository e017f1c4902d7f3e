"""The small things of every day: signing in, languages, keys, first steps, and a line that breaks."""

import re

import pytest
from playwright.sync_api import expect

from tests.journeys.people import Colleague, Crowd, Visitor
from tests.journeys.rows import database_away

# A row as it is while its conversation is on the way, and when that has come.
BEGIN_REQUEST = """id => {
  const row = document.getElementById(id)
  row.classList.add('htmx-request')
  return row
}"""
END_REQUEST = """row => {
  row.classList.remove('htmx-request')
  htmx.trigger(row, 'htmx:afterRequest', {elt: row, successful: true})
}"""
FETCH_LIST = """() => new Promise(done => {
  const list = document.getElementById('list')
  list.addEventListener('htmx:afterRequest', () => setTimeout(done, 50), {once: true})
  htmx.trigger(list, 'refresh')
})"""


def test_signing_in_says_what_is_wrong_and_keeps_what_was_typed(crowd: Crowd) -> None:
    login = next(login for login in crowd.accounts if login.startswith("yue.tang@"))
    yue = Colleague(crowd, crowd.page(), login)
    yue.tries_to_sign_in("not-my-password")
    expect(yue.page.get_by_role("alert")).to_be_visible()
    expect(yue.page.locator("#username")).to_have_value(login)
    expect(yue.page.locator("#password")).to_have_attribute("aria-invalid", "true")

    yue.page.locator("#password").fill(crowd.accounts[login])
    yue.page.locator("#password").press("Enter")
    yue.is_live()
    yue.page.goto("/profile/")
    yue.page.locator("form[action='/sign-out/'] button").click()
    expect(yue.page.locator("#username")).to_be_visible()
    assert yue.status_of("/board/") == 302


def test_the_language_is_chosen_before_and_after_signing_in(crowd: Crowd) -> None:
    page = crowd.page(locale="zh-CN")
    page.goto("/sign-in/")
    expect(page.locator("html")).to_have_attribute("lang", re.compile("^zh"))
    page.get_by_role("button", name="English").or_(page.get_by_text("English")).first.click()
    expect(page.locator("html")).to_have_attribute("lang", "en")

    yue = crowd.colleague("yue.tang")
    for language, word in (("en", "Desk"), ("zh-hans", "工作台")):
        yue.chooses_language(language)
        expect(yue.page.locator("nav.rail")).to_contain_text(word)


def test_a_whole_answer_is_given_by_keys_alone(visitor: Visitor, jia: Colleague) -> None:
    jia.goes_online()
    visitor.says("想退货，用键盘问一下")
    expect(jia.row("用键盘问一下")).to_be_visible()

    jia.row("用键盘问一下").focus()
    jia.page.keyboard.press("Enter")
    expect(jia.timeline).to_contain_text("用键盘问一下")
    jia.presses("r")
    expect(jia.box).to_be_focused()
    jia.page.keyboard.insert_text("可以的，七天内都行。")
    jia.page.keyboard.press("Control+Enter")
    expect(visitor.message("七天内都行")).to_be_visible()
    jia.presses("?")
    expect(jia.page.locator("#dialog")).to_be_visible()
    jia.page.keyboard.press("Escape")
    expect(jia.page.locator("#dialog")).to_be_hidden()
    jia.presses("e")
    expect(jia.page.locator("#thread-actions form[action$='/reopen/']")).to_be_visible()


def test_what_a_colleague_changes_of_the_customer_is_seen_beside_the_conversation(
    visitor: Visitor, jia: Colleague, min_zhou: Colleague
) -> None:
    min_zhou.goes_away()
    jia.goes_online()
    visitor.says("想退货，退货单填错了")
    expect(jia.row("退货单填错了")).to_have_attribute("data-owner", jia.staff_id)
    jia.opens("退货单填错了")
    min_zhou.page.goto(f"/conversations/{jia.conversation_id()}/")
    min_zhou.is_live()

    min_zhou.context.locator("a[href$='/customer/']").click()
    min_zhou.page.locator("#dialog input[name=name]").fill("欧阳静")
    min_zhou.page.locator("#dialog button.btn-main").click()
    expect(min_zhou.page.locator("#dialog")).to_be_hidden()
    for person in (min_zhou, jia):
        expect(person.context.locator("h2").first).to_have_text("欧阳静")
    jia.resolves()
    min_zhou.goes_online()


def test_an_administrator_takes_the_first_steps(ling: Colleague) -> None:
    ling.page.goto("/start/")
    expect(ling.page.locator("#widget-tag")).to_contain_text("<script")
    name = ling.page.locator("form[action='/start/name/'] input[name=name]")
    kept = name.input_value()
    name.fill("")
    ling.page.locator("form[action='/start/name/'] button").click()
    expect(ling.page.locator("form[action='/start/name/'] [role=alert]")).to_be_visible()
    ling.page.locator("form[action='/start/name/'] input[name=name]").fill(kept)
    ling.page.locator("form[action='/start/name/'] button").click()
    invitation = ling.page.locator("form[action='/start/invite/']")
    invitation.locator("input[name=name]").fill("新同事")
    invitation.locator("input[name=email]").fill("new.colleague@heguang.example")
    invitation.locator("button").click()
    expect(ling.page.locator("#welcome-link")).to_contain_text("/welcome/")


@pytest.mark.usefixtures("cleared_desk")
def test_a_row_that_changes_while_it_is_pressed_still_opens(
    visitor: Visitor, jia: Colleague
) -> None:
    jia.goes_online()
    visitor.says("快递显示签收了，我没有收到")
    # Once it is hers it stays where it is.
    row = jia.mine.filter(has_text="我没有收到").first
    row.hover()
    jia.page.mouse.down()
    # As the line does when a newer version of the row comes.
    row.evaluate("row => window.everydesk.placeRow(row.cloneNode(true))")
    jia.page.mouse.up()
    expect(jia.timeline).to_contain_text("我没有收到")
    jia.resolves()


@pytest.mark.usefixtures("cleared_desk")
def test_a_list_that_is_fetched_anew_waits_for_a_row_that_fetches_its_conversation(
    visitor: Visitor, jia: Colleague
) -> None:
    jia.goes_online()
    visitor.says("快递显示派送中，三天没动了")
    row = jia.mine.filter(has_text="三天没动").first
    expect(row).to_be_visible()
    # In one go: the row may be another element any moment.
    held = jia.page.evaluate_handle(BEGIN_REQUEST, row.get_attribute("id"))
    jia.page.evaluate(FETCH_LIST)
    assert held.evaluate("row => row.isConnected")
    held.evaluate(END_REQUEST)
    jia.page.wait_for_function("row => !row.isConnected", arg=held)
    jia.opens("三天没动")
    jia.resolves()


def test_what_is_written_while_the_web_restarts_arrives_once(
    crowd: Crowd, visitor: Visitor, jia: Colleague
) -> None:
    jia.goes_online()
    visitor.says("退货之前先问一句，断线了怎么办")
    expect(jia.row("断线了怎么办")).to_be_visible()
    jia.opens("断线了怎么办")
    crowd.is_rough = True
    crowd.installation.kill("daphne")
    visitor.writes("这句在断线时写的")
    # Both sides come back by themselves, after a pause that grows and is never the same for two.
    expect(jia.message("这句在断线时写的")).to_have_count(1, timeout=60_000)
    expect(visitor.message("这句在断线时写的")).to_have_count(1)
    jia.is_live()
    expect(jia.page.locator("#offline")).to_be_hidden()
    jia.resolves()


def test_without_the_database_pages_say_so_and_the_widget_keeps_what_was_typed(
    crowd: Crowd, visitor: Visitor, jia: Colleague
) -> None:
    jia.goes_online()
    visitor.says("退款多久到账")
    expect(jia.row("退款多久到账")).to_be_visible()
    jia.opens("退款多久到账")
    crowd.is_rough = True
    with database_away(crowd.installation):
        assert jia.status_of("/") == 503
        visitor.writes("数据库不在时写的")
        expect(visitor.message("数据库不在时写的")).to_be_visible()
    expect(jia.message("数据库不在时写的")).to_have_count(1)
    expect(visitor.message("数据库不在时写的")).to_have_count(1)
    jia.resolves()
