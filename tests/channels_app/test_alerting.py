"""A channel that is refused for good stops sending: administrators hear of it, and nothing that waits is lost."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils.translation import override

from channels_app.models import ChannelHealth, Dispatch
from channels_app.services import alerting, health
from helpdesk.models import Channel
from helpdesk.services import channels
from tests.channels_app import vendors
from tests.channels_app.letters_sent import open_mailbox
from tests.channels_app.vendors import Vendor
from tests.factories import World

REASON = "The token was revoked"


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with override("en"):
        yield


def refuse(world: World, times: int = health.MOST_REFUSALS) -> bool:
    for _ in range(times):
        with world.transaction():
            was_stopped = health.refused(
                world.channel.pk, is_probe=False, at_once=False, reason=REASON
            )
    return was_stopped


def mails(world: World) -> list[Any]:
    with world.transaction():
        return list(Dispatch.objects.filter(kind=Dispatch.Kind.NOTICE).order_by("id"))


def test_each_administrator_is_mailed_once_in_their_language(world: World) -> None:
    mailbox = open_mailbox(world)
    with world.transaction():
        world.alice.user.language = "en"
        world.alice.user.save()
    assert not refuse(world, times=health.MOST_REFUSALS - 1)
    assert mails(world) == []
    assert refuse(world, times=1)
    (mail,) = mails(world)
    assert (mail.channel_id, mail.recipient) == (mailbox.pk, world.alice.user.email)
    assert REASON in mail.payload["text"]
    assert f"/admin/helpdesk/channel/{world.channel.pk}/change/" in mail.payload["text"]
    assert "does not send" in mail.payload["subject"]
    # Let go again and refused again on the same day: they know of it.
    channels.try_again(world.access("alice"), world.channel.pk)
    assert refuse(world)
    assert len(mails(world)) == 1


def test_without_a_mailbox_that_sends_it_is_shown_only(world: World) -> None:
    assert refuse(world)
    assert mails(world) == []
    with world.transaction():
        assert [each.pk for each in channels.stopped_channels()] == [world.channel.pk]


def test_a_mailbox_that_stopped_tells_nobody_about_itself(world: World) -> None:
    mailbox = open_mailbox(world)
    with world.transaction():
        assert channels.stop_sending(mailbox.pk, REASON)
        assert alerting.tell_administrators(world.channel.pk, REASON) == 0
        assert alerting.tell_administrators(mailbox.pk, REASON) == 0


def test_what_waits_leaves_in_order_after_the_mend(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = Vendor()
    vendors.connect(monkeypatch, webchat=vendor)
    vendor.fail(reason=REASON, kind="auth")
    for text in ("one", "two", "three"):
        vendors.write(world, world.channel, text)
    for _ in range(health.MOST_REFUSALS + 2):
        with world.transaction():
            vendors.Outbox.objects.filter(state="queued").update(due_at=vendors.timezone.now())
        vendors.send_due(world)
    with world.transaction():
        assert Channel.objects.get(pk=world.channel.pk).disabled_reason == REASON
    assert len(vendor.calls) == health.MOST_REFUSALS
    assert vendors.states(world) == [vendors.QUEUED] * 3
    vendor.recover()
    vendor.calls.clear()
    channels.try_again(world.access("alice"), world.channel.pk)
    with world.transaction():
        vendors.Outbox.objects.update(due_at=vendors.timezone.now())
        assert ChannelHealth.objects.get().refusals == 0
    while vendors.send_due(world):
        pass
    assert vendor.texts == ["one", "two", "three"]
    assert vendors.states(world) == [vendors.SENT] * 3
