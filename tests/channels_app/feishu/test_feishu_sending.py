"""What we tell Feishu, and what its answers mean."""

import json
import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from channels_app.adapters.feishu.adapter import Adapter
from channels_app.adapters.feishu.fake import GROUP, Vendor, refused, said
from channels_app.fake_vendor import Answer
from channels_app.protocol import Attachment, SendError
from helpdesk.errors import ChannelError
from tests.channels_app.feishu.apps import PERSON, adapter, reply, sent_by

STALE = refused(99991663, "Invalid access token for authorization.")
FILE = Attachment("file", media_ref="om_1/file_1")


def test_a_reply_goes_to_the_person_under_its_own_key(vendor: Vendor) -> None:
    message = reply('好的 👍 <at user_id="all">all</at>')
    result = adapter(vendor).send(message)
    issued, call = vendor.calls
    assert issued.path.endswith("/tenant_access_token/internal")
    assert call.query == {"receive_id_type": "open_id"}
    (body,) = sent_by(vendor)
    # Nobody's words call everybody.
    content = {"text": '好的 👍 <\u200bat user_id="all">all<\u200b/at>'}
    assert json.loads(body.pop("content")) == content
    assert body == {"receive_id": PERSON, "msg_type": "text", "uuid": message.client_ref}
    assert (result.status, result.provider_ids) == ("sent", ("om_sent_1",))


def test_a_group_is_answered_where_the_question_stands(vendor: Vendor) -> None:
    adapter(vendor).send(reply(thread_key=GROUP, reply_to="om_7"))
    adapter(vendor).send(reply(thread_key=f"{GROUP}/omt_1", reply_to="om_7"))
    adapter(vendor).send(reply(thread_key=GROUP))
    paths = [call.path.rpartition("/v1/")[2] for call in vendor.calls if vendor.text_of(call)]
    assert paths == ["messages/om_7/reply", "messages/om_7/reply", "messages"]
    first, second, third = sent_by(vendor)
    assert (first["reply_in_thread"], second["reply_in_thread"]) == (False, True)
    assert third["receive_id"] == GROUP


def test_a_question_that_is_gone_is_answered_all_the_same(vendor: Vendor) -> None:
    gone = refused(230011, "The message was withdrawn.")
    working = said(message_id="om_9")
    vendor.fail(_issued(vendor), gone, working)
    message = reply(thread_key=GROUP, reply_to="om_7")
    assert adapter(vendor).send(message).provider_ids == ("om_9",)
    assert {each["uuid"] for each in sent_by(vendor)} == {message.client_ref}
    # A topic has no other place.
    vendor.fail(_issued(vendor), gone)
    with pytest.raises(SendError):
        adapter(vendor).send(reply(thread_key=f"{GROUP}/omt_1", reply_to="om_7"))


def _issued(vendor: Vendor) -> Answer:
    vendor.issued += 1
    found = {"code": 0, "tenant_access_token": vendor.token, "expire": 7200}
    return Answer(200, json.dumps(found).encode())


def test_what_was_taken_before_is_sent_once(vendor: Vendor) -> None:
    message = reply()
    vendor.fail(_issued(vendor), Answer(is_dropped=True))
    with pytest.raises(SendError) as lost:
        adapter(vendor).send(message)
    assert lost.value.ambiguous
    first, second = adapter(vendor).send(message), adapter(vendor).send(message)
    assert first == second
    assert adapter(vendor).capabilities.idempotent_send


def test_a_refused_token_is_renewed_once(vendor: Vendor) -> None:
    vendor.fail(_issued(vendor), STALE)
    adapter(vendor).send(reply())
    paths = [call.path.rpartition("/")[2] for call in vendor.calls]
    assert paths == ["internal", "messages", "internal", "messages"]
    vendor.fail(_issued(vendor), STALE, _issued(vendor), STALE)
    with pytest.raises(SendError) as failed:
        adapter(vendor).send(reply())
    assert failed.value.kind == "auth"
    assert len(vendor.calls) == 8


def test_pictures_and_other_files_are_handed_over_themselves(
    vendor: Vendor, picture: Attachment
) -> None:
    document = replace(picture, filename="合同.pdf", mime="application/pdf")
    huge = replace(document, size=31 * 1024 * 1024)
    for file in (picture, document, huge):
        adapter(vendor).send(reply("", attachments=(file,)))
    uploads = [call for call in vendor.calls if call.path.endswith(("/images", "/files"))]
    assert [call.path.rpartition("/")[2] for call in uploads] == ["images", "files"]
    assert all(b"\x89PNG and more" in call.body for call in uploads)
    assert b'name="file_type"\r\n\r\npdf' in uploads[1].body
    shown = [(each["msg_type"], json.loads(each["content"])) for each in sent_by(vendor)]
    assert shown == [
        ("image", {"image_key": "img_v3_1"}),
        ("file", {"file_key": "file_v3_1"}),
        ("text", {"text": "合同.pdf\nhttps://desk.example/a"}),
    ]


def test_a_file_that_is_gone_is_not_sent(vendor: Vendor, picture: Attachment) -> None:
    Path(picture.path).unlink()
    with pytest.raises(SendError) as gone:
        adapter(vendor).send(reply("", attachments=(picture,)))
    assert gone.value.permanent
    assert not sent_by(vendor)


