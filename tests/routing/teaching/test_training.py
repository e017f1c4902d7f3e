"""A training: when it begins, who may, how long, what comes of it, and which version serves after it."""

import subprocess
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from kombu.exceptions import OperationalError

from helpdesk.celery import BoundedTask
from helpdesk.models import Topic, TopicExample
from helpdesk.registries import sweeps
from helpdesk.services import lifecycle
from helpdesk.tenancy import due_organizations, organization_scope
from routing import lessons, tasks, teaching, versions
from routing.kept_models import load
from routing.models import TopicModel, TopicTraining
from routing.understanding import apart
from routing.understanding.storing import to_bytes
from routing.understanding.training import Example
from tests.factories import World
from tests.routing.teaching.conftest import Store
from tests.routing.teaching.shop import taught

Outcome = TopicTraining.Outcome


def rows(world: World) -> dict[int, TopicModel]:
    with world.transaction():
        return {row.number: row for row in TopicModel.objects.all()}


def training(world: World) -> TopicTraining:
    with world.transaction():
        return TopicTraining.objects.get()


def later(world: World, **changes: Any) -> None:
    """Let an hour go by for the row of trainings."""
    past = timezone.now() - timedelta(hours=1, minutes=1)
    with world.transaction():
        TopicTraining.objects.update(ended_at=past, due_at=past, **changes)


@pytest.fixture
def fit(monkeypatch: pytest.MonkeyPatch, topics: dict[str, Topic]) -> dict[str, Any]:
    """Answer for the process that trains, with a good model, or whatever a test puts in its place."""
    answer: dict[str, Any] = {"content": to_bytes(taught(topics)), "calls": 0}

    def fit_apart(examples: Any, names: Any, *, seconds: int) -> bytes:
        answer["calls"] += 1
        if isinstance(answer["content"], Exception):
            raise answer["content"]
        return bytes(answer["content"])

    monkeypatch.setattr(apart, "fit_apart", fit_apart)
    return answer


def test_a_model_is_trained_in_a_process_of_its_own_and_serves(
    world: World, topics: dict[str, Topic]
) -> None:
    assert teaching.train() == Outcome.TRAINED
    [row] = rows(world).values()
    assert row.state == TopicModel.State.IN_USE
    assert row.figures["examples"] > 100
    assert row.figures["topics"] == 3
    assert row.figures["accuracy"] > 0.9
    assert row.figures["calibration_error"] < 0.3
    assert row.figures["held_back"] > 20
    with world.transaction():
        judged = load(row.pk).judge("the parcel with the keyboard is not delivered")
    assert judged.best == str(topics["物流"].pk)


def test_with_too_little_there_is_no_model(world: World) -> None:
    assert teaching.train() == Outcome.TOO_FEW
    assert rows(world) == {}
    assert training(world).outcome == "too_few"


def test_nothing_is_trained_twice_from_the_same(
    world: World, topics: dict[str, Topic], fit: dict[str, Any]
) -> None:
    assert teaching.train() == Outcome.TRAINED
    assert teaching.train() is None
    later(world)
    assert teaching.train() is None
    assert fit["calls"] == 1
    with world.transaction():
        TopicExample.objects.create(topic=topics["退货"], text="the lid wobbles")
    assert training(world).due_at > timezone.now()
    later(world)
    assert teaching.train() == Outcome.TRAINED
    assert fit["calls"] == 2


def test_a_correction_is_something_new(
    world: World, topics: dict[str, Topic], fit: dict[str, Any]
) -> None:
    pk = world.message("the lid wobbles").conversation_id
    teaching.train()
    later(world)
    assert teaching.train() is None
    lifecycle.set_topic(world.access("carol"), pk, topics["退货"].pk)
    later(world)
    assert teaching.train() == Outcome.TRAINED


def test_a_few_resolved_conversations_are_nothing_new_and_many_are(
    world: World, topics: dict[str, Topic]
) -> None:
    with world.transaction():
        lesson = lessons.gather()
        row = TopicTraining(learned_from=lesson.fingerprint, newest_learned_id=10)
    few = lessons.Lesson([], [], {}, lesson.fingerprint, range(1, 20))
    many = lessons.Lesson([], [], {}, lesson.fingerprint, range(1, 31))
    assert not teaching._is_news(few, row)
    assert teaching._is_news(many, row)


def test_it_is_not_begun_again_within_an_hour_unless_asked(
    world: World, topics: dict[str, Topic], fit: dict[str, Any]
) -> None:
    teaching.train()
    with world.transaction():
        TopicExample.objects.create(topic=topics["退货"], text="the lid wobbles")
    assert not teaching.is_due(timezone.now())
    assert teaching.train() is None
    versions.ask(world.access("alice"))
    assert teaching.is_due(timezone.now())
    assert teaching.train() == Outcome.TRAINED
    assert training(world).asked_at is None
    assert not teaching.is_due(timezone.now())


