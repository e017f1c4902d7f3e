"""What we tell DingTalk, and what its answers mean."""

import json
import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from channels_app.adapters.dingtalk.adapter import Adapter
from channels_app.adapters.dingtalk.fake import CLIENT, GROUP, Vendor, failed, refused, said
from channels_app.fake_vendor import Answer
from channels_app.protocol import Attachment, SendError
from helpdesk.errors import ChannelError
from tests.channels_app.dingtalk.robots import PERSON, adapter, in_session, reply

STALE = refused("InvalidAuthentication", "不合法的access_token", status=401)


def issued(vendor: Vendor) -> Answer:
    """Return a token, as the vendor issues it."""
    vendor.issued += 1
    return said(accessToken=vendor.token, expireIn=7200)


def paths(vendor: Vendor) -> list[str]:
    return [call.path.rpartition("/")[2] for call in vendor.calls]


def test_as_long_as_the_session_lasts_it_is_answered_there(vendor: Vendor) -> None:
    adapter(vendor).send(in_session(vendor, reply(), minutes=5))
    (call,) = vendor.calls
    assert (call.path, call.query) == ("/robot/sendBySession", {"session": "1"})
    assert json.loads(call.body) == {"msgtype": "text", "text": {"content": "好的 👍"}}
    assert "x-acs-dingtalk-access-token" not in call.headers


def test_afterwards_the_person_is_written_to_with_a_token(vendor: Vendor) -> None:
    result = adapter(vendor).send(in_session(vendor, reply(), seconds=10))
    assert paths(vendor) == ["accessToken", "batchSend"]
    assert json.loads(vendor.calls[1].body) == {
        "robotCode": CLIENT,
        "userIds": [PERSON],
        "msgKey": "sampleText",
        "msgParam": '{"content": "好的 👍"}',
    }
    assert result.provider_ids == ("sent-2",)


def test_a_group_is_answered_in_the_group(vendor: Vendor) -> None:
    adapter(vendor, robot_code="robot-7").send(reply(thread_key=GROUP))
    body = json.loads(vendor.calls[1].body)
    assert paths(vendor) == ["accessToken", "send"]
    assert (body["openConversationId"], body["robotCode"]) == (GROUP, "robot-7")
    assert "userIds" not in body


def test_a_session_that_ended_before_its_time_is_no_obstacle(vendor: Vendor) -> None:
    vendor.fail(failed(300001, "session is expired"))
    adapter(vendor).send(in_session(vendor, reply(), minutes=5))
    assert paths(vendor) == ["sendBySession", "accessToken", "batchSend"]


@pytest.mark.parametrize(
    "token",
    [
        "9999999999999 https://evil.example/robot/sendBySession",
        "9999999999999 http://oapi.dingtalk.com/robot/sendBySession",
        "9999999999999 https://oapi.dingtalk.com.evil.example/",
        "soon https://oapi.dingtalk.com/robot/sendBySession",
        "9999999999999",
    ],
)
def test_nothing_is_said_where_it_was_only_claimed_to_be_theirs(vendor: Vendor, token: str) -> None:
    adapter(vendor).send(reply(reply_token=token))
    assert paths(vendor) == ["accessToken", "batchSend"]


def test_pictures_and_known_files_are_handed_over_and_others_linked(
    vendor: Vendor, picture: Attachment
) -> None:
    document = replace(picture, filename="合同.PDF", mime="application/pdf")
    program = replace(picture, filename="a.bin", mime="application/octet-stream")
    for file in (picture, document, program):
        adapter(vendor).send(in_session(vendor, reply("", attachments=(file,)), minutes=5))
    uploads = [call for call in vendor.calls if call.path == "/media/upload"]
    assert [call.query["type"] for call in uploads] == ["image", "file"]
    assert all(b"\x89PNG and more" in call.body for call in uploads)
    bodies = [json.loads(call.body) for call in vendor.calls if vendor.text_of(call)]
    assert [(each["msgKey"], json.loads(each["msgParam"])) for each in bodies] == [
        ("sampleImageMsg", {"photoURL": "@lADPDfJ6V"}),
        ("sampleFile", {"mediaId": "@lADPDfJ6V", "fileName": "合同.PDF", "fileType": "pdf"}),
        ("sampleText", {"content": "a.bin\nhttps://desk.example/a"}),
    ]
    Path(picture.path).unlink()
    with pytest.raises(SendError) as gone:
        adapter(vendor).send(reply("", attachments=(picture,)))
    assert gone.value.permanent


def test_a_refused_token_is_renewed_once(vendor: Vendor) -> None:
    vendor.fail(issued(vendor), STALE)
    adapter(vendor).send(reply())
    assert paths(vendor) == ["accessToken", "batchSend"] * 2
    vendor.fail(issued(vendor), STALE, issued(vendor), STALE)
    with pytest.raises(SendError) as refusal:
        adapter(vendor).send(reply())
    assert refusal.value.kind == "auth"
    assert len(vendor.calls) == 8


