"""What the calls of Feishu prove and say."""

import hashlib
import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.utils.translation import override

from channels_app.adapters.feishu import sealing
from channels_app.adapters.feishu.fake import APP, GROUP, Vendor
from channels_app.protocol import (
    Attachment,
    BadPayload,
    BadSignature,
    ContactIdentity,
    RawRequest,
)
from channels_app.signs import reaction_data
from tests.channels_app.feishu.apps import (
    KEYS,
    NOW,
    PERSON,
    adapter,
    event,
    parsed,
    received,
    request,
)

QUESTION = Vendor().message("om_1", text="Where is my parcel?")


# --- what proves them ------------------------------------------------------------------------------


def test_the_signature_is_that_of_their_documentation() -> None:
    # sha256 of timestamp, nonce, key and body as one; reckoned with sha256sum.
    expected = hashlib.sha256(b'1700000000nkey{"encrypt":"x"}').hexdigest()
    assert sealing.signature("key", "1700000000", "n", b'{"encrypt":"x"}') == expected


def test_what_is_closed_is_opened_by_its_key_alone() -> None:
    # AES-256-CBC under the sha256 of the key, padded to 16 bytes; made with openssl.
    call = b'{"encrypt":"MDEyMzQ1Njc4OWFiY2RlZrst32ISn4/Kiu65Cyx9crdH69gXSoc4h27ShO99kbs2"}'
    assert sealing.opened(call, ["another", "test key"]).identifier("hello") == "world"
    with pytest.raises(BadPayload):
        sealing.opened(call, ["another"])


@pytest.mark.parametrize("key", KEYS)
def test_the_address_is_checked_by_a_riddle_that_only_the_keys_open(key: str) -> None:
    riddle = json.dumps({"challenge": "1b6aef1a", "token": "v", "type": "url_verification"})
    answer = adapter().handshake(request(riddle.encode(), key=key))
    assert answer is not None
    assert (answer.status, json.loads(answer.body)) == (200, {"challenge": "1b6aef1a"})
    plain = RawRequest("POST", "", (), {}, riddle.encode(), NOW)
    assert adapter().handshake(plain) is None
    assert adapter().handshake(request(riddle.encode(), key="a guess")) is None
    assert adapter().handshake(request(QUESTION)) is None


@pytest.mark.corpus
def test_the_recorded_riddle_is_answered() -> None:
    path = Path(os.environ["EVERYDESK_CORPUS"]) / "webhooks/feishu/url_verification.json"
    answer = adapter().handshake(request(path.read_bytes()))
    assert answer is not None
    assert json.loads(answer.body)["challenge"] == json.loads(path.read_bytes())["challenge"]


def test_calls_of_yesterday_are_refused_and_those_pushed_again_are_not() -> None:
    for late in (timedelta(), timedelta(hours=7), -timedelta(minutes=1)):
        adapter().verify(request(QUESTION, at=NOW - late))
    for late in (timedelta(hours=9), -timedelta(hours=9)):
        with pytest.raises(BadSignature):
            adapter().verify(request(QUESTION, at=NOW - late))
    nameless = request(QUESTION)
    signed = sealing.signature(KEYS[0], "now", "n", nameless.body)
    headers = {
        "x-lark-request-timestamp": "now",
        "x-lark-request-nonce": "n",
        "x-lark-signature": signed,
    }
    with pytest.raises(BadSignature):
        adapter().verify(replace(nameless, headers=headers))


def test_calls_for_another_app_are_refused() -> None:
    for app, is_ours in ((APP, True), ("cli_another", False)):
        call = request(event("im.chat.disbanded_v1", app=app))
        if is_ours:
            adapter().verify(call)
            continue
        with pytest.raises(BadSignature):
            adapter().verify(call)


def test_a_call_that_is_encrypted_anew_is_the_same_event() -> None:
    first, again = request(QUESTION), request(QUESTION)
    assert first.body != again.body
    assert adapter().parse(first) == adapter().parse(again)


def test_what_is_answered_shows_nobody_a_fault() -> None:
    assert adapter().accepted(request(QUESTION)).body == b"{}"


# --- what they say ---------------------------------------------------------------------------------


