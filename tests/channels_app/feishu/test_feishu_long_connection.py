"""The long connection of Feishu from end to end: stored, answered, joined, and kept alive."""

import json
from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone
from django.utils.translation import override

from channels_app import lines
from channels_app.adapters.feishu import long_connection, sealing
from channels_app.adapters.feishu.adapter import Adapter
from channels_app.adapters.feishu.fake import APP, SERVICE, Vendor
from channels_app.adapters.feishu.frames import CONTROL, DATA, Frame
from channels_app.adapters.feishu.long_connection import MOST_PARTS, MOST_UNFINISHED, Parts
from channels_app.fake_vendor import Answer
from channels_app.json_fields import MOST_BYTES, read_object
from channels_app.models import InboundEvent
from channels_app.protocol import BadPayload, ChannelConfig, RawRequest, SendError
from channels_app.services import fetching
from channels_app.services.doors import find_door
from helpdesk.models import Channel
from helpdesk.services import organizations
from tests.channels_app.feishu.apps import KEYS
from tests.channels_app.feishu.test_feishu_conversations import call
from tests.channels_app.long_lines import (
    acknowledged,
    loses_the_first_answer,
    stores_nothing_at_first,
    texts,
    troubled,
    unreadable,
)
from tests.deploy.stack import eventually
from tests.factories import World


