"""Approved texts through REST: listed for who may answer, sent when other answers may not be."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from helpdesk.models import MessageTemplate, Outbox
from helpdesk.registries import ChannelKind, Limits, TemplateRules, channel_kinds
from helpdesk.services import assignment, replying
from tests.helpdesk.api.conftest import caller

DAY = timedelta(hours=24)
PIGEON = ChannelKind(
    label="Pigeon",
    limits=lambda _settings: Limits(reply_window=DAY, templates=TemplateRules()),
)


@pytest.fixture
def asked(world, monkeypatch):
    """Return a conversation whose time for answers is over."""
    now = [timezone.now()]
    monkeypatch.setattr("django.utils.timezone.now", lambda: now[0])
    with channel_kinds.registered("webchat", PIGEON):
        found = world.message("在吗").conversation_id
        now[0] += 2 * DAY
        yield found


@pytest.fixture
def template(world):
    with world.transaction():
        return MessageTemplate.objects.create(
            channel=world.channel,
            name="order_shipped",
            language_code="zh_CN",
            text="{{2}}：{{1}}",
            place_labels="订单号",
        )


def sent(of: MessageTemplate, **facts: Any) -> dict[str, Any]:
    return {"direction": "out", "template": of.pk, "parameters": ["A-17", "您好"], **facts}


def test_templates_are_listed_and_one_is_sent_once(world, asked, template):
    carol = caller(world, "carol")
    listed = carol.get(f"conversations/{asked}/templates/").body["results"]
    assert listed == [
        {
            "id": template.pk,
            "name": "order_shipped",
            "language": "zh_CN",
            "text": "{{2}}：{{1}}",
            "places": [{"name": "1", "label": "订单号"}, {"name": "2", "label": "{{2}}"}],
        }
    ]
    messages, key = f"conversations/{asked}/messages/", {"Idempotency-Key": "one"}
    late = carol.post(messages, {"direction": "out", "text": "在"})
    assert late.status_code == 403
    made = carol.post(messages, sent(template), **key)
    assert made.status_code == 201
    assert (made.body["text"], made.body["template"]) == ("您好：A-17", "order_shipped")
    assert carol.post(messages, sent(template), **key).body == made.body
    with world.transaction():
        assert Outbox.objects.count() == 1
    first = carol.get(messages).body["results"][0]
    assert (first["direction"], first["template"]) == ("in", None)


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"text": "您好"}, "text"),
        ({"direction": "note"}, "template"),
        ({"template": 0}, "template"),
        ({"template": 999_999}, "template"),
        ({"template": 10**30}, "template"),
        ({"parameters": ["A-17"]}, "parameters"),
        ({"parameters": ["A-17", ""]}, "parameters"),
        ({"parameters": ["A-17", "a\nb"]}, "parameters"),
        ({"parameters": ["A-17", "x" * 1100]}, "parameters"),
        ({"parameters": ["x"] * 51}, "parameters"),
        ({"parameters": "A-17"}, "parameters"),
        ({"values": []}, "values"),
    ],
)
def test_what_cannot_be_sent_is_refused_at_its_field(world, asked, template, facts, field):
    carol = caller(world, "carol")
    answer = carol.post(f"conversations/{asked}/messages/", sent(template, **facts))
    assert answer.status_code == 400
    assert field in str(answer.body)
    with world.transaction():
        assert not Outbox.objects.exists()


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": "在", "parameters": []}])
def test_what_is_neither_a_text_nor_a_template_is_refused(world, asked, body):
    answer = caller(world, "carol").post(
        f"conversations/{asked}/messages/", {"direction": "note", **body}
    )
    assert answer.status_code == 400


@pytest.mark.parametrize(("name", "status"), [("erin", 403), ("frank", 404)])
def test_who_may_not_answer_sees_and_sends_none(world, asked, template, name, status):
    assignment.take(world.access("carol"), asked)
    replying.note(world.access("carol"), asked, text="look", mention_ids=[world.erin.pk])
    person, carol = caller(world, name), caller(world, "carol")
    assert person.get(f"conversations/{asked}/templates/").status_code == status
    messages = f"conversations/{asked}/messages/"
    assert person.post(messages, sent(template)).status_code == status
    assert carol.post(messages, sent(template)).status_code == 201


def test_a_token_that_only_reads_conversations_lists_none(world, asked, template):
    weak = caller(world, "carol", ["conversations:read"])
    assert weak.get(f"conversations/{asked}/templates/").status_code == 403
