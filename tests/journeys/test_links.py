"""One conversation about two matters becomes two, and two about one matter become one; then it is undone."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from channels_app.adapters.line.fake import Vendor
from channels_app.protocol import ChannelConfig
from tests.deploy.stack import eventually
from tests.journeys.people import Colleague

CONFIG = ChannelConfig("line", secrets=("the channel secret",))


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    with Vendor() as vendor:
        yield vendor


def chooses(colleague: Colleague, action: str, words: str) -> None:
    """Open a dialog from the thread's menu, and choose in it what has these words."""
    colleague.page.locator("#thread-actions details.actions-menu > summary").click()
    colleague.page.locator(f"#thread-actions a[href$='/{action}/']").click()
    dialog = colleague.page.locator("#dialog")
    dialog.locator(".choices label").filter(has_text=words).locator("input").check()
    keep = dialog.locator("[name=keep]")
    if keep.count():
        keep.check()
    dialog.locator("button.btn-main").click()
    expect(dialog).to_be_hidden()


@pytest.mark.usefixtures("cleared_desk")
def test_two_matters_are_split_and_brought_together_again(
    vendor: Vendor, ling: Colleague, jia: Colleague
) -> None:
    address = ling.connects(
        "line", secret=CONFIG.secrets[0], **vendor.named_secrets, **vendor.settings
    )
    jia.goes_online()
    returns, other = (f"{words} {uuid4().hex[:6]}" for words in ("想退货", "另一副耳机也想退货"))
    assert vendor.says(address, CONFIG, returns) == 200
    expect(jia.row(returns)).to_be_visible()
    jia.opens(returns)
    first = jia.conversation_id()
    assert vendor.says(address, CONFIG, other) == 200
    expect(jia.message(other)).to_be_visible()

    chooses(jia, "split", other)
    expect(jia.timeline).to_contain_text("拆出了几条消息")
    jia.timeline.locator("li.sys a[href^='/conversations/']").last.click()
    history = jia.timeline.locator(".history")
    expect(history).to_contain_text(other)
    expect(history).not_to_contain_text(returns)
    part = jia.conversation_id()
    assert part != first
    jia.replies("另一副也可以退")
    eventually(lambda: "另一副也可以退" in vendor.texts(), 20)

    jia.page.goto(f"/conversations/{first}/")
    jia.is_live()
    chooses(jia, "merge", f"C-{part}")
    expect(jia.timeline).to_contain_text(f"把 C-{part} 并入了这个会话")
    history = jia.timeline.locator(".history").last
    history.locator("a.btn").click()
    expect(history).to_contain_text("另一副也可以退")
    history.locator("form button").click()
    expect(jia.timeline).to_contain_text(f"与 C-{part} 的合并")
    jia.page.goto(f"/conversations/{part}/")
    jia.is_live()
    jia.resolves()
