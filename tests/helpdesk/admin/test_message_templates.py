"""Approved texts are written down by administrators, for channels whose platform takes some, without wrong places."""

from collections.abc import Callable, Iterator

import pytest
from django.test import Client

from helpdesk.models import AuditEntry, Channel, MessageTemplate, Staff, User
from helpdesk.registries import ChannelKind, Limits, TemplateRules, channel_kinds
from helpdesk.services import organizations
from tests.factories import World

Browser = Callable[[User | Staff], Client]
ADDRESS = "/admin/helpdesk/messagetemplate/"
PIGEON = ChannelKind(label="Pigeon", limits=lambda _settings: Limits(templates=TemplateRules()))


@pytest.fixture(autouse=True)
def pigeon() -> Iterator[None]:
    with channel_kinds.registered("pigeon", PIGEON):
        yield


def opened(world: World) -> Channel:
    with world.transaction():
        return organizations.open_channel(Channel(kind="pigeon", name="信鸽"))


def sent(channel: Channel, **facts: str) -> dict[str, object]:
    return {
        "channel": channel.pk, "name": "order_shipped", "language_code": "zh_CN",
        "text": "{{1}}，订单 {{2}} 已经发货。", "place_labels": "称呼\r\n订单号", "is_active": "on", **facts,
    }  # fmt: skip


def test_an_administrator_writes_one_down(world: World, browser: Browser) -> None:
    client, channel = browser(world.alice), opened(world)
    assert client.post(ADDRESS + "add/", sent(channel)).status_code == 302
    with world.transaction():
        made = MessageTemplate.objects.get()
        assert (made.channel_id, made.labels) == (channel.pk, ["称呼", "订单号"])
        assert AuditEntry.objects.get(action="messagetemplate.created").subject_id == made.pk
    listed = client.get(ADDRESS).content.decode()
    assert "order_shipped" in listed
    page = client.get(f"/admin/helpdesk/channel/{channel.pk}/change/").content.decode()
    assert f"{ADDRESS}?channel__id__exact={channel.pk}" in page
    other = client.get(f"/admin/helpdesk/channel/{world.channel.pk}/change/").content.decode()
    assert f"{ADDRESS}?channel__id__exact" not in other
    assert client.post(f"{ADDRESS}{made.pk}/delete/", {"post": "yes"}).status_code == 302
    with world.transaction():
        assert not MessageTemplate.objects.exists()


@pytest.mark.parametrize(
    ("facts", "field", "said"),
    [
        ({"text": "{{1}} {{3}}"}, "text", "{{2}} is missing"),
        ({"text": " ".join(f"{{{{{n}}}}}" for n in range(1, 12))}, "text", "11 places; at most 10"),
        ({"text": "x" * 1025}, "text", "1025 characters; at most 1024"),
        ({"text": "{{name}}"}, "text", "{{name}} is no place"),
        ({"text": "{{1}"}, "text", "two braces"),
        ({"place_labels": "a\r\nb\r\nc"}, "place_labels", "more lines than places"),
        ({"name": ""}, "name", ""),
    ],
)
def test_what_could_not_be_sent_is_refused_at_its_field(
    world: World, browser: Browser, facts: dict[str, str], field: str, said: str
) -> None:
    client, channel = browser(world.alice), opened(world)
    answer = client.post(ADDRESS + "add/", sent(channel, **facts))
    assert answer.status_code == 200
    assert said in str(answer.context["adminform"].form.errors[field][0])
    with world.transaction():
        assert not MessageTemplate.objects.exists()


def test_the_longest_text_may_have_lines(world: World, browser: Browser) -> None:
    text = "\r\n".join(["x" * 99] * 10) + "x" * 25
    made = browser(world.alice).post(
        ADDRESS + "add/", sent(opened(world), text=text, place_labels="")
    )
    assert made.status_code == 302
    with world.transaction():
        assert len(MessageTemplate.objects.get().text) == 1024


def test_only_channels_of_the_organization_with_templates_are_chosen_and_each_name_once(
    world: World, other_world: World, browser: Browser
) -> None:
    client, channel = browser(world.alice), opened(world)
    for wrong in (world.channel, opened(other_world)):
        answer = client.post(ADDRESS + "add/", sent(wrong))
        assert "channel" in answer.context["adminform"].form.errors
    assert client.post(ADDRESS + "add/", sent(channel)).status_code == 302
    again = client.post(ADDRESS + "add/", sent(channel))
    assert again.status_code == 200
    assert again.context["adminform"].form.errors
    assert client.post(ADDRESS + "add/", sent(channel, language_code="en_US")).status_code == 302


def test_agents_and_administrators_of_others_write_nothing_down(
    world: World, other_world: World, browser: Browser
) -> None:
    channel = opened(world)
    browser(world.alice).post(ADDRESS + "add/", sent(channel))
    with world.transaction():
        made = MessageTemplate.objects.get()
    for person in (world.carol, other_world.alice):
        client = browser(person)
        change = client.post(f"{ADDRESS}{made.pk}/change/", sent(channel, name="hijacked"))
        assert change.status_code in {302, 403, 404}
    with world.transaction():
        assert MessageTemplate.objects.get().name == "order_shipped"
