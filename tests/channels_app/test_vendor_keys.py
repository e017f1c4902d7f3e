"""Vendors that prove their calls by keys of their own: the keys are fetched beforehand, and seldom for strangers."""

import base64
import dataclasses
import json
from datetime import datetime, timedelta

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client
from django.utils import timezone
from django.utils.translation import override

from channels_app import polling, registry, vendor_keys
from channels_app.json_fields import Fields, read_object
from channels_app.models import PollPosition
from channels_app.protocol import (
    BadPayload,
    BadSignature,
    Capabilities,
    ChannelConfig,
    Event,
    HttpReply,
    Polled,
    RawRequest,
    SendError,
    UnknownKey,
)
from channels_app.services import fetching
from channels_app.services.doors import find_door
from helpdesk.registries import channel_kinds
from helpdesk.tenancy import organization_scope
from tests.channels_app.vendors import Clock
from tests.factories import World

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
NUMBERS = KEY.public_key().public_numbers()
ADDRESS = "https://keys.example/openid"


# --- how they are read and kept ---------------------------------------------------------------------


def number(value: int) -> str:
    data = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwk(**facts: object) -> dict[str, object]:
    known = {"kty": "RSA", "use": "sig", "kid": "k-1", "n": number(NUMBERS.n), "e": "AQAB"}
    return {**known, **facts}


def names(*keys: object) -> list[str]:
    answer = read_object(json.dumps({"keys": keys}).encode())
    return sorted(vendor_keys.rsa_keys(answer, _is_wanted))


def _is_wanted(key: Fields) -> bool:
    return key.line("for", 20) != "others"


def test_usable_keys_are_read_by_their_names() -> None:
    assert names(jwk(), jwk(kid="k-2", use=None)) == ["k-1", "k-2"]
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
    unusable = (
        jwk(kty="EC"),
        jwk(use="enc"),
        jwk(n=number(weak.public_numbers().n)),
        jwk(n="", e=""),
        jwk(n="not base64!"),
        jwk(e="AQ"),
        jwk(**{"for": "others"}),
    )
    for each in unusable:
        assert names(each) == [], each
    assert names(*unusable, jwk(kid="last")) == ["last"]


@pytest.mark.parametrize("broken", [["x"], [jwk(kid=None)], [jwk(kid=7)], [jwk()] * 101])
def test_what_is_no_set_of_keys_is_said_to_be_none(broken: list[object]) -> None:
    with pytest.raises(BadPayload):
        names(*broken)


def test_kept_keys_are_good_for_the_address_that_they_came_from() -> None:
    kept = vendor_keys.keep(ADDRESS, {"k-1": KEY.public_key()})
    (found,) = vendor_keys.kept(kept, ADDRESS).values()
    assert isinstance(found, rsa.RSAPublicKey)
    assert found.public_numbers() == NUMBERS
    assert not vendor_keys.kept(kept, "https://keys.example/other")
    assert not vendor_keys.kept("", ADDRESS)


# --- how a channel gets them ------------------------------------------------------------------------


class Keyed:
    """A vendor whose calls name their key; what is signed by a known one is genuine."""

    def __init__(self) -> None:
        self.current = "k-1"
        self.fails = False
        self.fetched = 0

    def adapter(self) -> type:
        vendor = self

        class Adapter:
            capabilities = Capabilities()
            places = (vendor_keys.PLACE,)
            poll_every = timedelta(hours=1)

            def __init__(self, config: ChannelConfig) -> None:
                self.config = config

            def handshake(self, request: RawRequest) -> HttpReply | None:
                return None

            def verify(self, request: RawRequest) -> None:
                if not request.body:
                    raise BadSignature("There is no key")
                if request.body.decode() not in self.config.vendor_keys.split():
                    raise UnknownKey("The key is not known")

            def parse(self, request: RawRequest) -> list[Event]:
                return []

            def poll(self, place: str, position: str, hint: object) -> Polled:
                vendor.fetched += 1
                if vendor.fails:
                    raise SendError("The keys are away", kind="server", retryable=True)
                return Polled((), vendor.current)

        return Adapter


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime.fromisoformat("2026-11-22T08:00:00+00:00"))


@pytest.fixture
def keyed(world: World, monkeypatch: pytest.MonkeyPatch) -> Keyed:
    vendor = Keyed()
    monkeypatch.setattr(registry, "adapter_class", lambda kind: vendor.adapter())
    kind = channel_kinds.get(world.channel.kind)
    keyed = dataclasses.replace(kind, capabilities=kind.capabilities | {vendor_keys.PLACE})
    monkeypatch.setitem(channel_kinds._items, world.channel.kind, keyed)
    return vendor