@pytest.fixture
def vendor(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    monkeypatch.setattr(long_connection, "STEP_SECONDS", 0.05)
    with Vendor() as vendor, override("en"):
        yield vendor


@pytest.fixture
def feishu(world: World, vendor: Vendor) -> Channel:
    return opened(world, vendor, **vendor.named_secrets)


def opened(world: World, vendor: Vendor, **secrets: str) -> Channel:
    with world.transaction():
        return organizations.open_channel(
            Channel(
                kind="feishu",
                name="Feishu",
                secret=json.dumps(secrets),
                settings={**vendor.settings, "mode": "line"},
                language="en",
            )
        )


def connections(vendor: Vendor) -> int:
    return sum(each.path == long_connection.PATH for each in vendor.calls)


def part(payload: bytes, **headers: str) -> Frame:
    return Frame.made(DATA, SERVICE, {"type": "event", "message_id": "m", **headers}, payload)


def test_what_comes_is_stored_and_answered_and_known_again(
    world: World, vendor: Vendor, feishu: Channel, held: lines.Lines
) -> None:
    held.look()
    for reference in ("om_1", "om_1", "om_2"):
        vendor.stream(vendor.message(reference, text=reference))
    acknowledged(vendor, 3)
    first = vendor.acknowledged[0]
    assert (first["code"], first["type"]) == (200, "event")
    assert str(first["biz_rt"]).isdecimal()
    assert len({each["message_id"] for each in vendor.acknowledged}) == 3
    assert texts(world) == ["om_1", "om_2"]
    with world.transaction():
        told = fetching.report(feishu.pk)
    assert told is not None
    assert not told.is_trouble
    assert "long connection was held" in told.text


def test_a_message_by_connection_and_by_call_is_one(
    world: World, client: Client, vendor: Vendor, held: lines.Lines
) -> None:
    channel = opened(world, vendor, secret=KEYS[0], **vendor.named_secrets)
    assert call(client, channel, vendor.message("om_1", text="one")) == 200
    held.look()
    vendor.stream(vendor.message("om_1", text="one"))
    acknowledged(vendor, 1)
    assert texts(world) == ["one"]
    with world.transaction():
        assert InboundEvent.objects.count() == 1


def test_without_an_encrypt_key_nobody_else_reports_anything(
    world: World, client: Client, vendor: Vendor, feishu: Channel
) -> None:
    riddle = b'{"type":"url_verification","challenge":"c"}'
    for body in (vendor.message("om_1"), riddle):
        for key in ("", "a guess", vendor.named_secrets["app_secret"]):
            assert call(client, feishu, body, key=key) == 401
        # And not as a connection brings it.
        address = f"/channels/{feishu.public_id}/"
        proof = {
            "HTTP_X_LARK_REQUEST_TIMESTAMP": "1",
            "HTTP_X_LARK_REQUEST_NONCE": "n",
            "HTTP_X_LARK_SIGNATURE": sealing.signature("", "1", "n", body),
        }
        answer = client.post(address, body, content_type="application/json", **proof)
        assert answer.status_code == 401
    with world.transaction():
        assert not InboundEvent.objects.exists()


def test_nothing_is_answered_that_is_not_stored(
    world: World,
    vendor: Vendor,
    feishu: Channel,
    held: lines.Lines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stores_nothing_at_first(monkeypatch)
    held.look()
    vendor.stream(vendor.message("om_1", text="one"))
    acknowledged(vendor, 1)
    assert texts(world) == ["one"]
    assert connections(vendor) == 2


def test_what_was_stored_and_not_answered_is_stored_once(
    world: World,
    vendor: Vendor,
    feishu: Channel,
    held: lines.Lines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loses_the_first_answer(monkeypatch, lambda message: b"biz_rt" in message)
    held.look()
    vendor.stream(vendor.message("om_1", text="one"))
    acknowledged(vendor, 1)
    assert connections(vendor) == 2
    assert texts(world) == ["one"]


def test_an_event_in_several_frames_is_joined_and_answered_once(
    world: World, vendor: Vendor, feishu: Channel, held: lines.Lines
) -> None:
    held.look()
    vendor.parts = 5
    vendor.stream(vendor.message("om_1", text="退货" * 100))
    acknowledged(vendor, 1)
    vendor.parts = 1
    vendor.stream(vendor.message("om_2", text="two"))
    acknowledged(vendor, 2)
    assert texts(world) == ["退货" * 100, "two"]
    assert vendor.acknowledged[0]["seq"] == "4"


def test_what_cannot_be_read_is_kept_and_the_connection_goes_on(
    world: World, vendor: Vendor, feishu: Channel, held: lines.Lines
) -> None:
    held.look()
    eventually(lambda: len(vendor.wires) == 1, 20)
    numberless = part(b"{}", sum="many").written()
    for frame in ("no frame", b"\xff\xfe", numberless):
        vendor.wires[0].send(frame)
    for body in (b"no JSON", b'{"header":7}'):
        vendor.stream(body)
    vendor.stream(vendor.message("om_1", text="one"))
    acknowledged(vendor, 3)
    kept = unreadable(world)
    bad = [b"no frame", b"\xff\xfe", numberless, b"no JSON", b'{"header":7}']
    assert [raw for raw, _reason in kept] == bad
    assert all(reason for _raw, reason in kept)
    assert texts(world) == ["one"]
    assert connections(vendor) == 1


def test_what_means_nothing_to_us_is_answered_and_skipped(
    world: World, vendor: Vendor, feishu: Channel, held: lines.Lines
) -> None:
    held.look()
    eventually(lambda: len(vendor.wires) == 1, 20)
    vendor.wires[0].send(Frame.made(7, SERVICE, {"type": "event"}, b"x").written())
    vendor.wires[0].send(Frame.made(CONTROL, SERVICE, {"type": "ping"}).written())
    vendor.stream(b"whatever", "new_in_2027")
    vendor.stream(b'{"action":{"value":{}}}', "card")
    for body in vendor.unknown:
        vendor.stream(body)
    acknowledged(vendor, 5)
    with world.transaction():
        assert not InboundEvent.objects.exists()


def test_it_says_that_it_is_there_as_often_as_it_is_told(
    vendor: Vendor, feishu: Channel, held: lines.Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_connection, "LEAST_PING_SECONDS", 0)
    monkeypatch.setattr(long_connection, "MOST_PING_SECONDS", 0.05)
    held.look()
    eventually(lambda: vendor.pings >= 3, 20)
    assert connections(vendor) == 1


def test_how_often_to_ping_may_be_said_on_the_connection(
    vendor: Vendor, feishu: Channel, held: lines.Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_connection, "LEAST_PING_SECONDS", 0)
    vendor.ping_seconds = 1
    held.look()
    eventually(lambda: vendor.pings >= 2, 20)


def test_trouble_is_over_as_soon_as_the_connection_is_there(
    world: World, vendor: Vendor, feishu: Channel, held: lines.Lines
) -> None:
    vendor.fail(Answer(500))
    held.look()

    def is_over() -> bool:
        with world.transaction():
            told = fetching.report(feishu.pk)
            return told is not None and not told.is_trouble

    troubled(world, feishu, "500")
    eventually(is_over, 20)


def test_a_connection_that_breaks_is_opened_anew(
    world: World, vendor: Vendor, feishu: Channel, held: lines.Lines
) -> None:
    held.look()
    eventually(lambda: len(vendor.wires) == 1, 20)
    vendor.hang_up()
    vendor.stream(vendor.message("om_1", text="one"))
    acknowledged(vendor, 1)
    assert texts(world) == ["one"]


def test_what_it_is_refused_for_is_said_to_administrators(
    world: World, vendor: Vendor, held: lines.Lines
) -> None:
    channel = opened(world, vendor, app_secret="another")
    held.look()
    troubled(world, channel, "app secret invalid (10014)")
    assert not vendor.wires


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b'{"code":0,"data":{}}', "server"),
        (b'{"code":0,"data":{"URL":"wss://a.example/?service_id=x"}}', "server"),
        (b'{"code":0,"data":{"URL":"wss://a.example/?service_id=1","ClientConfig":7}}', "server"),
        (b"<html>", "server"),
        (b'{"code":1,"msg":"busy"}', "server"),
        (b'{"code":1000040343,"msg":"internal"}', "server"),
        (b'{"code":1000040350,"msg":"too many connections"}', "auth"),
    ],
)
def test_an_answer_that_leads_nowhere_says_why(vendor: Vendor, answer: bytes, kind: str) -> None:
    found = adapter(vendor)
    assert "long connection" in found.test_connection()
    token = b'{"code":0,"tenant_access_token":"t","expire":7200}'
    vendor.fail(Answer(200, token), Answer(200, b'{"code":0,"bot":{}}'), Answer(200, answer))
    with pytest.raises(SendError) as failed:
        found.test_connection()
    assert failed.value.kind == kind


