"""What we tell Telegram, and what its answers mean."""

import json
import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings

from channels_app.adapters.telegram.adapter import UPDATES, Adapter
from channels_app.adapters.telegram.fake import TOKEN, Vendor, refusal, values_of
from channels_app.fake_vendor import Answer
from channels_app.protocol import (
    Attachment,
    ContactIdentity,
    SendError,
)
from helpdesk.errors import ChannelError
from tests.channels_app.telegram.bots import GROUP, PERSON, adapter, reply


def test_a_reply_goes_to_the_person(vendor: Vendor) -> None:
    result = adapter(vendor).send(reply(reply_to=f"{PERSON}:42"))
    (call,) = vendor.calls
    assert call.path == f"/bot{TOKEN}/sendMessage"
    assert json.loads(call.body) == {"chat_id": PERSON, "text": "好的 👍"}
    assert (result.status, result.provider_ids) == ("sent", (f"{PERSON}:9001",))


def test_in_a_group_the_reply_says_whom_it_answers(vendor: Vendor) -> None:
    adapter(vendor).send(reply("ok", thread_key=f"{GROUP}/7", reply_to=f"{GROUP}:42"))
    adapter(vendor).send(reply("ok", thread_key=str(GROUP), reply_to="-5:42"))
    first, second = (json.loads(call.body) for call in vendor.calls)
    assert (first["chat_id"], first["message_thread_id"]) == (GROUP, 7)
    assert first["reply_parameters"] == {"message_id": 42, "allow_sending_without_reply": True}
    assert second == {"chat_id": GROUP, "text": "ok"}


def test_a_group_that_has_moved_is_followed(vendor: Vendor) -> None:
    vendor.fail(refusal(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=GROUP))
    result = adapter(vendor).send(reply("ok", thread_key="-77", reply_to="-77:42"))
    assert json.loads(vendor.calls[1].body) == {"chat_id": GROUP, "text": "ok"}
    assert result.provider_ids == (f"{GROUP}:9002",)


def test_pictures_and_other_files_are_handed_over_themselves(
    vendor: Vendor, picture: Attachment
) -> None:
    document = replace(picture, filename="合同.pdf", mime="application/pdf")
    huge = replace(picture, size=11 * 1024 * 1024)
    for file in (picture, document, huge):
        adapter(vendor).send(reply("", attachments=(file,)))
    methods = [call.path.rpartition("/")[2] for call in vendor.calls]
    assert methods == ["sendPhoto", "sendDocument", "sendDocument"]
    assert values_of(vendor.calls[0]) == {"chat_id": str(PERSON), "photo": "a.png"}
    assert b"\x89PNG and more" in vendor.calls[0].body
    assert "合同.pdf".encode() in vendor.calls[1].body


def test_a_picture_that_it_will_not_show_goes_as_a_document(
    vendor: Vendor, picture: Attachment
) -> None:
    vendor.fail(refusal(400, "Bad Request: PHOTO_INVALID_DIMENSIONS"))
    adapter(vendor).send(reply("", attachments=(picture,)))
    assert vendor.calls[1].path.endswith("/sendDocument")
    vendor.fail(refusal(400, "Bad Request: chat not found"))
    with pytest.raises(SendError):
        adapter(vendor).send(reply("", attachments=(picture,)))
    assert len(vendor.calls) == 3


def test_a_file_that_is_gone_is_not_sent(vendor: Vendor, picture: Attachment) -> None:
    Path(picture.path).unlink()
    with pytest.raises(SendError) as gone:
        adapter(vendor).send(reply("", attachments=(picture,)))
    assert gone.value.permanent
    assert not vendor.calls


@pytest.mark.parametrize(
    ("answer", "kind", "retryable"),
    [
        (refusal(400, "Bad Request: chat not found"), "undeliverable", False),
        (refusal(401, "Unauthorized"), "auth", False),
        (refusal(404, "Not Found"), "auth", False),
        (refusal(403, "Forbidden: bot was blocked by the user"), "blocked", False),
        (refusal(429, "Too Many Requests: retry after 17", retry_after=17), "rate", True),
        (refusal(500, "Internal Server Error"), "server", True),
        (Answer(502, b"<html>Bad Gateway"), "server", True),
        (Answer(200, b'{"ok":false,"error_code":403,"description":"kicked"}'), "blocked", False),
    ],
)
def test_each_refusal_says_what_it_means(
    vendor: Vendor, answer: Answer, kind: str, *, retryable: bool
) -> None:
    vendor.fail(answer)
    with pytest.raises(SendError) as refused:
        adapter(vendor).send(reply())
    assert (refused.value.kind, refused.value.retryable) == (kind, retryable)
    assert not refused.value.ambiguous
    if kind == "rate":
        assert refused.value.retry_after == timedelta(seconds=17)


