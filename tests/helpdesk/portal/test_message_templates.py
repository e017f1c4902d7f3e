"""Approved texts on screen: offered where they can be sent, filled in, sent, marked, and who may not."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.models import Message, MessageTemplate, Outbox
from helpdesk.registries import ChannelKind, Limits, TemplateRules, channel_kinds
from helpdesk.services import assignment, replying
from tests.factories import World
from tests.helpdesk.portal.conftest import Screen

DAY = timedelta(hours=24)
PIGEON = ChannelKind(
    label="Pigeon",
    limits=lambda _settings: Limits(reply_window=DAY, templates=TemplateRules()),
)
TEXT = "Hello {{1}}, order {{2}} <b>is</b> on its way to {{1}}."


@pytest.fixture
def asked(world: World, clock: list[datetime]) -> Iterator[int]:
    """A conversation of carol's whose time for answers is over."""
    with channel_kinds.registered("webchat", PIGEON):
        found = world.message("where is my parcel").conversation_id
        assignment.take(world.access("carol"), found)
        clock[0] += 2 * DAY
        yield found


@pytest.fixture
def template(world: World) -> MessageTemplate:
    with world.transaction():
        made: MessageTemplate = MessageTemplate.objects.create(
            channel=world.channel,
            name="order_shipped",
            language_code="en_US",
            text=TEXT,
            place_labels="Their name\nOrder number",
        )
        return made


def url(pk: int, template: MessageTemplate | None = None) -> str:
    return f"/conversations/{pk}/templates/" + (f"{template.pk}/" if template else "")


def page_of(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.status_code
    return str(answer.content.decode())


def test_a_colleague_chooses_fills_in_and_sends(
    world: World, screen: Screen, asked: int, template: MessageTemplate
) -> None:
    carol = screen("carol", htmx=True)
    thread = page_of(carol.get(f"/conversations/{asked}/"))
    assert f'href="{url(asked)}"' in thread
    assert 'data-mode="reply"' not in thread
    choices = page_of(carol.get(url(asked)))
    assert url(asked, template) in choices
    assert "order_shipped" in choices
    form = page_of(carol.get(url(asked, template)))
    for said in ("Their name", "Order number", "&lt;b&gt;is&lt;/b&gt; on", "{{1}}</mark>"):
        assert said in form
    refused = page_of(carol.post(url(asked, template), {"value_0": "Ms <Li>"}), 422)
    assert "Fill in this place." in refused
    assert refused.count("Ms &lt;Li&gt;</mark>") == 2
    assert refused.index('name="value_1"') < refused.index("autofocus")
    values = {"value_0": "Ms <Li>", "value_1": "A-17", "client_key": "one"}
    for _ in range(2):
        sent = page_of(carol.post(url(asked, template), values))
    assert "The template is sent" in sent
    assert (
        "Hello Ms &lt;Li&gt;, order A-17 &lt;b&gt;is&lt;/b&gt; on its way to Ms &lt;Li&gt;." in sent
    )
    assert '<span title="order_shipped">template</span>' in sent
    with world.transaction():
        assert Outbox.objects.count() == 1


def test_it_works_without_scripts(
    world: World, screen: Screen, asked: int, template: MessageTemplate
) -> None:
    carol = screen("carol")
    assert "<html" in page_of(carol.get(url(asked)))
    assert "<html" in page_of(carol.get(url(asked, template)))
    answer = carol.post(url(asked, template), {"value_0": "Ms Li", "value_1": "A-17"})
    assert (answer.status_code, answer["Location"]) == (302, f"/conversations/{asked}/")
    with world.transaction():
        assert Message.objects.filter(text__startswith="Hello Ms Li, order A-17").exists()


@pytest.mark.parametrize("value", ["a\nb", "a      b", "x" * 1025, "x" * 1020])
def test_what_the_platform_would_refuse_stays_in_the_form(
    world: World, screen: Screen, asked: int, template: MessageTemplate, value: str
) -> None:
    values = {"value_0": "Ms Li", "value_1": value}
    page = page_of(screen("carol", htmx=True).post(url(asked, template), values), 422)
    assert "data-error" in page
    with world.transaction():
        assert not Outbox.objects.exists()


def test_inside_the_time_it_is_offered_beside_the_reply(
    world: World, screen: Screen, asked: int, template: MessageTemplate
) -> None:
    world.message("still there?")
    thread = page_of(screen("carol").get(f"/conversations/{asked}/"))
    assert 'data-mode="reply"' in thread
    assert "data-closed" not in thread
    assert thread.count(f'href="{url(asked)}"') == 1


def test_where_there_is_none_nothing_is_offered(
    world: World, screen: Screen, asked: int, template: MessageTemplate
) -> None:
    carol = screen("carol")
    with world.transaction():
        MessageTemplate.objects.update(is_active=False)
    assert "/templates/" not in page_of(carol.get(f"/conversations/{asked}/"))
    assert "has no message templates" in page_of(carol.get(url(asked)))
    for of in (template, MessageTemplate(pk=999_999)):
        assert carol.get(url(asked, of)).status_code == 404
        assert carol.post(url(asked, of), {"value_0": "a", "value_1": "b"}).status_code == 404


@pytest.mark.parametrize(("name", "status"), [("erin", 403), ("frank", 404)])
def test_who_may_not_answer_is_offered_and_sends_none(
    world: World, screen: Screen, asked: int, template: MessageTemplate, name: str, status: int
) -> None:
    replying.note(world.access("carol"), asked, text="look", mention_ids=[world.erin.pk])
    person, values = screen(name), {"value_0": "a", "value_1": "b"}
    assert "/templates/" not in person.get(f"/conversations/{asked}/").content.decode()
    assert person.get(url(asked)).status_code == status
    assert person.get(url(asked, template)).status_code == status
    assert person.post(url(asked, template), values).status_code == status
    with world.transaction():
        assert not Outbox.objects.exists()
    assert screen("carol").post(url(asked, template), values).status_code == 302


def test_many_templates_cost_no_more_queries_than_one(
    world: World, screen: Screen, asked: int, template: MessageTemplate
) -> None:
    carol, counts = screen("carol", htmx=True), []
    for number in range(2):
        with CaptureQueriesContext(connection) as queries:
            page_of(carol.get(url(asked)))
        counts.append(len(queries))
        with world.transaction():
            MessageTemplate.objects.bulk_create(
                MessageTemplate(channel=world.channel, name=f"n{number}{each}", text="x")
                for each in range(8)
            )
    assert counts[0] == counts[1]
    assert "data-filter" in page_of(carol.get(url(asked)))
