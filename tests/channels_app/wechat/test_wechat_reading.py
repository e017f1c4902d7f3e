"""What accounts of WeChat report: every kind of message and event, and what is none of ours."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils.translation import override

from channels_app import registry
from channels_app.fake_vendor import Sealed
from channels_app.protocol import Attachment, BadPayload, BadSignature, ContactIdentity, Event
from channels_app.wechat import cipher
from channels_app.wechat.accounts import AccountAdapter
from channels_app.wechat.played import PlayedAccount
from tests.channels_app.wechat.played_accounts import NOW, config, request, says

KINDS = ("wechat", "wechat_mini")


@pytest.fixture(params=KINDS)
def vendor(request: pytest.FixtureRequest) -> PlayedAccount:
    found = registry.fake_vendor_of(request.param)()
    assert isinstance(found, PlayedAccount)
    return found


def adapter(vendor: PlayedAccount, **facts: Any) -> AccountAdapter:
    kind = "wechat_mini" if vendor.in_json else "wechat"
    found = registry.make_adapter(kind, config(vendor, serves=False, **facts))
    assert isinstance(found, AccountAdapter)
    return found


def sealed(vendor: PlayedAccount, body: bytes, **facts: Any) -> Sealed:
    return vendor.seal(body, config(vendor, serves=False, **facts), NOW)


def parsed(vendor: PlayedAccount, body: bytes) -> list[Event]:
    with override("en"):
        return adapter(vendor).parse(request(sealed(vendor, body)))


def told(vendor: PlayedAccount, **facts: object) -> Event:
    (found,) = parsed(vendor, vendor.said(CreateTime=1348831860, **facts))
    return found


def test_a_text_is_a_message_of_the_person_who_wrote_it(vendor: PlayedAccount) -> None:
    found = told(vendor, MsgType="text", Content=" this is a test ", MsgId=1234567890123456789)
    assert (found.kind, found.text) == ("message", "this is a test")
    assert found.provider_id == "1234567890123456789"
    assert found.sender == ContactIdentity(vendor.customer, verified=True)
    assert (found.thread_key, found.direction) == ("", "in")
    assert found.sent_at == datetime(2012, 9, 28, 11, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"MsgType": "image"}, Attachment("image", media_ref="m-1")),
        (
            {"MsgType": "voice", "Format": "amr"},
            Attachment("audio", "voice.amr", media_ref="m-1"),
        ),
        ({"MsgType": "video", "ThumbMediaId": "t"}, Attachment("video", media_ref="m-1")),
        ({"MsgType": "shortvideo"}, Attachment("video", media_ref="m-1")),
        ({"MsgType": "file", "Title": "a.pdf"}, Attachment("file", "a.pdf", media_ref="m-1")),
    ],
)
def test_files_are_named_by_their_ids(
    vendor: PlayedAccount, facts: dict[str, object], expected: Attachment
) -> None:
    found = told(vendor, MediaId="m-1", MsgID=7, **facts)
    assert found.attachments == (expected,)
    assert (found.provider_id, found.text) == ("7", "")


def test_what_wechat_heard_is_the_text_of_a_voice(vendor: PlayedAccount) -> None:
    facts = {"MsgType": "voice", "MediaId": "m-1", "Format": "amr", "Recognition": "怎么退货"}
    assert told(vendor, MsgId=7, **facts).text == "怎么退货"


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        (
            {
                "MsgType": "location",
                "Location_X": "23.13",
                "Location_Y": "113.36",
                "Label": "广州塔",
            },
            "[A place]\n广州塔\n23.13, 113.36",
        ),
        ({"MsgType": "location"}, "[A place]"),
        (
            {"MsgType": "link", "Title": "Returns", "Url": "https://shop.example/r"},
            "Returns\nhttps://shop.example/r",
        ),
        ({"MsgType": "link"}, "[A link]"),
        (
            {"MsgType": "miniprogrampage", "Title": "Shoes", "PagePath": "pages/42"},
            "[A page of the mini program]\nShoes\npages/42",
        ),
        ({"MsgType": "hologram"}, "[A message of a kind that cannot be shown: hologram]"),
    ],
)
def test_what_has_no_words_is_said_in_words(
    vendor: PlayedAccount, facts: dict[str, object], text: str
) -> None:
    assert told(vendor, MsgId=7, **facts).text == text


def test_the_choice_of_a_button_is_a_message_that_names_it(vendor: PlayedAccount) -> None:
    found = told(vendor, MsgType="text", Content="满意", MsgId=7, bizmsgmenuid="101")
    assert (found.text, found.data) == ("满意", {"button": "101"})


@pytest.mark.parametrize(
    ("event", "kind", "state"),
    [
        ("subscribe", "lifecycle", "follow"),
        ("unsubscribe", "lifecycle", "unfollow"),
        ("SCAN", "lifecycle", "scan"),
        ("user_enter_tempsession", "lifecycle", "enter"),
    ],
)
def test_coming_and_going_is_told_apart(
    vendor: PlayedAccount, event: str, kind: str, state: str
) -> None:
    found = told(vendor, MsgType="event", Event=event, EventKey="qrscene_7")
    assert (found.kind, found.data) == (kind, {"state": state, "scene": "qrscene_7"})


def test_a_click_in_the_menu_is_a_choice(vendor: PlayedAccount) -> None:
    found = told(vendor, MsgType="event", Event="CLICK", EventKey="RETURNS")
    assert (found.kind, found.text) == ("postback", "RETURNS")


def test_two_events_of_one_second_are_two_and_a_repeated_one_is_one(vendor: PlayedAccount) -> None:
    def key(name: str) -> str:
        return told(vendor, MsgType="event", Event="CLICK", EventKey=name).dedup_key

    assert key("A") == key("A") != key("B")


def test_a_message_without_an_id_is_told_by_what_it_says(vendor: PlayedAccount) -> None:
    first, second = (told(vendor, MsgType="text", Content=each) for each in ("a", "b"))
    assert first.dedup_key != second.dedup_key
    assert (first.provider_id, first.text) == ("", "a")


def test_a_repeated_call_looks_different_and_is_the_same_event(vendor: PlayedAccount) -> None:
    body = vendor.message("m-1")
    first, again = sealed(vendor, body), sealed(vendor, body)
    assert first.body != again.body
    found = [adapter(vendor).parse(request(each)) for each in (first, again)]
    assert found[0] == found[1]


def test_xml_and_json_say_the_same(vendor: PlayedAccount) -> None:
    other = registry.fake_vendor_of("wechat" if vendor.in_json else "wechat_mini")()
    assert isinstance(other, PlayedAccount)
    facts = {"FromUserName": "o1", "CreateTime": 1, "MsgType": "text", "Content": "a", "MsgId": 9}
    assert parsed(vendor, vendor.written(facts)) == parsed(vendor, other.written(facts))


@pytest.mark.parametrize(
    "broken",
    [
        b"<xml/>",
        b"<xml><FromUserName>o</FromUserName><MsgType>image</MsgType><MsgId>1</MsgId></xml>",
        b"<xml><FromUserName>o</FromUserName><MsgType>text</MsgType><CreateTime>x</CreateTime></xml>",
        b"<xml><FromUserName>o</FromUserName><FromUserName>p</FromUserName></xml>",
        b"<xml><FromUserName>o\x01</FromUserName></xml>",
        b"<xml>" + b"<a>" * 20 + b"</a>" * 20 + b"</xml>",
        b'<!DOCTYPE x [<!ENTITY e "e">]><xml><MsgType>text</MsgType><Content>&e;</Content></xml>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><xml><MsgType>text</MsgType></xml>',
        b"<xml><MsgType>text</MsgType><Content>&undefined;</Content></xml>",
        b'{"MsgType": "text", "msgtype": "image"}',
        b'{"MsgType": 7.5e999}',
    ],
)
def test_what_does_not_fit_is_a_bad_payload(vendor: PlayedAccount, broken: bytes) -> None:
    with pytest.raises(BadPayload):
        parsed(vendor, broken)


def test_a_call_from_nobody_means_nothing(vendor: PlayedAccount) -> None:
    assert parsed(vendor, vendor.said(FromUserName="", MsgType="text", Content="a", MsgId=1)) == []


# --- what proves a call ----------------------------------------------------------------------------


def test_calls_in_plain_mode_are_refused(vendor: PlayedAccount) -> None:
    call = sealed(vendor, vendor.message("m-1"))
    plain = replace(call, body=vendor.message("m-1"))
    with says(BadSignature, "safe mode"):
        adapter(vendor).verify(request(plain))
    adapter(vendor).verify(request(call))


def test_the_signature_of_plain_mode_proves_nothing(vendor: PlayedAccount) -> None:
    call = sealed(vendor, vendor.message("m-1"))
    plain = replace(call, query={**call.query, "msg_signature": call.query["signature"]})
    with pytest.raises(BadSignature):
        adapter(vendor).verify(request(plain))


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_call_from_another_time_is_refused(vendor: PlayedAccount, minutes: int) -> None:
    call = sealed(vendor, vendor.message("m-1"))
    with says(BadSignature, "too far"):
        adapter(vendor).verify(request(call, at=NOW + timedelta(minutes=minutes)))


def test_a_call_for_another_account_is_refused(vendor: PlayedAccount) -> None:
    call = sealed(vendor, vendor.message("m-1"), settings={"app_id": "wx0000000000000000"})
    with says(BadSignature, "somebody else"):
        adapter(vendor).verify(request(call))
    with pytest.raises(BadPayload):
        adapter(vendor).parse(request(call))
    with pytest.raises(BadSignature):
        adapter(vendor, settings={}).verify(request(sealed(vendor, b"<xml/>")))


def test_the_key_before_the_last_change_still_opens(vendor: PlayedAccount) -> None:
    call = sealed(vendor, vendor.message("m-1"))
    known = {"app_secret": "s", "aes_key": "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"}
    changed = adapter(vendor, named_secrets=known, named_before=vendor.named_secrets)
    changed.verify(request(call))
    assert len(changed.parse(request(call))) == 1
    with pytest.raises(BadSignature):
        adapter(vendor, named_secrets=known).verify(request(call))


def test_their_check_of_the_address_is_answered_with_its_word(vendor: PlayedAccount) -> None:
    query = {"timestamp": str(int(NOW.timestamp())), "nonce": "n-1", "echostr": "5837397246"}
    signed = {"signature": cipher.signature("the older token", query["timestamp"], "n-1")}
    call = Sealed(b"", query={**query, **signed})
    found = adapter(vendor).handshake(request(call, method="GET"))
    assert found is not None
    assert found.body == b"5837397246"
    assert adapter(vendor).handshake(request(call)) is None
    for wrong in ({"signature": "x"}, {"timestamp": "1"}, {"nonce": ""}):
        forged = replace(call, query={**call.query, **wrong})
        with pytest.raises(BadSignature):
            adapter(vendor).handshake(request(forged, method="GET"))
    loud = replace(call, query={**call.query, "echostr": "<b>\n"})
    assert adapter(vendor).handshake(request(loud, method="GET")) is None


@pytest.mark.corpus
def test_every_recorded_call_is_read() -> None:
    vendor = registry.fake_vendor_of("wechat")()
    assert isinstance(vendor, PlayedAccount)
    folder = Path(os.environ["EVERYDESK_CORPUS"]) / "webhooks/wechat_mp"
    found = {path.stem: parsed(vendor, path.read_bytes()) for path in folder.glob("*.xml")}
    assert {name: len(events) for name, events in found.items()} == {
        "image": 1,
        "text": 1,
        "voice": 1,
    }
    assert found["text"][0].text == "this is a test"
    assert {events[0].provider_id for events in found.values()} == {"1234567890123456"}
