"""What the calls of DingTalk prove and say."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.utils.translation import override

from channels_app.adapters.dingtalk.adapter import signature
from channels_app.adapters.dingtalk.fake import CLIENT, GROUP, Vendor
from channels_app.protocol import Attachment, BadPayload, BadSignature, ContactIdentity, RawRequest
from helpdesk.registries import channel_kinds
from tests.channels_app.dingtalk.robots import NOW, PERSON, SECRETS, adapter, received, request

QUESTION = Vendor().message("msg-1", text="怎么退货?")


# --- what proves them ------------------------------------------------------------------------------


def test_the_signature_is_that_of_their_documentation() -> None:
    # HMAC-SHA256 of "1700000000000\nsecret" under "secret", in base64; reckoned with openssl.
    assert signature("secret", "1700000000000") == "OuzzJR5+xZ4/EYwqtNt6sMYZQMTa/HEGvc9miJe7XzY="


def test_calls_from_more_than_an_hour_ago_are_refused() -> None:
    for late in (timedelta(minutes=59), -timedelta(minutes=59)):
        adapter().verify(request(QUESTION, at=NOW - late))
    for late in (timedelta(minutes=61), -timedelta(minutes=61)):
        with pytest.raises(BadSignature):
            adapter().verify(request(QUESTION, at=NOW - late))
    headers = {"timestamp": "now", "sign": signature(SECRETS[0], "now")}
    with pytest.raises(BadSignature):
        adapter().verify(RawRequest("POST", "", (), headers, QUESTION, NOW))


def test_calls_for_another_robot_are_refused() -> None:
    for robot, is_ours in ((CLIENT, True), ("normal", True), (None, True), ("ding-other", False)):
        call = request(Vendor().written("m", "text", robotCode=robot))
        if is_ours:
            adapter().verify(call)
            continue
        with pytest.raises(BadSignature):
            adapter().verify(call)


def test_administrators_are_told_that_bodies_are_not_signed() -> None:
    assert not adapter().capabilities.body_signed
    with override("en"):
        assert "does not sign" in str(channel_kinds.get("dingtalk").guide[-1])
        assert "does not sign" in str(channel_kinds.get("telegram").guide[-1])
        assert "does not sign" not in str(channel_kinds.get("line").guide[-1])


# --- what they say ---------------------------------------------------------------------------------


def test_a_text_is_a_message_of_the_person_who_wrote_it() -> None:
    facts = {"createAt": 1613630252678, "originalMsgId": "msg-0"}
    (found,) = received("text", text={"content": " 你好 "}, **facts)
    assert (found.kind, found.text, found.provider_id) == ("message", "你好", "msg-1")
    assert found.sender == ContactIdentity(
        PERSON, display_name="王芳", verified=True, aliases=("$:LWCP_v1:$Ff09GI",)
    )
    assert (found.dedup_key, found.thread_key, found.reply_to) == ("msg-1", "", "msg-0")
    assert found.sent_at == datetime(2021, 2, 18, 6, 37, 32, 678000, tzinfo=UTC)


def test_somebody_of_another_organization_is_known_by_the_robots_own_id() -> None:
    (found,) = received("text", text={"content": "hi"}, senderStaffId=None)
    assert found.sender == ContactIdentity("$:LWCP_v1:$Ff09GI", display_name="王芳", verified=True)


def test_what_is_written_in_a_group_belongs_to_the_group() -> None:
    facts = {"conversationType": "2", "conversationId": GROUP}
    (found,) = received("text", text={"content": "hi"}, **facts)
    assert found.thread_key == GROUP


def test_where_it_can_be_answered_is_kept_with_the_time_it_ends() -> None:
    session = {"sessionWebhook": "https://oapi.dingtalk.com/robot/sendBySession?session=x"}
    (found,) = received(
        "text", text={"content": "hi"}, **session, sessionWebhookExpiredTime=1613635652738
    )
    assert found.reply_token == f"1613635652738 {session['sessionWebhook']}"
    (bare,) = received("text", text={"content": "hi"}, **session, sessionWebhookExpiredTime=None)
    assert bare.reply_token == ""


@pytest.mark.parametrize(
    ("kind", "content", "text", "file"),
    [
        ("picture", {"downloadCode": "c1"}, "", Attachment("image", media_ref="c1")),
        (
            "audio",
            {"downloadCode": "c2", "recognition": "钉钉，让进步发生"},
            "钉钉，让进步发生",
            Attachment("audio", media_ref="c2"),
        ),
        ("video", {"downloadCode": "c3"}, "", Attachment("video", media_ref="c3")),
        (
            "file",
            {"downloadCode": "c4", "fileName": "合同.pdf"},
            "",
            Attachment("file", filename="合同.pdf", media_ref="c4"),
        ),
    ],
)
def test_files_are_named_by_their_code(
    kind: str, content: dict[str, object], text: str, file: Attachment
) -> None:
    (found,) = received(kind, content=content)
    assert (found.text, found.attachments) == (text, (file,))


def test_rich_text_is_its_words_with_its_pictures() -> None:
    parts = [
        {"text": "See "},
        {"text": "this"},
        {"downloadCode": "c1", "type": "picture"},
        {"something": "new"},
        {"downloadCode": "c2", "type": "video"},
    ]
    (found,) = received("richText", content={"richText": parts})
    assert found.text == "See this"
    assert [(file.kind, file.media_ref) for file in found.attachments] == [
        ("image", "c1"),
        ("video", "c2"),
    ]
    (alone,) = received("richText", content={"richText": parts[2:3]})
    assert (alone.text, len(alone.attachments)) == ("", 1)


@pytest.mark.parametrize(
    ("kind", "facts", "text"),
    [
        ("text", {"text": {"content": "  "}}, "[An empty message]"),
        (
            "location",
            {"content": {"title": "Tower", "address": "1 Road"}},
            "[A place]\nTower\n1 Road",
        ),
        (
            "link",
            {"content": {"title": "Offer", "messageUrl": "https://shop.example"}},
            "Offer\nhttps://shop.example",
        ),
        ("chatRecord", {"content": {}}, "[Forwarded messages]"),
        ("unknownMsgType", {"content": {"unknownMsgType": "不支持"}}, "不支持"),
        ("hologram", {}, "[A message of a kind that cannot be shown: hologram]"),
    ],
)
def test_what_has_no_words_is_said_in_words(kind: str, facts: dict[str, object], text: str) -> None:
    with override("en"):
        (found,) = received(kind, **facts)
    assert (found.kind, found.text) == ("message", text)


@pytest.mark.parametrize(
    "broken",
    [
        {"text": 7},
        {"text": {"content": 7}},
        {"msgId": None},
        {"createAt": 2**62},
        {"conversationType": "2", "conversationId": None},
        {"sessionWebhookExpiredTime": "soon"},
    ],
)
def test_what_does_not_fit_is_a_bad_payload(broken: dict[str, object]) -> None:
    with pytest.raises(BadPayload):
        received("text", **{"text": {"content": "x"}, **broken})


@pytest.mark.corpus
def test_every_recorded_call_is_read() -> None:
    for path in (Path(os.environ["EVERYDESK_CORPUS"]) / "webhooks/dingtalk").glob("*.json"):
        (found,) = adapter().parse(request(path.read_bytes()))
        assert (found.text, found.thread_key) == ("你好", "xxx")
        assert found.reply_token.startswith("1613635652738 https://oapi.dingtalk.com/")
