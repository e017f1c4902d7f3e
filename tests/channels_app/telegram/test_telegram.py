"""What the updates of Telegram say."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils.translation import override

from channels_app.protocol import (
    Attachment,
    BadPayload,
    BadSignature,
    ContactIdentity,
    Event,
)
from channels_app.signs import reaction_data
from tests.channels_app.telegram.bots import GROUP, PERSON, adapter, request


def parsed(kind: str, **facts: Any) -> list[Event]:
    person = {"id": PERSON, "is_bot": False, "first_name": "Ann", "last_name": "Li"}
    about = {
        "message_id": 42,
        "from": {**person, "language_code": "en"},
        "chat": {"id": PERSON, "type": "private"},
        "date": 1762000000,
        **facts,
    }
    known = {name: value for name, value in about.items() if value is not None}
    with override("en"):
        return adapter().parse(request({"update_id": 1000007, kind: known}))


def message(**facts: Any) -> Event:
    (found,) = parsed("message", **facts)
    return found


def person_of(event: Event) -> tuple[str, str]:
    return (event.sender.external_id, event.sender.display_name) if event.sender else ("", "")


def test_a_text_is_a_message_of_the_person_who_wrote_it() -> None:
    answered = {"message_id": 41, "chat": {"id": PERSON, "type": "private"}}
    found = message(text="Where is my parcel?", reply_to_message=answered)
    assert (found.kind, found.text) == ("message", "Where is my parcel?")
    assert found.sender == ContactIdentity(
        str(PERSON), display_name="Ann Li", locale="en", verified=True
    )
    assert (found.provider_id, found.reply_to) == (f"{PERSON}:42", f"{PERSON}:41")
    assert (found.thread_key, found.dedup_key) == ("", f"1000007:message:{PERSON}:42")
    assert found.sent_at == datetime(2025, 11, 1, 12, 26, 40, tzinfo=UTC)


def test_what_is_written_in_a_group_belongs_to_the_group_and_its_topic() -> None:
    chat = {"id": GROUP, "type": "supergroup", "title": "Friends"}
    found = message(text="hi", chat=chat, message_thread_id=7)
    assert (found.thread_key, found.provider_id) == (str(GROUP), f"{GROUP}:42")
    assert person_of(found) == (str(PERSON), "Ann Li")
    topic = message(text="hi", chat=chat, message_thread_id=7, is_topic_message=True)
    assert topic.thread_key == f"{GROUP}/7"
    nameless = message(text="hi", chat=chat, sender_chat=chat)
    assert person_of(nameless) == (str(GROUP), "Friends")


def test_a_photo_is_its_largest_size_and_its_caption_the_text() -> None:
    sizes = [
        {"file_id": "small", "width": 90, "height": 60},
        {"file_id": "large", "width": 1280, "height": 853, "file_size": 99000},
        {"file_id": "medium", "width": 320, "height": 213},
    ]
    found = message(photo=sizes, caption="broken", media_group_id="133", caption_entities=[])
    assert found.attachments == (Attachment("image", size=99000, media_ref="large"),)
    assert (found.text, found.data) == ("broken", {"album": "133"})


@pytest.mark.parametrize(
    ("field", "kind"),
    [("document", "file"), ("video", "video"), ("voice", "audio"), ("video_note", "video")],
)
def test_files_are_named_by_their_reference(field: str, kind: str) -> None:
    file = {"file_id": "BQACAgI", "file_name": "a.bin", "mime_type": "text/plain", "file_size": 9}
    (found,) = message(**{field: file}).attachments
    assert (found.kind, found.media_ref, found.size) == (kind, "BQACAgI", 9)
    assert (found.filename, found.mime) == ("a.bin", "text/plain")


def test_an_animation_is_one_file_although_it_is_a_document_too() -> None:
    file = {"file_id": "gif", "mime_type": "video/mp4"}
    (found,) = message(document=file, animation=file).attachments
    assert (found.kind, found.media_ref) == ("video", "gif")


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"location": {"latitude": 31.2304, "longitude": 121}}, "[A place]\n31.230400, 121.000000"),
        ({"venue": {"title": "Tower", "address": "1 Road"}, "location": {}}, "Tower\n1 Road"),
        ({"sticker": {"file_id": "s", "emoji": "👍"}}, "[A sticker] 👍"),
        (
            {"contact": {"first_name": "Bo", "phone_number": "+8613800138000"}},
            "[A contact]\nBo\n+8613800138000",
        ),
        (
            {"poll": {"question": "Tea?", "options": [{"text": "yes"}, {"text": "no"}]}},
            "[A poll]\nTea?\nyes\nno",
        ),
        ({"dice": {"emoji": "🎲", "value": 6}}, "🎲 6"),
        (
            {"hologram": {"depth": 3}, "effect_id": "5"},
            "[A message of a kind that cannot be shown: hologram]",
        ),
        ({}, "[A message of a kind that cannot be shown: ?]"),
    ],
)
def test_what_has_no_words_is_said_in_words(facts: dict[str, Any], text: str) -> None:
    found = message(**facts)
    assert (found.kind, found.text) == ("message", text)


def test_an_edit_names_its_message_and_the_later_one_counts() -> None:
    (found,) = parsed("edited_message", text="better", edit_date=1762000060)
    assert (found.kind, found.provider_id, found.text) == ("edit", f"{PERSON}:42", "better")
    update = {"message_id": 42, "from": {"id": 1}, "chat": {"id": 1, "type": "private"}}
    update |= {"edit_date": 1762000060, "text": "best"}
    (later,) = adapter().parse(request({"update_id": 1000008, "edited_message": update}))
    assert (later.sequence or 0) > (found.sequence or 0)


def test_other_events_are_told_apart() -> None:
    chat = {"id": GROUP, "type": "group"}
    person = {"id": PERSON, "first_name": "Ann"}
    found = [
        *parsed("message", chat=chat, migrate_to_chat_id=-100),
        *parsed("my_chat_member", message_id=None, new_chat_member={"status": "kicked"}),
        *parsed("message_reaction", user=person, new_reaction=[{"type": "emoji", "emoji": "❤"}]),
        *parsed(
            "callback_query",
            id="1",
            data="yes",
            message={"message_id": 42, "chat": chat, "date": 0, "from": {"id": 9, "is_bot": True}},
        ),
    ]
    assert [event.kind for event in found] == ["lifecycle", "lifecycle", "reaction", "postback"]
    assert [event.data.get("state") for event in found[:2]] == ["migrate_to_chat_id", "kicked"]
    pressed = found[-1]
    assert person_of(pressed) == (str(PERSON), "Ann Li")


def test_a_reaction_says_what_is_given_and_what_no_longer_is() -> None:
    facts = {
        "user": {"id": PERSON, "first_name": "Ann"},
        "date": 1762000060,
        "old_reaction": [{"type": "emoji", "emoji": "👍"}, {"type": "paid"}],
        "new_reaction": [{"type": "emoji", "emoji": "🔥"}, {"type": "custom_emoji"}],
    }
    found = parsed("message_reaction", **{"from": None}, **facts)
    assert [each.data for each in found] == [
        reaction_data("🔥"),
        reaction_data("★"),
        reaction_data("👍", is_gone=True),
    ]
    assert {(each.references, each.sequence) for each in found} == {
        ((f"{PERSON}:42",), 1762000060 * 1_000_000 + 7)
    }
    assert len({each.dedup_key for each in found}) == 3
    assert person_of(found[0]) == (str(PERSON), "Ann")


def test_what_nobody_wrote_to_us_is_skipped() -> None:
    channel = {"id": GROUP, "type": "channel"}
    group = {"id": GROUP, "type": "supergroup"}
    assert parsed("message", text="news", chat=group, is_automatic_forward=True) == []
    assert parsed("message", text="news", chat=channel) == []
    assert parsed("message", text="from nobody", **{"from": None}) == []
    assert parsed("callback_query", id="1", data="inline") == []
    assert parsed("something_new", text="?") == []


def test_a_call_that_comes_again_is_the_same_event() -> None:
    assert parsed("message", text="hi") == parsed("message", text="hi")


@pytest.mark.parametrize(
    "broken",
    [
        {"text": 7},
        {"text": "x", "chat": {"type": "private"}},
        {"text": "x", "from": {"first_name": "Ann"}},
        {"text": "x", "date": 2**62},
        {"text": "x", "chat": {"id": -(2**63) - 1, "type": "group"}},
        {"photo": [{"width": 1}]},
        {"location": {"latitude": "north"}},
    ],
)
def test_what_does_not_fit_is_a_bad_payload(broken: dict[str, Any]) -> None:
    with pytest.raises(BadPayload):
        parsed("message", **broken)
    with pytest.raises(BadPayload):
        adapter().parse(request({"message": {"text": "no number"}}))


def test_each_secret_opens_and_no_other() -> None:
    name = "x-telegram-bot-api-secret-token"
    for secret in ("s", "older"):
        adapter().verify(request({}, **{name: secret}))
    for secret in ("", "S", "s ", "käse", "older\udcff"):
        with pytest.raises(BadSignature):
            adapter().verify(request({}, **{name: secret}))
