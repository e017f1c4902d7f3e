"""Two secrets while one takes the place of the other: both prove calls, neither is shown, the older is ended."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from channels_app import registry, signatures
from helpdesk.models import AuditEntry, Channel
from helpdesk.services import organizations
from tests.factories import World

Browser = Callable[..., Client]
OLD, NEW, NEWEST = "old-hush-hush-hush", "new-hush-hush-hush", "newest-hush-hush"
BODY = b'{"type": "ping", "data": {}}'


def opened(world: World, kind: str, secret: str, **settings: Any) -> Channel:
    with world.transaction():
        return organizations.open_channel(
            Channel(kind=kind, name=kind, secret=secret, settings=settings)
        )


def save(client: Client, channel: Channel, **given: str) -> None:
    url = f"/admin/helpdesk/channel/{channel.pk}/change/"
    form = client.get(url).context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    kept = {name: each for name, each in values.items() if each is not None and each is not False}
    saved = client.post(url, {**kept, **given})
    assert saved.status_code == 302, saved.context["adminform"].form.errors


def stored(world: World, channel: Channel) -> Channel:
    with world.transaction():
        return Channel.objects.get(pk=channel.pk)


def page(client: Client, channel: Channel) -> str:
    found = client.get(f"/admin/helpdesk/channel/{channel.pk}/change/").content.decode()
    return " ".join(found.split())


def called(channel: Channel, secret: str) -> int:
    key = uuid4().hex
    headers = signatures.signed_headers(key, BODY, secrets=[secret], at=timezone.now())
    found = Client(headers=headers).post(
        f"/channels/{channel.public_id}/", BODY, content_type="application/json"
    )
    return found.status_code


def test_both_prove_calls_until_an_administrator_ends_the_older(
    world: World, browser: Browser
) -> None:
    channel, client = opened(world, "webhook", OLD), browser(world.alice)
    assert "still proves calls" not in page(client, channel)
    save(client, channel, setting_secret=NEW)
    assert [called(channel, each) for each in (OLD, NEW, "a guess-guess-guess")] == [200, 200, 401]
    shown = page(client, channel)
    assert "The newest secret is in use since" in shown
    assert "An older one still proves calls" in shown
    assert (timezone.now() - stored(world, channel).secret_changed_at).total_seconds() < 60
    end = f"/admin/helpdesk/channel/{channel.pk}/end-older/"
    for name in ("bob", "carol"):
        assert browser(world.people[name]).post(end).status_code == 404
    assert client.get(end).status_code == 404
    assert called(channel, OLD) == 200
    told = client.post(end, follow=True).content.decode()
    assert "proves nothing any more" in told
    assert [called(channel, each) for each in (OLD, NEW)] == [401, 200]
    assert "still proves calls" not in page(client, channel)
    assert "There is no older secret" in client.post(end, follow=True).content.decode()
    with world.transaction():
        trail = AuditEntry.objects.get(action="channel.older_secret_ended")
        assert (trail.staff_id, trail.subject_id) == (world.alice.pk, channel.pk)
        assert "hush" not in json.dumps(trail.data)


def test_of_three_the_oldest_proves_nothing_any_more(world: World, browser: Browser) -> None:
    channel, client = opened(world, "webhook", OLD), browser(world.alice)
    save(client, channel, setting_secret=NEW)
    save(client, channel, setting_secret=NEWEST)
    assert [called(channel, each) for each in (OLD, NEW, NEWEST)] == [401, 200, 200]


def test_saving_the_same_again_or_nothing_keeps_both(world: World, browser: Browser) -> None:
    channel, client = opened(world, "webhook", OLD), browser(world.alice)
    save(client, channel, setting_secret=NEW)
    since = stored(world, channel).secret_changed_at
    save(client, channel, setting_secret=NEW)
    save(client, channel)
    assert [called(channel, each) for each in (OLD, NEW)] == [200, 200]
    assert stored(world, channel).secret_changed_at == since


def test_of_several_secrets_the_one_that_signs_overlaps_and_a_token_does_not(
    world: World, browser: Browser
) -> None:
    secrets = {"secret": OLD, "access_token": "old-token-hush"}
    channel, client = opened(world, "line", json.dumps(secrets)), browser(world.alice)
    save(client, channel, setting_access_token="new-token-hush")
    assert stored(world, channel).previous_secret == ""
    assert stored(world, channel).secret_changed_at is None
    save(client, channel, setting_secret=NEW)
    config = registry.config_of(stored(world, channel))
    assert config.secrets == (NEW, OLD)
    assert config.named_secrets == {"access_token": "new-token-hush"}
    assert config.named_before == {}
    shown = page(client, channel)
    assert "An older one still proves calls: Channel secret" in shown
    client.post(f"/admin/helpdesk/channel/{channel.pk}/end-older/")
    assert registry.config_of(stored(world, channel)).secrets == (NEW,)


def test_what_was_stored_before_by_itself_still_proves(world: World, browser: Browser) -> None:
    channel, client = opened(world, "line", json.dumps({"secret": NEW})), browser(world.alice)
    with world.transaction():
        Channel.objects.filter(pk=channel.pk).update(previous_secret=OLD)
    assert registry.config_of(stored(world, channel)).secrets == (NEW, OLD)
    assert "still proves calls" in page(client, channel)


@pytest.mark.parametrize("place", ["change/", "history/"])
def test_no_secret_comes_back(
    world: World, browser: Browser, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    channel, client = opened(world, "webhook", OLD), browser(world.alice)
    save(client, channel, setting_secret=NEW)
    called(channel, OLD)
    called(channel, "guess-hush-hush")
    shown = client.get(f"/admin/helpdesk/channel/{channel.pk}/{place}").content.decode()
    for address in ("conversations/", "staff/", "schema/"):
        shown += client.get(f"/api/v1/{address}").content.decode()
    assert "hush" not in shown
    assert "hush" not in caplog.text
