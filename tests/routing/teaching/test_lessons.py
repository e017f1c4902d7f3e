"""What is learned from: examples, corrections, what people resolved; a fifth is never taught."""

from helpdesk.models import AuditEntry, Conversation, Entry, Topic, TopicExample
from helpdesk.services import assignment, lifecycle
from routing import lessons
from routing.lessons import Lesson, Text
from tests.factories import World
from tests.routing.teaching.shop import SAID, asked


def gathered(world: World) -> Lesson:
    with world.transaction():
        return lessons.gather()


def texts(lesson: Lesson) -> dict[str, int]:
    return {one.text: one.topic_id for one in (*lesson.taught, *lesson.held)}


def everything(world: World, monkeypatch) -> dict[str, int]:
    """Return all texts, also those of topics with little."""
    monkeypatch.setattr(lessons, "LEAST_EACH", 1)
    return texts(gathered(world))


def resolved(world: World, text: str, topic: Topic, visitor: str) -> int:
    """Have somebody resolve a conversation that the engine took to be about the topic."""
    pk = world.message(text, visitor=visitor).conversation_id
    with world.transaction():
        Conversation.objects.filter(pk=pk).update(topic=topic)
    carol = world.access("carol")
    assignment.take(carol, pk)
    lifecycle.resolve(carol, pk)
    return pk


def test_every_fifth_text_is_held_back_and_always_the_same(
    world: World, topics: dict[str, Topic]
) -> None:
    lesson = gathered(world)
    everything = {text.lower() for name in SAID for text in asked(name)}
    assert {one.text for one in lesson.taught} | {one.text for one in lesson.held} == everything
    assert not {one.text for one in lesson.taught} & {one.text for one in lesson.held}
    assert 0.1 < len(lesson.held) / len(everything) < 0.3
    assert all(lessons.is_held_back(one.text) for one in lesson.held)
    assert not any(lessons.is_held_back(one.text) for one in lesson.taught)
    assert gathered(world) == lesson


def test_little_is_not_enough(world: World, topics: dict[str, Topic]) -> None:
    assert gathered(world).is_enough
    keep = asked("退货")[:64] + asked("发票")[:40] + asked("物流")[:20]
    with world.transaction():
        TopicExample.objects.exclude(text__in=keep).delete()
    few = gathered(world)
    assert len(few.taught) + len(few.held) == 124
    assert len(few.taught) < lessons.LEAST_TOGETHER
    assert not few.is_enough


def test_one_topic_is_not_enough_and_a_small_one_is_left_out(
    world: World, topics: dict[str, Topic]
) -> None:
    topic = topics["退货"]
    with world.transaction():
        TopicExample.objects.exclude(topic=topic).delete()
        TopicExample.objects.bulk_create(
            TopicExample(topic=topic, text=f"{text} please") for text in asked("退货")
        )
    world_of_one = gathered(world)
    assert len(world_of_one.taught) >= lessons.LEAST_TOGETHER
    assert not world_of_one.is_enough
    with world.transaction():
        TopicExample.objects.create(topic=topics["发票"], text="VAT invoice")
    assert {one.topic_id for one in gathered(world).taught} == {topic.pk}


def test_a_correction_teaches_what_the_customer_said_before_it(
    world: World, topics: dict[str, Topic], monkeypatch
) -> None:
    pk = world.message("the lid wobbles", visitor="v").conversation_id
    for text in ("since monday", "it fell off twice", "and again today"):
        world.message(text, visitor="v")
    lifecycle.set_topic(world.access("carol"), pk, topics["退货"].pk)
    world.message("by the way, do you sell lids", visitor="v")
    found = everything(world, monkeypatch)
    assert found["since monday it fell off twice and again today"] == topics["退货"].pk
    assert not any("by the way" in text for text in found)


def test_a_correction_is_kept_as_what_it_is(world: World, topics: dict[str, Topic]) -> None:
    before, after = topics["发票"].pk, topics["退货"].pk
    pk = world.message("the lid wobbles").conversation_id
    with world.transaction():
        Conversation.objects.filter(pk=pk).update(topic=before)
    lifecycle.set_topic(world.access("carol"), pk, after)
    with world.transaction():
        entry = Entry.objects.get(conversation=pk, kind=Entry.Kind.TOPIC_CHANGED)
        audited = AuditEntry.objects.get(action="conversation.topic_changed")
    assert (entry.actor_id, audited.staff_id) == (world.carol.pk, world.carol.pk)
    for kept in (entry, audited):
        assert (kept.data["before"], kept.data["topic"]) == (before, after)
        assert kept.at


