"""What we tell accounts of WeChat, and what their answers mean."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils.translation import override

from channels_app import registry
from channels_app.fake_vendor import Answer, Call
from channels_app.protocol import Attachment, ContactIdentity, SendError
from channels_app.wechat.accounts import SEND, AccountAdapter
from channels_app.wechat.played import PICTURE, PlayedAccount, answer, file_in, refusal
from helpdesk.errors import ChannelError
from tests.channels_app.wechat.played_accounts import KeptTokens, config, reply, says, stored

TOKENS = "/cgi-bin/stable_token"
KINDS = ("wechat", "wechat_mini")


@pytest.fixture(params=KINDS)
def vendor(request: pytest.FixtureRequest, settings: LazySettings) -> Iterator[PlayedAccount]:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    found = registry.fake_vendor_of(request.param)()
    assert isinstance(found, PlayedAccount)
    with found, override("en"):
        yield found


def adapter(vendor: PlayedAccount, **facts: Any) -> AccountAdapter:
    kind = "wechat_mini" if vendor.in_json else "wechat"
    found = registry.make_adapter(kind, config(vendor, **facts))
    assert isinstance(found, AccountAdapter)
    return found


def calls(vendor: PlayedAccount, path: str) -> list[Call]:
    return [call for call in vendor.calls if call.path == path]


def refused(vendor: PlayedAccount, *answers: Answer) -> SendError:
    """The error of a reply whose send is answered so."""
    sending = adapter(vendor)
    sending.test_connection()
    vendor.fail(*answers)
    with pytest.raises(SendError) as found:
        sending.send(reply(vendor))
    return found.value


def test_a_reply_is_sent_to_the_person_as_it_is_written(vendor: PlayedAccount) -> None:
    result = adapter(vendor).send(reply(vendor, '好的 👍 "ok"'))
    (call,) = calls(vendor, SEND)
    assert json.loads(call.body) == {
        "touser": vendor.customer,
        "msgtype": "text",
        "text": {"content": '好的 👍 "ok"'},
    }
    # Escapes would be shown to the customer as they stand.
    assert "好的 👍".encode() in call.body
    assert (result.status, result.provider_ids) == ("sent", ())


def test_one_token_serves_all_calls_and_is_asked_for_in_the_way_that_leaves_others_theirs(
    vendor: PlayedAccount,
) -> None:
    sending = adapter(vendor)
    for _each in range(3):
        sending.send(reply(vendor))
    (asked,) = calls(vendor, TOKENS)
    assert json.loads(asked.body)["force_refresh"] is False
    assert {call.query["access_token"] for call in calls(vendor, SEND)} == {vendor.token}


def test_a_refused_token_is_replaced_once(vendor: PlayedAccount) -> None:
    tokens = KeptTokens()
    sending = adapter(vendor, tokens=tokens)
    sending.send(reply(vendor))
    vendor.expire()
    sending.send(reply(vendor))
    assert tokens.fetched == 2
    vendor.fail(*[refusal(42001), answer(access_token="next", expires_in=7200), refusal(40014)])
    with pytest.raises(SendError) as found:
        sending.send(reply(vendor))
    assert (found.value.kind, tokens.fetched) == ("auth", 3)
    assert len(calls(vendor, SEND)) == 5


def test_where_the_refused_token_comes_again_another_is_forced(vendor: PlayedAccount) -> None:
    sending = adapter(vendor)
    sending.send(reply(vendor))
    before = vendor.token
    vendor.fail(refusal(40001))
    sending.send(reply(vendor))
    asked = [json.loads(call.body)["force_refresh"] for call in calls(vendor, TOKENS)]
    assert asked == [False, False, True]
    assert vendor.token != before


@pytest.mark.parametrize(
    ("code", "kind", "retryable"),
    [
        (45015, "window", False),
        (45047, "quota", False),
        (43004, "blocked", False),
        (48001, "auth", False),
        (40164, "auth", False),
        (45009, "rate", True),
        (45011, "rate", True),
        (40003, "undeliverable", False),
        (45002, "undeliverable", False),
        (99999, "undeliverable", False),
        (-1, "server", True),
    ],
)
def test_each_error_inside_a_success_says_what_it_means(
    vendor: PlayedAccount, code: int, kind: str, *, retryable: bool
) -> None:
    found = refused(vendor, refusal(code, "for this reason"))
    assert (found.kind, found.retryable, found.ambiguous) == (kind, retryable, False)
    assert str(code) in str(found.message)
    assert "rid:" not in str(found.message)
    assert (found.retry_after is not None) is (kind == "rate")


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (Answer(is_dropped=True), "server"),
        (Answer(200, b"<html>"), "server"),
        (Answer(200, b'{"errcode": "soon"}'), "server"),
    ],
)
def test_what_may_have_arrived_is_not_sent_again(
    vendor: PlayedAccount, given: Answer, kind: str
) -> None:
    found = refused(vendor, given)
    assert (found.kind, found.ambiguous) == (kind, True)
    assert adapter(vendor).capabilities.idempotent_send is False


def test_their_server_may_break_down(vendor: PlayedAccount) -> None:
    found = refused(vendor, Answer(502))
    assert (found.kind, found.retryable, found.ambiguous) == ("server", True, False)


def test_without_a_token_nothing_was_sent(vendor: PlayedAccount) -> None:
    for given in (Answer(is_dropped=True), Answer(200, b"<html>"), Answer(503)):
        vendor.fail(given)
        with pytest.raises(SendError) as found:
            adapter(vendor).send(reply(vendor))
        assert (found.value.retryable, found.value.ambiguous) == (True, False)
    assert not calls(vendor, SEND)


@pytest.mark.parametrize(
    "facts",
    [{"app_secret": "", "aes_key": "k"}, {"app_secret": "wrong", "aes_key": "k"}],
)
def test_a_wrong_secret_is_the_fault_of_the_channel(
    vendor: PlayedAccount, facts: dict[str, str]
) -> None:
    with pytest.raises(SendError) as found:
        adapter(vendor, named_secrets=facts).send(reply(vendor))
    assert found.value.kind == "auth"
    assert "wrong" not in str(found.value.message)


@pytest.mark.parametrize("nobody", ["", "o 1", "a|b", "@all", "o\n1"])
def test_nothing_is_sent_to_nobody_or_to_everybody(vendor: PlayedAccount, nobody: str) -> None:
    found = reply(vendor)
    with pytest.raises(SendError) as refused_one:
        adapter(vendor).send(
            type(found)(client_ref=found.client_ref, to=ContactIdentity(nobody), text="a")
        )
    assert refused_one.value.kind == "undeliverable"
    assert not vendor.calls


def test_a_picture_is_handed_over_and_shown(vendor: PlayedAccount, tmp_path: Path) -> None:
    file = stored(tmp_path, "退货 标签.png", "image/png")
    adapter(vendor).send(reply(vendor, "", attachments=(file,)))
    (upload,) = calls(vendor, "/cgi-bin/media/upload")
    assert file_in(upload) == ("退货 标签.png", b"\x89PNG and more")
    assert upload.query["type"] == "image"
    said = json.loads(calls(vendor, SEND)[0].body)
    assert said["msgtype"] == "image"
    assert vendor.uploads[said["image"]["media_id"]][1] == b"\x89PNG and more"


def test_other_files_and_larger_ones_leave_as_links(vendor: PlayedAccount, tmp_path: Path) -> None:
    letter = stored(tmp_path, "a.pdf", "application/pdf")
    large = Attachment("image", "b.png", "image/png", size=11 * 1024 * 1024, url="https://d/b")
    for each in (letter, large):
        adapter(vendor).send(reply(vendor, "", attachments=(each,)))
    said = [json.loads(call.body)["text"]["content"] for call in calls(vendor, SEND)]
    assert said == ["a.pdf\nhttps://desk.example/a.pdf", "b.png\nhttps://d/b"]
    assert not vendor.uploads


def test_what_is_lost_on_handing_a_file_over_was_not_sent(
    vendor: PlayedAccount, tmp_path: Path
) -> None:
    sending = adapter(vendor)
    sending.test_connection()
    message = reply(vendor, "", attachments=(stored(tmp_path, "a.png", "image/png"),))
    for given, is_passing in (
        (Answer(is_dropped=True), True),
        (refusal(40009), False),
        (answer(media_id=7), True),
    ):
        vendor.fail(given)
        with pytest.raises(SendError) as found:
            sending.send(message)
        assert (found.value.retryable, found.value.ambiguous) == (is_passing, False)
    assert not calls(vendor, SEND)
    gone = Attachment("image", "a.png", "image/png", size=9, path=str(tmp_path / "gone"))
    with pytest.raises(SendError) as lost:
        sending.send(reply(vendor, "", attachments=(gone,)))
    assert lost.value.kind == "undeliverable"


def test_a_file_is_fetched_with_the_token_and_an_error_is_none(vendor: PlayedAccount) -> None:
    fetching = adapter(vendor)
    file = Attachment("image", media_ref="media/1")
    assert fetching.fetch_media(file) == (PICTURE, "image/png")
    vendor.expire()
    assert fetching.fetch_media(file) == (PICTURE, "image/png")
    for given, is_permanent in (
        (refusal(40007), True),
        (refusal(-1), False),
        (Answer(503), False),
        (Answer(200, b'{"video_url": ""}'), True),
    ):
        vendor.fail(given)
        with pytest.raises(ChannelError) as failed:
            fetching.fetch_media(file)
        assert failed.value.permanent is is_permanent
    sent_json = Answer(200, b'{"invoice": 7}', {"content-type": "application/json"})
    vendor.fail(sent_json)
    assert fetching.fetch_media(file)[0] == b'{"invoice": 7}'


def test_a_video_is_fetched_from_where_it_lies_without_the_token(vendor: PlayedAccount) -> None:
    url = f"{vendor.settings['base_url']}/elsewhere/video"
    vendor_answer = Answer(200, json.dumps({"video_url": url}).encode())
    fetching = adapter(vendor)
    fetching.test_connection()
    vendor.fail(vendor_answer, Answer(200, b"film", {"content-type": "video/mp4"}))
    assert fetching.fetch_media(Attachment("video", media_ref="m")) == (b"film", "video/mp4")
    assert calls(vendor, "/elsewhere/video")[0].query == {}
    private = Answer(200, b'{"video_url": "http://169.254.169.254/latest"}')
    vendor.fail(private)
    with pytest.raises(ChannelError) as failed:
        fetching.fetch_media(Attachment("video", media_ref="m"))
    assert failed.value.permanent


def test_the_connection_is_tested_by_asking_for_the_calls_left(vendor: PlayedAccount) -> None:
    assert "499988" in adapter(vendor).test_connection()
    assert not calls(vendor, SEND)
    with says(ChannelError, "EncodingAESKey"):
        adapter(
            vendor, named_secrets={**vendor.named_secrets, "aes_key": "short"}
        ).test_connection()
    with says(ChannelError, "EncodingAESKey"):
        adapter(vendor, secrets=()).test_connection()
    ready = adapter(vendor)
    ready.test_connection()
    vendor.fail(Answer(200, b"<html>"))
    with says(ChannelError, "not WeChat"):
        ready.test_connection()


def test_no_error_names_what_was_written_or_a_secret(vendor: PlayedAccount) -> None:
    for given in (refusal(45015), Answer(502), Answer(is_dropped=True), Answer(200, b"<html>")):
        said = str(refused(vendor, given).message)
        assert vendor.token not in said
        assert "好的" not in said
        assert vendor.named_secrets["app_secret"] not in said


@pytest.mark.parametrize(
    ("asked", "most"), [(600, 600), (None, 2048), ("x", 2048), (7, 2048), (True, 2048)]
)
def test_how_long_a_text_may_be_is_a_setting(
    vendor: PlayedAccount, asked: object, most: int
) -> None:
    found = adapter(vendor, settings={"text_max": asked}).capabilities
    assert (found.text_max, found.text_unit) == (most, "bytes")
