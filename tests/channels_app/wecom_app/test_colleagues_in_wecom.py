"""Colleagues are told of customers' messages in WeCom, and answer there: in the right place, with their rights."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from channels_app.adapters.wecom_app.adapter import SEND
from channels_app.adapters.wecom_app.fake import Vendor
from channels_app.models import Dispatch, InboundEvent
from channels_app.processing import process_due
from channels_app.services import staff_chats
from channels_app.services.doors import find_door
from helpdesk.models import Channel, Direction, Message, Presence, Staff
from helpdesk.services import assignment, organizations, replying
from helpdesk.tenancy import organization_scope
from tests.delivering import deliver_due
from tests.factories import World


@pytest.fixture
def vendor(settings: LazySettings) -> Iterator[Vendor]:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with Vendor() as vendor:
        yield vendor


@pytest.fixture
def app(world: World, vendor: Vendor) -> Channel:
    secrets = json.dumps({"secret": "the token", **vendor.named_secrets})
    people = [f"Wx{name} {world.people[name].user.email}" for name in ("carol", "erin", "frank")]
    settings = {**vendor.settings, "colleagues": people}
    with world.transaction():
        Presence.objects.all().delete()
        Staff.objects.update(capacity=99)
        return organizations.open_channel(
            Channel(kind="wecom_app", name="企业微信", secret=secrets, settings=settings)
        )


def asked(world: World, text: str = "Where is my parcel?", visitor: str = "v-1") -> int:
    """A customer whom carol serves and who waits for an answer; returns the conversation."""
    received = world.message(text, visitor=visitor)
    assignment.take(world.access("carol"), received.conversation_id)
    return int(received.conversation_id)


def writes(
    client: Client, vendor: Vendor, channel: Channel, who: str, text: str, **facts: Any
) -> None:
    known = {"MsgType": "text", "Content": text, "MsgId": timezone.now().strftime("%H%M%S%f")}
    body = vendor.said(FromUserName=who, **{**known, **facts})
    sealed = vendor.seal(body, find_door(channel.public_id).config, timezone.now())
    answer = client.post(
        f"/channels/{channel.public_id}/",
        sealed.body,
        content_type=vendor.content_type,
        query_params=dict(sealed.query),
    )
    assert answer.status_code == 200
    process_due()


def told(world: World) -> int:
    with organization_scope(world.organization.pk):
        return staff_chats.send_notices(timezone.now())


def said_to(vendor: Vendor, who: str) -> list[str]:
    deliver_due()
    found = [call for call in vendor.calls if call.path == SEND]
    mine = [call for call in found if json.loads(call.body)["touser"] == who]
    return [vendor.text_of(call) or "" for call in mine]


def messages(world: World, conversation: int) -> list[tuple[str, str]]:
    with world.transaction():
        rows = Message.objects.filter(conversation_id=conversation).order_by("entry__number")
        return list(rows.values_list("direction", "text"))


def reasons(world: World) -> list[tuple[str, str]]:
    with world.transaction():
        rows = InboundEvent.objects.order_by("pk").values_list("state", "reason")
        return list(rows)


def test_an_owner_is_told_once_and_answers_there(
    world: World, client: Client, vendor: Vendor, app: Channel
) -> None:
    conversation = asked(world)
    assert (told(world), told(world)) == (1, 0)
    (notice,) = said_to(vendor, "wxcarol")
    assert "Where is my parcel?" in notice
    assert f"C-{conversation}" in notice
    assert f"/conversations/{conversation}" in notice
    writes(client, vendor, app, "WxCarol", "On its way")
    assert messages(world, conversation)[-1] == ("out", "On its way")
    assert reasons(world)[-1] == ("done", "by_staff")
    assert f"C-{conversation}" in said_to(vendor, "wxcarol")[-1]


def test_with_two_conversations_an_answer_has_to_name_its_own(
    world: World, client: Client, vendor: Vendor, app: Channel
) -> None:
    first, second = asked(world), asked(world, "Is it open?", visitor="v-2")
    assert told(world) == 2
    writes(client, vendor, app, "wxcarol", "Yes")
    assert reasons(world)[-1] == ("ignored", "which_conversation")
    assert {len(messages(world, each)) for each in (first, second)} == {1}
    asked_back = said_to(vendor, "wxcarol")[-1]
    assert f"C-{first}" in asked_back
    assert f"C-{second}" in asked_back
    writes(client, vendor, app, "wxcarol", f"c-{second}： Yes")
    assert messages(world, second)[-1] == ("out", "Yes")
    assert len(messages(world, first)) == 1


def test_whoever_was_called_in_writes_a_note(
    world: World, client: Client, vendor: Vendor, app: Channel
) -> None:
    conversation = asked(world)
    replying.note(world.access("carol"), conversation, text="@Erin?", mention_ids=[world.erin.pk])
    told(world)
    assert "@Erin?" in said_to(vendor, "wxerin")[0]
    writes(client, vendor, app, "wxerin", "Yes, it does")
    assert messages(world, conversation)[-1] == ("note", "Yes, it does")


def test_a_colleague_answers_nothing_that_they_were_not_told_of(
    world: World, client: Client, vendor: Vendor, app: Channel
) -> None:
    conversation = asked(world)
    for text in (f"C-{conversation} Do it", "Do it"):
        writes(client, vendor, app, "wxfrank", text)
        assert reasons(world)[-1] == ("ignored", "which_conversation")
    assert len(messages(world, conversation)) == 1
    told(world)
    with world.transaction():
        Dispatch.objects.update(created_at=timezone.now() - timedelta(days=4))
    writes(client, vendor, app, "wxcarol", f"C-{conversation} Too late")
    assert reasons(world)[-1] == ("ignored", "which_conversation")


def test_a_right_that_ended_no_longer_counts_and_is_told(
    world: World, client: Client, vendor: Vendor, app: Channel
) -> None:
    conversation = asked(world)
    told(world)
    with world.transaction():
        # As if frank had been told while he still might.
        Dispatch.objects.update(recipient="wxfrank")
    writes(client, vendor, app, "wxfrank", "Do it")
    assert reasons(world)[-1] == ("ignored", "not_taken")
    assert len(messages(world, conversation)) == 1
    assert f"C-{conversation}" in said_to(vendor, "wxfrank")[-1]


def test_whoever_left_is_no_colleague_and_neither_is_anybody_else(
    world: World, client: Client, vendor: Vendor, app: Channel
) -> None:
    conversation = asked(world)
    told(world)
    with world.transaction():
        Staff.objects.filter(pk=world.carol.pk).update(is_active=False)
    for who in ("wxcarol", "wxdave"):
        writes(client, vendor, app, who, "My screen is black")
    assert len(messages(world, conversation)) == 1
    with world.transaction():
        # They are customers of ours, as everybody in the company may be.
        rows = Message.objects.filter(direction=Direction.IN, conversation__channel=app)
        assert rows.values("conversation").distinct().count() == 2


@pytest.mark.parametrize(
    ("notices", "is_here", "expected"),
    [
        ("away", True, 0),
        ("always", True, 1),
        ("never", False, 0),
        ("", False, 1),
    ],
)
def test_when_colleagues_are_told_is_a_setting(
    world: World, app: Channel, notices: str, is_here: bool, expected: int
) -> None:
    asked(world)
    if is_here:
        world.online("carol")
    with world.transaction():
        channel = Channel.objects.get(pk=app.pk)
        channel.settings["notices"] = notices
        channel.save(update_fields=["settings"])
    assert told(world) == expected


def test_a_repeated_call_is_one_answer(
    world: World, client: Client, vendor: Vendor, app: Channel
) -> None:
    conversation = asked(world)
    told(world)
    for _each in range(3):
        writes(client, vendor, app, "wxcarol", "On its way", MsgId=77)
    assert [text for _way, text in messages(world, conversation)][1:] == ["On its way"]
