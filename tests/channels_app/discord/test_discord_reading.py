"""What the events of Discord's gateway say."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.utils.translation import override

from channels_app.adapters.discord.fake import BOT, CHAT, ROOM, SERVER, Vendor
from channels_app.adapters.discord.reading import Ears, nonce_of, read_events
from channels_app.json_fields import read_object
from channels_app.protocol import Attachment, BadPayload, ContactIdentity
from channels_app.signs import reaction_data
from tests.channels_app.discord.bots import PERSON, happened, received

US = {"id": BOT, "username": "everydesk", "bot": True}


def test_a_private_text_is_a_message_of_the_person_who_wrote_it() -> None:
    about = {"message_id": "1000", "channel_id": CHAT}
    (found,) = received(
        type=19, message_reference=about, timestamp="2026-11-22T08:00:00.123000+00:00"
    )
    assert (found.kind, found.text, found.provider_id) == ("message", "Where is my parcel?", "1001")
    assert found.sender == ContactIdentity(PERSON, display_name="王芳", verified=True)
    assert (found.thread_key, found.reply_to, found.dedup_key) == ("", "1000", "message:1001")
    assert found.sent_at == datetime(2026, 11, 22, 8, 0, 0, 123000, tzinfo=UTC)


def test_on_a_server_only_what_is_meant_for_us_counts_unless_all_does() -> None:
    there = {"guild_id": SERVER, "channel_id": ROOM}
    assert received("small talk", **there) == []
    (overheard,) = received("small talk", **there, every_message=True)
    assert overheard.thread_key == ROOM
    text = f"<@{BOT}> and <@!7>: is it on? <:shop:12>"
    (meant,) = received(text, **there, mentions=[US, {"id": "7", "username": "bo"}])
    assert meant.text == "@everydesk and @bo: is it on? :shop:"
    # An answer to us that does not mention us, and one to somebody else.
    assert received("yes", **there, referenced_message={"id": "9", "author": US})
    assert received("yes", **there, referenced_message={"id": "9", "author": {"id": "7"}}) == []
    changed = {"id": "5", "author": {"id": PERSON}, "edited_timestamp": "2026-11-22T08:01:00+00:00"}
    assert happened("MESSAGE_UPDATE", **there, **changed) == []
    assert happened("MESSAGE_UPDATE", **there, **changed, mentions=[US])


def test_files_are_named_by_their_address() -> None:
    file = {"id": "5", "filename": "a.png", "content_type": "image/png", "size": 9}
    (found,) = received(
        "",
        attachments=[
            {**file, "url": "https://cdn.example/a"},
            {"id": "6", "filename": "b.bin", "url": "https://cdn.example/b"},
        ],
    )
    url = "https://cdn.example/a"
    assert found.attachments == (
        Attachment("image", "a.png", "image/png", 9, media_ref="5", url=url),
        Attachment("file", "b.bin", media_ref="6", url="https://cdn.example/b"),
    )
    assert found.text == ""


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({}, "[An empty message]"),
        ({"sticker_items": [{"id": "1", "name": "Wave"}]}, "[A sticker] Wave"),
        (
            {
                "poll": {
                    "question": {"text": "Tea?"},
                    "answers": [{"poll_media": {"text": "yes"}}, {"poll_media": {}}],
                }
            },
            "[A poll]\nTea?\nyes\n",
        ),
        (
            {
                "message_reference": {"type": 1, "message_id": "9"},
                "message_snapshots": [{"message": {"content": "look", "attachments": []}}],
            },
            "[Forwarded messages]\nlook",
        ),
    ],
)
def test_what_has_no_words_is_said_in_words(facts: dict[str, Any], text: str) -> None:
    with override("en"):
        (found,) = received("", **facts)
    assert found.text == text
    assert found.reply_to == ""


def test_edits_and_deletions_name_their_message() -> None:
    newer = {"id": "1001", "channel_id": CHAT, "author": {"id": PERSON}, "content": "better"}
    at = "2026-11-22T08:01:00+00:00"
    (edit,) = happened("MESSAGE_UPDATE", **newer, edited_timestamp=at)
    assert (edit.kind, edit.provider_id, edit.text) == ("edit", "1001", "better")
    # A preview was added to it.
    assert happened("MESSAGE_UPDATE", **newer, edited_timestamp=None) == []
    (gone,) = happened("MESSAGE_DELETE", id="1001", channel_id=CHAT)
    assert (gone.kind, gone.provider_id, gone.sender) == ("delete", "1001", None)
    swept = happened("MESSAGE_DELETE_BULK", ids=["1", "2"], channel_id=ROOM)
    assert [each.provider_id for each in swept] == ["1", "2"]


def test_a_message_of_ours_that_is_there_is_a_receipt() -> None:
    client_ref = str(uuid4())
    (arrived,) = received(author=US, nonce=nonce_of(client_ref))
    assert (arrived.kind, arrived.status, arrived.references) == ("receipt", "sent", ("1001",))
    assert arrived.client_ref == client_ref
    assert len(nonce_of(client_ref)) <= 25
    for nonce in (None, 7, "", "not ours", "!"):
        assert received(author=US, nonce=nonce) == []


def test_what_programs_and_discord_itself_say_is_skipped() -> None:
    assert received(author={"id": "8", "username": "other", "bot": True}) == []
    assert received(webhook_id="8") == []
    assert received(type=7) == []
    assert happened("GUILD_CREATE", id=SERVER) == []
    assert happened("SOMETHING_NEW", id="1") == []


def test_reactions_are_told_apart() -> None:
    facts = {"user_id": PERSON, "message_id": "9", "channel_id": CHAT, "emoji": {"name": "👍"}}
    (liked,) = happened("MESSAGE_REACTION_ADD", **facts)
    (unliked,) = happened("MESSAGE_REACTION_REMOVE", **facts)
    assert (liked.kind, liked.references, liked.data["emoji"]) == ("reaction", ("9",), "👍")
    assert unliked.data == reaction_data("👍", is_gone=True)
    frame = json.loads(Vendor().event("MESSAGE_REACTION_ADD", **facts)) | {"s": 8}
    (again,) = read_events(read_object(json.dumps(frame).encode()), Ears(BOT))
    assert len({liked.dedup_key, unliked.dedup_key, again.dedup_key}) == 3
    assert happened("MESSAGE_REACTION_ADD", **{**facts, "user_id": BOT}) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"content": 7},
        {"id": None},
        {"author": "ann"},
        {"timestamp": "yesterday"},
        {"attachments": [{"id": "1"}]},
        {"guild_id": SERVER, "channel_id": None},
    ],
)
def test_what_does_not_fit_is_a_bad_payload(broken: dict[str, Any]) -> None:
    with pytest.raises(BadPayload):
        received(every_message=True, **broken)
