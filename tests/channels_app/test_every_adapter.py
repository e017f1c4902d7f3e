"""What every kind of channel must do, generated from the registry: a new folder is tested at once."""

import dataclasses
import importlib
import json
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from django.utils.translation import override

from channels_app import polling, registry
from channels_app.fake_vendor import Sealed
from channels_app.models import InboundEvent
from channels_app.processing import process_due
from channels_app.protocol import (
    EVENT_KINDS,
    Adapter,
    BadPayload,
    BadSignature,
    ChannelConfig,
    ContactIdentity,
    OutboundMessage,
    RawRequest,
    SendError,
    SendResult,
)
from helpdesk.models import Channel, Message
from helpdesk.registries import channel_kinds
from tests.channels_app.contract_cases import CASES

KINDS = sorted(registry.FOLDERS)
# Those whose vendor calls us; the others are fetched, which test_polling.py is about.
CALLING = [kind for kind in KINDS if CASES[kind].calls_us]
NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
CONFIG = ChannelConfig(public_id="channel-1", secrets=("the secret", "the older secret"))


def config_of(kind, **facts):
    """The settings and secrets of a channel of this kind, some of them replaced."""
    case = CASES[kind]
    known = {"settings": case.settings, "named_secrets": case.named_secrets} | facts
    return dataclasses.replace(CONFIG, **known)


def sealed(kind, body, *, config=None):
    return CASES[kind].seal(body, config or config_of(kind), NOW)


def as_request(call, **facts):
    """The call as it reaches an adapter."""
    known = {
        "method": "POST",
        "url": f"{settings.PUBLIC_URL}/channels/{CONFIG.public_id}/",
        "query": tuple(call.query.items()),
        "headers": call.headers,
        "body": call.body,
        "received_at": NOW,
    }
    return RawRequest(**known | facts)


def request(kind, *, config=None, body=None):
    body = CASES[kind].body(str(uuid.uuid4())) if body is None else body
    return as_request(sealed(kind, body, config=config))


def adapter(kind, config=None):
    return registry.make_adapter(kind, config or config_of(kind))


def post(client, kind, config, call):
    """Call the channel's address as the vendor does."""
    headers = {
        f"HTTP_{name.upper().replace('-', '_')}": each for name, each in call.headers.items()
    }
    return client.post(
        f"/channels/{config.public_id}/",
        call.body,
        content_type=CASES[kind].content_type,
        query_params=call.query,
        **headers,
    )


def settle():
    """Work on what came, and fetch what it hints at."""
    process_due()
    polling.poll_due()
    process_due()


def stored_secret(kind):
    """The secrets of a channel as its row keeps them."""
    named = CASES[kind].named_secrets
    if len(channel_kinds.get(kind).secret_names) < 2:
        return CONFIG.secrets[0]
    return json.dumps({"secret": CONFIG.secrets[0], **named})


def test_every_kind_has_a_contract_case():
    assert sorted(CASES) == KINDS


def test_an_unknown_kind_is_said_to_be_unknown():
    with pytest.raises(registry.UnknownKind):
        adapter("pigeon", CONFIG)


@pytest.mark.parametrize("kind", KINDS)
class TestEveryAdapter:
    def test_it_speaks_the_protocol_and_describes_itself(self, kind):
        assert isinstance(adapter(kind), Adapter)
        described = channel_kinds.get(kind)
        for language in ("en", "zh-hans"):
            with override(language):
                assert str(described.label)
                assert all(str(field.label) for field in described.settings)

    def test_it_is_one_folder_that_knows_no_other(self, kind):
        folder = Path(importlib.import_module(registry.FOLDERS[kind]).__file__ or "").parent
        for path in folder.rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            others = [f"adapters.{other}" for other in KINDS if other != kind]
            assert not [other for other in others if other in text]
            assert ".objects" not in text

    def test_sending_answers_with_values(self, kind, settings):
        settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
        message = OutboundMessage(
            client_ref=str(uuid.uuid4()), to=ContactIdentity(CASES[kind].recipient), text="好的 👍"
        )
        with CASES[kind].stand_in() as found:
            sending = adapter(kind, config_of(kind, settings=found))
            if CASES[kind].sends:
                assert isinstance(sending.send(message), SendResult)
                return
            with pytest.raises(SendError) as refused:
                sending.send(message)
            assert refused.value.permanent


