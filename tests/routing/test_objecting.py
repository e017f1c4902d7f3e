"""Not mine: it goes to another, never back, and models learn from it."""

import pytest
from django.test import Client
from django.urls import reverse

from helpdesk.errors import Invalid, NotFound, WrongState
from helpdesk.models import Assignment, AuditEntry, Conversation, Topic
from helpdesk.services import lifecycle
from routing import lessons
from routing.models import Decision, Objection
from routing.objecting import object_to
from tests.factories import World
from tests.routing.conftest import route


def given(world: World, visitor: str = "visitor-1") -> tuple[int, str, str]:
    """Have the engine give a conversation; returns it, who has it and who else could."""
    pk = world.message("怎么退货", visitor).conversation_id
    route(world)
    owner = world.conversation(pk).owner
    return (pk, "carol", "dave") if owner == world.carol else (pk, "dave", "carol")


def topic(world: World, name: str) -> Topic:
    with world.transaction():
        return Topic.objects.get(name=name)


def test_it_goes_to_another_and_never_back(world: World) -> None:
    pk, first, other = given(world)
    with world.transaction():
        object_to(world.access(first), pk, "skill")
    route(world)
    assert world.conversation(pk).owner == world.people[other]
    with world.transaction():
        object_to(world.access(other), pk, "conflict")
    route(world)
    assert world.conversation(pk).owner is None
    with world.transaction():
        one, two = Objection.objects.order_by("id")
        assert (one.staff, one.reason, one.topic) == (world.people[first], "skill", topic_of(world))
        assert one.decision == Decision.objects.filter(staff=world.people[first]).first()
        assert two.decision == Decision.objects.filter(staff=world.people[other]).first()
        endings = set(Assignment.objects.values_list("ending", flat=True))
        assert endings == {"objected"}
        assert AuditEntry.objects.filter(action="conversation.objected").count() == 2


def topic_of(world: World) -> Topic:
    return Topic.objects.get(name="退货")


def test_about_something_else_it_moves_to_who_answers_that(world: World) -> None:
    pk, first, _other = given(world)
    right = topic(world, "兼容性")
    with world.transaction():
        object_to(world.access(first), pk, "topic", topic_id=right.pk)
    moved = world.conversation(pk)
    assert (moved.department, moved.topic_id, moved.topic_is_fixed) == (world.sales, right.pk, True)
    route(world)
    assert world.conversation(pk).owner == world.erin
    with world.transaction():
        assert Objection.objects.get().right_topic == right


def test_about_something_unknown_nothing_wrong_is_learned(world: World) -> None:
    pk, first, other = given(world)
    with world.transaction():
        object_to(world.access(first), pk, "topic")
    assert world.conversation(pk).topic_id is None
    route(world)
    # Judged the same once more, and resolved: people have denied it all the same.
    with world.transaction():
        Conversation.objects.filter(pk=pk).update(topic=topic_of(world))
        lifecycle.resolve(world.access(other), pk)
        assert lessons.gather().conversation_ids == []
        Objection.objects.update(reason="skill")
        assert lessons.gather().conversation_ids == [pk]


@pytest.mark.parametrize(
    "wrong", ["reason", "same topic", "unknown topic", "colleague", "stranger"]
)
def test_what_cannot_be_is_refused_and_nothing_changes(world: World, wrong: str) -> None:
    pk, first, other = given(world)
    same = world.conversation(pk).topic_id
    who, reason, topic_id, error = {
        "reason": (first, "mood", None, Invalid),
        "same topic": (first, "topic", same, Invalid),
        "unknown topic": (first, "topic", 999_999, NotFound),
        "colleague": (other, "skill", None, WrongState),
        "stranger": ("erin", "skill", None, NotFound),
    }[wrong]
    with world.transaction(), pytest.raises(error):
        object_to(world.access(who), pk, reason, topic_id=topic_id)
    assert world.conversation(pk).owner == world.people[first]
    with world.transaction():
        assert not Objection.objects.exists()


def test_the_dialog_says_why_and_thanks(world: World) -> None:
    pk, first, other = given(world)
    client = Client(headers={"accept-language": "en"})
    client.force_login(world.people[first].user, "django.contrib.auth.backends.ModelBackend")
    url = reverse("routing:not-mine", args=[pk])
    assert "It is about something else" in client.get(url).content.decode()
    assert client.post(url, {}).status_code == 422
    assert client.post(url, {"reason": "skill"}).status_code == 302
    client.force_login(world.erin.user, "django.contrib.auth.backends.ModelBackend")
    assert client.get(url).status_code == 404
    route(world)
    assert world.conversation(pk).owner == world.people[other]
