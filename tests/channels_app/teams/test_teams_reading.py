"""What the calls of Teams say."""

import json
from datetime import UTC, datetime

import pytest
from django.utils.translation import override

from channels_app.adapters.teams.content import MOST_ATTACHMENTS, MOST_TEXT
from channels_app.adapters.teams.fake import APP, CHAT, GROUP, SERVICE, THREAD, Vendor
from channels_app.adapters.teams.reading import name_of
from channels_app.protocol import Attachment, BadPayload, ContactIdentity
from tests.channels_app.teams.apps import PERSON, adapter, parsed, request, wrote

BOT = {"id": f"28:{APP}", "name": "Everydesk"}
DOWNLOAD = "application/vnd.microsoft.teams.file.download.info"


def mention(who: dict[str, str], text: str) -> dict[str, object]:
    return {"type": "mention", "mentioned": who, "text": text}


def activity(kind: str, /, **facts: object) -> bytes:
    return Vendor().activity(kind, "1480000000001", **facts)


def test_a_private_message_is_of_a_person_and_says_where_to_answer() -> None:
    at = "2026-11-22T08:00:00.1234567Z"
    event = wrote(text=" 怎么退货?\u00a0", timestamp=at, replyToId="1479999999999")
    assert event.sender == ContactIdentity(
        PERSON, display_name="王芳", locale="zh-CN", verified=True, aliases=("aad-fang",)
    )
    assert (event.text, event.thread_key) == ("怎么退货?", "")
    assert event.provider_id == name_of(CHAT, "1480000000001")
    assert event.reply_to == name_of(CHAT, "1479999999999")
    assert event.dedup_key == f"message:{event.provider_id}"
    assert event.reply_token == f"http://127.0.0.1:0{SERVICE} {CHAT}"
    assert event.sent_at == datetime(2026, 11, 22, 8, 0, 0, 123456, UTC)


@pytest.mark.parametrize(
    ("conversation", "kind"), [(GROUP, "groupChat"), (THREAD, "channel"), (GROUP, None)]
)
def test_a_group_and_each_thread_of_a_channel_are_threads(
    conversation: str, kind: str | None
) -> None:
    event = wrote(conversation={"id": conversation, "conversationType": kind})
    assert event.thread_key == conversation
    assert event.reply_token.endswith(f" {conversation}")


def test_a_message_has_one_name_in_all_threads_of_its_channel_and_another_elsewhere() -> None:
    channel = THREAD.partition(";")[0]
    assert name_of(THREAD, "1") == name_of(f"{channel};messageid=2", "1") == name_of(channel, "1")
    names = {name_of(THREAD, "1"), name_of(THREAD, "2"), name_of(CHAT, "1"), name_of(GROUP, "1")}
    assert len(names) == 4
    assert max(map(len, {name_of("a:" + "1" * 400, "1" * 150)})) <= 200


def test_the_mention_of_the_bot_goes_and_others_keep_their_names() -> None:
    event = wrote(
        text="<at>Everydesk</at> ask <at>Bob</at>, <at>Everydesk</at> <b>1 < 2</b>",
        entities=[
            mention(BOT, "<at>Everydesk</at>"),
            mention({"id": "29:bob", "name": "Bob"}, "<at>Bob</at>"),
            {"type": "clientInfo", "locale": "en-US"},
        ],
    )
    assert event.text == "ask @Bob,  <b>1 < 2</b>"


def test_a_namesake_of_the_bot_is_no_mention_of_it() -> None:
    person = mention({"id": "29:other", "name": "Everydesk"}, "<at>Everydesk</at>")
    assert wrote(text="<at>Everydesk</at> hi", entities=[person]).text == "@Everydesk hi"
    assert wrote(text='<at id="0">Ann</at> hi').text == "@Ann hi"


def test_files_and_pictures_come_with_their_addresses_and_the_words_once() -> None:
    content = {"downloadUrl": "https://org.sharepoint.example/d?t=1", "fileType": "pdf"}
    shown = "https://smba.trafficmanager.net/amer/v3/attachments/0-cus/views/original"
    event = wrote(
        text="see",
        attachments=[
            {"contentType": "text/html", "content": "<p>see</p>"},
            {"contentType": "messageReference", "content": "{}", "name": "1480"},
            {"contentType": DOWNLOAD, "name": "bill.pdf", "content": content},
            {"contentType": "image/*", "contentUrl": shown},
            {"contentType": "audio/ogg", "contentUrl": shown, "name": "a.ogg"},
        ],
    )
    assert event.text == "see"
    assert event.attachments == (
        Attachment("file", filename="bill.pdf", url="https://org.sharepoint.example/d?t=1"),
        Attachment("image", url=shown),
        Attachment("audio", filename="a.ogg", mime="audio/ogg", url=shown),
    )


