"""Which version serves: loaded once, changed by administrators, replaced when it cannot be loaded."""

from datetime import timedelta
from unittest.mock import Mock

import pytest
from django.utils import timezone

from helpdesk.errors import NotFound, WrongState
from helpdesk.models import AuditEntry, Topic
from helpdesk.reports import administration
from routing import engine, kept_models, versions
from routing.facts import facts
from routing.models import TopicModel, TopicTraining
from tests.factories import World
from tests.routing.teaching.conftest import Store
from tests.routing.teaching.shop import taught

QUESTION = "where is the parcel with the toaster"


def told(world: World, visitor: str) -> str | None:
    """Return the topic that a router tells of a new message."""
    pk = world.message(QUESTION, visitor=visitor).conversation_id
    engine.route(world.organization.pk)
    with world.transaction():
        row = Topic.objects.filter(conversations=pk).first()
    return row.name if row else None


def states(world: World) -> dict[int, tuple[str, str]]:
    with world.transaction():
        return {row.number: (row.state, row.reason) for row in TopicModel.objects.all()}


@pytest.fixture
def bare(world: World) -> dict[str, Topic]:
    """Topics that nothing but a model could tell."""
    return {name: world.topic(name, world.support) for name in ("退货", "发票", "物流")}


def test_the_model_in_use_judges_and_a_change_is_followed_at_the_next_look(
    world: World, bare: dict[str, Topic], store: Store
) -> None:
    assert told(world, "one") is None
    wrong = store(1, taught(bare, swapped=True))
    assert told(world, "two") == "退货"
    right = store(2, taught(bare), "candidate")
    assert told(world, "three") == "退货"
    versions.use(world.access("alice"), right.pk)
    assert told(world, "four") == "物流"
    versions.use(world.access("alice"), wrong.pk)
    assert told(world, "five") == "退货"


def test_a_version_is_loaded_once(
    world: World, bare: dict[str, Topic], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(1, taught(bare))
    loading = Mock(wraps=kept_models.load)
    monkeypatch.setattr(kept_models, "load", loading)
    for number in range(3):
        with world.transaction():
            Topic.objects.update(order=number + 1)
            assert facts().index.model is not None
    assert loading.call_count == 1


def test_who_knows_the_facts_and_judges_nothing_loads_no_model(
    world: World, bare: dict[str, Topic], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(1, taught(bare))
    monkeypatch.setattr(kept_models, "load", Mock(side_effect=AssertionError))
    with world.transaction():
        assert len(facts().sources) == 3


def test_the_version_before_it_serves_when_one_cannot_be_loaded(
    world: World, bare: dict[str, Topic], store: Store
) -> None:
    store(1, taught(bare, swapped=True), "retired")
    store(2, taught(bare), "retired")
    store(3, b"broken", "retired")
    store(4, b"PK broken")
    with world.transaction():
        TopicTraining.objects.create(due_at=timezone.now() + timedelta(hours=1), is_held=True)
    assert told(world, "one") == "物流"
    assert states(world) == {
        1: ("retired", ""),
        2: ("in_use", ""),
        3: ("rejected", "unreadable"),
        4: ("rejected", "unreadable"),
    }
    with world.transaction():
        assert "no model" in TopicModel.objects.get(number=4).details
        training = TopicTraining.objects.get()
        assert training.due_at <= timezone.now()
        assert training.asked_at is not None
        assert not training.is_held
        kept = AuditEntry.objects.filter(action__startswith="topicmodel.").order_by("pk")
        assert [(one.action, one.data["number"]) for one in kept] == [
            ("topicmodel.rejected", 4),
            ("topicmodel.rejected", 3),
            ("topicmodel.used", 2),
        ]
    assert told(world, "two") == "物流"


def test_keywords_and_examples_work_alone_when_no_version_can_be_loaded(
    world: World, bare: dict[str, Topic], store: Store
) -> None:
    store(1, b"broken")
    assert told(world, "one") is None
    assert states(world) == {1: ("rejected", "unreadable")}
    with world.transaction():
        Topic.objects.filter(name="物流").update(keywords=["toaster"])
    assert told(world, "two") == "物流"


def test_administrators_are_told_until_a_newer_version_serves(
    world: World, bare: dict[str, Topic], store: Store
) -> None:
    def notices(name: str) -> list[str]:
        access = world.access(name)
        with world.transaction():
            return [one.title for one in administration.notices(access)]

    store(1, taught(bare), "retired")
    store(2, b"broken")
    assert notices("alice") == []
    told(world, "one")
    [notice] = notices("alice")
    assert "2" in notice
    assert notices("bob") == []
    newer = store(3, taught(bare), "candidate")
    assert len(notices("alice")) == 1
    versions.use(world.access("alice"), newer.pk)
    assert notices("alice") == []


def test_only_administrators_choose_and_ask(
    world: World, other_world: World, bare: dict[str, Topic], store: Store
) -> None:
    row = store(1, taught(bare), "candidate")
    for name in ("bob", "carol", "frank"):
        with pytest.raises(NotFound):
            versions.use(world.access(name), row.pk)
        with pytest.raises(NotFound):
            versions.ask(world.access(name))
    assert states(world) == {1: ("candidate", "")}
    versions.use(world.access("alice"), row.pk)
    assert states(world) == {1: ("in_use", "")}
    versions.ask(world.access("alice"))
    with world.transaction():
        actions = list(AuditEntry.objects.order_by("-pk").values_list("action", "staff_id")[:2])
    alice = world.alice.pk
    assert actions == [("topictraining.asked", alice), ("topicmodel.used", alice)]


def test_what_cannot_be_loaded_is_not_chosen(world: World, store: Store) -> None:
    broken = store(1, b"", "rejected", reason="unreadable")
    with pytest.raises(WrongState):
        versions.use(world.access("alice"), broken.pk)
    with pytest.raises(NotFound):
        versions.use(world.access("alice"), broken.pk + 1)


def test_one_rejected_as_worse_may_be_chosen_all_the_same(
    world: World, bare: dict[str, Topic], store: Store
) -> None:
    store(1, taught(bare))
    worse = store(2, taught(bare), "rejected", reason="worse")
    versions.use(world.access("alice"), worse.pk)
    assert states(world) == {1: ("retired", ""), 2: ("in_use", "")}