def test_a_correction_outweighs_silence(
    world: World, topics: dict[str, Topic], monkeypatch
) -> None:
    right, wrong = topics["退货"], topics["发票"]
    pk = resolved(world, "the lid wobbles", wrong, "one")
    assert everything(world, monkeypatch)["the lid wobbles"] == wrong.pk
    second = world.message("the lid wobbles", visitor="two").conversation_id
    lifecycle.set_topic(world.access("carol"), second, right.pk)
    assert pk < second
    assert everything(world, monkeypatch)["the lid wobbles"] == right.pk


def test_what_people_resolved_teaches_its_opening(
    world: World, topics: dict[str, Topic], monkeypatch
) -> None:
    resolved(world, "the lid wobbles", topics["退货"], "one")
    unresolved = world.message("the hinge squeaks", visitor="two").conversation_id
    by_nobody = world.message("the knob is loose", visitor="three").conversation_id
    with world.transaction():
        Conversation.objects.filter(pk__in=[unresolved, by_nobody]).update(topic=topics["退货"])
        lifecycle.resolve_locked(Conversation.objects.get(pk=by_nobody))
        Conversation.objects.get(pk=by_nobody).save()
    found = everything(world, monkeypatch)
    assert found["the lid wobbles"] == topics["退货"].pk
    assert "the hinge squeaks" not in found
    assert "the knob is loose" not in found


def test_only_the_newest_of_what_was_resolved_count(
    world: World, topics: dict[str, Topic], monkeypatch
) -> None:
    monkeypatch.setattr(lessons, "RESOLVED_EACH", 2)
    for number, text in enumerate(["lid wobbles", "hinge squeaks", "knob loose"]):
        resolved(world, text, topics["退货"], f"v{number}")
    found = everything(world, monkeypatch)
    assert "lid wobbles" not in found
    assert {"hinge squeaks", "knob loose"} <= set(found)


def test_texts_that_say_nothing_and_topics_that_are_gone_teach_nothing(
    world: World, topics: dict[str, Topic], monkeypatch
) -> None:
    with world.transaction():
        TopicExample.objects.create(topic=topics["退货"], text="你好 😀")
        Topic.objects.filter(pk=topics["发票"].pk).update(is_active=False)
    found = everything(world, monkeypatch)
    assert "你好 😀" not in found
    assert topics["发票"].pk not in found.values()


def test_with_too_many_each_topic_gives_its_best(
    world: World, topics: dict[str, Topic], monkeypatch
) -> None:
    monkeypatch.setattr(lessons, "MOST_TEXTS", 150)
    with world.transaction():
        TopicExample.objects.filter(topic=topics["发票"]).exclude(
            text__in=asked("发票")[:10]
        ).delete()
    found = list(everything(world, monkeypatch).values())
    assert len(found) <= 150
    assert found.count(topics["发票"].pk) == 10


def test_long_texts_are_fewer(world: World, topics: dict[str, Topic], monkeypatch) -> None:
    whole = everything(world, monkeypatch)
    monkeypatch.setattr(lessons, "MOST_CHARACTERS", sum(map(len, whole)) // 2)
    half = everything(world, monkeypatch)
    assert 60 < len(half) < len(whole)
    assert sum(map(len, half)) <= lessons.MOST_CHARACTERS


def test_gathering_asks_little(
    world: World, topics: dict[str, Topic], django_assert_num_queries
) -> None:
    for number in range(4):
        resolved(world, f"lid {number} wobbles", topics["退货"], f"v{number}")
        pk = world.message(f"hinge {number} squeaks", visitor=f"w{number}").conversation_id
        lifecycle.set_topic(world.access("carol"), pk, topics["退货"].pk)
    with world.transaction(), django_assert_num_queries(5):
        lessons.gather()


def test_another_organization_teaches_nothing(
    world: World, other_world: World, topics: dict[str, Topic]
) -> None:
    assert gathered(other_world).taught == []
    assert Text(asked("退货")[0].lower(), topics["退货"].pk) in {
        *gathered(world).taught,
        *gathered(world).held,
    }
