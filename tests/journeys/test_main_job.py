"""A customer's message reaches the right colleague, live, and the answer gets back."""

from playwright.sync_api import expect

from tests.journeys.people import Colleague, Visitor


def test_a_question_reaches_the_right_colleague_and_the_answer_gets_back(
    visitor: Visitor, jia: Colleague, xiaolan: Colleague
) -> None:
    jia.goes_online()
    xiaolan.goes_online()

    visitor.says("怎么退货?")

    # Support's open screen shows it by itself: whose it is, what it is about, how urgent, and why.
    row = jia.row("怎么退货?")
    expect(row).to_have_attribute("data-owner", jia.staff_id)
    expect(row.locator(".chip").first).to_contain_text("退")
    turn = jia.page.locator("#conversations a.conv[data-state=open]").and_(jia.mine)
    counted = jia.page.locator("[data-group=turn] [data-count]")
    expect(counted).to_have_text(str(turn.count()))
    expect(jia.page.locator("#to-answer")).to_contain_text(str(turn.count()))
    jia.opens("怎么退货?")
    expect(jia.context).to_contain_text("退")
    expect(jia.page.locator("#why")).to_contain_text("为什么是我")
    expect(xiaolan.row("怎么退货?").and_(xiaolan.mine)).to_have_count(0)

    # Each sees the other type.
    visitor.box.press_sequentially("我在")
    expect(jia.page.locator("#customer-typing")).not_to_be_empty()
    visitor.box.fill("")
    jia.box.press_sequentially("您好")
    visitor.sees_typing()
    jia.replies("您好，七天内可以无理由退货。")
    expect(visitor.message("七天内可以无理由退货")).to_be_visible()

    visitor.says("好的，谢谢！")
    expect(jia.message("好的，谢谢！")).to_be_visible()

    jia.resolves()
    visitor.rates(5)
    expect(jia.timeline).to_contain_text("5 星")


def test_sales_answers_a_product_question_and_hands_a_case_over(
    visitor: Visitor, jia: Colleague, xiaolan: Colleague
) -> None:
    jia.goes_away()
    xiaolan.goes_online()
    visitor.says("你们有没有企业采购优惠，买 50 副耳机多少钱？")
    expect(xiaolan.row("企业采购优惠")).to_have_attribute("data-owner", xiaolan.staff_id)
    xiaolan.opens("企业采购优惠")
    xiaolan.replies("有的，50 副可以打八五折。")
    expect(visitor.message("八五折")).to_be_visible()
    visitor.says("我上周买的那副左耳没声音了，想退货退款")
    expect(xiaolan.message("左耳没声音")).to_be_visible()

    jia.goes_online()
    xiaolan.hands_over("陈嘉", "上周的订单，左耳没声音，客户想退货")

    # The receiver sees everything: the question, the answer, the note.
    expect(jia.row("左耳没声音")).to_have_attribute("data-owner", jia.staff_id)
    jia.opens("左耳没声音")
    for words in ("企业采购优惠", "八五折", "左耳没声音", "上周的订单"):
        expect(jia.timeline).to_contain_text(words)
    jia.replies("您好，我来为您办理退货。")
    expect(visitor.message("我来为您办理退货")).to_be_visible()
    jia.resolves()


def test_a_handover_ends_well_when_the_screen_hears_of_it_before_its_answer_comes(
    visitor: Visitor, jia: Colleague, xiaolan: Colleague
) -> None:
    jia.goes_away()
    xiaolan.goes_online()
    visitor.says("公司团购 80 副耳机有优惠吗？")
    expect(xiaolan.row("公司团购")).to_have_attribute("data-owner", xiaolan.staff_id)
    xiaolan.opens("公司团购")

    # Sales may see nothing of administration's: the thread closes before the answer is there.
    with xiaolan.answers_held_back():
        xiaolan.sends_handover("行政部", "其实是要开发票")
        expect(xiaolan.timeline).to_have_count(0)
    expect(xiaolan.page.locator("#dialog")).to_be_hidden()
    expect(xiaolan.page.locator("#toasts .toast")).to_contain_text("行政部")
    expect(xiaolan.row("公司团购")).to_have_count(0)


def test_an_engineer_is_called_in_answers_in_a_note_and_leaves(
    visitor: Visitor, jia: Colleague, yiming: Colleague
) -> None:
    jia.goes_online()
    yiming.goes_online()
    visitor.says("退货的快递费谁出？另外耳机升级后有杂音")
    expect(jia.row("退货的快递费谁出")).to_be_visible()
    jia.opens("退货的快递费谁出")
    conversation = jia.conversation_id()
    assert yiming.status_of(f"/conversations/{conversation}/") == 404

    jia.calls_in("顾一鸣", "升级后的杂音是固件的问题吗？")
    expect(yiming.page.locator("#toasts .toast")).to_be_visible()
    yiming.page.goto("/?view=mentions")
    yiming.is_live()
    yiming.opens("退货的快递费谁出")
    yiming.notes("是的，2.3.1 有这个问题，回退到 2.2.9 即可。")
    expect(jia.message("回退到 2.2.9")).to_be_visible()
    expect(visitor.message("回退到 2.2.9")).to_have_count(0)

    jia.resolves()
    expect(yiming.timeline).to_be_hidden()
    assert yiming.status_of(f"/conversations/{conversation}/") == 404


def test_a_case_climbs_by_its_timer_and_is_claimed(
    visitor: Visitor, xiaolan: Colleague, jia: Colleague, min_zhou: Colleague
) -> None:
    jia.goes_away()
    xiaolan.goes_online()
    visitor.says("企业采购的网关可以定制固件吗？")
    expect(xiaolan.row("定制固件")).to_have_attribute("data-owner", xiaolan.staff_id)
    xiaolan.opens("定制固件")
    xiaolan.escalates("销售", "客户要定制固件，需要技术支持")
    conversation = xiaolan.conversation_id()

    min_zhou.page.goto("/board/")
    case = min_zhou.page.locator("#board-escalations .esc").filter(has_text="客户要定制固件")
    expect(case).to_be_visible()
    xiaolan.crowd.let_time_pass(conversation)

    # It stands one level higher, and whoever may help claims it.
    lane = min_zhou.page.locator("#board-escalations .lane").filter(has_text="客户要定制固件")
    expect(lane.locator("header")).to_contain_text("技术支持")
    case.get_by_role("button", name="认领").click()
    min_zhou.page.wait_for_url(f"**/conversations/{conversation}/")
    expect(min_zhou.timeline).to_contain_text("定制固件")
    min_zhou.resolves()
