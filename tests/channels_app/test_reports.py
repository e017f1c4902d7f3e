"""The page of what channels reported: for administrators, of their own organization, without what was said."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from channels_app.models import InboundEvent, MailboxCursor
from channels_app.processing import process_due
from channels_app.protocol import ContactIdentity, Event
from channels_app.services import ingesting
from channels_app.services.doors import find_door
from helpdesk.models import AuditEntry, Entry, Staff
from tests.channels_app.letters_sent import open_mailbox
from tests.factories import World

LIST = "/admin/channels_app/inboundevent/"
SECRET = "my-card-number-4711"


@pytest.fixture(autouse=True)
def plain_files(settings: Any) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture
def browser() -> Callable[[Staff], Client]:
    def sign_in(person: Staff) -> Client:
        client = Client(headers={"accept-language": "en"})
        client.force_login(person.user, "django.contrib.auth.backends.ModelBackend")
        session = client.session
        session["organization_id"] = person.organization_id
        session.save()
        return client

    return sign_in


def event(world: World, *, key: str, is_done: bool = True) -> int:
    """Have a channel report something, which became a message or still waits."""
    received = world.message(visitor=key)
    with world.transaction():
        made = InboundEvent.objects.create(
            channel=world.channel,
            dedup_key=f"{key}-token",
            raw=SECRET.encode() * 100,
            size_bytes=len(SECRET) * 100,
            state=InboundEvent.State.DONE if is_done else InboundEvent.State.NEW,
            due_at=None if is_done else timezone.now(),
            received_at=timezone.now(),
            processed_at=timezone.now() if is_done else None,
            entry=Entry.objects.get(message__pk=received.message_id) if is_done else None,
        )
    return int(made.pk)


def test_administrators_see_what_became_of_each_and_not_what_it_said(
    world: World, browser: Callable[[Staff], Client]
) -> None:
    done, open_ = event(world, key="v1"), event(world, key="v2", is_done=False)
    client = browser(world.alice)
    for url in (LIST, f"{LIST}{done}/change/", f"{LIST}{open_}/change/"):
        page = client.get(url)
        assert page.status_code == 200, url
        told = page.content.decode()
        assert SECRET not in told
        assert "-token" not in told
        assert "1.9" in told
        assert "官网" in told
    assert "processed" in client.get(f"{LIST}{done}/change/").content.decode()
    assert "waits to be processed" in client.get(f"{LIST}{open_}/change/").content.decode()
    waiting = client.get(f"{LIST}?state__exact=new").content.decode()
    assert f"{open_}/change/" in waiting
    assert f"{done}/change/" not in waiting
    stored = client.get(f"{LIST}?state__exact=done").content.decode()
    assert f"{done}/change/" in stored
    assert f"{open_}/change/" not in stored


def test_nothing_can_be_changed_there(world: World, browser: Callable[[Staff], Client]) -> None:
    pk = event(world, key="v1")
    client = browser(world.alice)
    for url in (f"{LIST}add/", f"{LIST}{pk}/delete/", f"{LIST}{pk}/change/"):
        assert client.post(url, {"post": "yes"}).status_code == 404
    with world.transaction():
        assert InboundEvent.objects.filter(pk=pk).exists()


def test_nobody_else_finds_it(
    world: World, other_world: World, browser: Callable[[Staff], Client]
) -> None:
    pk = event(world, key="v1")
    pages = (LIST, f"{LIST}{pk}/change/", f"{LIST}{pk}/history/")
    assert [browser(world.alice).get(url).status_code for url in pages] == [200, 200, 200]
    for person in (world.bob, world.carol):
        assert [browser(person).get(url).status_code for url in pages] == [404, 404, 404]
    other = browser(other_world.alice)
    assert [other.get(url).status_code for url in pages] == [200, 404, 404]
    assert f"{pk}/change/" not in other.get(LIST).content.decode()


def test_administrators_have_what_is_in_quarantine_read_again(
    world: World, browser: Callable[[Staff], Client]
) -> None:
    door = find_door(world.channel.public_id)
    ingesting.store(door, [Event("message", "empty", ContactIdentity("v1"), text=" ")], b"raw")
    process_due()
    done = event(world, key="v2")
    with world.transaction():
        pk = InboundEvent.objects.get(state="quarantined").pk
    page = browser(world.alice).get(f"{LIST}{pk}/change/").content.decode()
    assert f"/letters/unread/{pk}/" in page
    chosen = {"action": "read_again", "_selected_action": [pk, done]}
    assert browser(world.bob).post(LIST, chosen).status_code == 404
    answer = browser(world.alice).post(LIST, chosen, follow=True)
    assert "1 is read again." in answer.content.decode()
    with world.transaction():
        assert InboundEvent.objects.get(pk=pk).state == "new"
        assert InboundEvent.objects.get(pk=done).state == "done"
        assert AuditEntry.objects.filter(action="inbound.replayed").count() == 1
    again = browser(world.alice).post(LIST, {**chosen, "_selected_action": [done]}, follow=True)
    assert "Only what could not be read, or became nothing" in again.content.decode()


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"error": "wrong password"}, "Mails cannot be fetched: wrong password"),
        ({"past_until": 7}, "The mails that were there already are being read."),
        ({}, "The mailbox is being opened."),
        ({"read_at": timezone.now()}, "Read to its end at"),
    ],
)
def test_a_mailbox_tells_on_its_page_how_fetching_goes(
    world: World, browser: Callable[[Staff], Client], facts: dict[str, Any], told: str
) -> None:
    mailbox = open_mailbox(world)
    page = f"/admin/helpdesk/channel/{mailbox.pk}/change/"
    assert told not in browser(world.alice).get(page).content.decode()
    with world.transaction():
        MailboxCursor.objects.create(channel=mailbox, **facts)
    assert told in browser(world.alice).get(page).content.decode()


def test_kinds_and_reasons_are_told_in_words(
    world: World, browser: Callable[[Staff], Client]
) -> None:
    mailbox = open_mailbox(world)
    with world.transaction():
        for reason in ("held", "too_deep", "KeyError"):
            InboundEvent.objects.create(
                channel=mailbox, dedup_key=reason, kind="raw", state="done", reason=reason,
                received_at=timezone.now(), processed_at=timezone.now(),
            )  # fmt: skip
    shown = browser(world.alice).get(LIST).content.decode()
    for words in ("its author waits for approval", "its parts lie too deep", "KeyError", "mail"):
        assert words in shown