@pytest.mark.parametrize("kind", CALLING)
class TestEveryCaller:
    """What holds wherever the vendor calls us."""

    def test_a_good_call_verifies_and_reads_the_same_twice(self, kind):
        call = request(kind)
        adapter(kind).verify(call)
        first, second = adapter(kind).parse(call), adapter(kind).parse(call)
        assert first == second != []
        assert all(event.kind in EVENT_KINDS and event.dedup_key for event in first)

    def test_a_call_signed_with_the_older_secret_is_accepted(self, kind):
        older = config_of(kind, secrets=CONFIG.secrets[1:])
        adapter(kind).verify(request(kind, config=older))

    def test_what_the_vendor_did_not_sign_is_refused(self, kind):
        body = CASES[kind].body(str(uuid.uuid4()))
        call = sealed(kind, body)
        stranger = config_of(kind, secrets=("a guess",))
        elsewhere = config_of(kind, public_id="channel-2")
        bad = [
            Sealed(call.body, dict.fromkeys(call.headers, word), dict.fromkeys(call.query, word))
            for word in ("", "x")
        ]
        bad += [
            Sealed(call.body),
            *(sealed(kind, body, config=each) for each in (stranger, elsewhere)),
        ]
        if adapter(kind).capabilities.body_signed and CASES[kind].signs_body:
            with pytest.raises(BadSignature):
                adapter(kind).verify(as_request(CASES[kind].tampered(call)))
        for each in bad:
            with pytest.raises(BadSignature):
                adapter(kind).verify(as_request(each))

    def test_a_channel_without_a_secret_accepts_nothing(self, kind):
        with pytest.raises(BadSignature):
            adapter(kind, config_of(kind, secrets=())).verify(request(kind))
        empty = config_of(kind, secrets=("",))
        with pytest.raises(BadSignature):
            adapter(kind, empty).verify(request(kind, config=empty))

    def test_what_cannot_be_read_is_a_bad_payload_and_nothing_worse(self, kind):
        for body in (b"", b"{", b"\xff\xfe", b"[]", b"null", b"[" * 50_000, b"\x00"):
            with pytest.raises(BadPayload):
                adapter(kind).parse(request(kind, body=body))

    def test_unknown_events_are_skipped(self, kind):
        for body in CASES[kind].unknown:
            assert adapter(kind).parse(request(kind, body=body)) == []

    def test_the_same_call_again_is_stored_once_and_answered_alike(
        self, kind, world, client, settings
    ):
        settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
        with CASES[kind].stand_in() as found:
            with world.transaction():
                Channel.objects.update(
                    kind=kind,
                    secret=stored_secret(kind),
                    settings={**CASES[kind].settings, **found},
                )
            config = config_of(kind, public_id=world.channel.public_id)
            call = sealed(kind, CASES[kind].body(str(uuid.uuid4())), config=config)
            with time_machine.travel(NOW, tick=False):
                answers = [post(client, kind, config, call) for _each in range(3)]
            assert [answer.status_code for answer in answers] == [200, 200, 200]
            assert len({answer.content for answer in answers}) == 1
            settle()
        with world.transaction():
            assert Message.objects.count() == 1
            kept = InboundEvent.objects.exclude(kind="poll_hint").get()
            assert kept.state == InboundEvent.State.DONE
            # What is fetched after a hint has its own bytes.
            assert CASES[kind].only_hints or bytes(kept.raw) == call.body


def test_unknown_and_foreign_calls_are_turned_away(world, client):
    with world.transaction():
        Channel.objects.update(secret="s")
    assert (
        client.post("/channels/unknown/", b"{}", content_type="application/json").status_code == 404
    )
    address = f"/channels/{world.channel.public_id}/"
    assert client.post(address, b"{}", content_type="application/json").status_code == 401
    assert client.put(address, b"{}").status_code == 405
    too_large = client.post(address, b"x" * (3 * 1024 * 1024 + 1), content_type="application/json")
    assert too_large.status_code == 413
    with world.transaction():
        assert not InboundEvent.objects.exists()
