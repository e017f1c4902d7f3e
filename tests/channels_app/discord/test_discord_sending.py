"""What we tell Discord, and what its answers mean."""

import json
import logging
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from channels_app.adapters.discord.adapter import Adapter
from channels_app.adapters.discord.fake import API, CHAT, ROOM, TOKEN, Vendor, refused, said
from channels_app.adapters.discord.reading import nonce_of
from channels_app.fake_vendor import Answer
from channels_app.protocol import Attachment, BadSignature, ContactIdentity, RawRequest, SendError
from helpdesk.errors import ChannelError
from tests.channels_app.discord.bots import PERSON, adapter, reply


def test_a_reply_goes_to_the_private_chat_and_calls_nobody_else(vendor: Vendor) -> None:
    message = reply("好的 @everyone")
    result = adapter(vendor).send(message)
    begun, call = vendor.calls
    assert (begun.path, json.loads(begun.body)) == (
        f"{API}/users/@me/channels",
        {"recipient_id": PERSON},
    )
    assert call.path == f"{API}/channels/{CHAT}/messages"
    assert json.loads(call.body) == {
        "content": "好的 @everyone",
        "nonce": nonce_of(message.client_ref),
        "enforce_nonce": True,
        "allowed_mentions": {"parse": []},
    }
    assert result.provider_ids == ("901",)


def test_a_channel_is_answered_at_the_question(vendor: Vendor) -> None:
    adapter(vendor).send(reply(thread_key=ROOM, reply_to="1001"))
    (call,) = vendor.calls
    assert call.path == f"{API}/channels/{ROOM}/messages"
    about = json.loads(call.body)["message_reference"]
    assert about == {"message_id": "1001", "fail_if_not_exists": False}


def test_files_are_handed_over_and_large_ones_linked(vendor: Vendor, picture: Attachment) -> None:
    huge = replace(picture, size=11 * 1024 * 1024)
    for file in (picture, huge):
        adapter(vendor).send(reply("", thread_key=ROOM, attachments=(file,)))
    first, second = vendor.calls
    assert b"\x89PNG and more" in first.body
    assert b'name="files[0]"' in first.body
    assert vendor.values_of(first)["allowed_mentions"] == {"parse": []}
    assert vendor.text_of(second) == "a.png\nhttps://desk.example/a"


@pytest.mark.parametrize(
    ("answer", "kind", "retryable"),
    [
        (refused(50007, "Cannot send messages to this user", status=403), "blocked", False),
        (refused(10003, "Unknown Channel", status=404), "undeliverable", False),
        (refused(50035, "Invalid Form Body"), "undeliverable", False),
        (refused(0, "401: Unauthorized", status=401), "auth", False),
        (refused(0, "You are being rate limited.", status=429, retry_after=1.3), "rate", True),
        (refused(0, "500", status=500), "server", True),
        (Answer(502, b"<html>"), "server", True),
    ],
)
def test_each_refusal_says_what_it_means(
    vendor: Vendor, answer: Answer, kind: str, *, retryable: bool
) -> None:
    vendor.fail(answer)
    with pytest.raises(SendError) as failed:
        adapter(vendor).send(reply(thread_key=ROOM))
    assert (failed.value.kind, failed.value.retryable) == (kind, retryable)
    assert not failed.value.ambiguous
    if kind == "rate":
        assert failed.value.retry_after == timedelta(seconds=2)


def test_what_may_have_arrived_is_said_so_and_what_only_prepares_it_is_not(vendor: Vendor) -> None:
    for answer in (Answer(is_dropped=True), Answer(200, b"<html>"), Answer(504, b"<html>")):
        vendor.fail(answer)
        with pytest.raises(SendError) as lost:
            adapter(vendor).send(reply(thread_key=ROOM))
        assert lost.value.ambiguous
        vendor.fail(answer)
        with pytest.raises(SendError) as before:
            adapter(vendor).send(reply())
        assert before.value.retryable
        assert not before.value.ambiguous
    assert not adapter(vendor).capabilities.idempotent_send


@pytest.mark.parametrize("token", ["", "two\nlines", "käse"])
def test_without_a_usable_token_nothing_is_called(vendor: Vendor, token: str) -> None:
    bare = Adapter(replace(adapter(vendor).config, secrets=(token,) if token else ()))
    for attempt in (lambda: bare.send(reply()), bare.test_connection):
        with pytest.raises(SendError) as failed:
            attempt()
        assert failed.value.kind == "auth"
    assert not vendor.calls


def test_only_places_of_discord_are_written_to(vendor: Vendor) -> None:
    with pytest.raises(SendError) as failed:
        adapter(vendor).send(replace(reply(), to=ContactIdentity("../x")))
    assert failed.value.kind == "undeliverable"
    assert not vendor.calls


def test_nobody_calls_this_channel(vendor: Vendor) -> None:
    with pytest.raises(BadSignature):
        adapter(vendor).verify(RawRequest("POST", "", (), {}, b"{}", timezone.now()))


def test_a_file_is_fetched_without_the_token(vendor: Vendor) -> None:
    url = f"http://127.0.0.1:{vendor.port}/files/1"
    data, _mime = adapter(vendor).fetch_media(Attachment("image", url=url))
    assert data[:4] == b"\x89PNG"
    assert "authorization" not in vendor.calls[0].headers
    with pytest.raises(ChannelError) as inside:
        adapter(vendor).fetch_media(Attachment("image", url="http://10.0.0.1/1"))
    assert inside.value.permanent


def told(error: BaseException | None) -> list[str]:
    """Return what an error says, and all that led to it."""
    if error is None:
        return []
    return [str(error), str(getattr(error, "message", "")), *told(error.__cause__)]


def test_neither_token_nor_text_stands_in_an_error_or_a_log(
    vendor: Vendor, caplog: pytest.LogCaptureFixture
) -> None:
    found: list[str] = []
    with caplog.at_level(logging.DEBUG):
        for answer in (refused(50035, "no"), Answer(500), Answer(is_dropped=True)):
            vendor.fail(answer)
            with pytest.raises(SendError) as failed:
                adapter(vendor).send(reply("a hidden matter", thread_key=ROOM))
            found += told(failed.value)
    assert not any(
        word in each for word in (TOKEN, "a hidden matter") for each in (*found, caplog.text)
    )


def test_the_connection_is_tested_by_asking_who_we_are(vendor: Vendor) -> None:
    assert "everydesk" in adapter(vendor).test_connection()
    for answer in (Answer(200, b"<html>"), said(username=7)):
        vendor.fail(answer)
        with pytest.raises(ChannelError) as stranger:
            adapter(vendor).test_connection()
        assert "not Discord" in str(stranger.value.message)
