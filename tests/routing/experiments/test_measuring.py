"""What opened after the wash-out counts for the arm of its slice, watched equally long in both."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from helpdesk.models import Assignment, Conversation, Entry, Rating
from routing.experiments import measuring
from routing.models import Decision, Experiment, Offer, Policy, Slice
from tests.factories import World
from tests.routing.conftest import route
from tests.routing.experiments.conftest import HOUR, Opened

_visitors = count(1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def experiment(world: World, opened: Opened) -> Experiment:
    """Two slices of an hour each, the first ten minutes washed out, watched for two hours; all over."""
    begins = timezone.now().replace(microsecond=0) - 10 * HOUR
    found = opened(begins=begins)
    with world.transaction():
        for number in (0, 1):
            Slice.objects.create(
                experiment=found,
                number=number,
                is_draft=found.plan.is_draft(number),
                switched_at=found.plan.begins(number),
            )
    return found


def came(world: World, at: datetime, text: str = "怎么退货", **facts: Any) -> Conversation:
    """Have had a conversation open at a moment, with what became of it after so long."""
    received = world.message(text, f"counted-{next(_visitors)}")
    route(world)
    with world.transaction():
        rows = Conversation.objects.filter(pk=received.conversation_id)
        replied = facts.get("replied")
        rows.update(
            opened_at=at,
            urgency=facts.get("urgency", 20),
            first_replied_at=at + replied if replied else None,
        )
        conversation: Conversation = rows.get()
        for kind in ("resolved", "reopened", "transferred"):
            if kind in facts:
                conversation.last_number += 1
                conversation.save(update_fields=["last_number"])
                Entry.objects.create(
                    conversation=conversation,
                    number=conversation.last_number,
                    kind=kind,
                    at=at + facts[kind],
                )
        if "stars" in facts:
            Rating.objects.create(
                conversation=conversation, episode=1, score=facts["stars"], at=at + HOUR
            )
        for state in facts.get("offers", ()):
            Offer.objects.create(
                conversation=conversation,
                staff=world.carol,
                decision=Decision.objects.filter(conversation=conversation)[0],
                state=state,
                reason="topic" if state == "declined" else "",
                made_at=at,
                due_at=at,
                answered_at=at,
            )
        Assignment.objects.filter(conversation=conversation).update(starts_at=at)
    return conversation


def counted(world: World, experiment: Experiment) -> dict[int, dict[str, Any]]:
    measuring.measure_due(experiment, timezone.now())
    with world.transaction():
        return dict(
            Slice.objects.filter(measured_at__isnull=False).values_list("number", "figures")
        )


def test_each_measure_is_counted_from_what_opened_in_the_slice(
    world: World, experiment: Experiment
) -> None:
    begins = experiment.plan.begins
    first, second = begins(0) + 20 * MINUTE, begins(1) + 20 * MINUTE
    came(world, first, replied=MINUTE / 2, resolved=30 * MINUTE, stars=5, urgency=90)
    came(world, first, replied=3 * MINUTE, resolved=30 * MINUTE, reopened=HOUR, stars=2)
    came(world, first, replied=50 * MINUTE, transferred=HOUR, urgency=80)
    came(world, second, offers=["accepted", "declined", "expired", "withdrawn"])
    found = counted(world, experiment)
    third = pytest.approx(1 / 3)
    assert found[0]["resolution"] == [third, 3]
    assert found[0]["first_reply"] == [180, 3]
    # Sixty seconds where it is urgent, half an hour where it is not.
    assert found[0]["in_target"] == [pytest.approx(2 / 3), 3]
    assert found[0]["urgent_in_target"] == [0.5, 2]
    assert found[0]["rating"] == [3.5, 2]
    assert found[0]["transfers"] == [third, 3]
    assert "offers_refused" not in found[0]
    assert found[1]["offers_refused"] == [pytest.approx(2 / 3), 3]
    # Never answered: all the time that it was watched.
    assert found[1]["first_reply"] == [7200, 1]
    assert found[1]["in_target"] == [0, 1]
    assert found[1]["resolution"] == [0, 1]
    assert "rating" not in found[1]


@pytest.mark.parametrize(
    ("minutes", "slices"),
    [(-1, []), (9, []), (10, [0]), (59, [0]), (60, []), (69, []), (70, [1]), (119, [1]), (120, [])],
)
def test_the_wash_out_belongs_to_nobody(
    world: World, experiment: Experiment, minutes: int, slices: list[int]
) -> None:
    came(world, experiment.plan.starts_at + minutes * MINUTE)
    found = counted(world, experiment)
    assert [number for number in found if "resolution" in found[number]] == slices


def test_what_happens_after_its_time_counts_in_neither_arm(
    world: World, experiment: Experiment
) -> None:
    at = experiment.plan.begins(0) + 20 * MINUTE
    late = 2 * HOUR + MINUTE
    came(world, at, replied=late, resolved=late)
    came(world, at, replied=MINUTE, resolved=HOUR, reopened=late, transferred=late)
    found = counted(world, experiment)[0]
    assert found["resolution"] == [0.5, 2]
    assert found["transfers"] == [0, 2]
    assert found["first_reply"] == [(60 + 7200) / 2, 2]


def test_a_slice_is_counted_once_and_not_before_all_of_it_was_watched(
    world: World, experiment: Experiment
) -> None:
    came(world, experiment.plan.begins(0) + 59 * MINUTE)
    over = experiment.plan.begins(1) + 2 * HOUR
    assert measuring.measure_due(experiment, over - MINUTE) == 0
    assert measuring.measure_due(experiment, over) == 1
    assert measuring.measure_due(experiment, over) == 0


def test_who_was_first_routed_elsewhere_is_not_counted(
    world: World, experiment: Experiment
) -> None:
    with world.transaction():
        Policy.objects.create(department=world.sales)
    at = experiment.plan.begins(0) + 20 * MINUTE
    came(world, at, "支持 Matter 吗")
    ours = came(world, at)
    with world.transaction():
        # Handed over to sales later: it was routed by the experiment all the same.
        Conversation.objects.filter(pk=ours.pk).update(department=world.sales)
        again: Decision = Decision.objects.filter(conversation=ours)[0]
        again.pk, again.data = None, {"need": {"department": world.sales.pk}}
        again.save()
    assert counted(world, experiment)[0]["resolution"] == [0, 1]


def test_targets_are_those_of_the_policy_in_use_whatever_the_draft_says(
    world: World, experiment: Experiment
) -> None:
    with world.transaction():
        Policy.objects.create(urgent_seconds=300, calm_seconds=600, calm_chat_seconds=600)
        experiment.draft = {"urgent_seconds": 10, "calm_seconds": 60}
        experiment.save()
    came(world, experiment.plan.begins(0) + 20 * MINUTE, replied=4 * MINUTE, urgency=90)
    assert counted(world, experiment)[0]["urgent_in_target"] == [1, 1]


def test_load_is_uneven_when_somebody_is_passed_over(world: World, experiment: Experiment) -> None:
    first, second = experiment.plan.begins(0), experiment.plan.begins(1)
    for at, name in ((first, "dave"), (second, "carol"), (second, "carol")):
        one = came(world, at + 20 * MINUTE)
        with world.transaction():
            Assignment.objects.filter(conversation=one).update(staff=world.people[name])
    # Counted one after the other, as they become due: dave is still known to have been there.
    assert measuring.measure_due(experiment, second + 2 * HOUR) == 1
    found = counted(world, experiment)
    assert found[0]["load_variation"] == [0, 1]
    assert found[1]["load_variation"] == [pytest.approx(1.0), 2]


def test_counting_asks_once_for_each_measure_however_many_came(
    world: World, experiment: Experiment
) -> None:
    for minutes in range(12, 24):
        came(world, experiment.plan.begins(0) + minutes * MINUTE)
    with CaptureQueriesContext(connection) as asked:
        measuring.measure_due(experiment, timezone.now())
    queries = [each["sql"] for each in asked if "opened AS" in each["sql"]]
    assert len(queries) == len(measuring.QUERIES) == 8
    assert len(asked) < 24


def test_another_organizations_conversations_are_not_counted(
    world: World, other_world: World, experiment: Experiment
) -> None:
    with other_world.transaction():
        other_world.message("怎么退货", "theirs")
        Conversation.objects.update(opened_at=experiment.plan.begins(0) + 20 * MINUTE)
    assert "resolution" not in counted(world, experiment)[0]
