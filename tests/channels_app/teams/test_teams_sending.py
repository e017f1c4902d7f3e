"""What we tell Teams, where our token goes, and what its answers mean."""

import json
import logging
from dataclasses import replace
from datetime import timedelta
from urllib.parse import unquote

import pytest

from channels_app import http
from channels_app.adapters.teams.adapter import MOST_PICTURE_BYTES
from channels_app.adapters.teams.fake import CHAT, SERVICE, TENANT, THREAD, Vendor, refused
from channels_app.adapters.teams.reading import name_of
from channels_app.adapters.teams.references import Reference, is_ours, is_plain
from channels_app.fake_vendor import PICTURE, Answer
from channels_app.protocol import Attachment, SendError
from helpdesk.errors import ChannelError
from tests.channels_app.teams.apps import adapter, reply, sent_by

TEAMS = "https://smba.trafficmanager.net/amer/"


def test_a_reply_goes_where_the_customer_wrote(vendor: Vendor) -> None:
    result = adapter(vendor).send(reply(vendor, "好的 👍 <at>all</at>"))
    token, call = vendor.calls
    assert token.path == f"/{TENANT}/oauth2/v2.0/token"
    assert call.headers["authorization"] == "Bearer token-1"
    assert unquote(call.path) == f"{SERVICE}v3/conversations/{CHAT}/activities"
    # Words of ours mention nobody: a mention would have to be named beside the text.
    plain = {"type": "message", "textFormat": "plain", "text": "好的 👍 <at>all</at>"}
    assert json.loads(call.body) == plain
    assert result.provider_ids == (name_of(CHAT, "sent-2"),)


def test_a_thread_is_answered_in_the_thread(vendor: Vendor) -> None:
    adapter(vendor).send(reply(vendor, reply_token=Reference(vendor.service, THREAD).key))
    call = vendor.calls[-1]
    assert ";messageid%3D" not in call.path
    assert unquote(call.path) == f"{SERVICE}v3/conversations/{THREAD}/activities"
    assert call.path.count("/") == SERVICE.count("/") + 3


@pytest.mark.parametrize(
    ("tenant", "asked"),
    [("contoso.onmicrosoft.com", "contoso.onmicrosoft.com"), ("", "botframework.com")],
)
def test_an_app_of_one_tenant_asks_its_tenant(vendor: Vendor, tenant: str, asked: str) -> None:
    adapter(vendor, tenant_id=tenant).send(reply(vendor))
    assert vendor.calls[0].path == f"/{asked}/oauth2/v2.0/token"


@pytest.mark.parametrize("facts", [{"app_id": ""}, {"tenant_id": "../evil"}, {"tenant_id": "a/b"}])
def test_without_a_usable_app_nobody_is_asked(vendor: Vendor, facts: dict[str, str]) -> None:
    with pytest.raises(SendError) as failed:
        adapter(vendor, **facts).send(reply(vendor))
    assert failed.value.kind == "auth"
    assert not vendor.calls


def test_pictures_are_shown_and_other_files_leave_as_links(
    vendor: Vendor, picture: Attachment
) -> None:
    others = (
        replace(picture, mime="image/bmp"),
        replace(picture, mime="application/pdf"),
        replace(picture, size=MOST_PICTURE_BYTES + 1),
        replace(picture, size=0),
    )
    for file in (picture, *others):
        adapter(vendor).send(reply(vendor, "", attachments=(file,)))
    shown, *linked = sent_by(vendor)
    assert shown["attachments"] == [
        {"contentType": "image/png", "contentUrl": "https://desk.example/a", "name": "a.png"}
    ]
    assert "text" not in shown
    assert [each["text"] for each in linked] == ["a.png\nhttps://desk.example/a"] * 4