def test_what_has_no_words_says_what_it_is() -> None:
    card = {"contentType": "application/vnd.microsoft.card.adaptive", "content": {}}
    link = {"contentType": "x/y", "name": "Plan", "contentUrl": "https://plan.example"}
    lost = {"contentType": DOWNLOAD, "name": "bill.pdf", "content": {}}
    with override("en"):
        assert wrote(text=None, attachments=[card]).text == "[A card]"
        assert wrote(text=None, attachments=[link]).text == "Plan\nhttps://plan.example"
        assert wrote(text=None, attachments=[lost]).text == "bill.pdf"
        assert wrote(text="").text == "[An empty message]"
    picture = {"contentType": "image/png", "contentUrl": "https://x.example/p"}
    assert wrote(text=None, attachments=[picture]).text == ""


def test_an_edit_and_a_deletion_name_their_message() -> None:
    name = name_of(CHAT, "1480000000001")
    about = {"eventType": "editMessage"}
    at = "2026-11-22T08:05:00Z"
    (edit,) = parsed(activity("messageUpdate", text="neu", timestamp=at, channelData=about))
    assert (edit.kind, edit.provider_id, edit.text) == ("edit", name, "neu")
    (later,) = parsed(
        activity("messageUpdate", text="neuer", timestamp="2026-11-22T08:06:00Z", channelData=about)
    )
    assert edit.dedup_key != later.dedup_key
    (untimed,) = parsed(activity("messageUpdate", text="neu", timestamp=None))
    assert untimed.sent_at is None
    (gone,) = parsed(activity("messageDelete", channelData={"eventType": "softDeleteMessage"}))
    assert (gone.kind, gone.provider_id) == ("delete", name)
    assert gone.sender is not None
    assert gone.sender.external_id == PERSON


def test_reactions_name_what_they_are_about() -> None:
    events = parsed(
        activity(
            "messageReaction",
            replyToId="1479",
            reactionsAdded=[{"type": "like"}, {"type": "heart"}],
            reactionsRemoved=[{"type": "like"}],
        )
    )
    assert [(each.data["emoji"], each.data["is_gone"]) for each in events] == [
        ("like", False),
        ("heart", False),
        ("like", True),
    ]
    assert {each.references for each in events} == {(name_of(CHAT, "1479"),)}
    assert len({each.dedup_key for each in events}) == 3
    (nowhere,) = parsed(activity("messageReaction", reactionsAdded=[{"type": "like"}]))
    assert nowhere.references == ()


def test_who_installs_the_bot_is_noted() -> None:
    (event,) = parsed(activity("installationUpdate", action="add"))
    assert (event.kind, event.data["state"]) == ("lifecycle", "installationUpdate add")


def test_what_bots_do_is_not_heard() -> None:
    for nobody in (BOT, {"name": "Ann"}, None):
        assert parsed(activity("message", text="hi", **{"from": nobody})) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"id": None},
        {"id": 7},
        {"from": "29:1"},
        {"serviceUrl": None},
        {"conversation": None},
        {"conversation": {"id": ""}},
        {"conversation": {"id": "a:1\n", "conversationType": "personal"}},
        {"conversation": {"id": "19:" + "1" * 200}},
        {"conversation": {"id": "a:" + "1" * 500, "conversationType": "personal"}},
        {"text": 7},
        {"text": "x" * (MOST_TEXT + 1)},
        {"timestamp": "yesterday"},
        {"entities": {}},
        {"attachments": ["x"]},
        {"attachments": [{"contentType": "x/y"}] * (MOST_ATTACHMENTS + 1)},
    ],
)
def test_what_is_broken_is_a_bad_payload(broken: dict[str, object]) -> None:
    assert parsed(activity("message", text="hi"))
    with pytest.raises(BadPayload):
        parsed(activity("message", **{"text": "hi", **broken}))


def test_teams_is_answered_without_words() -> None:
    told = adapter().accepted(request())
    assert (told.status, told.body) == (200, b"")


def test_the_played_vendor_says_what_it_is_told() -> None:
    assert json.loads(activity("message", text="hi"))["conversation"]["id"] == CHAT
