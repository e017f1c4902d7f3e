"""What every kind of channel must do, generated from the registry: a new folder is tested at once."""

import dataclasses
import importlib
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from django.utils.translation import override

from channels_app import registry
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
NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
CONFIG = ChannelConfig(public_id="channel-1", secrets=("the secret", "the older secret"))


def request(kind, *, config=CONFIG, body=None, headers=None, method="POST"):
    case = CASES[kind]
    body = case.body(str(uuid.uuid4())) if body is None else body
    signed = case.sign(body, config, NOW)
    return RawRequest(
        method=method,
        url=f"{settings.PUBLIC_URL}/channels/{config.public_id}/",
        query=(),
        headers=signed if headers is None else headers,
        body=body,
        received_at=NOW,
    )


def adapter(kind, config=CONFIG):
    return registry.make_adapter(kind, config)


def test_every_kind_has_a_contract_case():
    assert sorted(CASES) == KINDS


def test_an_unknown_kind_is_said_to_be_unknown():
    with pytest.raises(registry.UnknownKind):
        adapter("pigeon")


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

    def test_a_good_call_verifies_and_reads_the_same_twice(self, kind):
        call = request(kind)
        adapter(kind).verify(call)
        first, second = adapter(kind).parse(call), adapter(kind).parse(call)
        assert first == second != []
        assert all(event.kind in EVENT_KINDS and event.dedup_key for event in first)

    def test_a_call_signed_with_the_older_secret_is_accepted(self, kind):
        older = dataclasses.replace(CONFIG, secrets=CONFIG.secrets[1:])
        call = request(kind)
        adapter(kind).verify(
            dataclasses.replace(call, headers=CASES[kind].sign(call.body, older, NOW))
        )

    def test_what_the_vendor_did_not_sign_is_refused(self, kind):
        call = request(kind)
        stranger = dataclasses.replace(CONFIG, secrets=("a guess",))
        elsewhere = dataclasses.replace(CONFIG, public_id="channel-2")
        bad = [{}, dict.fromkeys(call.headers, ""), dict.fromkeys(call.headers, "x")]
        bad += [CASES[kind].sign(call.body, each, NOW) for each in (stranger, elsewhere)]
        if adapter(kind).capabilities.body_signed and CASES[kind].signs_body:
            tampered = dataclasses.replace(call, body=call.body + b" ")
            with pytest.raises(BadSignature):
                adapter(kind).verify(tampered)
        for headers in bad:
            with pytest.raises(BadSignature):
                adapter(kind).verify(dataclasses.replace(call, headers=headers))

    def test_a_channel_without_a_secret_accepts_nothing(self, kind):
        bare = dataclasses.replace(CONFIG, secrets=())
        with pytest.raises(BadSignature):
            adapter(kind, bare).verify(request(kind))
        empty = dataclasses.replace(CONFIG, secrets=("",))
        with pytest.raises(BadSignature):
            adapter(kind, empty).verify(request(kind, config=empty))

    def test_what_cannot_be_read_is_a_bad_payload_and_nothing_worse(self, kind):
        for body in (b"", b"{", b"\xff\xfe", b"[]", b"null", b"[" * 50_000, b"\x00"):
            call = request(kind)
            broken = dataclasses.replace(
                call, body=body, headers=CASES[kind].sign(body, CONFIG, NOW)
            )
            with pytest.raises(BadPayload):
                adapter(kind).parse(broken)

    def test_unknown_events_are_skipped(self, kind):
        for body in CASES[kind].unknown:
            call = request(kind, body=body)
            assert adapter(kind).parse(call) == []

    def test_sending_answers_with_values(self, kind, settings):
        settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
        message = OutboundMessage(
            client_ref=str(uuid.uuid4()), to=ContactIdentity(CASES[kind].recipient), text="好的 👍"
        )
        with CASES[kind].stand_in() as found:
            config = dataclasses.replace(
                CONFIG, settings=found, named_secrets=CASES[kind].named_secrets
            )
            sending = adapter(kind, config)
            if CASES[kind].sends:
                assert isinstance(sending.send(message), SendResult)
                return
            with pytest.raises(SendError) as refused:
                sending.send(message)
            assert refused.value.permanent

    def test_the_same_call_again_is_stored_once_and_answered_alike(self, kind, world, client):
        with world.transaction():
            Channel.objects.update(kind=kind, secret=CONFIG.secrets[0])
        config = dataclasses.replace(CONFIG, public_id=world.channel.public_id)
        body = CASES[kind].body(str(uuid.uuid4()))
        answers = []
        with time_machine.travel(NOW, tick=False):
            headers = {
                f"HTTP_{name.upper().replace('-', '_')}": value
                for name, value in CASES[kind].sign(body, config, NOW).items()
            }
            for _each in range(3):
                answers.append(
                    client.post(
                        f"/channels/{config.public_id}/",
                        body,
                        content_type="application/json",
                        **headers,
                    )
                )
        assert [answer.status_code for answer in answers] == [200, 200, 200]
        assert len({answer.content for answer in answers}) == 1
        process_due()
        with world.transaction():
            assert Message.objects.count() == 1
            kept = InboundEvent.objects.get()
            assert (bytes(kept.raw), kept.state) == (body, InboundEvent.State.DONE)


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