# --- where the token goes ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://smba.trafficmanager.net/amer/",
        "https://evil.example/",
        "https://evilsmba.trafficmanager.net/",
        "https://other.trafficmanager.net/",
        "https://smba.trafficmanager.net.evil.example/",
        "https://smba.trafficmanager.net@evil.example/",
        "https://evil.example#smba.trafficmanager.net/",
        "https://evil.example\\@smba.trafficmanager.net/",
        "https://evilbotframework.com/",
        "https://botframework.com/",
        "https://.evil.example/",
        "https://smba.trafficmanager.net/a?b=c",
        "//smba.trafficmanager.net/",
        "http://127.0.0.1:9/",
        "file:///smba.trafficmanager.net/",
        "https://smba.trafficmanager.nеt/",
    ],
)
def test_nothing_leaves_to_hosts_that_are_not_known(vendor: Vendor, url: str) -> None:
    adapter(vendor).send(reply(vendor))
    before = len(vendor.calls)
    with pytest.raises(SendError) as failed:
        adapter(vendor).send(reply(vendor, reply_token=Reference(url, CHAT).key))
    assert failed.value.kind == "undeliverable"
    # Not even a token was asked for.
    assert len(vendor.calls) == before


@pytest.mark.parametrize(
    "url",
    [TEAMS, "https://europe.botframework.com/", "https://SMBA.trafficmanager.net:443/emea"],
)
def test_the_hosts_of_microsoft_are_known(url: str) -> None:
    assert is_plain(url)
    assert is_ours(url, stand_in="", hosts=())
    assert not is_ours(url, stand_in="", hosts=("smba.example",))


def test_hosts_can_be_set() -> None:
    hosts = ("Smba.Gov.Example", " *.mine.example ", "*.", "*")
    assert is_ours("https://smba.gov.example/x", stand_in="", hosts=hosts)
    assert is_ours("https://a.mine.example/x", stand_in="", hosts=hosts)
    for url in (TEAMS, "https://mine.example/x", "https://evil.example./x", "https:///x"):
        assert not is_ours(url, stand_in="", hosts=hosts)


@pytest.mark.parametrize("hosts", [["smba.example"], "smba.example\n", ["", "smba.example"]])
def test_the_setting_narrows_where_answers_leave_to(vendor: Vendor, hosts: object) -> None:
    set_up = adapter(vendor, service_hosts=hosts)
    assert set_up._is_ours("https://smba.example/")
    assert not set_up._is_ours(TEAMS)
    assert adapter(vendor, service_hosts=[""])._is_ours(TEAMS)


def test_who_has_not_written_is_not_written_to(vendor: Vendor) -> None:
    for token in ("", " ", "x", vendor.service):
        with pytest.raises(SendError) as failed:
            adapter(vendor).send(reply(vendor, reply_token=token))
        assert failed.value.kind == "undeliverable"
    assert not vendor.calls


# --- files of theirs ------------------------------------------------------------------------------


def test_a_picture_of_a_message_is_fetched_with_the_token(vendor: Vendor) -> None:
    url = f"{vendor.service}v3/attachments/0-cus/views/original"
    assert adapter(vendor).fetch_media(Attachment("image", url=url)) == (PICTURE, "image/png")
    assert vendor.calls[-1].headers["authorization"] == "Bearer token-1"


