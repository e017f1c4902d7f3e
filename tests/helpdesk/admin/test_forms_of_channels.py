"""A form is set up with the mailbox that answers for it, and its page says when that is missing."""

from collections.abc import Callable, Iterator

import pytest
from django.test import Client

from helpdesk.models import Channel, Staff, User
from helpdesk.registries import ChannelKind, channel_kinds
from helpdesk.services import organizations
from tests.factories import World

Browser = Callable[[User | Staff], Client]
LETTERS = ChannelKind(label="Mail", capabilities=frozenset({"letters"}))
ADDRESS = "/admin/helpdesk/channel/add/?kind=form"


@pytest.fixture(autouse=True)
def letters() -> Iterator[None]:
    with channel_kinds.registered("mail", LETTERS):
        yield


def mailbox(world: World, name: str = "邮箱", kind: str = "mail", **facts: object) -> Channel:
    with world.transaction():
        return organizations.open_channel(Channel(kind=kind, name=name, **facts))


def sent(answers_by: object) -> dict[str, object]:
    return {
        "name": "联系我们", "queue": "", "language": "zh-hans", "hold_seconds": 0, "is_active": "on",
        "answers_by": answers_by, "setting_allowed_domains": "www.shop.example",
    }  # fmt: skip


def test_a_form_names_its_mailbox_and_gives_its_tag(world: World, browser: Browser) -> None:
    client, box = browser(world.alice), mailbox(world)
    assert client.post(ADDRESS, sent(box.pk)).status_code == 302
    with world.transaction():
        made = Channel.objects.get(kind="form")
        assert made.answers_by_id == box.pk
    page = client.get(f"/admin/helpdesk/channel/{made.pk}/change/").content.decode()
    assert "/form.js&quot;" in page
    assert f"data-channel=&quot;{made.public_id}&quot;" in page
    assert "Answers cannot leave" not in page


def test_only_an_active_mailbox_of_the_organization_answers(
    world: World, other_world: World, browser: Browser
) -> None:
    client = browser(world.alice)
    idle = mailbox(world, "旧邮箱", is_active=False)
    foreign = mailbox(other_world)
    for wrong in ("", world.channel.pk, idle.pk, foreign.pk, "x"):
        answer = client.post(ADDRESS, sent(wrong))
        assert answer.status_code == 200
        assert "ailbox" in str(answer.context["adminform"].form.errors["answers_by"])
    with world.transaction():
        assert not Channel.objects.filter(kind="form").exists()


def test_a_form_whose_mailbox_is_gone_says_so(world: World, browser: Browser) -> None:
    client, box = browser(world.alice), mailbox(world)
    client.post(ADDRESS, sent(box.pk))
    with world.transaction():
        Channel.objects.filter(pk=box.pk).update(is_active=False)
        made = Channel.objects.get(kind="form")
    for page in ("", f"{made.pk}/change/"):
        shown = client.get(f"/admin/helpdesk/channel/{page}").content.decode()
        assert "Answers cannot leave: choose an active mailbox for them." in shown


def test_other_kinds_are_not_asked_who_answers(world: World, browser: Browser) -> None:
    page = browser(world.alice).get("/admin/helpdesk/channel/add/?kind=webchat")
    assert "answers_by" not in page.context["adminform"].form.fields


def test_each_kind_says_how_its_customers_are_answered(world: World, browser: Browser) -> None:
    page = browser(world.alice).get("/admin/helpdesk/channel/add/").content.decode()
    for kind, said in (
        ("webchat", "Answers at once"),
        ("voice_twilio", "Phone calls"),
        ("app_store", "Public, for everybody to read"),
        ("form", "Letters and posts"),
    ):
        card = page.partition(f'href="?kind={kind}"')[2].partition("</a>")[0]
        assert f">{said}<" in card
