"""A customer on the phone: seen before they are answered, talked to, recorded, and called back."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from channels_app.adapters.voice_twilio.fake import Vendor
from channels_app.adapters.voice_twilio.played_call import PlayedCall
from channels_app.protocol import ChannelConfig
from tests.deploy.stack import eventually
from tests.journeys.people import Colleague, Crowd
from tests.journeys.rows import change_rows

CONFIG = ChannelConfig("voice_twilio", secrets=("the auth token",))
FANG, LIU = "+8613800138000", "+8613800138111"
SETTINGS = (
    "UPDATE helpdesk_channel SET settings = settings || %s::jsonb WHERE kind = 'voice_twilio'"
)
# Whether the browser can play it, and for how long.
SECONDS = """sound => new Promise((resolve, reject) => {
  const tell = () => resolve(sound.duration)
  if (sound.readyState) tell()
  sound.addEventListener('loadedmetadata', tell)
  sound.addEventListener('error', () => reject(new Error('cannot be played')))
})"""


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    with Vendor() as vendor:
        yield vendor


@pytest.fixture
def line(vendor: Vendor, ling: Colleague) -> str:
    """The address of a connected number."""
    return ling.connects("voice_twilio", secret=CONFIG.secrets[0], **vendor.settings)


def is_rung(call: PlayedCall) -> bool:
    call.waits()
    return call.stands == "dialling"


def is_played(sound: Locator) -> None:
    expect(sound).to_be_visible()
    assert 0.5 < float(sound.evaluate(SECONDS)) < 3


@pytest.mark.usefixtures("cleared_desk")
def test_a_caller_is_put_through_and_called_back(
    crowd: Crowd, vendor: Vendor, line: str, jia: Colleague
) -> None:
    change_rows(crowd.installation, SETTINGS, ['{"records": true}'])
    jia.enters_phone("+8613911112222")
    call = vendor.rings(line, CONFIG, caller=FANG)
    expect(jia.dock).to_contain_text("客户来电")
    expect(jia.dock).to_contain_text(FANG)
    eventually(lambda: is_rung(call), 20)
    call.colleague_answers()
    expect(jia.dock).to_contain_text("你正在通话")
    jia.dock.locator("a.btn").click()
    expect(jia.timeline).to_contain_text("正在与客户通话")
    call.talk_ends()
    expect(jia.timeline).to_contain_text("与客户通话（0:")
    expect(jia.dock).to_have_count(0)
    is_played(jia.timeline.locator("li.sys audio"))

    # Called back: first the own phone, then the customer's.
    jia.page.locator("#thread-actions form[action$='/call/'] button").click()
    expect(jia.dock).to_contain_text("正在为你拨打")
    eventually(lambda: len(vendor.placed) == 1, 20)
    back = vendor.connects(CONFIG)
    back.colleague_answers()
    assert back.stands == "dialling"
    back.colleague_ignores("busy")
    expect(jia.timeline).to_contain_text("对方占线")
    expect(jia.dock).to_have_count(0)
    jia.resolves()


@pytest.mark.usefixtures("cleared_desk")
def test_a_caller_whom_nobody_takes_leaves_a_message(
    crowd: Crowd, vendor: Vendor, line: str, jia: Colleague
) -> None:
    change_rows(crowd.installation, SETTINGS, ['{"voicemail_after": 1}'])
    jia.goes_away()
    call = vendor.rings(line, CONFIG, caller=LIU)
    eventually(lambda: (call.waits(), call.stands == "recording")[1], 20)
    assert call.heard[-1].startswith("现在没有人能接听您的电话")
    call.leaves_message()
    jia.goes_online()
    expect(jia.row("语音留言").first).to_be_visible()
    jia.opens("语音留言")
    expect(jia.timeline).to_contain_text("未接来电；客户留了言")
    is_played(jia.message("语音留言").locator("audio"))
    expect(jia.page.locator("#composer [data-closed]")).to_contain_text("来电者无法用文字答复")
    jia.resolves()
