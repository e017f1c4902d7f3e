"""What the calls of Slack prove and say."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.utils.translation import override

from channels_app.adapters.slack.adapter import signature
from channels_app.adapters.slack.fake import CHAT, TEAM, Vendor
from channels_app.adapters.slack.text import escaped, plain
from channels_app.protocol import (
    Attachment,
    BadPayload,
    BadSignature,
    ContactIdentity,
    RawRequest,
)
from channels_app.signs import reaction_data
from tests.channels_app.slack.apps import (
    NOW,
    PERSON,
    SECRETS,
    adapter,
    happened,
    parsed,
    request,
)

QUESTION = Vendor().message("m-1", text="Where is my parcel?")
ROOM = "C2147483705"


# --- what proves them ------------------------------------------------------------------------------


@pytest.mark.corpus
def test_the_signature_is_that_of_their_own_vector() -> None:
    path = Path(os.environ["EVERYDESK_CORPUS"]) / "webhooks/_vectors/signature_vectors.json"
    known = json.loads(path.read_bytes())["slack"]
    found = signature(known["signing_secret"], known["timestamp"], known["body"].encode())
    assert found == known["signature"]


def test_the_signature_covers_version_time_and_bytes() -> None:
    # HMAC-SHA256 of "v0:1531420618:body" under "secret"; reckoned with openssl.
    known = "v0=78e394d129df51c593e1d449277f576c39c361411fecc54edd326794263d3f84"
    assert signature("secret", "1531420618", b"body") == known


def test_the_address_is_checked_by_a_signed_riddle() -> None:
    riddle = json.dumps(
        {"token": "x", "challenge": "3eZbrw1a", "type": "url_verification"}
    ).encode()
    for secret in SECRETS:
        answer = adapter().handshake(request(riddle, secret=secret))
        assert answer is not None
        assert answer.body == b"3eZbrw1a"
    for forged in (request(riddle, secret="a guess"), RawRequest("POST", "", (), {}, riddle, NOW)):
        with pytest.raises(BadSignature):
            adapter().handshake(forged)
    assert adapter().handshake(request(QUESTION)) is None


def test_calls_from_more_than_five_minutes_ago_are_refused() -> None:
    for late in (timedelta(minutes=5), -timedelta(minutes=5)):
        adapter().verify(request(QUESTION, at=NOW - late))
    for late in (timedelta(minutes=5, seconds=1), -timedelta(minutes=6)):
        with pytest.raises(BadSignature):
            adapter().verify(request(QUESTION, at=NOW - late))
    headers = {"x-slack-request-timestamp": "now", "x-slack-signature": ""}
    headers["x-slack-signature"] = signature(SECRETS[0], "now", QUESTION)
    with pytest.raises(BadSignature):
        adapter().verify(RawRequest("POST", "", (), headers, QUESTION, NOW))


def test_what_is_said_in_another_workspace_is_nobodys_here() -> None:
    assert len(parsed(QUESTION, team_id=TEAM)) == 1
    assert parsed(QUESTION, team_id="T9") == []
    assert parsed(Vendor().pressed("a", "yes"), team_id="T9") == []


# --- what they say ---------------------------------------------------------------------------------


def test_a_text_is_a_message_of_the_person_who_wrote_it() -> None:
    (found,) = happened(user_profile={"display_name": "", "real_name": "王芳"})
    assert (found.kind, found.text) == ("message", "Where is my parcel?")
    assert found.sender == ContactIdentity(PERSON, display_name="王芳", verified=True)
    assert found.provider_id == f"{CHAT}:1355517523.000005"
    assert (found.thread_key, found.reply_to) == ("", "")
    assert found.sent_at == datetime(2012, 12, 14, 20, 38, 43, 5, tzinfo=UTC)


def test_a_thread_of_a_channel_is_a_conversation() -> None:
    (first,) = happened(channel=ROOM)
    (answer,) = happened(channel=ROOM, thread_ts="1355517523.000005", ts="1355517600.000001")
    assert first.thread_key == answer.thread_key == f"{ROOM}/1355517523.000005"
    assert answer.reply_to == f"{ROOM}:1355517523.000005"
    (broadcast,) = happened(channel=ROOM, subtype="thread_broadcast", thread_ts="1.000001")
    assert broadcast.thread_key == f"{ROOM}/1.000001"
    (private,) = happened(thread_ts="1355517000.000005")
    assert private.thread_key == ""


def test_a_mention_of_the_app_and_its_message_are_the_same_event() -> None:
    (message,) = happened(channel=ROOM, text="<@U0LAN0Z89> is it on?", client_msg_id="x")
    (mention,) = happened("app_mention", channel=ROOM, text="<@U0LAN0Z89> is it on?")
    assert message.dedup_key == mention.dedup_key
    assert message == mention


def test_files_are_fetched_from_slack_or_asked_for() -> None:
    vendor = Vendor()
    shared = {"id": "F9", "mode": "hosted", "file_access": "check_file_info"}
    (found,) = happened(subtype="file_share", text="", files=[vendor.file("F1"), shared])
    first, second = found.attachments
    assert (first.kind, first.filename, first.mime) == ("image", "a.png", "image/png")
    assert (first.media_ref, first.url[-8:]) == ("F1", "ad/a.png")
    assert second == Attachment("file", media_ref="F9")
    assert found.text == ""
    with override("en"):
        (linked,) = happened(
            text="see",
            files=[
                {
                    "id": "F2",
                    "mode": "external",
                    "title": "Plan",
                    "url_private": "https://x.example",
                },
                {"id": "F3", "mode": "hidden_by_limit"},
            ],
        )
    assert linked.attachments == ()
    assert linked.text == (
        "see\nPlan\nhttps://x.example\n[A file that Slack does not keep any more]"
    )


def test_what_is_forwarded_is_read_from_its_box() -> None:
    box = {"title": "Order 7", "text": "late &amp; broken", "fallback": "no"}
    (found,) = happened(text="", attachments=[box, {"fallback": "[image]"}])
    assert found.text == "Order 7\nlate & broken\n[image]"
    with override("en"):
        (empty,) = happened(text="", blocks=[])
    assert empty.text == "[An empty message]"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<@U123> &lt;b&gt; &amp;amp;", "@U123 <b> &amp;"),
        ("<@U123|ann> in <#C1|general>, <#C2>", "@ann in #general, #C2"),
        ("<https://shop.example/a|our shop>", "our shop (https://shop.example/a)"),
        (
            "<https://shop.example> <http://x.example|x.example>",
            "https://shop.example http://x.example",
        ),
        ("<mailto:ann@x.example|ann@x.example>", "ann@x.example"),
        ("<!here> <!subteam^S1|@desk> <!channel>", "@here @desk @channel"),
        ("<!date^1392734382^{date}|yesterday>", "yesterday"),
        ("a < b > c <> <\n>", "a < b > c <> <\n>"),
    ],
)
def test_marks_of_slack_are_shown_as_people_read_them(written: str, shown: str) -> None:
    assert plain(written) == shown


def test_what_we_write_is_shown_as_it_stands() -> None:
    assert escaped("<!channel> & <b>") == "&lt;!channel&gt; &amp; &lt;b&gt;"
    assert plain(escaped("a & b <!here> &lt;")) == "a & b <!here> &lt;"


def test_edits_and_withdrawals_name_their_message() -> None:
    newer = {"type": "message", "user": PERSON, "text": "better", "ts": "1355517523.000005"}
    edited = {"user": PERSON, "ts": "1355517536.000001"}
    facts = {"subtype": "message_changed", "ts": "1355517536.000100", "hidden": True}
    (edit,) = happened(**facts, message={**newer, "edited": edited})
    assert (edit.kind, edit.text) == ("edit", "better")
    assert edit.provider_id == f"{CHAT}:1355517523.000005"
    (later,) = happened(
        **facts, message={**newer, "edited": {"user": PERSON, "ts": "1355517536.000002"}}
    )
    assert (later.sequence or 0) > (edit.sequence or 0)
    # A preview was added to it.
    assert happened(**facts, message=newer) == []
    (gone,) = happened(
        subtype="message_deleted", deleted_ts="1355517523.000005", previous_message=newer
    )
    assert (gone.kind, gone.provider_id) == ("delete", f"{CHAT}:1355517523.000005")
    tombstone = {"subtype": "tombstone", "ts": "1355517523.000005", "user": "USLACKBOT"}
    (kept,) = happened(**facts, message=tombstone, previous_message=newer)
    assert (kept.kind, kept.provider_id) == ("delete", f"{CHAT}:1355517523.000005")


def test_what_apps_say_is_skipped_ours_among_them() -> None:
    assert happened(bot_id="B1", user=PERSON) == []
    assert happened(subtype="bot_message", bot_id="B1", user=None) == []
    assert happened(bot_profile={"id": "B1"}) == []
    assert happened(user="USLACKBOT") == []
    assert happened(subtype="channel_join") == []


def test_other_events_are_told_apart() -> None:
    item = {"type": "message", "channel": CHAT, "ts": "1.000001"}
    facts = {"item": item, "reaction": "thumbsup", "event_ts": "2.000001"}
    (liked,) = happened("reaction_added", **facts)
    (unliked,) = happened("reaction_removed", **facts)
    assert (liked.kind, liked.references) == ("reaction", (f"{CHAT}:1.000001",))
    assert liked.dedup_key != unliked.dedup_key
    assert liked.data == reaction_data("thumbsup")
    assert unliked.data == reaction_data("thumbsup", is_gone=True)
    (joined,) = happened("member_joined_channel", channel=ROOM)
    assert (joined.kind, joined.data) == ("lifecycle", {"state": "member_joined_channel"})
    (chosen,) = parsed(Vendor().pressed("answer", "yes"))
    assert (chosen.kind, chosen.text) == ("postback", "yes")
    assert chosen.sender == ContactIdentity(PERSON, display_name="fang", verified=True)
    assert happened("reaction_added", item={"type": "file"}) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"text": 7},
        {"ts": "yesterday"},
        {"ts": None},
        {"channel": None},
        {"files": [{"name": "no id"}]},
        {"files": {}},
        {"subtype": "message_changed", "message": "text"},
        {"subtype": "message_deleted"},
    ],
)
def test_what_does_not_fit_is_a_bad_payload(broken: dict[str, object]) -> None:
    with pytest.raises(BadPayload):
        happened(**broken)


@pytest.mark.parametrize("body", [b"payload=", b"payload=%7B", b"payload=%5B%5D", b"payload"])
def test_a_form_that_cannot_be_read_is_a_bad_payload(body: bytes) -> None:
    with pytest.raises(BadPayload):
        parsed(body)
