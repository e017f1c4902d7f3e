"""Channels that do not send, and what left: shown to administrators, tried again by them, and by nobody else."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from channels_app.models import ChannelHealth, DeliveryAttempt, Dispatch
from channels_app.services import dispatching
from helpdesk.models import AuditEntry, Channel, Delivery, Outbox
from helpdesk.services import channels
from tests.channels_app import vendors
from tests.channels_app.vendors import Vendor
from tests.delivering import deliver_due
from tests.factories import World

Browser = Callable[..., Client]
ATTEMPTS = "/admin/channels_app/deliveryattempt/"
DISPATCHES = "/admin/channels_app/dispatch/"


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Vendor:
    vendor = Vendor()
    vendors.connect(monkeypatch, webchat=vendor)
    return vendor


@pytest.fixture
def stopped(world: World, vendor: Vendor) -> Channel:
    """A channel that refused us, with a reply that waits for it."""
    vendor.fail(reason="The password is wrong", kind="auth")
    vendors.write(world, world.channel, "wait for me")
    with world.transaction():
        channels.stop_sending(world.channel.pk, "The password is wrong")
        ChannelHealth.objects.create(channel=world.channel)
    vendor.recover()
    return world.channel


def reason(world: World) -> str:
    with world.transaction():
        return str(Channel.objects.get(pk=world.channel.pk).disabled_reason)


def page_of(channel: Channel) -> str:
    return f"/admin/helpdesk/channel/{channel.pk}/"


def test_an_administrator_tries_again_and_what_waited_leaves(
    world: World, browser: Browser, stopped: Channel, vendor: Vendor
) -> None:
    assert deliver_due() == 0
    client = browser(world.alice)
    page = client.get(f"{page_of(stopped)}change/").content.decode()
    assert "Nothing leaves through this channel: The password is wrong" in page
    assert client.post(f"{page_of(stopped)}try-again/").status_code == 302
    assert reason(world) == ""
    deliver_due()
    assert vendor.texts == ["wait for me"]
    with world.transaction():
        trail = AuditEntry.objects.get(action="channel.tried_again")
        assert (trail.staff_id, trail.data["reason"]) == (world.alice.pk, "The password is wrong")


@pytest.mark.parametrize("name", ["bob", "carol", "frank"])
def test_who_does_not_administer_may_not_try_again(
    world: World, browser: Browser, stopped: Channel, name: str
) -> None:
    assert browser(world.people[name]).post(f"{page_of(stopped)}try-again/").status_code == 404
    assert reason(world)


def test_asking_for_it_tries_nothing(world: World, browser: Browser, stopped: Channel) -> None:
    assert browser(world.alice).get(f"{page_of(stopped)}try-again/").status_code == 404
    assert reason(world)


def test_a_connection_that_works_lets_it_send_again(
    world: World, browser: Browser, stopped: Channel
) -> None:
    with world.transaction():
        ChannelHealth.objects.update(failures=9, open_until=timezone.now())
    browser(world.alice).post(f"{page_of(stopped)}test/")
    assert reason(world) == ""
    with world.transaction():
        assert ChannelHealth.objects.get().failures == 0


def test_saving_its_settings_lets_it_send_again(
    world: World, browser: Browser, stopped: Channel
) -> None:
    client = browser(world.alice)
    form = client.get(f"{page_of(stopped)}change/").context["adminform"].form
    given = {name: form[name].value() for name in form.fields}
    values = {name: each for name, each in given.items() if each is not None and each is not False}
    saved = client.post(f"{page_of(stopped)}change/", values)
    assert saved.status_code == 302, saved.context["adminform"].form.errors
    assert reason(world) == ""


def test_the_workspace_tells_administrators_only(
    world: World, browser: Browser, stopped: Channel
) -> None:
    told = browser(world.alice).get("/").content.decode()
    assert f'id="stopped-{stopped.pk}"' in told
    assert f"/admin/helpdesk/channel/{stopped.pk}/change/" in told
    assert "The password is wrong" not in browser(world.bob).get("/").content.decode()


def test_the_thread_says_why_a_reply_waits(
    world: World, browser: Browser, stopped: Channel
) -> None:
    with world.transaction():
        pk = Outbox.objects.get().conversation_id
    client = browser(world.carol)

    def shown() -> str:
        return " ".join(client.get(f"/conversations/{pk}/").content.decode().split())

    assert "Not delivered yet: the channel does not send (The password is wrong)" in shown()
    with world.transaction():
        Channel.objects.filter(pk=stopped.pk).update(disabled_reason="", is_active=False)
    assert "Not delivered yet: the channel is switched off" in shown()
    with world.transaction():
        Channel.objects.filter(pk=stopped.pk).update(is_active=True)
        Outbox.objects.get().conversation.identity.__class__.objects.update(awaits_proof=True)
    assert "the customer has not confirmed the address yet" in shown()
    assert deliver_due() == 0
    with world.transaction():
        Outbox.objects.update(state=Delivery.UNKNOWN, due_at=None)
    page = shown()
    assert "Not known whether it arrived" in page
    assert "/resend/" in page


def test_the_reply_box_and_the_board_say_that_nothing_leaves(
    world: World, browser: Browser, stopped: Channel
) -> None:
    with world.transaction():
        pk = Outbox.objects.get().conversation_id

    def shown(name: str, address: str) -> str:
        return " ".join(browser(world.people[name]).get(address).content.decode().split())

    told = "Nothing leaves through this channel for now: The password is wrong."
    assert told in shown("carol", f"/conversations/{pk}/")
    board = shown("bob", "/board/")
    assert f'id="board-stopped-{stopped.pk}"' in board
    assert "The password is wrong" in board
    channels.try_again(world.access("alice"), stopped.pk)
    assert "channel-stopped" not in shown("carol", f"/conversations/{pk}/")
    assert "board-stopped" not in shown("bob", "/board/")


def failed_reply(world: World, vendor: Vendor) -> int:
    vendor.fail(reason="nobody there", kind="undeliverable")
    vendors.write(world, world.channel, "my-card-number-4711")
    deliver_due()
    vendor.recover()
    with world.transaction():
        return int(DeliveryAttempt.objects.get().pk)


def again(client: Client, url: str, pk: int) -> Any:
    return client.post(url, {"action": "send_again", "_selected_action": [pk]}, follow=True)


def test_attempts_are_shown_without_what_was_said_and_sent_again(
    world: World, browser: Browser, vendor: Vendor
) -> None:
    pk = failed_reply(world, vendor)
    client = browser(world.alice)
    for url in (ATTEMPTS, f"{ATTEMPTS}{pk}/change/"):
        page = client.get(url).content.decode()
        assert "nobody there" in page
        assert "4711" not in page
    assert str(pk) not in client.get(f"{ATTEMPTS}?outcome__exact=sent").context["cl"].result_list
    assert "1 is sent again." in again(client, ATTEMPTS, pk).content.decode()
    deliver_due()
    assert vendors.states(world) == [vendors.SENT]
    assert "can be sent again" in again(client, ATTEMPTS, pk).content.decode()
    with world.transaction():
        assert AuditEntry.objects.filter(action="reply.resent").count() == 1


def test_dispatches_are_shown_and_sent_again(
    world: World, browser: Browser, vendor: Vendor
) -> None:
    vendor.fail(kind="undeliverable")
    with world.transaction():
        made = dispatching.dispatch(
            world.channel,
            Dispatch.Kind.NOTICE,
            dedup_key="a",
            recipient="kim@x.example",
            payload={"text": "my-card-number-4711"},
        )
        assert made is not None
    deliver_due()
    vendor.recover()
    client = browser(world.alice)
    assert "4711" not in client.get(f"{DISPATCHES}{made.pk}/change/").content.decode()
    assert "1 is sent again." in again(client, DISPATCHES, made.pk).content.decode()
    deliver_due()
    with world.transaction():
        assert Dispatch.objects.get().state == Delivery.SENT


@pytest.mark.parametrize("name", ["bob", "carol"])
def test_nobody_else_finds_what_left(
    world: World, browser: Browser, vendor: Vendor, name: str
) -> None:
    pk = failed_reply(world, vendor)
    client = browser(world.people[name])
    assert client.get(ATTEMPTS).status_code == 404
    assert again(client, ATTEMPTS, pk).status_code == 404
    assert client.get(DISPATCHES).status_code == 404
    assert vendors.states(world) == [vendors.FAILED]