def test_a_text_is_a_message_of_the_person_who_wrote_it() -> None:
    facts = {"create_time": "1608725989123", "parent_id": "om_0", "root_id": "om_0"}
    (found,) = received("text", {"text": "Where is my parcel?"}, **facts)
    assert (found.kind, found.text) == ("message", "Where is my parcel?")
    assert found.sender == ContactIdentity(PERSON, union_id="on_8ed6aa678261", verified=True)
    assert (found.provider_id, found.reply_to, found.thread_key) == ("om_1", "om_0", "")
    assert found.dedup_key == "message:om_1"
    assert found.sent_at == datetime(2020, 12, 23, 12, 19, 49, 123000, tzinfo=UTC)


def test_what_is_written_in_a_group_belongs_to_the_group_and_its_topic() -> None:
    facts = {"chat_id": GROUP, "chat_type": "group"}
    (found,) = received("text", {"text": "hi"}, **facts)
    assert found.thread_key == GROUP
    (topic,) = received("text", {"text": "hi"}, **facts, thread_id="omt_1")
    assert topic.thread_key == f"{GROUP}/omt_1"


def test_those_who_are_mentioned_are_called_by_their_names() -> None:
    mentions = [
        {"key": f"@_user_{number}", "name": name, "id": {"open_id": "ou_x"}}
        for number, name in ((1, "Desk"), (10, "Bo"))
    ]
    (found,) = received("text", {"text": "@_user_1 ask @_user_10"}, mentions=mentions)
    assert found.text == "@Desk ask @Bo"


@pytest.mark.parametrize(
    ("kind", "content", "file"),
    [
        ("image", {"image_key": "img_1"}, Attachment("image", media_ref="om_1/img_1")),
        (
            "file",
            {"file_key": "file_1", "file_name": "合同.pdf"},
            Attachment("file", filename="合同.pdf", media_ref="om_1/file_1"),
        ),
        (
            "audio",
            {"file_key": "file_2", "duration": 2000},
            Attachment("audio", media_ref="om_1/file_2"),
        ),
        (
            "media",
            {"file_key": "file_3", "image_key": "img_2", "file_name": "a.mp4"},
            Attachment("video", filename="a.mp4", media_ref="om_1/file_3"),
        ),
    ],
)
def test_files_are_named_by_message_and_key(
    kind: str, content: dict[str, object], file: Attachment
) -> None:
    (found,) = received(kind, content)
    assert (found.text, found.attachments) == ("", (file,))


def test_a_post_is_its_text_with_its_pictures() -> None:
    rows = [
        [
            {"tag": "text", "text": "See "},
            {"tag": "a", "text": "here", "href": "https://shop.example"},
            {"tag": "at", "user_id": "@_user_1", "user_name": "Desk"},
            {"tag": "emotion", "emoji_type": "SMILE"},
        ],
        [{"tag": "img", "image_key": "img_1"}, {"tag": "something new"}],
        [{"tag": "media", "file_key": "file_1", "image_key": "img_2"}],
        [{"tag": "hr"}, {"tag": "code_block", "text": "1 + 1"}],
    ]
    (found,) = received("post", {"title": "Broken", "content": rows})
    assert found.text == "Broken\nSee here (https://shop.example)@Desk[SMILE]\n\n\n—1 + 1"
    assert [file.media_ref for file in found.attachments] == ["om_1/img_1", "om_1/file_1"]
    (translated,) = received("post", {"zh_cn": {"title": "坏了", "content": rows[1:2]}})
    assert (translated.text, len(translated.attachments)) == ("坏了", 1)
    (alone,) = received("post", {"title": "", "content": rows[1:2]})
    assert (alone.text, len(alone.attachments)) == ("", 1)


