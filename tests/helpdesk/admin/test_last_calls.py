"""The newest calls on a channel's page: for administrators, without secrets, and read again where that helps."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from django.test import Client
from django.utils import timezone

from channels_app import registry, signatures
from channels_app.adapters.webhook import adapter as webhook
from channels_app.calls import recording
from channels_app.models import InboundEvent
from channels_app.processing import process_due
from channels_app.protocol import BadPayload
from helpdesk.models import AuditEntry, Channel, Message
from helpdesk.services import organizations
from tests.channels_app.calls.log import forget, newest
from tests.factories import World

Browser = Callable[..., Client]
SECRET = "hush-hush-hush-hush"
BODY = b'{"type": "message.created", "data": {"id": "m", "sender": {"id": "u"}, "text": "my-card-4711"}}'


@pytest.fixture
def channel(world: World) -> Iterator[Channel]:
    forget()
    with world.transaction():
        made = organizations.open_channel(Channel(kind="webhook", name="shop", secret=SECRET))
    yield made
    forget()


def said(channel: Channel, *, secret: str = SECRET, body: bytes = BODY, key: str = "e1") -> int:
    headers = signatures.signed_headers(key, body, secrets=[secret], at=timezone.now())
    page = f"/channels/{channel.public_id}/"
    found = Client(headers=headers).post(page, body, content_type="application/json")
    recording.wait_until_written()
    return found.status_code


def list_of(channel: Channel) -> str:
    return f"/admin/channels_app/inboundevent/calls/{channel.pk}/"


def shown(client: Client, url: str) -> str:
    found = client.get(url)
    assert found.status_code == 200
    return " ".join(found.content.decode().split())


def events(world: World) -> list[tuple[str, str]]:
    with world.transaction():
        return list(InboundEvent.objects.order_by("id").values_list("state", "reason"))


def test_the_page_of_a_channel_asks_for_its_calls(
    world: World, browser: Browser, channel: Channel
) -> None:
    client = browser(world.alice)
    page = shown(client, f"/admin/helpdesk/channel/{channel.pk}/change/")
    assert f'hx-get="{list_of(channel)}"' in page
    assert "data-look" in page
    assert "No call yet" in shown(client, list_of(channel))
    assert said(channel) == 200
    assert said(channel, secret="a guess") == 401
    told = shown(client, list_of(channel))
    assert told.count("<tr>") == 3
    assert "1 report" in told
    assert "No signature fits" in told


def test_a_call_is_opened_without_what_it_said(
    world: World, browser: Browser, channel: Channel
) -> None:
    said(channel)
    process_due()
    (call,) = newest(channel)
    page = shown(browser(world.alice), f"{list_of(channel)}{call.id}/")
    with world.transaction():
        event = InboundEvent.objects.get()
    assert f"/admin/channels_app/inboundevent/{event.pk}/change/" in page
    assert "Webhook-Signature" in page
    assert "processed already" in page
    assert "Read again" not in page
    for hidden in ("my-card", SECRET, "v1,"):
        assert hidden not in page


def test_while_redis_is_away_the_page_says_so(
    world: World, browser: Browser, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        away.setattr(recording, "client", lambda: redis.Redis(port=1, socket_timeout=0.1))
        client = browser(world.alice)
        assert "cannot be read for now" in shown(client, list_of(channel))
        assert client.get(f"{list_of(channel)}abc/").status_code == 404


def broken(monkeypatch: pytest.MonkeyPatch, do: Callable[[], Any]) -> None:
    """Do something while calls of the channel cannot be read."""

    def refuse(*given: Any, **more: Any) -> Any:
        raise BadPayload("a type that came later")

    with monkeypatch.context() as patch:
        patch.setattr(webhook, "read_events", refuse)
        do()


def test_what_could_not_be_read_is_read_again_and_becomes_one_message(
    world: World, browser: Browser, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch, lambda: (said(channel), process_due()))
    assert [state for state, _ in events(world)] == ["quarantined"]
    (call,) = newest(channel)
    client, page = browser(world.alice), f"{list_of(channel)}{call.id}/"
    assert "Read again" in shown(client, page)
    answer = client.post(f"{page}again/", follow=True)
    assert "1 is read again." in answer.content.decode()
    process_due()
    assert events(world) == [("ignored", "read_again"), ("done", "")]
    # Again and again: what is a message stays one.
    client.post(f"{page}again/")
    process_due()
    assert events(world) == [("ignored", "read_again"), ("done", "")]
    with world.transaction():
        assert Message.objects.filter(conversation__channel=channel).count() == 1
        trail = AuditEntry.objects.filter(action="inbound.replayed")
        assert [entry.staff_id for entry in trail] == [world.alice.pk] * 2


def test_what_was_processed_is_said_to_be_done(
    world: World, browser: Browser, channel: Channel
) -> None:
    said(channel)
    process_due()
    (call,) = newest(channel)
    answer = browser(world.alice).post(f"{list_of(channel)}{call.id}/again/", follow=True)
    assert "was processed already" in answer.content.decode()
    assert events(world) == [("done", "")]
    with world.transaction():
        assert not AuditEntry.objects.filter(action="inbound.replayed").exists()


def test_a_call_that_was_refused_offers_nothing(
    world: World, browser: Browser, channel: Channel
) -> None:
    said(channel, secret="a guess")
    (call,) = newest(channel)
    page = f"{list_of(channel)}{call.id}/"
    client = browser(world.alice)
    assert "Nothing that was stored" in shown(client, page)
    assert "processed already" in client.post(f"{page}again/", follow=True).content.decode()
    assert events(world) == []


@pytest.mark.parametrize("name", ["bob", "carol"])
def test_who_does_not_administer_sees_and_replays_nothing(
    world: World, browser: Browser, channel: Channel, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    broken(monkeypatch, lambda: (said(channel), process_due()))
    (call,) = newest(channel)
    client, page = browser(world.people[name]), f"{list_of(channel)}{call.id}/"
    assert client.get(list_of(channel)).status_code == 404
    assert client.get(page).status_code == 404
    assert client.post(f"{page}again/").status_code == 404
    assert [state for state, _ in events(world)] == ["quarantined"]


def test_an_administrator_of_another_organization_finds_nothing(
    world: World, other_world: World, browser: Browser, channel: Channel
) -> None:
    said(channel)
    (call,) = newest(channel)
    client = browser(other_world.alice)
    for page in (list_of(channel), f"{list_of(channel)}{call.id}/"):
        assert client.get(page).status_code == 404
    assert client.post(f"{list_of(channel)}{call.id}/again/").status_code == 404


def test_asking_for_it_reads_nothing_again(
    world: World, browser: Browser, channel: Channel
) -> None:
    said(channel)
    (call,) = newest(channel)
    assert browser(world.alice).get(f"{list_of(channel)}{call.id}/again/").status_code == 404


def test_the_secrets_of_a_channel_are_known_to_its_account(world: World, channel: Channel) -> None:
    with world.transaction():
        Channel.objects.update(previous_secret="the older one")
        found = registry.account_of(Channel.objects.get(pk=channel.pk))
    assert set(found.secrets) == {SECRET, "the older one"}
