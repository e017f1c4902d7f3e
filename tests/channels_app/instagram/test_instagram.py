"""Instagram: what we tell it, and one conversation from end to end against a played vendor."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils.translation import override

from channels_app import calling, http, meta
from channels_app.adapters.instagram.adapter import Adapter
from channels_app.adapters.instagram.fake import Vendor
from channels_app.fake_vendor import Answer
from channels_app.meta_fake import refused
from channels_app.processing import process_due
from channels_app.protocol import (
    Attachment,
    ChannelConfig,
    ContactIdentity,
    OutboundMessage,
    SendError,
)
from helpdesk.errors import ChannelError
from helpdesk.models import Channel, Delivery, Direction, Message
from helpdesk.services import organizations, replying
from tests.channels_app.vendors import states
from tests.delivering import deliver_due
from tests.factories import World

PERSON = Vendor.customer
LATE = refused(10, "This message is sent outside of allowed window.", error_subcode=2534022)


@pytest.fixture
def vendor(settings: LazySettings) -> Iterator[Vendor]:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with Vendor() as vendor, override("en"):
        yield vendor


def adapter(vendor: Vendor, **settings: object) -> Adapter:
    return Adapter(
        ChannelConfig(
            "c",
            settings={**vendor.settings, **settings},
            secrets=("s",),
            named_secrets=vendor.named_secrets,
        )
    )


def reply(text: str = "好的 👍", **facts: Any) -> OutboundMessage:
    return OutboundMessage(client_ref=str(uuid4()), to=ContactIdentity(PERSON), text=text, **facts)


def bodies(vendor: Vendor) -> list[dict[str, Any]]:
    return [json.loads(call.body) for call in vendor.calls]


# --- what we tell it ------------------------------------------------------------------------------


def test_a_reply_goes_to_the_person(vendor: Vendor) -> None:
    result = adapter(vendor).send(reply())
    assert bodies(vendor) == [{"recipient": {"id": PERSON}, "message": {"text": "好的 👍"}}]
    assert (result.status, result.provider_ids) == ("sent", ("m_1",))


@pytest.mark.parametrize(
    ("login", "host"),
    [
        ("facebook", "https://graph.facebook.com/v26.0"),
        ("instagram", "https://graph.instagram.com/v26.0"),
        ("", "https://graph.facebook.com/v26.0"),
    ],
)
def test_the_login_decides_who_is_asked(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch, login: str, host: str
) -> None:
    asked: list[str] = []

    def exchange(method: str, url: str, **facts: object) -> http.Reply:
        asked.append(url)
        return http.Reply(200, {}, b'{"message_id":"m_1"}')

    monkeypatch.setattr(calling, "exchange", exchange)
    adapter(vendor, base_url="", login=login).send(reply())
    assert asked == [f"{host}/me/messages"]


@pytest.mark.parametrize(
    ("mime", "size", "kind"),
    [
        ("image/png", 8 * 1024**2, "image"),
        ("image/png", 8 * 1024**2 + 1, None),
        ("image/webp", 10, None),
        ("video/mp4", 25 * 1024**2, "video"),
        ("audio/x-m4a", 10, "audio"),
        ("application/pdf", 10, "file"),
        ("application/zip", 10, None),
    ],
)
def test_what_they_take_goes_by_address_and_all_else_as_a_link(
    vendor: Vendor, mime: str, size: int, kind: str | None
) -> None:
    file = Attachment("file", filename="a", mime=mime, size=size, url="https://desk.example/a")
    adapter(vendor).send(reply("", attachments=(file,)))
    (found,) = bodies(vendor)
    if kind is None:
        assert found["message"] == {"text": "a\nhttps://desk.example/a"}
    else:
        assert found["message"]["attachment"]["type"] == kind


@pytest.mark.parametrize(
    ("answer", "kind", "retryable"),
    [
        (LATE, "window", False),
        (refused(551), "blocked", False),
        (refused(190, status=401), "auth", False),
        (refused(4), "rate", True),
        (refused(100, error_subcode=2018001), "undeliverable", False),
        (refused(2, status=500), "server", True),
    ],
)
def test_each_refusal_says_what_it_means(
    vendor: Vendor, answer: Answer, kind: str, *, retryable: bool
) -> None:
    vendor.fail(answer)
    with pytest.raises(SendError) as failed:
        adapter(vendor).send(reply())
    assert (failed.value.kind, failed.value.retryable) == (kind, retryable)


def test_a_person_may_answer_later_where_meta_allows_it(vendor: Vendor) -> None:
    sending = adapter(vendor, human_agent=True)
    assert sending.capabilities.reply_window == timedelta(days=7)
    vendor.fail(LATE)
    sending.send(reply(context={"author": "Carol"}))
    assert [each.get("tag") for each in bodies(vendor)] == [None, "HUMAN_AGENT"]


def test_without_a_token_nothing_is_called(vendor: Vendor) -> None:
    with pytest.raises(SendError) as failed:
        Adapter(replace(adapter(vendor).config, named_secrets={})).send(reply())
    assert failed.value.kind == "auth"
    assert not vendor.calls


def test_the_connection_is_tested_by_asking_for_the_account(vendor: Vendor) -> None:
    assert "Everydesk" in adapter(vendor).test_connection()
    vendor.fail(Answer(200, b'{"username":7}'))
    with pytest.raises(ChannelError):
        adapter(vendor).test_connection()


# --- from end to end ------------------------------------------------------------------------------


@pytest.fixture
def instagram(world: World, vendor: Vendor) -> Channel:
    secrets = json.dumps({"secret": "the app secret", **vendor.named_secrets})
    with world.transaction():
        return organizations.open_channel(
            Channel(kind="instagram", name="Instagram", secret=secrets, settings=vendor.settings)
        )


def call(client: Client, channel: Channel, body: bytes, secret: str = "the app secret") -> int:
    answer = client.post(
        f"/channels/{channel.public_id}/",
        body,
        content_type="application/json",
        HTTP_X_HUB_SIGNATURE_256=meta.signature(secret, body),
    )
    process_due()
    return answer.status_code


def test_a_customer_is_answered_and_reads_it(
    world: World, client: Client, vendor: Vendor, instagram: Channel
) -> None:
    question = vendor.message("m-1", text="怎么退货?")
    assert [call(client, instagram, question) for _each in range(3)] == [200] * 3
    assert call(client, instagram, question, secret="a guess") == 401
    with world.transaction():
        asked = Message.objects.get(direction=Direction.IN)
    replying.reply(world.access("carol"), asked.conversation_id, text="好" * 400)
    deliver_due()
    texts = [vendor.text_of(each) or "" for each in vendor.calls]
    assert [len(each.encode()) for each in texts] == [999, 201]
    # They report what we sent without our key: it opens nothing.
    assert call(client, instagram, vendor.echo(vendor.calls[-1])) == 200
    assert states(world) == [str(Delivery.SENT)]
    seen = vendor.row(read={"mid": vendor.id_of(vendor.calls[-1])})
    assert call(client, instagram, vendor.reports(seen)) == 200
    assert states(world) == [str(Delivery.READ)]
    with world.transaction():
        assert Message.objects.count() == 2


def test_a_mention_is_kept_and_an_unsent_message_goes(
    world: World, client: Client, vendor: Vendor, instagram: Channel
) -> None:
    url = f"http://127.0.0.1:{vendor.port}/files/1"
    mention = {"type": "story_mention", "payload": {"url": url}}
    for body in (
        vendor.reports(vendor.row(message={"mid": "m-1", "attachments": [mention]})),
        vendor.message("m-2", text="wrong window"),
        vendor.reports(vendor.row(message={"mid": "m-2", "is_deleted": True})),
    ):
        assert call(client, instagram, body) == 200
    with world.transaction():
        kept, withdrawn = Message.objects.order_by("pk")
        assert (kept.text[0], kept.attachments.count()) == ("[", 1)
        assert (withdrawn.text, withdrawn.withdrawn_at is not None) == ("", True)