@pytest.mark.parametrize(
    ("kind", "content", "text"),
    [
        (
            "location",
            {"name": "Tower", "longitude": "121.5", "latitude": "31.2"},
            "[A place]\nTower\n31.2, 121.5",
        ),
        ("sticker", {"file_key": "s"}, "[A sticker]"),
        ("share_user", {"user_id": "ou_2"}, "[A contact]"),
        ("share_chat", {"chat_id": "oc_2"}, "[A group]"),
        ("interactive", {"title": "Order", "elements": [[{"tag": "hr"}]]}, "[A card]\nOrder"),
        ("interactive", {"title": {"content": "Order"}}, "[A card]\nOrder"),
        ("vote", {"topic": "Tea?", "options": ["yes", "no"]}, "[A poll]\nTea?\nyes\nno"),
        ("video_chat", {"topic": "Call", "start_time": "1"}, "[A video meeting]\nCall"),
        (
            "share_calendar_event",
            {"summary": "Visit", "start_time": "1608265395000"},
            "[An appointment]\nVisit\n2020-12-18 04:23 UTC",
        ),
        (
            "todo",
            {"task_id": "t", "summary": {"title": "Pack", "content": [[]]}},
            "[A task]\nPack",
        ),
        ("merge_forward", {"content": "Merged and Forwarded Message"}, "[Forwarded messages]"),
        ("folder", {"file_key": "f", "file_name": "Photos"}, "[A folder]\nPhotos"),
        ("hongbao", {"text": "[红包]"}, "[红包]"),
        ("text", {"text": "  "}, "[An empty message]"),
        ("hologram", {"depth": 3}, "[A message of a kind that cannot be shown: hologram]"),
    ],
)
def test_what_has_no_words_is_said_in_words(
    kind: str, content: dict[str, object], text: str
) -> None:
    with override("en"):
        (found,) = received(kind, content)
    assert (found.kind, found.text) == ("message", text)


def test_other_events_are_told_apart() -> None:
    person = {"open_id": PERSON}
    (gone,) = parsed(Vendor().recalled("om_1"))
    assert (gone.kind, gone.provider_id, gone.sender) == ("delete", "om_1", None)
    (read,) = parsed(Vendor().read("om_7", "om_8"))
    assert (read.kind, read.status, read.references) == ("receipt", "read", ("om_7", "om_8"))
    facts = {"message_id": "om_1", "operator_type": "user", "user_id": person, "action_time": "1"}
    facts["reaction_type"] = {"emoji_type": "OK"}
    (liked,) = parsed(event("im.message.reaction.created_v1", **facts))
    (unliked,) = parsed(event("im.message.reaction.deleted_v1", **facts))
    assert (liked.kind, liked.references) == ("reaction", ("om_1",))
    assert (liked.data, unliked.data) == (
        reaction_data("OK"),
        reaction_data("OK", is_gone=True),
    )
    assert liked.dedup_key != unliked.dedup_key
    action = {"tag": "button", "value": {"answer": "yes", "order": "7"}}
    place = {"open_message_id": "om_5", "open_chat_id": "oc_1"}
    (chosen,) = parsed(event("card.action.trigger", operator=person, action=action, context=place))
    assert (chosen.kind, chosen.text) == ("postback", "answer=yes, order=7")
    (begun,) = parsed(
        event("im.chat.member.bot.added_v1", chat_id=GROUP, operator_id=person, name="Friends")
    )
    assert (begun.kind, begun.thread_key) == ("lifecycle", GROUP)
    assert begun.data["state"] == "im.chat.member.bot.added_v1"


def test_what_no_person_did_is_skipped() -> None:
    by_app = {"message_id": "om_1", "operator_type": "app", "user_id": {"open_id": "ou_b"}}
    assert parsed(event("im.message.reaction.created_v1", **by_app)) == []
    assert parsed(event("im.message.message_read_v1", reader={}, message_id_list=[])) == []
    assert parsed(event("something.new_v9")) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"content": "no JSON"},
        {"content": "[]"},
        {"content": '{"text": 7}'},
        {"message_id": ""},
        {"message_id": 7},
        {"create_time": "99999999999999999"},
        {"mentions": {}},
        {"message_type": "post", "content": '{"content": [{}]}'},
        {"chat_type": "group", "chat_id": ""},
    ],
)
def test_what_does_not_fit_is_a_bad_payload(broken: dict[str, object]) -> None:
    with pytest.raises(BadPayload):
        received("text", {"text": "x"}, **broken)


@pytest.mark.parametrize("body", [b'{"encrypt":"?"}', b'{"encrypt":"AAAA"}', b'{"encrypt":7}'])
def test_what_cannot_be_opened_is_a_bad_payload(body: bytes) -> None:
    call = RawRequest("POST", "", (), {}, body, NOW)
    assert adapter().handshake(call) is None
    with pytest.raises(BadPayload):
        adapter().parse(call)
