"""What we tell Slack, and what its answers mean."""

import json
import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from channels_app.adapters.slack.adapter import Adapter
from channels_app.adapters.slack.fake import CHAT, DONE, POST, Vendor, refused, said, values_of
from channels_app.fake_vendor import Answer
from channels_app.protocol import Attachment, ContactIdentity, SendError
from helpdesk.errors import ChannelError
from tests.channels_app.slack.apps import PERSON, adapter, reply

ROOM = "C2147483705"


def test_a_reply_goes_to_the_person_and_calls_nobody_else(vendor: Vendor) -> None:
    result = adapter(vendor).send(reply("好的 👍 <!channel>", reply_to=f"{CHAT}:1.000001"))
    (call,) = vendor.calls
    assert call.path == POST
    assert json.loads(call.body) == {
        "channel": PERSON,
        "text": "好的 👍 &lt;!channel&gt;",
        "mrkdwn": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }
    assert result.status == "sent"
    assert result.provider_ids == (f"{CHAT}:1700000001.000100",)


def test_a_thread_is_answered_in_the_thread(vendor: Vendor) -> None:
    adapter(vendor).send(reply(thread_key=f"{ROOM}/1355517523.000005"))
    values = values_of(vendor.calls[0])
    assert (values["channel"], values["thread_ts"]) == (ROOM, "1355517523.000005")


def test_files_are_brought_and_then_shown(vendor: Vendor, picture: Attachment) -> None:
    result = adapter(vendor).send(reply("", attachments=(picture,)))
    paths = [call.path for call in vendor.calls]
    assert paths == [
        "/api/files.getUploadURLExternal",
        "/upload/v1/CwA",
        "/api/conversations.open",
        DONE,
    ]
    assert values_of(vendor.calls[0]) == {"filename": "a.png", "length": "13"}
    assert vendor.uploads == [b"\x89PNG and more"]
    # Whoever knows that address may bring the file.
    assert "authorization" not in vendor.calls[1].headers
    shown = {"files": [{"id": "F123ABC456", "title": "a.png"}], "channel_id": CHAT}
    assert json.loads(vendor.calls[3].body) == shown
    assert result.provider_ids == ("F123ABC456",)
    adapter(vendor).send(reply("", thread_key=f"{ROOM}/1.000001", attachments=(picture,)))
    assert json.loads(vendor.calls[-1].body)["thread_ts"] == "1.000001"


def test_what_only_prepares_a_file_leaves_no_doubt(vendor: Vendor, picture: Attachment) -> None:
    ready = said(upload_url=f"http://127.0.0.1:{vendor.port}/upload/v1/CwA", file_id="F1")
    lost = Answer(is_dropped=True)
    for answers, is_doubtful in (
        ((lost,), False),
        ((ready, lost), False),
        ((ready, Answer(500)), False),
        ((ready, Answer(200), said(channel={"id": CHAT}), lost), True),
    ):
        vendor.fail(*answers)
        with pytest.raises(SendError) as failed:
            adapter(vendor).send(reply("", attachments=(picture,)))
        assert failed.value.retryable
        assert failed.value.ambiguous is is_doubtful


def test_files_are_brought_to_slack_and_nowhere_else(vendor: Vendor, picture: Attachment) -> None:
    for url in ("https://evil.example/upload", "http://files.slack.com/upload", "x"):
        vendor.fail(said(upload_url=url, file_id="F1"))
        with pytest.raises(SendError):
            adapter(vendor).send(reply("", attachments=(picture,)))
    assert len(vendor.calls) == 3
    Path(picture.path).unlink()
    with pytest.raises(SendError) as gone:
        adapter(vendor).send(reply("", attachments=(picture,)))
    assert gone.value.permanent


