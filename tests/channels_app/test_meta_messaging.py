"""What calls of Messenger and Instagram say: messages of every kind, receipts, echoes, and whose they are."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.utils.translation import override

from channels_app.meta_fake import MessagingVendor
from channels_app.meta_messaging import read_events
from channels_app.protocol import (
    Attachment,
    BadPayload,
    ContactIdentity,
    Event,
    RawRequest,
)
from channels_app.signs import reaction_data

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
PERSON, PAGE = MessagingVendor.customer, MessagingVendor.account
AT = 1458668856463
KEY = "0b6f0c1e-3f0a-4b57-9f0e-6d6c7d1a2b3c"


def read(body: bytes, *, product: str = "page", account: str = "") -> list[Event]:
    request = RawRequest("POST", "", (), {}, body, NOW)
    with override("en"):
        return read_events(request, product=product, account=account)


def reported(*, name: str = "messaging", **facts: Any) -> list[Event]:
    row = MessagingVendor().row(**{"timestamp": AT, **facts})
    return read(MessagingVendor().reports(row, name=name))


def said(**message: Any) -> Event:
    (found,) = reported(message={"mid": "m_1", **message})
    return found


def test_a_text_is_a_message_of_the_person_who_wrote_it() -> None:
    found = said(text="Hello", reply_to={"mid": "m_0"}, quick_reply={"payload": "p"})
    assert (found.kind, found.text, found.provider_id) == ("message", "Hello", "m_1")
    assert (found.reply_to, found.direction) == ("m_0", "in")
    assert found.sender == ContactIdentity(PERSON, verified=True)
    assert found.sent_at == datetime(2016, 3, 22, 17, 47, 36, 463000, tzinfo=UTC)


def test_files_lie_at_their_address() -> None:
    files = [
        {"type": "image", "payload": {"url": "https://cdn.example/a.jpg", "sticker_id": 369}},
        {"type": "file", "payload": {"url": "https://cdn.example/v/the%20bill.pdf?_nc=1"}},
    ]
    found = said(text="see", attachments=files)
    assert found.text == "see"
    assert found.attachments == (
        Attachment("image", url="https://cdn.example/a.jpg"),
        Attachment(
            "file", filename="the bill.pdf", url="https://cdn.example/v/the%20bill.pdf?_nc=1"
        ),
    )


UNKNOWN = "[A message of a kind that cannot be shown: %s]"


@pytest.mark.parametrize(
    ("message", "text", "files"),
    [
        (
            {
                "attachments": [
                    {"type": "location", "payload": {"coordinates": {"lat": 1.5, "long": -2}}}
                ]
            },
            "[A place]\n1.500000, -2.000000",
            0,
        ),
        (
            {
                "attachments": [
                    {"type": "fallback", "title": "A page", "url": "https://shop.example/"}
                ]
            },
            "A page\nhttps://shop.example/",
            0,
        ),
        (
            {
                "attachments": [
                    {"type": "story_mention", "payload": {"url": "https://cdn.example/s"}}
                ]
            },
            "[A mention in their story]",
            1,
        ),
        (
            {
                "attachments": [
                    {"type": "share", "payload": {"url": "https://cdn.example/p", "title": "Shoes"}}
                ]
            },
            "[A shared post] Shoes",
            1,
        ),
        (
            {"text": "nice!", "reply_to": {"story": {"id": "1", "url": "https://cdn.example/s"}}},
            "[An answer to your story]\nnice!",
            0,
        ),
        (
            {"attachments": [{"type": "template", "title": "Card"}]},
            f"{UNKNOWN % 'template'}\nCard",
            0,
        ),
        ({"attachments": [{"type": "image", "payload": {}}]}, UNKNOWN % "image", 0),
        ({"is_unsupported": True}, UNKNOWN % "unsupported", 0),
        ({}, UNKNOWN % "message", 0),
    ],
)
def test_every_kind_is_said_in_words(message: dict[str, Any], text: str, files: int) -> None:
    found = said(**message)
    assert (found.text, len(found.attachments)) == (text, files)


def test_edits_and_withdrawals_name_their_message() -> None:
    (edited,) = reported(message_edit={"mid": "m_1", "text": "better", "num_edit": "2"})
    assert (edited.kind, edited.provider_id, edited.text) == ("edit", "m_1", "better")
    assert edited.sequence == 2
    gone = said(is_deleted=True)
    assert (gone.kind, gone.provider_id) == ("delete", "m_1")
    # What was never changed is no edit.
    assert reported(message_edit={"mid": "m_1", "text": "better", "num_edit": 0}) == []


def test_a_pressed_button_is_what_the_customer_said_where_it_has_words() -> None:
    (pressed,) = reported(postback={"title": "Opening hours?", "payload": "HOURS", "mid": "m_2"})
    assert (pressed.kind, pressed.text) == ("message", "Opening hours?")
    (mute,) = reported(postback={"payload": "GET_STARTED"})
    (later,) = reported(postback={"payload": "GET_STARTED"}, timestamp=AT + 1)
    assert (mute.kind, mute.text) == ("postback", "GET_STARTED")
    assert mute.dedup_key != later.dedup_key


def test_a_reaction_names_what_it_is_about() -> None:
    (found,) = reported(reaction={"mid": "m_1", "action": "react", "emoji": "❤️"})
    assert (found.kind, found.references) == ("reaction", ("m_1",))
    assert found.data == reaction_data("❤️", is_only=True)
    (undone,) = reported(reaction={"mid": "m_1", "action": "unreact"})
    assert undone.data == reaction_data("", is_gone=True, is_only=True)
    (named,) = reported(reaction={"mid": "m_1", "action": "react", "reaction": "love"})
    assert named.data["emoji"] == "love"
    assert found.dedup_key != undone.dedup_key


def test_receipts_name_messages_or_a_time_and_the_person() -> None:
    (came,) = reported(delivery={"mids": ["m_1", "m_2"], "watermark": AT})
    assert (came.kind, came.status, came.references) == ("receipt", "delivered", ("m_1", "m_2"))
    assert came.watermark == came.sent_at
    assert came.sender == ContactIdentity(PERSON, verified=True)
    (seen,) = reported(read={"watermark": AT})
    assert (seen.status, seen.references, seen.watermark) == ("read", (), came.watermark)
    (one,) = reported(read={"mid": "m_1"})
    assert (one.status, one.references, one.watermark) == ("read", ("m_1",), None)
    assert reported(read={}) == []


def test_what_we_sent_ourselves_has_been_taken() -> None:
    (found,) = reported(
        sender={"id": PAGE},
        recipient={"id": PERSON},
        message={"mid": "m_1", "is_echo": True, "metadata": KEY, "text": "hi"},
    )
    assert (found.kind, found.status, found.references, found.client_ref) == (
        "receipt",
        "sent",
        ("m_1",),
        KEY,
    )


@pytest.mark.parametrize("metadata", ["", "campaign 7", KEY.upper()])
def test_what_was_said_elsewhere_in_our_name_belongs_to_the_customer(metadata: str) -> None:
    ends = {"sender": {"id": PAGE}, "recipient": {"id": PERSON}}
    message = {"mid": "m_1", "is_echo": True, "text": "hi", "metadata": metadata}
    (found,) = reported(**ends, message=message)
    assert (found.kind, found.direction) == ("message", "out")
    assert found.sender == ContactIdentity(PERSON, verified=True)


def test_nobody_claims_a_key_of_ours_in_a_message_of_their_own() -> None:
    assert said(text="hi", metadata=KEY).kind == "message"


def test_what_another_app_answers_is_kept_and_no_message() -> None:
    (kept,) = reported(name="standby", message={"mid": "m_1", "text": "hi"})
    assert (kept.kind, dict(kept.data)) == ("lifecycle", {"state": "standby"})
    (came,) = reported(name="standby", delivery={"watermark": AT})
    assert came.kind == "receipt"


def test_what_was_said_to_another_account_is_kept_and_no_message() -> None:
    body = MessagingVendor().message("m_1")
    assert read(body, account=PAGE)[0].kind == "message"
    (kept,) = read(body, account="999")
    assert (kept.kind, dict(kept.data)) == ("lifecycle", {"state": "another_account"})


def test_the_test_button_of_the_dashboard_says_something() -> None:
    row = {
        "sender": {"id": "12334"},
        "recipient": {"id": "23245"},
        "timestamp": "1527459824",
        "message": {"mid": "random_mid", "text": "random_text"},
    }
    in_changes = {"id": "0", "changes": [{"field": "messages", "value": row}]}
    in_messaging = {"id": "0", "messaging": [row]}
    for entry in (in_changes, in_messaging):
        body = json.dumps({"object": "instagram", "entry": [entry]}).encode()
        (found,) = read(body, product="instagram", account=PAGE)
        assert (found.kind, found.text) == ("message", "random_text")
        assert found.sent_at == datetime(2018, 5, 27, 22, 23, 44, tzinfo=UTC)


def test_other_events_are_skipped_and_never_break_the_rest() -> None:
    rows = [
        MessagingVendor().row(**{kind: {}}) for kind in ("optin", "referral", "account_linking")
    ]
    rows.append(MessagingVendor().row(message={"mid": "m_1", "text": "hi"}))
    nobody = MessagingVendor().row(sender={}, message={"mid": "m_2", "text": "hi"})
    found = read(MessagingVendor().reports(*rows, nobody))
    assert [each.text for each in found] == ["hi"]


@pytest.mark.parametrize(
    "broken",
    [
        {"message": {"text": "no id"}},
        {"message": {"mid": "m_1", "text": 7}},
        {"message": "hi"},
        {"message": {"mid": "m_1", "attachments": ["x"]}},
        {"message": {"mid": "m_1"}, "timestamp": "soon"},
        {"message_edit": {"text": "better"}},
        {"delivery": {"mids": "m_1"}},
        {"read": {"watermark": 2**62}},
        {"sender": "x", "message": {"mid": "m_1"}},
    ],
)
def test_what_does_not_fit_is_a_bad_payload(broken: dict[str, Any]) -> None:
    with pytest.raises(BadPayload):
        reported(**broken)


@pytest.mark.corpus
@pytest.mark.parametrize(("folder", "product"), [("messenger", "page"), ("instagram", "instagram")])
def test_every_call_of_theirs_is_read(folder: str, product: str) -> None:
    root = Path(os.environ["EVERYDESK_CORPUS"]) / "webhooks" / folder
    paths = sorted(root.rglob("*.json"))
    assert len(paths) > 3
    for path in paths:
        found = read(path.read_bytes(), product=product)
        assert found, path.name
        for event in found:
            assert event.kind != "message" or event.text or event.attachments, path.name
