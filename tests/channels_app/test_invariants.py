"""The channels' laws hold on a database in use, and each notices a row that was broken on purpose."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from channels_app.models import ChannelHealth, Dispatch, InboundEvent
from channels_app.processing import process_due
from channels_app.protocol import Event
from channels_app.services import dispatching, ingesting
from channels_app.services.doors import find_door
from channels_app.services.ingesting import raw_path
from helpdesk.models import Channel, Delivery, Entry, Outbox
from helpdesk.registries import invariant_checks
from tests.channels_app import vendors
from tests.channels_app.test_processing import said
from tests.channels_app.vendors import Vendor
from tests.factories import World

LONG_AGO = timedelta(minutes=11)
Break = Callable[[], object]


def breaches(world: World, *names: str) -> list[str]:
    """Return what the channels' own checks find, or those named."""
    wanted = names or ("I1", "I2", "I2 channels", "I12")
    with world.transaction():
        return [line for name in wanted for line in invariant_checks.get(name).violations()]


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Vendor:
    made = Vendor()
    vendors.connect(monkeypatch, fake=made)
    return made


@pytest.fixture
def used(world: World, vendor: Vendor, settings: Settings, tmp_path: Path) -> World:
    """A database with everything that comes and leaves: large and small, read and unreadable, sent and not."""
    settings.MEDIA_ROOT = tmp_path
    door = find_door(world.channel.public_id)
    ingesting.store(door, [said("1"), said("2")], b"both")
    ingesting.store(door, [said("large")], b"x" * (ingesting.MOST_RAW_IN_ROW + 1))
    ingesting.store(door, [Event(kind="message", dedup_key="empty", sender=said("").sender)], b"{}")
    ingesting.store(door, [Event(kind="typing", dedup_key="nothing")], b"{}")
    early = Event(kind="edit", dedup_key="early", sender=said("").sender, provider_id="m-9")
    ingesting.store(door, [early], b"{}")
    process_due()
    fake = vendors.channel(world, "fake", settings={"address": "help@acme.example"})
    vendors.write(world, fake, "hello")
    vendors.write(world, fake, "lost", visitor="v2")
    with world.transaction():
        dispatching.dispatch(fake, Dispatch.Kind.NOTICE, dedup_key="a", payload={})
    vendor.fail_text("lost", kind="server", ambiguous=True)
    vendor.capabilities = vendors.Capabilities(idempotent_send=False)
    vendors.send_due(world)
    return world


def test_a_database_in_use_is_clean(used: World) -> None:
    assert breaches(used) == []
    with used.transaction():
        states = set(InboundEvent.objects.values_list("state", flat=True))
        assert states == {"done", "quarantined", "ignored", "parked"}
        sent = [*Outbox.objects.values_list("state", flat=True)]
        assert (sent, Dispatch.objects.get().state) == ([Delivery.SENT, Delivery.UNKNOWN], "sent")


def lose_a_file() -> None:
    raw_path(InboundEvent.objects.get(raw_file__isnull=False)).unlink()


def cut_a_file() -> None:
    raw_path(InboundEvent.objects.get(raw_file__isnull=False)).write_bytes(b"x")


def unsettle(model: "type[Outbox] | type[Dispatch]", **facts: object) -> None:
    """Bring one row into another state, long ago."""
    before = timezone.now() - LONG_AGO
    row = model.objects.order_by("pk")[0]
    is_open = facts["state"] in (Delivery.QUEUED, Delivery.SENDING)
    clocks = {"due_at": before if is_open else None, "settled_at": None if is_open else before}
    model.objects.filter(pk=row.pk).update(error="", error_code="", **clocks, **facts)
    ChannelHealth.objects.update(tokens_at=before)


@pytest.mark.parametrize(
    ("name", "breach"),
    [
        ("I1", lambda: InboundEvent.objects.filter(dedup_key__endswith=":1").update(entry=None)),
        ("I1", lambda: InboundEvent.objects.filter(raw=b"both").update(raw=b"")),
        ("I1", lambda: InboundEvent.objects.filter(raw=b"both").update(raw=b"bot")),
        ("I1", lose_a_file),
        ("I1", cut_a_file),
        ("I12", lambda: InboundEvent.objects.filter(state="ignored").update(reason="")),
        ("I12", lambda: InboundEvent.objects.filter(state="quarantined").update(entry=None)),
        (
            "I12",
            lambda: InboundEvent.objects.filter(state="parked").update(
                due_at=timezone.now() - LONG_AGO
            ),
        ),
        ("I2", lambda: Outbox.objects.filter(state="sent").delete()),
        ("I2 channels", lambda: unsettle(Outbox, state=Delivery.UNKNOWN)),
        ("I2 channels", lambda: unsettle(Dispatch, state=Delivery.UNKNOWN)),
        ("I2 channels", lambda: unsettle(Dispatch, state=Delivery.FAILED)),
        ("I2 channels", lambda: unsettle(Outbox, state=Delivery.SENDING)),
        ("I2 channels", lambda: unsettle(Dispatch, state=Delivery.SENDING)),
        ("I2 channels", lambda: unsettle(Outbox, state=Delivery.QUEUED)),
        ("I2 channels", lambda: unsettle(Dispatch, state=Delivery.QUEUED)),
    ],
)
def test_each_broken_row_is_found(used: World, name: str, breach: Break) -> None:
    assert breaches(used, name) == []
    with used.transaction():
        breach()
    assert len(breaches(used, name)) == 1


def test_what_waits_for_its_vendor_breaks_no_law(used: World) -> None:
    with used.transaction():
        unsettle(Dispatch, state=Delivery.QUEUED)
        ChannelHealth.objects.update(open_until=timezone.now())
    assert breaches(used) == []
    with used.transaction():
        ChannelHealth.objects.update(open_until=None)
        Channel.objects.update(disabled_reason="key revoked")
    assert breaches(used) == []


def test_a_channel_that_is_behind_and_sends_breaks_no_law(used: World) -> None:
    with used.transaction():
        unsettle(Dispatch, state=Delivery.QUEUED)
    assert breaches(used) != []
    with used.transaction():
        ChannelHealth.objects.update(tokens_at=timezone.now())
    assert breaches(used) == []


@pytest.mark.parametrize("raw", [b"", b"From: Ann <ann@shop.example>\r\nSubject: Big\r\n\r\n"])
def test_a_mail_whose_bytes_could_not_be_had_is_shown_and_breaks_no_law(
    world: World, raw: bytes
) -> None:
    with world.transaction():
        Channel.objects.update(kind="mail")
    door = find_door(world.channel.public_id)
    note = Event(kind="raw", dedup_key="uid-1-3", error="too_large", data={"size": 60_000_000})
    ingesting.store(door, [note], raw)
    process_due()
    with world.transaction():
        kept = InboundEvent.objects.get()
        assert (kept.state, kept.reason) == (InboundEvent.State.QUARANTINED, "too_large")
        assert kept.entry is not None
        assert kept.entry.kind == Entry.Kind.QUARANTINED
        assert kept.entry.conversation.identity.external_id == (
            "ann@shop.example" if raw else "unknown"
        )
    assert breaches(world) == []
