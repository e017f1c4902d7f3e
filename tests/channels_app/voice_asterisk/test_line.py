"""A played Asterisk over a real line: calls come in, are put through and recorded, and go on after a break."""

from collections.abc import Iterator
from typing import Any

import pytest

from channels_app import lines, placing
from channels_app.adapters.voice_asterisk.fake import Vendor
from channels_app.processing import process_due
from helpdesk.models import Call, Channel, Message, Staff
from helpdesk.services import assignment, dialling, organizations
from helpdesk.tenancy import organization_scope
from tests.deploy.stack import eventually
from tests.factories import World


@pytest.fixture
def vendor(settings: Any) -> Iterator[Vendor]:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with Vendor() as vendor:
        yield vendor


@pytest.fixture
def line(world: World, vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> Iterator[Channel]:
    monkeypatch.setattr(lines, "FIRST_PAUSE", 0.05)
    facts = {**vendor.settings, "voicemail_after": 600}
    with world.transaction():
        Staff.objects.filter(pk=world.carol.pk).update(call_address="sip:carol@pbx.example")
        channel = organizations.open_channel(
            Channel(kind="voice_asterisk", name="热线", secret="s", settings=facts)
        )
    held = lines.Lines()
    held.look()
    eventually(lambda: vendor.wires, 30)
    yield channel
    held.stop_listening()


def book(world: World) -> Call | None:
    process_due()
    with organization_scope(world.organization.pk), world.transaction():
        found: Call | None = Call.objects.select_related("conversation").order_by("-pk").first()
        return found


def is_kept(world: World, **facts: object) -> bool:
    call = book(world)
    return call is not None and all(getattr(call, name) == value for name, value in facts.items())


def legs(vendor: Vendor) -> list[str]:
    return [call.query["channelId"] for call in list(vendor.calls) if "channelId" in call.query]


def test_a_caller_is_put_through_and_the_line_taken_up_again(
    world: World, vendor: Vendor, line: Channel
) -> None:
    vendor.says_event("StasisStart", "c1", args=[])
    eventually(lambda: is_kept(world, state="ringing", customer_number=vendor.customer), 30)
    kept = book(world)
    assert kept is not None
    assignment.take(world.access("carol"), kept.conversation_id)
    eventually(lambda: legs(vendor), 30)
    vendor.says_event("StasisStart", legs(vendor)[0], args=["leg", "c1"])
    eventually(lambda: is_kept(world, state="answered", staff_id=world.carol.pk), 30)
    vendor.hang_up()
    vendor.channels.discard("c1")
    eventually(lambda: is_kept(world, state="ended", ending="completed"), 30)


def test_what_a_caller_leaves_is_fetched(world: World, vendor: Vendor, line: Channel) -> None:
    vendor.says_event("StasisStart", "c1", args=[])
    recording = {"name": "left-c1", "duration": 7, "format": "wav"}
    vendor.says_event("RecordingFinished", "c1", recording=recording)
    eventually(lambda: is_kept(world, ending="voicemail"), 30)
    with world.transaction():
        (file,) = Message.objects.get().attachments.all()
        assert (file.mime, file.is_unchecked) == ("audio/wav", False)


def test_a_call_that_a_colleague_asks_for_is_placed(
    world: World, vendor: Vendor, line: Channel
) -> None:
    vendor.says_event("StasisStart", "c1", args=[])
    vendor.says_event("ChannelDestroyed", "c1", cause=16)
    eventually(lambda: is_kept(world, ending="missed"), 30)
    kept = book(world)
    assert kept is not None
    made = dialling.call(world.access("carol"), kept.conversation_id)
    assert placing.place_due() == 1
    ours = book(world)
    assert ours is not None
    assert ours.provider_id.startswith("ours-")
    args = ["ours", str(made.public_id), str(world.carol.pk)]
    vendor.says_event("StasisStart", ours.provider_id, args=args)
    eventually(lambda: legs(vendor), 30)
    vendor.says_event("ChannelDestroyed", legs(vendor)[0], cause=17)
    eventually(lambda: is_kept(world, direction="out", ending="busy"), 30)
