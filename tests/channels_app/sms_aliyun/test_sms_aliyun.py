"""SMS by Alibaba Cloud: who may call, what calls say, and that answers leave only as an approved template."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils.translation import override

from channels_app.adapters.sms_aliyun.adapter import Adapter
from channels_app.adapters.sms_aliyun.asking import authorization
from channels_app.adapters.sms_aliyun.fake import TEMPLATE, Vendor, refusal
from channels_app.fake_vendor import Answer
from channels_app.processing import process_due
from channels_app.protocol import (
    Attachment,
    BadPayload,
    BadSignature,
    ChannelConfig,
    ContactIdentity,
    Event,
    OutboundMessage,
    RawRequest,
    SendError,
)
from helpdesk.errors import ChannelError, Refused
from helpdesk.models import Channel, Delivery, Direction, Message, Outbox
from helpdesk.services import announcing, organizations, replying
from tests.delivering import deliver_due
from tests.factories import World

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


@pytest.fixture
def vendor(settings: LazySettings) -> Iterator[Vendor]:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with Vendor() as vendor, override("en"):
        yield vendor


def adapter(vendor: Vendor | None = None, **settings: object) -> Adapter:
    found = {**Vendor.facts, **(vendor.settings if vendor else {}), **settings}
    return Adapter(
        ChannelConfig(
            "c", settings=found, secrets=("s", "older"), named_secrets=Vendor.named_secrets
        )
    )


def message(text: str = "明天发货", **facts: Any) -> OutboundMessage:
    to = ContactIdentity("13811110000")
    return OutboundMessage(client_ref=str(uuid4()), to=to, text=text, **facts)


def request(body: object, *, key: str = "s", address: str = "203.0.113.9") -> RawRequest:
    return RawRequest(
        "POST", "", (("key", key),), {}, json.dumps(body).encode(), NOW, address=address
    )


def parsed(*items: dict[str, object]) -> list[Event]:
    with override("en"):
        return adapter().parse(request(list(items)))


# --- who calls ------------------------------------------------------------------------------------


def test_the_secret_in_the_address_opens_and_no_other() -> None:
    for key in ("s", "older"):
        adapter().verify(request([], key=key))
    for key in ("", "S", "käse"):
        with pytest.raises(BadSignature):
            adapter().verify(request([], key=key))


@pytest.mark.parametrize("networks", [["203.0.113.0/24", "2001:db8::/32"], "203.0.113.9"])
def test_only_networks_that_are_named_may_call(networks: object) -> None:
    known = adapter(networks=networks)
    known.verify(request([]))
    for address in ("198.51.100.1", "", "no address"):
        with pytest.raises(BadSignature):
            known.verify(request([], address=address))


def test_a_network_that_is_none_lets_nobody_in() -> None:
    with pytest.raises(BadSignature):
        adapter(networks=["everywhere"]).verify(request([]))


# --- what its calls say ---------------------------------------------------------------------------


def test_a_text_is_a_message_with_the_time_of_china() -> None:
    up = {
        "phone_number": "13811110000",
        "content": "内容",
        "send_time": "2017-09-01 00:00:00",
        "dest_code": "1234",
        "sequence_id": "1234567890",
    }
    (found,) = parsed(up)
    assert (found.kind, found.text, found.dedup_key) == ("message", "内容", "1234:1234567890")
    assert found.sender == ContactIdentity("13811110000", phone="+8613811110000", verified=True)
    assert found.sent_at is not None
    assert found.sent_at.astimezone(UTC) == datetime(2017, 8, 31, 16, 0, tzinfo=UTC)
    # The older form of their call has a number there.
    (older,) = parsed(up | {"sequence_id": 1234567890})
    assert older == found


def test_a_batch_is_as_many_events_and_none_is_made_up() -> None:
    row: dict[str, object] = {"phone_number": "13811110000", "content": "a"}
    first, second, again = parsed(row, row | {"content": "b"}, row)
    assert first.dedup_key == again.dedup_key != second.dedup_key
    assert parsed({"phone_number": "13811110000", "content": ""})[0].text == "[An empty message]"


def test_a_receipt_names_our_message_in_both_ways() -> None:
    told = {"phone_number": "13811110000", "biz_id": "12345", "out_id": "67890", "sms_size": "1"}
    (found,) = parsed(told | {"success": True, "err_code": "DELIVERED"})
    assert (found.kind, found.status, found.error) == ("receipt", "delivered", "")
    assert (found.references, found.client_ref) == (("12345",), "67890")
    (failed,) = parsed(told | {"success": False, "err_code": "MOBILE_NOT_ON_SERVICE"})
    assert (failed.status, "MOBILE_NOT_ON_SERVICE" in failed.error) == ("failed", True)
    assert failed.dedup_key != found.dedup_key


@pytest.mark.parametrize(
    "broken",
    [
        {"content": "from nobody"},
        {"phone_number": "1", "content": 7},
        {"phone_number": "1", "content": "a", "send_time": "soon"},
        {"phone_number": "1", "content": "a", "send_time": "2017-99-01 00:00:00"},
        {"success": True},
        {"success": "yes", "biz_id": "1"},
    ],
)
def test_what_does_not_fit_is_a_bad_payload(broken: dict[str, object]) -> None:
    with pytest.raises(BadPayload):
        parsed(broken)


@pytest.mark.corpus
def test_every_recorded_call_is_read() -> None:
    folder = Path(os.environ["EVERYDESK_CORPUS"]) / "webhooks/aliyun_sms"
    kinds = {
        path.name: [each.kind for each in adapter().parse(request(json.loads(path.read_bytes())))]
        for path in folder.glob("*.json")
    }
    assert kinds == {
        "sms_up.json": ["message"],
        "sms_up_legacy_numeric_id.json": ["message"],
        "sms_report.json": ["receipt"],
    }


# --- what we tell it ------------------------------------------------------------------------------


def test_a_call_is_proved_as_their_documentation_says() -> None:
    headers = {
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-action": "RunInstances",
        "x-acs-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-version": "2014-05-26",
    }
    query = "ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai"
    proof = authorization(query, headers, key_id="YourAccessKeyId", secret="YourAccessKeySecret")
    assert proof == (
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;"
        "x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,"
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


def test_an_answer_leaves_as_the_template(vendor: Vendor) -> None:
    said = message("明天 & 后天~都可以 👍")
    result = adapter(vendor).send(said)
    query = vendor.calls[-1].query
    assert (query["TemplateCode"], query["OutId"]) == (TEMPLATE, said.client_ref)
    assert json.loads(query["TemplateParam"]) == {"content": said.text}
    assert len(result.provider_ids) == 1


def test_without_a_template_nothing_leaves(vendor: Vendor) -> None:
    silent = adapter(vendor, template_code="")
    assert "template" in str(silent.capabilities.refusal)
    with pytest.raises(SendError) as refused:
        silent.send(message())
    assert refused.value.permanent
    assert not vendor.calls
    known = adapter(vendor).capabilities
    assert (known.refusal, known.freeform, known.in_parts, known.text_max) == ("", False, False, 35)
    assert TEMPLATE in str(known.notice)


@pytest.mark.parametrize(
    ("answer", "kind", "retryable", "ambiguous"),
    [
        (refusal("isv.BUSINESS_LIMIT_CONTROL", "too many"), "rate", True, False),
        (refusal("isv.AMOUNT_NOT_ENOUGH", "no money"), "auth", False, False),
        (refusal("isv.MOBILE_NUMBER_ILLEGAL", "no number"), "undeliverable", False, False),
        (refusal("InvalidAccessKeyId.NotFound", "who?", status=404), "auth", False, False),
        (refusal("Throttling.User", "slow down", status=400), "rate", True, False),
        (refusal("isp.SYSTEM_ERROR", "oops"), "server", True, True),
        (refusal("isv.SOMETHING_NEW", "?"), "undeliverable", False, False),
        (Answer(502, b"<html>"), "server", True, False),
        (Answer(200, b"<html>"), "server", False, True),
        (Answer(is_dropped=True), "server", True, True),
    ],
)
def test_what_its_answers_mean(
    vendor: Vendor, answer: Answer, kind: str, retryable: bool, ambiguous: bool
) -> None:
    vendor.fail(answer)
    with pytest.raises(SendError) as refused:
        adapter(vendor).send(message("secret words"))
    error = refused.value
    assert (error.kind, error.retryable, error.ambiguous) == (kind, retryable, ambiguous)
    assert "secret words" not in error.message


def test_the_connection_is_tested(vendor: Vendor) -> None:
    assert "approved" in adapter(vendor).test_connection()
    assert "receive" in adapter(vendor, template_code="").test_connection()
    with pytest.raises(ChannelError) as refused:
        adapter(vendor, template_parameter="name").test_connection()
    assert "name" in refused.value.message
    with pytest.raises(ChannelError):
        adapter(vendor, access_key_id="another").test_connection()
    with pytest.raises(ChannelError):
        adapter().fetch_media(Attachment("image"))


def call(client: Client, channel: Channel, body: bytes, key: str = "s") -> tuple[int, bytes]:
    answer = client.post(
        f"/channels/{channel.public_id}/?key={key}", body, content_type="application/json"
    )
    return answer.status_code, answer.content


def test_a_customer_is_answered_in_the_template_or_not_at_all(
    world: World, client: Client, vendor: Vendor
) -> None:
    secrets = json.dumps({"secret": "s", **Vendor.named_secrets})
    with world.transaction():
        channel = organizations.open_channel(
            Channel(
                kind="sms_aliyun",
                name="SMS",
                secret=secrets,
                settings={**vendor.settings, "networks": ["127.0.0.1/32"]},
            )
        )
    body = vendor.message("m-1")
    assert [call(client, channel, body) for _each in range(3)] == [
        (200, b'{"code":0,"msg":"ok"}')
    ] * 3
    assert call(client, channel, body, key="guess")[0] == 401
    process_due()
    with world.transaction():
        asked = Message.objects.select_related("conversation").get(direction=Direction.IN)
        # Nothing leaves in our words that no person chose.
        assert announcing.announce(asked.conversation, "还有三位") is None
    carol, at = world.access("carol"), asked.conversation_id
    with pytest.raises(Refused) as refused:
        replying.reply(carol, at, text="好" * 36)
    assert "35" in str(refused.value.message)
    replying.reply(carol, at, text="明天发货")
    deliver_due()
    assert [vendor.text_of(each) for each in vendor.calls] == ["明天发货"]
    assert call(client, channel, vendor.receipt(vendor.calls[-1]))[0] == 200
    process_due()
    with world.transaction():
        assert Outbox.objects.get().state == Delivery.DELIVERED
        Channel.objects.filter(pk=channel.pk).update(
            settings={**vendor.settings, "template_code": ""}
        )
    with pytest.raises(Refused) as refused:
        replying.reply(carol, at, text="还有吗")
    assert "template" in str(refused.value.message)
