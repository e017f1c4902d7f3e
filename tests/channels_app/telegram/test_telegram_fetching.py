"""Telegram where it cannot call us: updates are fetched, each once, and forgotten there only when we have them."""

import json

from django.utils import timezone

from channels_app import polling
from channels_app.adapters.telegram.adapter import UPDATES
from channels_app.adapters.telegram.fake import Vendor, refusal, values_of
from channels_app.fake_vendor import Answer
from channels_app.models import InboundEvent, PollPosition
from channels_app.processing import process_due
from channels_app.protocol import ChannelConfig
from channels_app.registry import make_adapter
from helpdesk.models import Channel, Message
from helpdesk.services import organizations
from helpdesk.tenancy import organization_scope
from tests.channels_app.telegram.bots import SECRETS
from tests.factories import World


def fetching(vendor: Vendor, **settings: object) -> ChannelConfig:
    found = {**vendor.settings, "fetches": True, **settings}
    return ChannelConfig("c", settings=found, secrets=("s",), named_secrets=SECRETS)


def look(world: World) -> PollPosition:
    with world.transaction():
        PollPosition.objects.update(due_at=timezone.now())
    polling.poll_due()
    process_due()
    with world.transaction():
        return PollPosition.objects.get()


def test_updates_are_fetched_from_where_we_have_come(world: World, vendor: Vendor) -> None:
    secrets = json.dumps({"secret": "s", **SECRETS})
    with world.transaction():
        organizations.open_channel(
            Channel(
                kind="telegram",
                name="Bot",
                secret=secrets,
                settings={**vendor.settings, "fetches": True},
            )
        )
    for reference in ("a", "b"):
        vendor.has(reference, text=f"from {reference}")
    # One of them is broken: it is shown to people, and stops none behind it.
    vendor.numbers += 1
    vendor.waiting.append({"update_id": vendor.numbers, "message": {"chat": "nowhere"}})
    vendor.has("c", text="from c")
    with organization_scope(world.organization.pk):
        polling.begin_polling(timezone.now())
    assert look(world).position == "5"
    with world.transaction():
        texts = Message.objects.order_by("pk").values_list("text", flat=True)
        assert [text for text in texts if text.startswith("from")] == ["from a", "from b", "from c"]
        broken = InboundEvent.objects.get(kind="raw")
        assert (broken.state, "nowhere" in bytes(broken.raw).decode()) == ("quarantined", True)
    # They stay there until a later look names a number above theirs.
    assert len(vendor.waiting) == 4
    assert (look(world).position, vendor.waiting) == ("5", [])
    asked = values_of(vendor.calls[-1])
    assert (asked["offset"], asked["allowed_updates"]) == (5, list(UPDATES))
    vendor.fail(refusal(409, "Conflict: can't use getUpdates method while webhook is active"))
    told = look(world)
    assert (told.position, "webhook is active" in told.error) == ("5", True)
    vendor.fail(Answer(500))
    vendor.has("d", text="from d")
    assert look(world).error != ""
    assert (look(world).position, look(world).error) == ("6", "")
    with world.transaction():
        assert Message.objects.filter(text="from d").count() == 1


def test_a_channel_that_is_called_fetches_nothing(vendor: Vendor) -> None:
    vendor.has("a")
    called = make_adapter("telegram", fetching(vendor, fetches=False))
    assert (called.places, called.poll_every) == ((), None)  # type: ignore[attr-defined]  # of this kind
    assert called.poll("", "7", {}).position == "7"  # type: ignore[attr-defined]
    assert not vendor.calls


def test_the_test_of_the_connection_ends_the_calls(vendor: Vendor) -> None:
    told = make_adapter("telegram", fetching(vendor)).test_connection()
    assert "fetched" in told
    assert vendor.calls[-1].path.endswith("/deleteWebhook")
