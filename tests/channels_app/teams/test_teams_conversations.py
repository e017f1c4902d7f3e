"""Conversations through Teams from end to end, against a played vendor."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from channels_app import polling
from channels_app.adapters.teams import fake
from channels_app.adapters.teams.fake import APP, CHAT, GROUP, SECRET, THREAD, Vendor, bearer
from channels_app.models import PollPosition
from channels_app.processing import process_due
from channels_app.services.doors import find_door
from helpdesk.models import Channel, Conversation, Delivery, Direction, Identity, Message
from helpdesk.services import organizations, replying
from helpdesk.tenancy import organization_scope
from tests.channels_app.vendors import states
from tests.delivering import deliver_due
from tests.factories import World


@pytest.fixture
def teams(world: World, vendor: Vendor) -> Channel:
    with world.transaction():
        channel = organizations.open_channel(
            Channel(kind="teams", name="Teams", secret=SECRET, settings=vendor.settings)
        )
    with organization_scope(world.organization.pk):
        polling.begin_polling(timezone.now())
    assert polling.poll_due() == 1
    vendor.calls.clear()
    return channel


def call(client: Client, channel: Channel, body: bytes, **proof: str) -> int:
    """Call the channel as Teams does, or with another proof."""
    config = find_door(channel.public_id).config
    signed = proof or Vendor().sign(body, config, timezone.now())
    address = f"/channels/{channel.public_id}/"
    authorization = signed["authorization"]
    return client.post(
        address, body, content_type="application/json", HTTP_AUTHORIZATION=authorization
    ).status_code


def asked(world: World) -> Message:
    process_due()
    with world.transaction():
        found: Message = Message.objects.filter(direction=Direction.IN).order_by("-pk")[0]
        return found


def test_a_customer_is_answered_and_a_long_answer_comes_in_parts(
    world: World, client: Client, vendor: Vendor, teams: Channel
) -> None:
    question = vendor.message("1480000000001")
    assert [call(client, teams, question) for _each in range(3)] == [200] * 3
    with world.transaction():
        Channel.objects.filter(pk=teams.pk).update(settings={**vendor.settings, "text_max": 3000})
    message = asked(world)
    replying.reply(world.access("carol"), message.conversation_id, text="好" * 1500)
    deliver_due()
    assert [len(text) for text in map(vendor.text_of, vendor.calls) if text] == [1000, 500]
    assert vendor.issued == 1
    assert states(world) == [Delivery.SENT]
    with world.transaction():
        assert Message.objects.filter(direction=Direction.IN).count() == 1


def test_a_key_that_is_changed_while_we_run_is_fetched_and_the_call_taken_again(
    world: World,
    client: Client,
    vendor: Vendor,
    teams: Channel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    question = vendor.message("1480000000001")
    monkeypatch.setattr(fake, "KEY", "key-of-tomorrow")
    newer = bearer(
        vendor.claims(question, find_door(teams.public_id).config, timezone.now()),
        name="key-of-tomorrow",
    )
    with world.transaction():
        PollPosition.objects.update(read_at=timezone.now() - timedelta(minutes=10))
    assert call(client, teams, question, **newer) == 503
    # Who called did not wait for it, and nothing was stored.
    assert not vendor.calls
    assert polling.poll_due() == 1
    assert call(client, teams, question, **newer) == 200
    assert asked(world).text == "怎么退货?"
    # The old one is gone.
    older = bearer(
        vendor.claims(question, find_door(teams.public_id).config, timezone.now()),
        name="key-of-teams",
    )
    assert call(client, teams, question, **older) == 401


def test_calls_of_strangers_are_refused_and_ask_microsoft_nothing(
    world: World, client: Client, vendor: Vendor, teams: Channel
) -> None:
    question = vendor.message("1480000000001")
    config = find_door(teams.public_id).config
    claims = vendor.claims(question, config, timezone.now())
    forged = vendor.forged(question, config, timezone.now()).headers["authorization"]
    assert call(client, teams, question, authorization=forged) == 401
    assert call(client, teams, question, authorization="Bearer x") == 401
    for number in range(20):
        unknown = bearer(claims, name=f"guess-{number}", pem=fake.pem_of("of a stranger"))
        assert call(client, teams, question, **unknown) == 401
    assert polling.poll_due() == 0
    assert not vendor.calls
    with world.transaction():
        assert not Message.objects.exists()


def test_a_group_and_a_thread_are_conversations_of_their_own_and_answered_there(
    world: World, client: Client, vendor: Vendor, teams: Channel
) -> None:
    mention = {
        "type": "mention",
        "mentioned": {"id": f"28:{APP}"},
        "text": "<at>Everydesk</at>",
    }
    for number, (place, kind) in enumerate(
        ((CHAT, "personal"), (GROUP, "groupChat"), (THREAD, "channel"))
    ):
        body = vendor.activity(
            "message",
            f"148000000000{number}",
            text="<at>Everydesk</at> help",
            entities=[mention],
            conversation={"id": place, "conversationType": kind},
        )
        assert call(client, teams, body) == 200
        replying.reply(world.access("carol"), asked(world).conversation_id, text=place)
        deliver_due()
    places = [json.loads(each.body)["text"] for each in vendor.calls if vendor.text_of(each)]
    assert places == [CHAT, GROUP, THREAD]
    for place, each in zip(places, filter(vendor.text_of, vendor.calls), strict=True):
        assert each.path.split("/")[4] == place.replace(":", "%3A").replace("@", "%40").replace(
            ";", "%3B"
        ).replace("=", "%3D")
    with world.transaction():
        assert Conversation.objects.count() == 3
        assert Identity.objects.count() == 1
        assert set(
            Message.objects.filter(direction=Direction.IN).values_list("text", flat=True)
        ) == {"help"}


def test_a_picture_is_kept_and_what_was_changed_or_deleted_follows(
    world: World, client: Client, vendor: Vendor, teams: Channel
) -> None:
    later = (timezone.now() + timedelta(seconds=5)).isoformat()
    for body in (
        vendor.picture("1480000000001"),
        vendor.message("1480000000002", text="wrong"),
        vendor.activity("messageUpdate", "1480000000002", text="right", timestamp=later),
        vendor.message("1480000000003", text="wrong window"),
        vendor.withdrawn("1480000000003"),
    ):
        assert call(client, teams, body) == 200
    process_due()
    with world.transaction():
        picture, changed, gone = Message.objects.order_by("pk")
        assert picture.attachments.get().mime == "image/png"
        assert changed.text == "right"
        assert (gone.text, gone.withdrawn_at is not None) == ("", True)


def test_nobody_changes_or_deletes_what_somebody_else_wrote(
    world: World, client: Client, vendor: Vendor, teams: Channel
) -> None:
    group = {"id": GROUP, "conversationType": "groupChat"}
    facts = {"conversation": group, "timestamp": timezone.now().isoformat()}
    other = {"from": {"id": "29:other", "name": "Bob"}, **facts}
    for body in (
        vendor.activity("message", "1480000000001", text="mine", **facts),
        vendor.activity("messageUpdate", "1480000000001", text="not mine", **other),
        vendor.activity("messageDelete", "1480000000001", **other),
    ):
        assert call(client, teams, body) == 200
    assert asked(world).text == "mine"


def test_a_stored_call_of_a_wrong_host_is_read_and_cannot_be_answered(
    world: World, client: Client, vendor: Vendor, teams: Channel
) -> None:
    body = vendor.activity(
        "message", "1480000000001", text="hi", serviceUrl="https://smba.elsewhere.example/"
    )
    assert call(client, teams, body) == 200
    replying.reply(world.access("carol"), asked(world).conversation_id, text="hello")
    deliver_due()
    assert states(world) == [Delivery.FAILED]
    assert not vendor.calls