def test_a_wish_that_comes_during_a_training_is_granted_after_it(
    world: World, fit: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    gather = lessons.gather

    def interrupted() -> lessons.Lesson:
        versions.ask(world.access("alice"))
        assert not teaching.is_due(timezone.now())
        return gather()

    monkeypatch.setattr(lessons, "gather", interrupted)
    assert teaching.train() == Outcome.TRAINED
    assert teaching.is_due(timezone.now())


def test_one_process_at_a_time_trains_until_its_lease_is_over(
    world: World, fit: dict[str, Any]
) -> None:
    now = timezone.now()
    assert teaching.is_due(now)
    with world.transaction():
        TopicTraining.objects.update(due_at=now, busy_until=now + timedelta(minutes=5))
    assert not teaching.is_due(now)
    assert teaching.train() is None
    with world.transaction():
        TopicTraining.objects.update(busy_until=now - timedelta(seconds=1))
    assert teaching.is_due(now)
    assert teaching.train() == Outcome.TRAINED


@pytest.mark.parametrize(
    ("error", "outcome", "due_in"),
    [
        (apart.TooSlow(), Outcome.TOO_SLOW, timedelta(days=1)),
        (apart.Failed("ValueError"), Outcome.FAILED, timedelta(hours=1)),
        (OSError("no process"), Outcome.FAILED, timedelta(hours=1)),
    ],
)
def test_a_training_that_fails_leaves_what_serves_alone(
    world: World,
    topics: dict[str, Topic],
    fit: dict[str, Any],
    store: Store,
    error: Exception,
    outcome: str,
    due_in: timedelta,
) -> None:
    store(1, taught(topics))
    fit["content"] = error
    assert teaching.train() == outcome
    assert {number: row.state for number, row in rows(world).items()} == {1: "in_use"}
    after = training(world)
    assert (after.outcome, after.busy_until) == (outcome, None)
    assert abs(after.due_at - timezone.now() - due_in) < timedelta(minutes=1)


def test_a_worse_candidate_is_rejected(
    world: World, topics: dict[str, Topic], fit: dict[str, Any], store: Store
) -> None:
    store(1, taught(topics))
    fit["content"] = to_bytes(taught(topics, swapped=True))
    assert teaching.train() == Outcome.TRAINED
    found = rows(world)
    assert {number: row.state for number, row in found.items()} == {1: "in_use", 2: "rejected"}
    assert found[2].reason == "worse"
    assert found[2].figures["losses"] > found[2].figures["gains"]


def test_a_better_candidate_takes_over(
    world: World, topics: dict[str, Topic], fit: dict[str, Any], store: Store
) -> None:
    store(1, taught(topics, swapped=True))
    teaching.train()
    found = rows(world)
    assert {number: row.state for number, row in found.items()} == {1: "retired", 2: "in_use"}
    assert found[2].figures["gains"] > found[2].figures["losses"]
    assert found[2].figures["accuracy"] > found[2].figures["accuracy_before"]


def test_a_candidate_waits_while_an_older_version_was_chosen(
    world: World, topics: dict[str, Topic], fit: dict[str, Any], store: Store
) -> None:
    first, second = store(1, taught(topics), "retired"), store(2, taught(topics))
    versions.use(world.access("alice"), first.pk)
    teaching.train()
    assert {number: row.state for number, row in rows(world).items()} == {
        1: "in_use",
        2: "retired",
        3: "candidate",
    }
    versions.use(world.access("alice"), rows(world)[3].pk)
    later(world, learned_from="")
    teaching.train()
    assert rows(world)[4].state == "in_use"
    assert second.pk != first.pk


def test_the_newest_versions_are_kept_and_the_one_in_use(
    world: World, topics: dict[str, Topic], fit: dict[str, Any], store: Store
) -> None:
    store(1, fit["content"])
    for number in range(2, 12):
        store(number, b"", "rejected", reason="worse")
    fit["content"] = to_bytes(taught(topics, swapped=True))
    teaching.train()
    assert sorted(rows(world)) == [1, *range(3, 13)]


def test_a_process_that_takes_too_long_is_ended() -> None:
    with pytest.raises(apart.TooSlow):
        apart.fit_apart([Example("how do I return it", "a")] * 4, {}, seconds=0)


def test_the_time_of_the_processor_is_limited_even_if_nobody_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = subprocess.run

    def patient(command: list[str], **options: Any) -> Any:
        return run(command, **{**options, "timeout": 60})

    monkeypatch.setattr(subprocess, "run", patient)
    examples = [
        Example(f"question {number} about {number % 997} and {number % 89}", str(number % 50))
        for number in range(12_000)
    ]
    with pytest.raises(apart.TooSlow):
        apart.fit_apart(examples, {}, seconds=1)


def test_what_went_wrong_is_named_and_no_text_is_quoted() -> None:
    with pytest.raises(apart.Failed, match=r"^NotEnough$"):
        apart.fit_apart([Example("a secret", "one")], {}, seconds=60)


def test_the_sweep_asks_a_worker_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, ...]] = []
    monkeypatch.setattr(
        tasks.train_topics, "apply_async", lambda arguments, **_options: asked.append(arguments)
    )
    sweep = sweeps.get("trainings")
    assert world.organization.pk in due_organizations(sweep.queue)
    assert [sweep.run(timezone.now()), sweep.run(timezone.now())] == [1, 0]
    assert asked == [(world.organization.pk,)]
    assert world.organization.pk not in due_organizations(sweep.queue)
    with world.transaction():
        TopicTraining.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert world.organization.pk in due_organizations(sweep.queue)


def test_without_a_broker_it_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> None:
        raise OperationalError

    monkeypatch.setattr(tasks.train_topics, "apply_async", refuse)
    assert tasks.start_due(timezone.now()) == 0
    assert timezone.now() < training(world).due_at <= timezone.now() + teaching.BEGIN_WITHIN


def test_the_task_trains_the_organization_it_is_told(
    world: World, other_world: World, fit: dict[str, Any]
) -> None:
    assert isinstance(tasks.train_topics, BoundedTask)
    tasks.train_topics(other_world.organization.pk)
    with organization_scope(other_world.organization.pk):
        assert training(other_world).outcome == "too_few"
    with world.transaction():
        assert not TopicTraining.objects.exists()


def test_a_training_asks_little(
    world: World,
    topics: dict[str, Topic],
    fit: dict[str, Any],
    django_assert_max_num_queries: Any,
) -> None:
    with django_assert_max_num_queries(70):
        teaching.train()