def test_what_may_have_arrived_is_said_so_and_what_only_prepares_it_is_not(
    vendor: Vendor, picture: Attachment
) -> None:
    lost, with_file = Answer(is_dropped=True), reply("", attachments=(picture,))
    for answers, message, is_doubtful in (
        ((lost,), in_session(vendor, reply(), minutes=5), True),
        ((lost,), reply(), False),
        ((issued(vendor), lost), reply(), True),
        ((issued(vendor), Answer(200, b"<html>")), reply(), True),
        ((issued(vendor), lost), with_file, False),
    ):
        vendor.fail(*answers)
        with pytest.raises(SendError) as failure:
            adapter(vendor).send(message)
        assert failure.value.ambiguous is is_doubtful
    assert not adapter(vendor).capabilities.idempotent_send


@pytest.mark.parametrize(
    ("answer", "kind", "retryable"),
    [
        (said(processQueryKey="q", invalidStaffIdList=[PERSON]), "undeliverable", False),
        (said(processQueryKey="q", flowControlledStaffIdList=[PERSON]), "rate", True),
        (refused("staffId.notExisted", "no"), "undeliverable", False),
        (refused("Forbidden.AccessDenied.QpsLimitForApi", "no", status=403), "rate", True),
        (refused("robotNotExist", "no"), "auth", False),
        (refused("unknownError", "no", status=500), "server", True),
        (Answer(503, b"<html>"), "server", True),
        (Answer(200, b'{"processQueryKey":"q","invalidStaffIdList":7}'), "server", False),
    ],
)
def test_each_refusal_says_what_it_means(
    vendor: Vendor, answer: Answer, kind: str, *, retryable: bool
) -> None:
    vendor.fail(issued(vendor), answer)
    with pytest.raises(SendError) as refusal:
        adapter(vendor).send(reply())
    assert (refusal.value.kind, refusal.value.retryable) == (kind, retryable)


@pytest.mark.parametrize(
    ("number", "kind", "retryable"),
    [
        (130101, "rate", True),
        (-1, "server", True),
        (400013, "blocked", False),
        (430102, "undeliverable", False),
    ],
)
def test_errors_inside_a_success_are_noticed(
    vendor: Vendor, number: int, kind: str, *, retryable: bool
) -> None:
    vendor.fail(failed(number, "no"))
    with pytest.raises(SendError) as refusal:
        adapter(vendor).send(in_session(vendor, reply(), minutes=5))
    assert (refusal.value.kind, refusal.value.retryable) == (kind, retryable)
    if number == 130101:
        assert refusal.value.retry_after == timedelta(minutes=10)


def test_what_is_wrong_with_the_app_is_said_of_the_account(vendor: Vendor) -> None:
    stranger = replace(adapter(vendor).config, secrets=("a guess",))
    bare = replace(adapter(vendor).config, secrets=())
    for config in (stranger, bare):
        for attempt in (Adapter(config).test_connection, lambda c=config: Adapter(c).send(reply())):
            with pytest.raises(SendError) as refusal:
                attempt()
            assert refusal.value.kind == "auth"


def told(error: BaseException | None) -> list[str]:
    """Return what an error says, and all that led to it."""
    if error is None:
        return []
    return [str(error), str(getattr(error, "message", "")), *told(error.__cause__)]


def test_neither_token_nor_text_stands_in_an_error_or_a_log(
    vendor: Vendor, picture: Attachment, caplog: pytest.LogCaptureFixture
) -> None:
    found: list[str] = []
    with caplog.at_level(logging.DEBUG):
        for answer in (refused("no", "no"), Answer(500), Answer(is_dropped=True)):
            for message in (reply("a secret matter"), reply("", attachments=(picture,))):
                vendor.fail(issued(vendor), answer)
                with pytest.raises(SendError) as refusal:
                    adapter(vendor).send(message)
                found += told(refusal.value)
    words = (vendor.token, "a secret matter", *adapter().config.secrets)
    assert not any(word in each for word in words for each in (*found, caplog.text))


def test_a_file_is_asked_for_by_its_code_and_fetched_without_a_token(vendor: Vendor) -> None:
    data, mime = adapter(vendor).fetch_media(Attachment("image", media_ref="code"))
    assert (data[:4], mime) == (b"\x89PNG", "image/png")
    asked, fetched = list(vendor.calls)[1:]
    assert json.loads(asked.body) == {"downloadCode": "code", "robotCode": CLIENT}
    assert "x-acs-dingtalk-access-token" not in fetched.headers
    for answer, is_permanent in (
        (said(), True),
        (refused("unknownError", "no", status=500), False),
        (said(downloadUrl="http://10.0.0.1/x"), True),
    ):
        vendor.fail(issued(vendor), answer)
        with pytest.raises(ChannelError) as failure:
            adapter(vendor).fetch_media(Attachment("image", media_ref="code"))
        assert failure.value.permanent is is_permanent


def test_the_connection_is_tested_by_fetching_a_token(vendor: Vendor) -> None:
    assert "Ready" in adapter(vendor).test_connection()
    assert "stream" in adapter(vendor, mode="stream").test_connection()
    vendor.fail(Answer(200, b"{}"))
    with pytest.raises(ChannelError) as stranger:
        adapter(vendor).test_connection()
    assert "not DingTalk" in str(stranger.value.message)
