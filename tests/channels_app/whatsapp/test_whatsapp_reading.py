"""What calls of WhatsApp say: messages of every kind, receipts, and who is who."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.utils.translation import override

from channels_app.adapters.whatsapp.fake import Vendor
from channels_app.adapters.whatsapp.reading import read_events
from channels_app.protocol import (
    Attachment,
    BadPayload,
    ContactIdentity,
    Event,
    RawRequest,
)
from channels_app.signs import reaction_data

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
PERSON, PHONE = Vendor.customer, Vendor.phone
WRITTEN = {"from": PHONE, "id": "wamid.1", "timestamp": "1697043223"}
CONTACT = {"profile": {"name": "王芳"}, "wa_id": PHONE, "user_id": PERSON}


def read(body: bytes, number: str = "") -> list[Event]:
    with override("en"):
        return read_events(RawRequest("POST", "", (), {}, body, NOW), number=number)


def reported(**lists: Any) -> list[Event]:
    return read(Vendor().reports(**lists))


def said(kind: str, **facts: Any) -> Event:
    (found,) = reported(messages=[{**WRITTEN, "type": kind, **facts}])
    return found


def who(row: dict[str, Any], *contacts: dict[str, Any]) -> ContactIdentity | None:
    message = {"id": "wamid.1", "type": "text", "text": {"body": "x"}, **row}
    (found,) = reported(messages=[message], contacts=list(contacts))
    return found.sender


# --- messages -------------------------------------------------------------------------------------


def test_a_text_is_a_message_of_the_person_who_wrote_it() -> None:
    found = said("text", text={"body": "Hello"}, context={"id": "wamid.0", "from": "1555"})
    assert (found.kind, found.text, found.provider_id) == ("message", "Hello", "wamid.1")
    assert (found.reply_to, found.thread_key, found.direction) == ("wamid.0", "", "in")
    assert found.sent_at == datetime(2023, 10, 11, 16, 53, 43, tzinfo=UTC)
    assert found.sender == ContactIdentity(
        PERSON, display_name="王芳", phone=f"+{PHONE}", verified=True, aliases=(PHONE,)
    )


def test_a_file_is_named_by_its_id_and_what_is_written_under_it_is_the_text() -> None:
    file = {"id": "17", "mime_type": "audio/ogg; codecs=opus", "sha256": "x", "voice": True}
    assert said("audio", audio=file).attachments == (
        Attachment("audio", mime="audio/ogg", media_ref="17"),
    )
    document = said("document", document={"id": "18", "filename": "a.pdf", "caption": "the bill"})
    assert (document.text, document.attachments[0].filename) == ("the bill", "a.pdf")
    assert said("sticker", sticker={"id": "19"}).attachments[0].kind == "image"


@pytest.mark.parametrize(
    ("kind", "facts", "text"),
    [
        ("button", {"button": {"text": "Yes", "payload": "p"}}, "Yes"),
        ("interactive", {"interactive": {"button_reply": {"id": "1", "title": "Yes"}}}, "Yes"),
        (
            "interactive",
            {"interactive": {"list_reply": {"id": "1", "title": "Red", "description": "L"}}},
            "Red\nL",
        ),
        (
            "interactive",
            {"interactive": {"nfm_reply": {"body": "Sent", "response_json": '{"size":"L"}'}}},
            'Sent\n{"size":"L"}',
        ),
        (
            "location",
            {"location": {"latitude": 37.5, "longitude": -122, "name": "HQ", "address": "Way 1"}},
            "[A place]\nHQ\nWay 1\n37.500000, -122.000000",
        ),
        (
            "contacts",
            {
                "contacts": [
                    {
                        "name": {"formatted_name": "Ann"},
                        "phones": [{"phone": "+1 555"}],
                        "emails": [{"email": "ann@shop.example"}],
                    },
                    {"name": {"formatted_name": "Bob"}},
                ]
            },
            "[Contacts]\nAnn, +1 555, ann@shop.example\nBob",
        ),
        (
            "order",
            {
                "order": {
                    "text": "soon, please",
                    "product_items": [
                        {
                            "product_retailer_id": "SHOE",
                            "quantity": 2,
                            "item_price": 30.5,
                            "currency": "EUR",
                        }
                    ],
                }
            },
            "[An order]\n2 × SHOE (30.5 EUR)\nsoon, please",
        ),
        ("interactive", {}, "[A message of a kind that cannot be shown: interactive]"),
        (
            "unsupported",
            {"unsupported": {"type": "poll"}, "errors": [{"code": 131051}]},
            "[A message of a kind that cannot be shown: poll]",
        ),
        ("hologram", {}, "[A message of a kind that cannot be shown: hologram]"),
    ],
)
def test_every_kind_is_said_in_words(kind: str, facts: dict[str, Any], text: str) -> None:
    assert said(kind, **facts).text == text


def test_edits_and_withdrawals_name_their_message() -> None:
    newer = {"type": "text", "text": {"body": "better"}}
    edited = said("edit", edit={"original_message_id": "wamid.0", "message": newer})
    assert (edited.kind, edited.provider_id, edited.text) == ("edit", "wamid.0", "better")
    gone = said("revoke", revoke={"original_message_id": "wamid.0"})
    assert (gone.kind, gone.provider_id) == ("delete", "wamid.0")


def test_what_is_no_message_is_told_apart() -> None:
    liked = said("reaction", reaction={"message_id": "wamid.0", "emoji": "😮"})
    assert (liked.kind, liked.references) == ("reaction", ("wamid.0",))
    assert liked.data == reaction_data("😮", is_only=True)
    gone = said("reaction", reaction={"message_id": "wamid.0", "emoji": ""})
    assert gone.data == reaction_data("", is_gone=True, is_only=True)
    moved = said("system", system={"type": "user_changed_number", "wa_id": "4479", "body": "x"})
    assert (moved.kind, dict(moved.data)) == (
        "lifecycle",
        {"state": "user_changed_number", "newer_ids": ["4479"]},
    )
    (rang,) = reported(field="calls", calls=[{**WRITTEN, "event": "connect"}])
    assert rang.kind == "call"


def test_what_is_written_in_a_group_belongs_to_the_group() -> None:
    found = said("text", text={"body": "hi"}, group_id="Y2FwaQ")
    assert (found.thread_key, found.sender and found.sender.external_id) == ("Y2FwaQ", PERSON)


def test_what_was_said_in_their_app_is_ours_and_belongs_to_the_customer() -> None:
    row = {**WRITTEN, "from": "15550783881", "to": PHONE, "type": "text", "text": {"body": "hi"}}
    gone = {**row, "id": "wamid.2", "type": "revoke", "revoke": {"original_message_id": "wamid.1"}}
    found = reported(field="smb_message_echoes", message_echoes=[row, gone])
    assert [(each.kind, each.direction) for each in found] == [
        ("message", "out"),
        ("delete", "out"),
    ]
    assert {each.sender and each.sender.external_id for each in found} == {PERSON}


def test_what_was_said_to_another_number_is_kept_and_no_message() -> None:
    body = Vendor().message("wamid.1")
    assert read(body, number="106540352242922")[0].kind == "message"
    (kept,) = read(body, number="999")
    assert (kept.kind, dict(kept.data)) == ("lifecycle", {"state": "another_number"})


# --- who is who -----------------------------------------------------------------------------------


def test_somebody_is_known_by_the_id_that_every_call_has() -> None:
    expected = {PERSON}
    rows = [
        ({"from": PHONE}, (CONTACT,)),
        ({"from": PHONE, "from_user_id": PERSON}, ()),
        ({"from_user_id": PERSON}, ({"user_id": PERSON, "profile": {"username": "fang"}},)),
        ({}, ({"user_id": PERSON},)),
        # Their own number, written in the other way.
        ({"from": "549341512345678"}, (CONTACT,)),
        ({"from": PHONE}, ({"wa_id": "999", "user_id": "US.2"}, CONTACT)),
    ]
    found = [who(row, *contacts) for row, contacts in rows]
    assert {each and each.external_id for each in found} == expected


def test_where_there_is_no_such_id_the_number_is_who_they_are() -> None:
    found = who({"from": PHONE}, {"wa_id": PHONE, "profile": {"name": "Fang"}})
    assert found == ContactIdentity(PHONE, display_name="Fang", phone=f"+{PHONE}", verified=True)
    assert who({"from": PHONE, "from_user_id": "US.2"}, CONTACT) == ContactIdentity(
        "US.2",
        display_name="王芳",
        phone=f"+{PHONE}",
        verified=True,
        aliases=(PHONE,),
    )


def test_nobody_is_answered_where_nobody_is_named() -> None:
    assert reported(messages=[{"id": "wamid.1", "type": "text"}], contacts=[]) == []


# --- receipts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ("sent", "sent"),
        ("delivered", "delivered"),
        ("read", "read"),
        ("played", "read"),
        ("failed", "failed"),
    ],
)
def test_receipts_name_the_message_and_our_key(told: str, status: str) -> None:
    row = {"id": "wamid.1", "status": told, "biz_opaque_callback_data": "our-key"}
    (found,) = reported(statuses=[row])
    assert (found.kind, found.status, found.references) == ("receipt", status, ("wamid.1",))
    assert (found.client_ref, found.dedup_key) == ("our-key", f"wamid.1:{told}:")


def test_a_failure_says_why() -> None:
    details = {"code": 131026, "title": "Undeliverable", "error_data": {"details": "Too old"}}
    for errors, error in (
        ([details], "Meta refused it. Too old (131026)"),
        ([{"title": "Gone"}], "Meta refused it. Gone"),
        ([], "Meta refused it."),
    ):
        (found,) = reported(statuses=[{"id": "wamid.1", "status": "failed", "errors": errors}])
        assert found.error == error


def test_an_unknown_receipt_says_nothing() -> None:
    assert reported(statuses=[{"id": "wamid.1", "status": "warning"}]) == []


def test_the_receipts_of_a_group_are_told_apart() -> None:
    rows = [
        {"id": "wamid.1", "status": "read", "recipient_participant_id": each} for each in ("1", "2")
    ]
    assert len({each.dedup_key for each in reported(statuses=rows)}) == 2


# --- strictness -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "broken",
    [
        {"messages": [{**WRITTEN, "id": "", "type": "text"}]},
        {"messages": [{**WRITTEN, "type": "text", "text": "Hello"}]},
        {"messages": [{**WRITTEN, "type": "image", "image": {}}]},
        {"messages": [{**WRITTEN, "type": "revoke"}]},
        {"messages": [{**WRITTEN, "timestamp": "soon", "type": "text"}]},
        {"messages": {}},
        {"statuses": [{"status": "sent"}]},
        {"contacts": ["王芳"]},
    ],
)
def test_what_does_not_fit_is_a_bad_payload(broken: dict[str, Any]) -> None:
    with pytest.raises(BadPayload):
        reported(**broken)


@pytest.mark.corpus
def test_every_call_of_theirs_is_read() -> None:
    root = Path(os.environ["EVERYDESK_CORPUS"]) / "webhooks" / "whatsapp"
    bodies = [
        (f"{path.stem} {name}", json.dumps(each).encode())
        for path in sorted(root.rglob("*.json"))
        for name, each in json.loads(path.read_bytes()).items()
        if isinstance(each, dict)
    ]
    assert len(bodies) > 30
    for name, body in bodies:
        found = read(body)
        assert found, name
        assert found == read(body)
        for event in found:
            has_words = event.kind != "message" or event.text or event.attachments
            assert has_words, name