def call(client: Client, world: World, key: str) -> int:
    address = f"/channels/{world.channel.public_id}/"
    return client.post(address, key.encode(), content_type="application/json").status_code


def begin(world: World) -> None:
    with organization_scope(world.organization.pk):
        polling.begin_polling(timezone.now())


def test_a_kind_without_the_capability_asks_for_no_keys(world: World) -> None:
    with world.transaction():
        PollPosition.objects.create(
            channel_id=world.channel.pk, place=vendor_keys.PLACE, position="k-1"
        )
    assert vendor_keys.PLACE not in channel_kinds.get(world.channel.kind).capabilities
    assert find_door(world.channel.public_id).config.vendor_keys == ""


def test_a_new_channel_asks_to_be_called_again_until_the_keys_are_there(
    world: World, keyed: Keyed, client: Client
) -> None:
    assert call(client, world, "k-1") == 503
    begin(world)
    assert call(client, world, "k-1") == 503
    assert keyed.fetched == 0
    polling.poll_due()
    assert call(client, world, "k-1") == 200
    assert keyed.fetched == 1


def test_a_new_key_is_fetched_behind_and_its_call_taken_when_it_comes_again(
    world: World, keyed: Keyed, client: Client, clock: Clock
) -> None:
    with time_machine.travel(clock.now, tick=False):
        begin(world)
        polling.poll_due()
    keyed.current = "k-1 k-2"
    with time_machine.travel(clock.tick(minutes=10), tick=False):
        assert call(client, world, "k-2") == 503
        # Nobody who calls waits for it.
        assert keyed.fetched == 1
        polling.poll_due()
        assert call(client, world, "k-2") == 200
        assert call(client, world, "k-1") == 200


def test_strangers_who_make_names_up_have_the_keys_fetched_once_in_three_minutes(
    world: World, keyed: Keyed, client: Client, clock: Clock
) -> None:
    with time_machine.travel(clock.now, tick=False):
        begin(world)
        polling.poll_due()
    refused = []
    for _each in range(12):
        with time_machine.travel(clock.tick(seconds=30), tick=False):
            statuses = [call(client, world, f"k-{number}") for number in range(2, 6)]
            polling.poll_due()
            refused.append(statuses)
            assert call(client, world, "k-1") == 200
    assert keyed.fetched == 1 + 2
    assert refused[0] == [401] * 4
    # While the keys are on their way nobody can say whether it is genuine.
    assert refused[5] == [503] * 4


def test_what_names_no_key_has_nothing_fetched(
    world: World, keyed: Keyed, client: Client, clock: Clock
) -> None:
    with time_machine.travel(clock.now, tick=False):
        begin(world)
        polling.poll_due()
    with time_machine.travel(clock.tick(minutes=10), tick=False):
        assert call(client, world, "") == 401
        polling.poll_due()
    assert keyed.fetched == 1


def test_keys_that_cannot_be_fetched_are_tried_at_their_own_pace_and_the_old_ones_hold(
    world: World, keyed: Keyed, client: Client, clock: Clock
) -> None:
    with time_machine.travel(clock.now, tick=False):
        begin(world)
        polling.poll_due()
    keyed.fails = True
    with time_machine.travel(clock.tick(hours=1), tick=False):
        polling.poll_due()
        for _each in range(5):
            assert call(client, world, "k-2") == 503
            polling.poll_due()
        assert keyed.fetched == 2
        assert call(client, world, "k-1") == 200
        with world.transaction(), override("en"):
            told = fetching.report(world.channel.pk)
    assert told is not None
    assert told.is_trouble
    assert told.text == "The keys that prove calls cannot be fetched: The keys are away"
    keyed.fails = False
    with time_machine.travel(clock.tick(minutes=1), tick=False):
        polling.poll_due()
        with world.transaction(), override("en"):
            told = fetching.report(world.channel.pk)
    assert told is not None
    assert not told.is_trouble
    assert told.text.startswith("The keys that prove calls were fetched at")


def test_the_keys_of_one_organization_are_not_those_of_another(
    world: World, keyed: Keyed, client: Client
) -> None:
    begin(world)
    polling.poll_due()
    other = world.organization.pk + 1
    assert fetching.await_vendor_keys(other, world.channel.pk, timezone.now())
    with world.transaction():
        assert PollPosition.objects.get().due_at > timezone.now()
