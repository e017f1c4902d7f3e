"""The customer service of WeCom: hints, pages of messages, sessions that somebody else holds, and what fails."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from channels_app.adapters.wecom_kf.adapter import (
    SEND_ON_EVENT,
    SYNC,
)
from channels_app.adapters.wecom_kf.fake import ACCOUNT, Vendor
from channels_app.adapters.wecom_kf.reading import read_item
from channels_app.fake_vendor import Answer, Sealed
from channels_app.json_fields import read_object
from channels_app.protocol import Attachment, BadSignature, Polls, SendError
from channels_app.wechat import cipher
from channels_app.wechat.played import AES_KEY, answer, refusal
from tests.channels_app.wechat.played_accounts import NOW, config, request
from tests.channels_app.wecom_kf.asked import adapter, calls, events, fetched, happened, polled

# --- what it is told ------------------------------------------------------------------------------


def test_a_call_is_only_a_hint_at_an_account(vendor: Vendor) -> None:
    call = vendor.seal(vendor.message("m-1"), config(vendor), NOW)
    adapter(vendor).verify(request(call))
    (found,) = adapter(vendor).parse(request(call))
    assert (found.kind, found.data["place"], found.sender) == ("poll_hint", ACCOUNT, None)
    assert isinstance(adapter(vendor), Polls)


def test_a_call_for_another_company_is_refused(vendor: Vendor) -> None:
    other = config(vendor, settings={"corp_id": "ww0000"})
    call = vendor.seal(vendor.message("m-1"), other, NOW)
    with pytest.raises(BadSignature):
        adapter(vendor).verify(request(call))


def test_their_check_of_the_address_is_answered_with_the_word_inside(vendor: Vendor) -> None:
    word = cipher.encrypt(b"1616140317555161061", "ww12345678910", AES_KEY)
    timestamp = str(int(NOW.timestamp()))
    query = {"timestamp": timestamp, "nonce": "n", "echostr": word}
    signed = {**query, "msg_signature": cipher.signature("the token", timestamp, "n", word)}
    found = adapter(vendor).handshake(request(Sealed(b"", query=signed), method="GET"))
    assert found is not None
    assert found.body == b"1616140317555161061"
    for wrong in (query, {**signed, "echostr": word[:-4]}, {**signed, "timestamp": "1"}):
        with pytest.raises(BadSignature):
            adapter(vendor).handshake(request(Sealed(b"", query=wrong), method="GET"))
    stranger = cipher.encrypt(b"1", "ww0000", AES_KEY)
    proof = cipher.signature("the token", timestamp, "n", stranger)
    forged = {**query, "echostr": stranger, "msg_signature": proof}
    with pytest.raises(BadSignature):
        adapter(vendor).handshake(request(Sealed(b"", query=forged), method="GET"))


# --- what it fetches ------------------------------------------------------------------------------


def test_a_text_comes_with_the_name_of_its_customer_and_its_account(vendor: Vendor) -> None:
    found = fetched(vendor, "text", {"content": "hello", "menu_id": "101"}, msgid="m-1")
    assert (found.kind, found.text, found.provider_id) == ("message", "hello", "m-1")
    assert (found.thread_key, found.direction) == (ACCOUNT, "in")
    assert found.data == {"button": "101"}
    assert found.sender is not None
    assert found.sender.external_id == vendor.customer
    assert (found.sender.display_name, found.sender.union_id) == ("王芳", "oUnion1")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("image", "image"), ("voice", "audio"), ("video", "video"), ("file", "file")],
)
def test_files_are_named_by_their_ids(vendor: Vendor, kind: str, expected: Any) -> None:
    found = fetched(vendor, kind, {"media_id": "m-1"})
    assert found.attachments == (Attachment(expected, media_ref="m-1"),)


@pytest.mark.parametrize(
    ("kind", "content", "text"),
    [
        (
            "location",
            {"latitude": 23.1, "longitude": 113.3, "name": "广州塔", "address": "阅江西路"},
            "[A place]\n广州塔\n阅江西路\n23.100000, 113.300000",
        ),
        (
            "link",
            {"title": "Returns", "desc": "How", "url": "https://x"},
            "Returns\nHow\nhttps://x",
        ),
        ("link", {}, "[A link]"),
        (
            "miniprogram",
            {"title": "Shoes", "pagepath": "p"},
            "[A page of the mini program]\nShoes\np",
        ),
        ("business_card", {"userid": "zhangsan"}, "[A contact]\nzhangsan"),
        (
            "channels_shop_product",
            {"title": "Shoes", "price": "199"},
            "[An article of a shop]\nShoes\n199",
        ),
        ("channels_shop_order", {"order_id": "7"}, "[An order]\n7"),
        ("merged_msg", {"title": "Chat"}, "[Forwarded messages]\nChat"),
        ("hologram", {}, "[A message of a kind that cannot be shown: hologram]"),
    ],
)
def test_what_has_no_words_is_said_in_words(
    vendor: Vendor, kind: str, content: Mapping[str, object], text: str
) -> None:
    assert fetched(vendor, kind, content).text == text


def test_what_colleagues_write_in_wecom_is_no_customers_word(vendor: Vendor) -> None:
    found = fetched(vendor, "text", {"content": "I do it"}, origin=5, servicer_userid="zhang")
    assert (found.kind, found.direction) == ("message", "out")


def test_what_happens_is_told_apart(vendor: Vendor) -> None:
    entered, failed, gone, ours, changed = [
        happened(vendor, name, **facts)[-1]
        for name, facts in (
            ("enter_session", {"scene": "menu"}),
            ("msg_send_fail", {"fail_msgid": "m-9", "fail_type": 4}),
            ("user_recall_msg", {"recall_msgid": "m-1"}),
            ("servicer_recall_msg", {"recall_msgid": "m-2"}),
            ("session_status_change", {"change_type": 3}),
        )
    ]
    assert (entered.kind, entered.data["state"]) == ("lifecycle", "enter")
    assert (failed.kind, failed.status, failed.references) == ("receipt", "failed", ("m-9",))
    assert "(4)" in failed.error
    assert (gone.kind, gone.provider_id, gone.direction) == ("delete", "m-1", "in")
    assert (ours.kind, ours.direction) == ("delete", "out")
    assert changed.kind == "lifecycle"
    before = len(events(polled(vendor)))
    assert len(happened(vendor, "servicer_status_change", external_userid="")) == before
    assert len(happened(vendor, "news_to_come")) == before


def test_events_without_an_id_are_told_apart_by_what_they_say(vendor: Vendor) -> None:
    for recalled in ("m-1", "m-2", "m-1"):
        vendor.happens("user_recall_msg", recall_msgid=recalled)
    for row in vendor.rows:
        row.pop("msgid")
        row["send_time"] = int(timezone.now().timestamp()) // 60 * 60
    found = [event.dedup_key for event in events(polled(vendor))]
    assert found[0] == found[2] != found[1]


def test_pages_are_read_to_the_end_also_where_one_is_empty(vendor: Vendor) -> None:
    vendor.page = 2
    for each in range(3):
        vendor.message(f"m-{each}")
    first = polled(vendor)
    assert ([event.provider_id for event in events(first)], first.has_more) == (
        ["m-0", "m-1"],
        True,
    )
    empty = {"next_cursor": "2", "has_more": 1, "msg_list": []}
    reading = adapter(vendor)
    reading.test_connection()
    vendor.fail(answer(**empty))
    between = reading.poll(ACCOUNT, first.position, {})
    assert (between.items, between.has_more) == ((), True)
    last = polled(vendor, between.position)
    assert ([event.provider_id for event in events(last)], last.has_more) == (["m-2"], False)
    asked = [json.loads(call.body) for call in calls(vendor, SYNC)]
    assert [each["cursor"] for each in asked] == ["", "2", "2"]
    assert ["token" in each for each in asked] == [True, False, True]


def test_what_was_there_long_before_the_channel_is_left_alone(vendor: Vendor) -> None:
    vendor.message("m-1")
    vendor.rows[0]["send_time"] = int((timezone.now() - timedelta(hours=2)).timestamp())
    vendor.message("m-2")
    first = polled(vendor)
    assert [event.provider_id for event in events(first)] == ["m-2"]
    # After that nothing is too old: it was only read late.
    since, _space, _cursor = first.position.partition(" ")
    vendor.rows[0]["send_time"] = int(since) + 1
    assert len(events(polled(vendor, f"{since} "))) == 2


def test_what_cannot_be_read_is_kept_and_stops_no_other(vendor: Vendor) -> None:
    vendor.comes("text", {"content": 7}, "m-1")
    vendor.comes("image", {}, "m-2")
    vendor.comes("text", {"content": "well"}, "m-3")
    first, second, third = events(polled(vendor))
    assert [each.kind for each in (first, second, third)] == ["raw", "raw", "message"]
    assert "content" in first.error


def test_messages_come_without_names_where_names_are_not_told(vendor: Vendor) -> None:
    vendor.message("m-1")
    reading = adapter(vendor)
    reading.test_connection()
    page = answer(next_cursor="1", has_more=0, msg_list=vendor.rows)
    for given in (refusal(48002), Answer(500), Answer(200, b'{"customer_list": 7}')):
        vendor.fail(page, given)
        (found,) = events(reading.poll(ACCOUNT, "", {}))
        assert found.sender is not None
        assert (found.sender.external_id, found.sender.display_name) == (vendor.customer, "")


def test_a_refused_token_is_replaced_and_an_error_is_none_of_the_channels_messages(
    vendor: Vendor,
) -> None:
    vendor.message("m-1")
    reading = adapter(vendor)
    reading.test_connection()
    vendor.expire()
    assert len(events(reading.poll(ACCOUNT, "", {}))) == 1
    vendor.fail(refusal(45009, "api freq out of limit"))
    with pytest.raises(SendError) as found:
        reading.poll(ACCOUNT, "", {})
    assert (found.value.kind, found.value.retryable) == ("rate", True)


def test_whoever_has_just_come_is_welcomed_once(vendor: Vendor) -> None:
    vendor.happens("enter_session", welcome_code="code-1")
    vendor.happens("enter_session", welcome_code="code-2")
    vendor.rows[1]["send_time"] = int(timezone.now().timestamp()) - 30
    vendor.happens("enter_session")
    settings = {**vendor.settings, "welcome": "您好"}
    polled(vendor)
    assert not calls(vendor, SEND_ON_EVENT)
    polled(vendor, settings=settings)
    (call,) = calls(vendor, SEND_ON_EVENT)
    said = json.loads(call.body)
    assert (said["code"], said["text"]["content"]) == ("code-1", "您好")
    assert len(said["msgid"]) == 32
    # One that is not taken keeps no message back.
    reading = adapter(vendor, settings=settings)
    reading.test_connection()
    page = answer(next_cursor="1", has_more=0, msg_list=vendor.rows)
    vendor.fail(page, answer(customer_list=[]), refusal(40001), answer(access_token="t"))
    assert len(events(reading.poll(ACCOUNT, "", {}))) == 3


@pytest.mark.corpus
def test_every_recorded_page_is_read() -> None:
    path = Path(os.environ["EVERYDESK_CORPUS"]) / "webhooks/wecom_kf/sync_msg_response.json"
    rows = read_object(path.read_bytes()).each("msg_list", 1000)
    found = [event for row in rows for event in read_item(row, {})[1]]
    assert [event.kind for event in found] == ["message", "lifecycle", "delete", "delete"]
    assert found[0].sent_at == datetime(2021, 3, 11, 16, 3, 5, tzinfo=UTC)
    assert [event.direction for event in found] == ["in", "in", "in", "out"]