def test_a_channel_that_feishu_calls_has_no_line(vendor: Vendor) -> None:
    assert adapter(vendor).has_line
    for mode in ("", "http"):
        assert not adapter(vendor, mode=mode).has_line


def test_what_a_connection_brought_is_read_again_as_it_is(vendor: Vendor) -> None:
    body = vendor.message("om_1", text="one")
    again = RawRequest("POST", "", (), {}, body, timezone.now())
    assert [each.text for each in adapter(vendor).parse(again)] == ["one"]


def test_how_often_to_ping_is_bounded() -> None:
    url = "wss://a.example/?device_id=1&service_id=33554678"
    for said, counts in ((None, 120), (0, 120), (1, 5), (90, 90), (10**9, 600)):
        config = json.dumps({"data": {"URL": url, "ClientConfig": {"PingInterval": said}}})
        found = long_connection.endpoint_of(read_object(config.encode()))
        assert (found.service, found.ping_seconds) == (33554678, counts)


def test_parts_are_joined_in_any_order_and_those_of_others_apart() -> None:
    parts = Parts()
    assert parts.joined(part(b"whole")) == b"whole"
    assert parts.joined(part(b"c", sum="3", seq="2")) is None
    assert parts.joined(part(b"x", sum="2", seq="0", message_id="n")) is None
    assert parts.joined(part(b"c", sum="3", seq="2")) is None
    assert parts.joined(part(b"a", sum="3", seq="0")) is None
    assert parts.joined(part(b"b", sum="3", seq="1")) == b"abc"
    assert parts.joined(part(b"y", sum="2", seq="1", message_id="n")) == b"xy"


def test_what_stays_unfinished_is_forgotten() -> None:
    parts = Parts()
    for number in range(MOST_UNFINISHED + 1):
        assert parts.joined(part(b"a", sum="2", seq="0", message_id=str(number))) is None
    # The first one begins anew, and the others are still there.
    assert parts.joined(part(b"b", sum="2", seq="1", message_id="1")) == b"ab"
    assert parts.joined(part(b"b", sum="2", seq="1", message_id="0")) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"sum": "2", "seq": "2"},
        {"sum": "2", "seq": "-1"},
        {"sum": "²"},
        {"sum": "99999"},
        {"sum": str(MOST_PARTS + 1), "seq": "0"},
    ],
)
def test_a_part_that_cannot_be_is_a_bad_payload(headers: dict[str, str]) -> None:
    with pytest.raises(BadPayload):
        Parts().joined(part(b"a", **headers))


def test_an_event_without_end_is_a_bad_payload_and_forgotten() -> None:
    parts = Parts()
    half = bytes(MOST_BYTES // 2 + 1)
    assert parts.joined(part(half, sum="3", seq="0")) is None
    with pytest.raises(BadPayload):
        parts.joined(part(half, sum="3", seq="1"))
    assert parts.joined(part(b"c", sum="3", seq="2")) is None


def test_the_played_feishu_speaks_over_the_connection_while_there_is_one(
    world: World, vendor: Vendor, feishu: Channel, held: lines.Lines
) -> None:
    held.look()
    eventually(lambda: len(vendor.wires) == 1, 20)
    assert vendor.says("http://nobody.example/", find_door(feishu.public_id).config, "one") == 200
    acknowledged(vendor, 1)
    assert texts(world) == ["one"]


def adapter(vendor: Vendor, mode: str = "line") -> Adapter:
    settings = {**vendor.settings, "app_id": APP, "mode": mode}
    return Adapter(ChannelConfig("c", settings=settings, named_secrets=vendor.named_secrets))
