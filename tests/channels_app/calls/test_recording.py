"""The newest calls of a channel, both ways: what is kept, how many, whose, and that nothing waits for it."""

import json
import queue
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import pytest
import redis
from django.test import Client
from django.utils import timezone
from django.utils.translation import override

from channels_app import registry
from channels_app.calls import reading, recording
from channels_app.fake_vendor import Answer, FakeVendor
from channels_app.models import InboundEvent
from channels_app.processing import process_due
from helpdesk.errors import ChannelError
from helpdesk.models import Channel, Conversation
from helpdesk.registries import channel_kinds
from helpdesk.services import organizations, replying
from helpdesk.tenancy import organization_scope
from tests.channels_app.calls.log import everything, newest
from tests.delivering import deliver_due
from tests.factories import World

FAKED = ("instagram", "line", "messenger", "sms_twilio", "telegram", "whatsapp")
SIGNING = "hush-hush-signing-secret"


@pytest.fixture(autouse=True)
def loopback(settings: Any) -> Iterator[None]:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with override("en"):
        yield


def connected(world: World, kind: str, vendor: FakeVendor) -> Channel:
    named = {"secret": SIGNING, **vendor.named_secrets}
    with world.transaction():
        secret = json.dumps(named) if vendor.named_secrets else SIGNING
        return organizations.open_channel(
            Channel(
                kind=kind,
                name=kind,
                secret=secret,
                settings=dict(vendor.settings),
            )
        )


def call(channel: Channel, vendor: FakeVendor, body: bytes, **signed: Any) -> Any:
    sealed = vendor.seal(body, registry.config_of(channel), timezone.now())
    where = f"/channels/{channel.public_id}/" + (
        f"?{urlencode(sealed.query)}" if sealed.query else ""
    )
    headers = signed or dict(sealed.headers)
    return Client(headers=headers).post(where, sealed.body, content_type=vendor.content_type)


@pytest.mark.parametrize("kind", FAKED)
def test_no_secret_and_no_word_of_anybody_is_kept_of_any_kind(world: World, kind: str) -> None:
    with registry.fake_vendor_of(kind)() as vendor:
        channel = connected(world, kind, vendor)
        assert call(channel, vendor, vendor.message("m1", text="my-card-4711")).status_code == 200
        assert call(channel, vendor, b"{}", authorization=SIGNING).status_code == 401
        process_due()
        with world.transaction():
            conversation = Conversation.objects.get(channel=channel)
        replying.reply(world.access("carol"), conversation.pk, text="your-card-4712")
        assert deliver_due() == 1
        test_connection = channel_kinds.get(kind).test_connection
        assert test_connection
        test_connection(channel.pk)
        vendor.fail(Answer(401, b'{"error": {"message": "no", "code": 190}}'))
        with suppress(ChannelError):
            test_connection(channel.pk)
    assert any(text and "4712" in text for text in map(vendor.text_of, vendor.calls))
    told = newest(channel)
    assert {"", recording.SEND, recording.TEST} == {each.purpose for each in told}
    assert {200, 401} <= {each.status for each in told}
    kept = everything()
    for secret in (SIGNING, *vendor.named_secrets.values()):
        assert secret not in kept
    assert "my-card" not in kept
    assert "your-card" not in kept


@pytest.fixture
def line() -> Iterator[FakeVendor]:
    with registry.fake_vendor_of("line")() as vendor:
        yield vendor


def test_a_call_is_listed_with_what_became_of_it(world: World, line: FakeVendor) -> None:
    channel = connected(world, "line", line)
    body = line.message("m1")
    call(channel, line, body)
    call(channel, line, body)
    second, first = newest(channel)
    for each in (first, second):
        assert (each.method, each.status, each.count, each.reason) == ("POST", 200, 1, "")
        assert each.size == len(body)
        assert each.address == f"/channels/{channel.public_id}/"
    with world.transaction():
        assert first.keys == second.keys == [InboundEvent.objects.get().dedup_key]


def test_what_cannot_be_read_says_why_and_under_which_key(world: World, line: FakeVendor) -> None:
    channel = connected(world, "line", line)
    call(channel, line, b"[]")
    (found,) = newest(channel)
    assert "must be an object" in found.reason
    with world.transaction():
        assert found.keys == [InboundEvent.objects.get().dedup_key]