def test_a_file_of_the_organization_is_fetched_without_the_token(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://127.0.0.1:{vendor.port}/files/bill.pdf?t=1"
    elsewhere = adapter(vendor, service_url="http://127.0.0.1:9")
    assert elsewhere.fetch_media(Attachment("file", url=url))[0] == PICTURE
    assert [call.path for call in vendor.calls] == ["/files/bill.pdf"]


@pytest.mark.parametrize(
    "url", ["", "data:image/png;base64,AAAA", "file:///etc/passwd", "https://"]
)
def test_what_is_no_address_is_not_fetched(vendor: Vendor, url: str) -> None:
    with pytest.raises(ChannelError) as failed:
        adapter(vendor).fetch_media(Attachment("image", url=url))
    assert failed.value.permanent
    assert not vendor.calls


def test_a_file_whose_token_was_refused_is_asked_for_once_more(vendor: Vendor) -> None:
    url = f"{vendor.service}v3/attachments/0-cus/views/original"
    vendor.fail(*[Answer(200, b'{"access_token":"old","expires_in":3599}'), refused("old", 401)])
    assert adapter(vendor).fetch_media(Attachment("image", url=url))[0] == PICTURE
    for status, is_final in ((404, True), (503, False)):
        vendor.fail(Answer(200, b'{"access_token":"t","expires_in":9}'), Answer(status, b""))
        with pytest.raises(ChannelError) as failed:
            adapter(vendor).fetch_media(Attachment("image", url=url))
        assert failed.value.permanent is is_final


# --- what answers mean ----------------------------------------------------------------------------


def failing(vendor: Vendor, *answers: Answer) -> SendError:
    vendor.fail_replies(*answers)
    with pytest.raises(SendError) as failed:
        adapter(vendor).send(reply(vendor))
    vendor.recover()
    return failed.value


def test_a_token_that_is_refused_is_replaced_once(vendor: Vendor) -> None:
    vendor.fail_replies(refused("Authorization has been denied", 401))
    adapter(vendor).send(reply(vendor))
    assert vendor.issued == 2
    failed = failing(vendor, *[refused("Authorization has been denied", 401)] * 2)
    assert (failed.kind, failed.permanent) == ("auth", True)


@pytest.mark.parametrize("status", [412, 429, 502, 504])
def test_what_teams_asks_to_have_repeated_is_repeated_when_it_says(
    vendor: Vendor, status: int
) -> None:
    failed = failing(vendor, Answer(status, b"", {"retry-after": "17"}))
    assert (failed.retryable, failed.ambiguous) == (True, False)
    assert failed.retry_after == timedelta(seconds=17)
    unsaid = failing(vendor, refused("too many", status))
    assert unsaid.retryable
    assert unsaid.retry_after == timedelta(seconds=5)
    assert unsaid.kind == ("rate" if status == 429 else "server")


@pytest.mark.parametrize(
    ("answer", "kind", "is_final"),
    [
        (refused("The bot is not part of the conversation roster.", 403), "blocked", True),
        (Answer(403, b""), "blocked", True),
        (refused("Conversation not found.", 404), "undeliverable", True),
        (refused("Message size too large", 413), "undeliverable", True),
        (refused("Bad format", 400), "undeliverable", True),
        (refused("Internal", 500), "server", False),
        (Answer(503, b"busy"), "server", False),
    ],
)
def test_a_refusal_says_what_it_means(
    vendor: Vendor, answer: Answer, kind: str, is_final: bool
) -> None:
    failed = failing(vendor, answer)
    assert (failed.kind, failed.permanent) == (kind, is_final)


def test_the_reason_of_teams_is_told(vendor: Vendor) -> None:
    failed = failing(vendor, refused("The bot is not part of the conversation roster.", 403))
    assert failed.message == "Teams answers: The bot is not part of the conversation roster."


@pytest.mark.parametrize("body", [b"{}", b'{"id":7}', b"null", b"<html>"])
def test_a_success_that_names_no_message_leaves_a_doubt(vendor: Vendor, body: bytes) -> None:
    assert failing(vendor, Answer(200, body)).ambiguous


@pytest.mark.parametrize(
    ("answer", "kind", "is_final"),
    [
        (Answer(401, b'{"error":"invalid_client","error_description":"AADSTS7000215"}'), "auth", 1),
        (Answer(400, b'{"error":"unauthorized_client"}'), "auth", 1),
        (Answer(200, b'{"access_token":"not \\u00e9 header"}'), "auth", 1),
        (Answer(200, b"{}"), "server", 0),
        (Answer(200, b"<html>"), "server", 0),
        (Answer(429, b"{}", {"retry-after": "9"}), "rate", 0),
        (Answer(503, b""), "server", 0),
        (Answer(is_dropped=True), "server", 0),
    ],
)
def test_without_a_token_nothing_was_said(
    vendor: Vendor, answer: Answer, kind: str, is_final: int
) -> None:
    vendor.fail(answer)
    with pytest.raises(SendError) as failed:
        adapter(vendor).send(reply(vendor))
    assert (failed.value.kind, failed.value.permanent) == (kind, bool(is_final))
    assert not failed.value.ambiguous
    assert not sent_by(vendor)


def test_no_secret_is_logged(vendor: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    adapter(vendor).send(reply(vendor))
    assert "the-secret" not in caplog.text
    assert "token-1" not in caplog.text


def test_sending_ends_in_the_time_that_it_is_given(vendor: Vendor) -> None:
    vendor.fail_replies(refused("old", 401))
    adapter(vendor).send(reply(vendor))
    # A token and the message, both twice.
    longest = adapter(vendor).capabilities.longest_send
    assert len(vendor.calls) == 4
    assert longest >= timedelta(seconds=len(vendor.calls) * http.WHOLE_CALL_SECONDS)