@pytest.mark.parametrize(
    ("answer", "kind", "retryable"),
    [
        (refused(230001, "param is invalid"), "undeliverable", False),
        (refused(230002, "Bot is not in the group"), "blocked", False),
        (refused(230013, "Bot has NO availability to this user."), "blocked", False),
        (refused(230053, "The user has stopped the bot", status=200), "blocked", False),
        (refused(99991672, "Access denied"), "auth", False),
        (refused(99991400, "request trigger frequency limit"), "rate", True),
        (refused(230049, "The message is being sent", status=200), "server", True),
        (refused(1, "unknown", status=500), "server", True),
        (Answer(502, b"<html>Bad Gateway"), "server", True),
        (Answer(401, b"{}"), "auth", False),
    ],
)
def test_each_refusal_says_what_it_means(
    vendor: Vendor, answer: Answer, kind: str, *, retryable: bool
) -> None:
    vendor.fail(_issued(vendor), answer)
    with pytest.raises(SendError) as failed:
        adapter(vendor).send(reply())
    assert (failed.value.kind, failed.value.retryable) == (kind, retryable)


def test_the_pause_that_was_asked_for_is_kept(vendor: Vendor) -> None:
    limit = refused(99991400, "request trigger frequency limit", status=429)
    headers = {**limit.headers, "x-ogw-ratelimit-reset": "17"}
    vendor.fail(_issued(vendor), replace(limit, headers=headers))
    with pytest.raises(SendError) as failed:
        adapter(vendor).send(reply())
    assert failed.value.retry_after == timedelta(seconds=17)


def test_what_is_wrong_with_the_app_is_said_of_the_account(vendor: Vendor) -> None:
    stranger = replace(adapter(vendor).config, named_secrets={"app_secret": "a guess"})
    bare = replace(adapter(vendor).config, named_secrets={})
    for config in (stranger, bare):
        for attempt in (Adapter(config).test_connection, lambda c=config: Adapter(c).send(reply())):
            with pytest.raises(SendError) as failed:
                attempt()
            assert failed.value.kind == "auth"
    assert not sent_by(vendor)


def told(error: BaseException | None) -> list[str]:
    """Return what an error says, and all that led to it."""
    if error is None:
        return []
    return [str(error), str(getattr(error, "message", "")), *told(error.__cause__)]


def test_neither_token_nor_text_stands_in_an_error_or_a_log(
    vendor: Vendor, caplog: pytest.LogCaptureFixture
) -> None:
    said: list[str] = []
    with caplog.at_level(logging.DEBUG):
        for answer in (refused(230001, "no"), Answer(500), Answer(is_dropped=True)):
            vendor.fail(_issued(vendor), answer)
            with pytest.raises(SendError) as failed:
                adapter(vendor).send(reply("a secret matter"))
            said += told(failed.value)
    words = (vendor.token, "a secret matter", Vendor.named_secrets["app_secret"])
    assert not any(word in each for word in words for each in (*said, caplog.text))


def test_a_file_is_fetched_by_its_message_with_a_token_that_is_good(vendor: Vendor) -> None:
    vendor.fail(_issued(vendor), STALE)
    data, mime = adapter(vendor).fetch_media(FILE)
    assert (data[:4], mime) == (b"\x89PNG", "image/png")
    call = vendor.calls[-1]
    assert call.path == "/open-apis/im/v1/messages/om_1/resources/file_1"
    assert call.query == {"type": "file"}
    adapter(vendor).fetch_media(Attachment("image", media_ref="om_1/../x"))
    assert vendor.calls[-1].path.endswith("/om_1/resources/..%2Fx")
    assert vendor.calls[-1].query == {"type": "image"}


@pytest.mark.parametrize(
    ("answer", "is_permanent"),
    [
        (refused(234003, "File not in msg."), True),
        (refused(234003, "File not in msg.", status=200), True),
        (refused(99991400, "frequency limit"), False),
        (Answer(503, b"<html>", {"content-type": "text/html"}), False),
        (Answer(404, b"", {"content-type": "text/plain"}), True),
    ],
)
def test_what_is_no_file_is_not_taken_for_one(
    vendor: Vendor, answer: Answer, *, is_permanent: bool
) -> None:
    vendor.fail(_issued(vendor), answer)
    with pytest.raises(ChannelError) as failed:
        adapter(vendor).fetch_media(FILE)
    assert failed.value.permanent is is_permanent


def test_a_file_that_is_json_itself_is_a_file(vendor: Vendor) -> None:
    headers = {"content-type": "application/json", "content-disposition": "attachment"}
    vendor.fail(_issued(vendor), Answer(200, b'{"code": 7}', headers))
    assert adapter(vendor).fetch_media(FILE) == (b'{"code": 7}', "application/json")


def test_the_connection_is_tested_by_asking_for_the_bot(vendor: Vendor) -> None:
    assert "Everydesk" in adapter(vendor).test_connection()
    for answer in (Answer(200, b"<html>"), Answer(200, b'{"code":0,"bot":7}')):
        vendor.fail(_issued(vendor), answer)
        with pytest.raises(ChannelError) as stranger:
            adapter(vendor).test_connection()
        assert "not Feishu" in str(stranger.value.message)


def test_where_the_app_lives_and_how_long_texts_are_is_a_setting() -> None:
    lark = Adapter(replace(adapter().config, settings={"region": "lark"}))
    assert lark._base() == "https://open.larksuite.com"
    assert adapter()._base() == "https://open.feishu.cn"
    assert adapter().capabilities.text_max == 30_000
    assert adapter(text_max=500).capabilities.text_max == 500
    assert adapter(text_max=True).capabilities.text_max == 30_000