def test_a_call_of_ours_that_nobody_answers_is_listed(world: World, line: FakeVendor) -> None:
    channel = connected(world, "line", line)
    line.fail(Answer(is_dropped=True))
    test_connection = channel_kinds.get("line").test_connection
    assert test_connection
    with pytest.raises(ChannelError):
        test_connection(channel.pk)
    (found,) = newest(channel)
    assert (found.status, found.answer_headers, found.is_trouble) == (0, None, True)
    assert found.reason == "RemoteProtocolError"


def test_only_the_newest_are_kept_and_strangers_push_nothing_off(
    world: World, line: FakeVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = connected(world, "line", line)
    monkeypatch.setattr(recording, "REFUSED_EVERY_SECONDS", 0.0)
    for number in range(recording.MOST_KEPT + 5):
        call(channel, line, line.message(f"m{number}"))
    for _ in range(recording.MOST_REFUSED + 5):
        call(channel, line, b"{}", authorization="x")
    recording.wait_until_written()
    org = world.organization.pk
    sizes = [
        recording.client().llen(recording.key_of(org, channel.pk, is_refused=is_refused))
        for is_refused in (False, True)
    ]
    assert sizes == [recording.MOST_KEPT, recording.MOST_REFUSED]
    assert len(newest(channel)) == recording.MOST_KEPT
    ttl = recording.client().ttl(recording.key_of(org, channel.pk, is_refused=False))
    assert 0 < ttl <= recording.KEPT_SECONDS


def test_of_many_that_are_refused_one_in_a_second_is_listed(world: World, line: FakeVendor) -> None:
    channel = connected(world, "line", line)
    for _ in range(20):
        call(channel, line, b"{}" * 1000, authorization="x")
    assert 1 <= len(newest(channel)) < 20
    assert newest(channel)[0].reason == "No signature fits"


def test_another_organization_finds_nothing(
    world: World, other_world: World, line: FakeVendor
) -> None:
    channel = connected(world, "line", line)
    call(channel, line, line.message("m1"))
    assert len(newest(channel)) == 1
    with organization_scope(other_world.organization.pk):
        assert newest(channel) == []


def test_calls_are_answered_while_redis_is_away(
    world: World, line: FakeVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = connected(world, "line", line)
    with monkeypatch.context() as away:
        away.setattr(recording, "client", lambda: redis.Redis(port=1, socket_timeout=0.1))
        assert call(channel, line, line.message("m1")).status_code == 200
        recording.wait_until_written()
    assert call(channel, line, line.message("m2")).status_code == 200
    assert len(newest(channel)) == 1


def test_a_call_that_breaks_is_listed_and_stays_broken(
    world: World, line: FakeVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = connected(world, "line", line)
    monkeypatch.setattr("channels_app.webhooks.ingesting.store", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        call(channel, line, line.message("m1"))
    (found,) = newest(channel)
    assert (found.status, found.reason) == (500, "ZeroDivisionError")


def test_a_full_line_drops_calls_and_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Full:
        waiting: "queue.Queue[recording.Call]" = queue.Queue(1)

    call = recording.Call(
        *(recording.Account(1, 1), "", "GET", "/", recording.Body({}), None, 200, 0.0, 0.0)
    )
    with monkeypatch.context() as full:
        full.setattr(recording, "_writer", Full)
        recording.note(call)
        recording.note(call)
    assert "too many are waiting" in caplog.text


def test_who_prints_an_account_sees_no_secret() -> None:
    assert "hush" not in repr(recording.Account(1, 2, ("hush",), ("known",)))


def test_a_key_that_is_gone_hides_its_calls_only(
    world: World, line: FakeVendor, caplog: pytest.LogCaptureFixture
) -> None:
    channel = connected(world, "line", line)
    key = recording.key_of(world.organization.pk, channel.pk, is_refused=False)
    recording.client().lpush(key, "gAAAAAB-no-such-key")
    call(channel, line, line.message("m1"))
    assert len(newest(channel)) == 1
    assert "under a key that is gone" in caplog.text
    assert reading.find(channel.pk, "nothing") is None
