"""What leaves for customers of WeCom, and what becomes of it."""

import json
from pathlib import Path
from uuid import UUID

import pytest

from channels_app.adapters.wecom_kf.adapter import (
    MOVE,
    PEOPLE,
    SEND,
    WRONG_STATE,
)
from channels_app.adapters.wecom_kf.fake import ACCOUNT, IN_WECOM, OVER, Vendor
from channels_app.fake_vendor import Answer
from channels_app.protocol import Attachment, SendError
from channels_app.wechat.played import PICTURE, answer, refusal
from helpdesk.errors import ChannelError
from tests.channels_app.wechat.played_accounts import reply, says, stored
from tests.channels_app.wecom_kf.asked import adapter, calls

# --- what we tell it ------------------------------------------------------------------------------


def test_a_reply_leaves_from_the_account_that_was_written_to(vendor: Vendor) -> None:
    message = reply(vendor, thread_key="wkOther")
    result = adapter(vendor).send(message)
    (call,) = calls(vendor, SEND)
    reference = UUID(message.client_ref).hex
    assert json.loads(call.body) == {
        "touser": vendor.customer,
        "open_kfid": "wkOther",
        "msgid": reference,
        "msgtype": "text",
        "text": {"content": "好的 👍"},
    }
    assert result.provider_ids == (reference,)
    adapter(vendor).send(reply(vendor))
    assert json.loads(calls(vendor, SEND)[1].body)["open_kfid"] == ACCOUNT
    with pytest.raises(SendError) as lost:
        adapter(vendor, settings={**vendor.settings, "open_kfid": ""}).send(reply(vendor))
    assert lost.value.kind == "undeliverable"


def test_what_is_sent_again_under_its_id_counts_once(vendor: Vendor) -> None:
    message = reply(vendor)
    sending = adapter(vendor)
    sending.test_connection()
    vendor.fail(Answer(is_dropped=True))
    with pytest.raises(SendError) as lost:
        sending.send(message)
    assert lost.value.ambiguous
    assert sending.capabilities.idempotent_send
    assert sending.send(message) == sending.send(message)
    assert vendor.answered[vendor.customer] == 1


def test_a_session_that_a_colleague_holds_in_wecom_is_taken_over(vendor: Vendor) -> None:
    vendor.states[vendor.customer] = IN_WECOM
    assert adapter(vendor).send(reply(vendor)).status == "sent"
    (moved,) = calls(vendor, MOVE)
    assert json.loads(moved.body) == {
        "open_kfid": ACCOUNT,
        "external_userid": vendor.customer,
        "service_state": 1,
    }
    first, second = (json.loads(call.body)["msgid"] for call in calls(vendor, SEND))
    assert first == second


def test_a_session_that_is_over_waits_for_the_customer(vendor: Vendor) -> None:
    vendor.states[vendor.customer] = OVER
    with pytest.raises(SendError) as found:
        adapter(vendor).send(reply(vendor))
    assert (found.value.kind, found.value.retryable) == ("window", False)
    sending = adapter(vendor)
    sending.test_connection()
    vendor.fail(refusal(WRONG_STATE), answer(), refusal(WRONG_STATE))
    with pytest.raises(SendError) as again:
        sending.send(reply(vendor))
    assert again.value.kind == "window"


def test_the_sixth_answer_is_refused_until_the_customer_writes(vendor: Vendor) -> None:
    sending = adapter(vendor)
    for _each in range(5):
        sending.send(reply(vendor))
    with pytest.raises(SendError) as found:
        sending.send(reply(vendor))
    assert (found.value.kind, found.value.retryable) == ("quota", False)
    vendor.message("m-1")
    assert sending.send(reply(vendor)).status == "sent"


def test_files_of_every_kind_are_handed_over(vendor: Vendor, tmp_path: Path) -> None:
    for name, mime, kind in (
        ("a.png", "image/png", "image"),
        ("a.mp4", "video/mp4", "video"),
        ("a.amr", "audio/amr", "voice"),
        ("a.pdf", "application/pdf", "file"),
        ("a.gif", "image/gif", "file"),
    ):
        adapter(vendor).send(reply(vendor, "", attachments=(stored(tmp_path, name, mime),)))
        assert json.loads(calls(vendor, SEND)[-1].body)["msgtype"] == kind
    tiny = stored(tmp_path, "b.txt", "text/plain", b"hi")
    vendor.answered.clear()
    adapter(vendor).send(reply(vendor, "", attachments=(tiny,)))
    assert json.loads(calls(vendor, SEND)[-1].body)["msgtype"] == "text"


def test_a_file_is_fetched_with_the_token(vendor: Vendor) -> None:
    found = adapter(vendor).fetch_media(Attachment("image", media_ref="m"))
    assert found == (PICTURE, "image/png")


def test_the_connection_is_tested_by_asking_for_the_accounts(vendor: Vendor) -> None:
    assert "售后" in adapter(vendor).test_connection()
    assert {call.path for call in vendor.calls} <= {"/cgi-bin/gettoken", "/cgi-bin/kf/account/list"}
    with says(ChannelError, "EncodingAESKey"):
        adapter(vendor, secrets=()).test_connection()
    ready = adapter(vendor)
    ready.test_connection()
    vendor.fail(answer(account_list=[]))
    with says(ChannelError, "no customer service account"):
        ready.test_connection()
    vendor.fail(Answer(200, b"<html>"))
    with says(ChannelError, "not WeChat"):
        ready.test_connection()


def test_a_wrong_secret_is_the_fault_of_the_channel(vendor: Vendor) -> None:
    wrong = {**vendor.named_secrets, "app_secret": "a guess"}
    for secrets in (wrong, {}):
        with pytest.raises(SendError) as found:
            adapter(vendor, named_secrets=secrets).send(reply(vendor))
        assert found.value.kind == "auth"
        assert "a guess" not in str(found.value.message)
    assert not calls(vendor, SEND)
    assert not calls(vendor, PEOPLE)
