"""Approved texts: they leave when other answers may not, filled and as the platform takes them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils.translation import override

from helpdesk.errors import HelpdeskError, Invalid, NotFound, Refused, WrongState
from helpdesk.models import (
    AuditEntry,
    Channel,
    Conversation,
    Delivery,
    Message,
    MessageTemplate,
    Outbox,
)
from helpdesk.registries import ChannelKind, Limits, TemplateRules, channel_kinds
from helpdesk.services import assignment, lifecycle, limits, organizations, replying
from helpdesk.services.message_templates import Chosen, fault_of_text, templates_of
from tests.factories import World

DAY = timedelta(hours=24)
RULES = TemplateRules(text_max=60, places_max=3, spaces_max=4)
PIGEON = ChannelKind(
    label="Pigeon",
    limits=lambda _settings: Limits(reply_window=DAY, reply_quota=2, templates=RULES),
)
TEXT = "{{1}}，您的订单 {{2}} 已经发货。"


@pytest.fixture
def asked(world: World, clock: list[datetime]) -> Iterator[int]:
    """Return a conversation whose time for answers is over, on a platform with templates."""
    with channel_kinds.registered("webchat", PIGEON), override("en"):
        conversation_id = world.message("有人吗？").conversation_id
        clock[0] += 2 * DAY
        yield conversation_id


def template(world: World, **facts: Any) -> MessageTemplate:
    facts = {"name": "order_shipped", "language_code": "zh_CN", "text": TEXT, **facts}
    with world.transaction():
        facts.setdefault("channel", world.channel)
        made: MessageTemplate = MessageTemplate.objects.create(**facts)
        return made


def send(
    world: World, conversation_id: int, of: MessageTemplate, *values: str, by: str = "carol"
) -> replying.Written:
    return replying.reply(world.access(by), conversation_id, template=Chosen(of.pk, values))


def nothing_left(world: World) -> bool:
    with world.transaction():
        return not Outbox.objects.exists()


def test_a_template_leaves_when_the_time_for_other_answers_is_over(
    world: World, asked: int
) -> None:
    of = template(world)
    with pytest.raises(Refused):
        replying.reply(world.access("carol"), asked, text="还在吗？")
    written = send(world, asked, of, " 李女士 ", "A-17")
    with world.transaction():
        message = Message.objects.select_related("outbox").get(pk=written.message_id)
        assert message.text == "李女士，您的订单 A-17 已经发货。"
        assert message.outbox.template == {
            "name": "order_shipped",
            "language": "zh_CN",
            "values": [["1", "李女士"], ["2", "A-17"]],
        }
        assert (message.outbox.state, message.outbox.channel_id) == ("queued", world.channel.pk)
        assert AuditEntry.objects.filter(action="conversation.answered").count() == 1
    conversation = world.conversation(asked)
    assert conversation.owner_id == world.carol.pk
    assert conversation.last_text == message.text
    assert conversation.waiting_since is None


def test_it_may_be_sent_while_other_answers_may_as_well(
    world: World, clock: list[datetime]
) -> None:
    with channel_kinds.registered("webchat", PIGEON):
        asked = world.message("有人吗？").conversation_id
        send(world, asked, template(world, text="您好"))
    with world.transaction():
        assert Outbox.objects.get().template["values"] == []


def test_templates_use_up_nothing_of_what_the_platform_takes(
    world: World, clock: list[datetime]
) -> None:
    with channel_kinds.registered("webchat", PIGEON):
        asked = world.message("有人吗？").conversation_id
        of = template(world, text="您好")
        for text in ("在的", "请讲"):
            replying.reply(world.access("carol"), asked, text=text)
        send(world, asked, of)
        with world.transaction():
            assert limits.quota_left(_found(asked)) == 0
        world.message("还在吗？")
        send(world, asked, of)
        with world.transaction():
            assert limits.quota_left(_found(asked)) == 2


def _found(conversation_id: int) -> Conversation:
    found: Conversation = Conversation.objects.select_related("channel").get(pk=conversation_id)
    return found


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((), "2 places; 0 values"),
        (("李女士",), "2 places; 1 values"),
        (("李女士", "A-17", "x"), "2 places; 3 values"),
        (("李女士", "  "), "number: Fill in this place."),
        (("李\n女士", "A-17"), "{{1}}: Line breaks and tabs"),
        (("李\t女士", "A-17"), "Line breaks and tabs"),
        (("李\x00女士", "A-17"), "Line breaks and tabs"),
        (("李\u2028女士", "A-17"), "Line breaks and tabs"),
        (("李     女士", "A-17"), "At most 4 spaces"),
        (("李" * 60, "A-17"), "at most 60"),
    ],
)
def test_what_the_platform_would_refuse_is_refused_before(
    world: World, asked: int, values: tuple[str, ...], said: str
) -> None:
    of = template(world, place_labels="\nnumber")
    with pytest.raises(Invalid) as refused:
        send(world, asked, of, *values)
    assert refused.value.details["field"] == "parameters"
    assert said in str(refused.value.message)
    assert nothing_left(world)
    send(world, asked, of, "李    女士", "A-17")


@pytest.mark.parametrize("facts", [{"text": "你好"}, {"attachment_ids": ["1"]}])
def test_a_template_is_the_whole_answer(world: World, asked: int, facts: dict[str, Any]) -> None:
    of = template(world, text="您好")
    with pytest.raises(Invalid):
        replying.reply(world.access("carol"), asked, template=Chosen(of.pk), **facts)
    assert nothing_left(world)


def test_only_active_templates_of_the_conversations_own_channel_are_sent(
    world: World, other_world: World, asked: int
) -> None:
    with world.transaction():
        other = organizations.open_channel(Channel(kind="webchat", name="第二个"))
    fitting = template(world, text="您好")
    unfitting = [
        template(world, name="off", text="您好", is_active=False),
        template(world, name="elsewhere", text="您好", channel=other),
        template(other_world, text="您好"),
    ]
    with world.transaction():
        assert list(templates_of(_found(asked))) == [fitting]
    for of in unfitting:
        with pytest.raises(Invalid) as refused:
            send(world, asked, of)
        assert refused.value.details["field"] == "template"
    assert nothing_left(world)
    send(world, asked, fitting)


def test_a_platform_without_templates_sends_none(world: World) -> None:
    asked = world.message("有人吗？").conversation_id
    of = template(world, text="您好")
    with world.transaction():
        assert not templates_of(_found(asked)).exists()
    with pytest.raises(Invalid):
        send(world, asked, of)


def test_who_may_not_answer_may_send_no_template(world: World, asked: int) -> None:
    of = template(world, text="您好")
    carol = world.access("carol")
    assignment.take(carol, asked)
    replying.note(carol, asked, text="看一下", mention_ids=[world.erin.pk])
    refusals: list[tuple[str, type[HelpdeskError]]] = [("erin", Refused), ("frank", NotFound)]
    for name, refusal in refusals:
        with pytest.raises(refusal):
            send(world, asked, of, by=name)
    assert nothing_left(world)
    lifecycle.resolve(carol, asked)
    with pytest.raises(WrongState):
        send(world, asked, of)


def test_the_same_reference_is_the_same_answer_and_a_failed_one_goes_again(
    world: World, asked: int
) -> None:
    of, carol = template(world, text="您好"), world.access("carol")
    first, again = (
        replying.reply(carol, asked, template=Chosen(of.pk), client_ref="one") for _ in range(2)
    )
    assert (again.message_id, again.is_repeated) == (first.message_id, True)
    with world.transaction():
        assert Outbox.objects.update(state=Delivery.FAILED, due_at=None) == 1
        # What was approved differently since changes nothing of what was sent.
        MessageTemplate.objects.all().delete()
    replying.resend(carol, asked, first.number)
    with world.transaction():
        sent = Outbox.objects.get()
        assert (sent.state, sent.template["name"]) == (Delivery.QUEUED, "order_shipped")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("您好", ""),
        ("{{2}} {{1}} {{1}} {{3}}", ""),
        ("x" * 60, ""),
        ("x" * 61, "61 characters; at most 60"),
        ("{{1}} {{3}}", "{{2}} is missing"),
        ("{{2}}", "{{1}} is missing"),
        ("{{1}} {{2}} {{3}} {{4}}", "4 places; at most 3"),
        ("{{name}}", "{{name}} is no place"),
        ("{{0}}", "{{0}} is no place"),
        ("{{}}", "{{}} is no place"),
        ("{{1}", "two braces"),
    ],
)
def test_a_text_with_wrong_places_is_told(text: str, said: str) -> None:
    with override("en"):
        fault = fault_of_text(text, RULES)
    assert said in fault
    assert bool(fault) is bool(said)


def test_places_are_named_for_people_as_far_as_somebody_did(world: World) -> None:
    of = template(world, text="{{2}} {{1}} {{3}}", place_labels="name\n\n")
    assert (of.places, of.labels) == (["1", "2", "3"], ["name", "{{2}}", "{{3}}"])
    assert (str(of), str(MessageTemplate(name="a"))) == ("order_shipped (zh_CN)", "a")