@pytest.mark.parametrize(
    "answer",
    [Answer(is_dropped=True), refusal(504, "Gateway Timeout"), Answer(200, b"<html>sign in")],
)
def test_what_may_have_arrived_is_said_so(vendor: Vendor, answer: Answer) -> None:
    vendor.fail(answer)
    with pytest.raises(SendError) as lost:
        adapter(vendor).send(reply())
    assert lost.value.ambiguous


@pytest.mark.parametrize("token", ["", "two\nlines", "110201543", "1:a/../x", "käse"])
def test_without_a_usable_token_nothing_is_called(vendor: Vendor, token: str) -> None:
    bare = Adapter(replace(adapter(vendor).config, named_secrets={"bot_token": token}))
    for attempt in (lambda: bare.send(reply()), bare.test_connection):
        with pytest.raises(SendError) as refused:
            attempt()
        assert refused.value.kind == "auth"
    assert not vendor.calls


def test_only_chats_are_written_to(vendor: Vendor) -> None:
    with pytest.raises(SendError) as refused:
        adapter(vendor).send(replace(reply(), to=ContactIdentity("@everybody")))
    assert refused.value.kind == "undeliverable"
    assert not vendor.calls


def told(error: BaseException | None) -> list[str]:
    """Return what an error says, and all that led to it."""
    if error is None:
        return []
    return [str(error), str(getattr(error, "message", "")), *told(error.__cause__)]


def test_the_token_stands_in_no_error_and_no_log(
    vendor: Vendor, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [refusal(400, f"no bot{TOKEN} here"), Answer(500), Answer(is_dropped=True)]
    vendor.fail(*answers, *answers)
    said: list[str] = []
    with caplog.at_level(logging.DEBUG):
        for _each in answers:
            with pytest.raises(SendError) as refused:
                adapter(vendor).send(reply())
            said += told(refused.value)
        for _each in answers:
            with pytest.raises(ChannelError) as failed:
                adapter(vendor).fetch_media(Attachment("image", media_ref="f"))
            said += told(failed.value)
    assert "no bot… here" in "".join(said)
    assert not any(TOKEN in each for each in (*said, caplog.text))


def test_a_file_is_asked_for_and_then_fetched(vendor: Vendor) -> None:
    file = Attachment("image", media_ref="AgAC", mime="image/png")
    data, _mime = adapter(vendor).fetch_media(file)
    assert data[:4] == b"\x89PNG"
    asked, fetched = vendor.calls
    assert json.loads(asked.body) == {"file_id": "AgAC"}
    assert fetched.path == f"/file/bot{TOKEN}/photos/file%231.png"


@pytest.mark.parametrize(
    ("answer", "is_permanent"),
    [
        (refusal(400, "Bad Request: file is too big"), True),
        (refusal(500, "Internal Server Error"), False),
        (refusal(429, "Too Many Requests", retry_after=3), False),
        (Answer(200, b'{"ok":true,"result":{}}'), True),
        (Answer(200, b'{"ok":true,"result":{"file_path":"../../secrets"}}'), True),
        (Answer(200, b'{"ok":true,"result":{"file_path":"/etc/passwd"}}'), True),
        (Answer(200, b"<html>"), False),
    ],
)
def test_a_file_that_cannot_be_had_says_for_how_long(
    vendor: Vendor, answer: Answer, *, is_permanent: bool
) -> None:
    vendor.fail(answer)
    with pytest.raises(ChannelError) as failed:
        adapter(vendor).fetch_media(Attachment("image", media_ref="f"))
    assert failed.value.permanent is is_permanent
    assert len(vendor.calls) == 1


def test_testing_the_connection_tells_it_where_to_call(
    vendor: Vendor, settings: LazySettings
) -> None:
    settings.PUBLIC_URL = "https://desk.example"
    assert "@everydesk_bot" in adapter(vendor).test_connection()
    assert values_of(vendor.calls[1]) == {
        "url": "https://desk.example/channels/c/",
        "secret_token": "s",
        "allowed_updates": list(UPDATES),
    }
    vendor.fail(Answer(200, b"<html>"))
    with pytest.raises(ChannelError) as stranger:
        adapter(vendor).test_connection()
    assert "not Telegram" in str(stranger.value.message)
    with pytest.raises(ChannelError) as unusable:
        adapter(vendor, secret="with spaces").test_connection()
    assert "secret" in str(unusable.value.message)