@pytest.mark.parametrize(
    ("answer", "kind", "retryable"),
    [
        (refused("channel_not_found"), "undeliverable", False),
        (refused("msg_too_long"), "undeliverable", False),
        (refused("is_archived"), "blocked", False),
        (refused("invalid_auth"), "auth", False),
        (refused("missing_scope"), "auth", False),
        (refused("ratelimited", status=429, retry_after="17"), "rate", True),
        (refused("service_unavailable", status=503), "server", True),
        (refused("something_new", status=500), "server", True),
        (Answer(502, b"<html>Bad Gateway"), "server", True),
    ],
)
def test_each_refusal_says_what_it_means(
    vendor: Vendor, answer: Answer, kind: str, *, retryable: bool
) -> None:
    vendor.fail(answer)
    with pytest.raises(SendError) as failed:
        adapter(vendor).send(reply())
    assert (failed.value.kind, failed.value.retryable) == (kind, retryable)
    assert not failed.value.ambiguous
    if kind == "rate":
        assert failed.value.retry_after == timedelta(seconds=17)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(is_dropped=True),
        refused("fatal_error"),
        Answer(504, b"<html>"),
        Answer(200, b"<html>sign in"),
    ],
)
def test_what_may_have_arrived_is_said_so(vendor: Vendor, answer: Answer) -> None:
    vendor.fail(answer)
    with pytest.raises(SendError) as lost:
        adapter(vendor).send(reply())
    assert lost.value.ambiguous
    assert not adapter(vendor).capabilities.idempotent_send


@pytest.mark.parametrize("token", ["", "two\nlines", "käse"])
def test_without_a_usable_token_nothing_is_called(vendor: Vendor, token: str) -> None:
    bare = Adapter(replace(adapter(vendor).config, named_secrets={"bot_token": token}))
    with pytest.raises(SendError) as failed:
        bare.send(reply())
    assert failed.value.kind == "auth"
    assert not vendor.calls


def test_only_places_of_slack_are_written_to(vendor: Vendor) -> None:
    for whom in ("#general", "@everybody", "../x"):
        with pytest.raises(SendError) as failed:
            adapter(vendor).send(replace(reply(), to=ContactIdentity(whom)))
        assert failed.value.kind == "undeliverable"
    assert not vendor.calls


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
        for answer in (refused("channel_not_found"), Answer(500), Answer(is_dropped=True)):
            vendor.fail(answer)
            with pytest.raises(SendError) as failed:
                adapter(vendor).send(reply("a secret matter"))
            found += told(failed.value)
    words = (Vendor.named_secrets["bot_token"], "a secret matter")
    assert not any(word in each for word in words for each in (*found, caplog.text))


def test_a_file_is_fetched_with_the_token_from_slack_alone(vendor: Vendor) -> None:
    url = f"http://127.0.0.1:{vendor.port}/files-pri/F1/download/a.png"
    data, mime = adapter(vendor).fetch_media(Attachment("image", mime="image/png", url=url))
    assert (data[:4], mime) == (b"\x89PNG", "image/png")
    adapter(vendor).fetch_media(Attachment("file", media_ref="F9", mime="image/png"))
    assert [call.path for call in vendor.calls][1:] == [
        "/api/files.info",
        "/files-pri/F9/download/a.png",
    ]
    for url in ("https://evil.example/a", "https://slack.com.evil.example/a", "http://[", ""):
        vendor.fail(*([said(file={})] if not url else []))
        with pytest.raises(ChannelError) as failed:
            adapter(vendor).fetch_media(Attachment("image", media_ref="F1", url=url))
        assert failed.value.permanent
    assert len(vendor.calls) == 4


def test_a_page_that_asks_to_sign_in_is_no_file(vendor: Vendor) -> None:
    url = f"http://127.0.0.1:{vendor.port}/files-pri/F1/download/a.png"
    bare = Adapter(replace(adapter(vendor).config, named_secrets={"bot_token": "xoxb-other"}))
    with pytest.raises(ChannelError) as failed:
        bare.fetch_media(Attachment("image", mime="image/png", url=url))
    assert failed.value.permanent
    assert "files:read" in str(failed.value.message)
    page = Answer(200, b"<p>Offer</p>", {"content-type": "text/html"})
    vendor.fail(page)
    assert (
        adapter(vendor).fetch_media(Attachment("file", mime="text/html", url=url))[0] == page.body
    )


def test_the_connection_is_tested_by_asking_who_we_are(vendor: Vendor) -> None:
    told = adapter(vendor).test_connection()
    assert "everydesk" in told
    assert "Shop" in told
    with pytest.raises(ChannelError) as elsewhere:
        adapter(vendor, team_id="T9").test_connection()
    assert "another workspace" in str(elsewhere.value.message)
    vendor.fail(Answer(200, b"<html>"))
    with pytest.raises(ChannelError) as stranger:
        adapter(vendor).test_connection()
    assert "not Slack" in str(stranger.value.message)
