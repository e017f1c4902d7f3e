"""Apps inside a company's WeCom: what people there write, and what they are sent."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils.translation import override

from channels_app.adapters.wecom_app.adapter import SEND, Adapter
from channels_app.adapters.wecom_app.fake import Vendor
from channels_app.fake_vendor import Answer, Call
from channels_app.protocol import ContactIdentity, SendError
from channels_app.wechat.played import answer, refusal
from helpdesk.errors import ChannelError
from tests.channels_app.wechat.played_accounts import NOW, config, reply, request, says, stored


@pytest.fixture
def vendor(settings: LazySettings) -> Iterator[Vendor]:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with Vendor() as vendor, override("en"):
        yield vendor


def adapter(vendor: Vendor, **facts: Any) -> Adapter:
    return Adapter(config(vendor, **facts))


def sends(vendor: Vendor) -> list[Call]:
    return [call for call in vendor.calls if call.path == SEND]


def test_what_people_write_and_do_is_read(vendor: Vendor) -> None:
    told = []
    for body in (
        vendor.said(MsgType="text", Content="hello", MsgId=7, AgentID=1000002),
        vendor.said(MsgType="file", MediaId="m-1", Title="a.pdf", MsgId=8),
        vendor.happened("enter_agent", EventKey=""),
        vendor.happened("click", EventKey="HELP"),
    ):
        call = vendor.seal(body, config(vendor), NOW)
        adapter(vendor).verify(request(call))
        told += adapter(vendor).parse(request(call))
    assert [each.kind for each in told] == ["message", "message", "lifecycle", "postback"]
    assert (told[0].text, told[0].provider_id) == ("hello", "7")
    assert told[0].sender == ContactIdentity("wangfang", verified=True)
    assert told[1].attachments[0].media_ref == "m-1"


def test_a_message_goes_to_one_person_of_the_app(vendor: Vendor) -> None:
    result = adapter(vendor).send(reply(vendor))
    (call,) = sends(vendor)
    # Their check for repeated messages would drop the second of two equal answers.
    assert json.loads(call.body) == {
        "touser": "wangfang",
        "agentid": 1000002,
        "msgtype": "text",
        "text": {"content": "好的 👍"},
    }
    assert result.provider_ids == (f"msg-{len(vendor.calls)}",)
    assert adapter(vendor).capabilities.idempotent_send is False


@pytest.mark.parametrize("everybody", ["@all", "a|b", "", "a b", "-"])
def test_nothing_goes_to_everybody(vendor: Vendor, everybody: str) -> None:
    with pytest.raises(SendError) as found:
        adapter(vendor).send(replace(reply(vendor), to=ContactIdentity(everybody)))
    assert found.value.kind == "undeliverable"
    assert not sends(vendor)


def test_whoever_is_left_out_of_a_success_got_nothing(vendor: Vendor) -> None:
    # They name people in lower case, however they were written.
    vendor.strangers.add("wangfang")
    with pytest.raises(SendError) as found:
        adapter(vendor).send(replace(reply(vendor), to=ContactIdentity("WangFang")))
    assert (found.value.kind, found.value.retryable) == ("undeliverable", False)
    sending = adapter(vendor)
    sending.test_connection()
    vendor.fail(answer(unlicenseduser="other|wangfang"))
    with pytest.raises(SendError):
        sending.send(reply(vendor))
    vendor.fail(answer(invaliduser="somebody", msgid=7))
    assert sending.send(reply(vendor)).provider_ids == ()


def test_files_are_handed_over(vendor: Vendor, tmp_path: Path) -> None:
    file = stored(tmp_path, "a.pdf", "application/pdf")
    adapter(vendor).send(reply(vendor, "", attachments=(file,)))
    said = json.loads(sends(vendor)[0].body)
    assert vendor.uploads[said["file"]["media_id"]][0] == "a.pdf"


def test_errors_say_what_they_mean_and_doubt_stays_doubt(vendor: Vendor) -> None:
    sending = adapter(vendor)
    sending.test_connection()
    for given, kind, is_ambiguous in (
        (refusal(60020, "not allow to access from your ip"), "auth", False),
        (refusal(45009), "rate", False),
        (refusal(81013), "undeliverable", False),
        (Answer(is_dropped=True), "server", True),
    ):
        vendor.fail(given)
        with pytest.raises(SendError) as found:
            sending.send(reply(vendor))
        assert (found.value.kind, found.value.ambiguous) == (kind, is_ambiguous)


def test_the_connection_is_tested_by_asking_for_the_app(vendor: Vendor) -> None:
    assert "客服助手" in adapter(vendor).test_connection()
    assert not sends(vendor)
    with says(ChannelError, "agent id"):
        adapter(vendor, settings={**vendor.settings, "agent_id": "x"}).test_connection()
    ready = adapter(vendor)
    ready.test_connection()
    vendor.fail(Answer(200, b"<html>"))
    with says(ChannelError, "not WeChat"):
        ready.test_connection()
