"""Each night what skills came to is reckoned from what really happened, and counts from the next look on."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from kombu.exceptions import OperationalError

from helpdesk.celery import BoundedTask
from helpdesk.models import Assignment, Conversation, Exam, Organization, Skill, StaffSkill, Topic
from helpdesk.registries import sweeps
from helpdesk.services import assignment, lifecycle, ratings
from helpdesk.tenancy import due_organizations, organization_scope
from routing import evidence, objecting, recording, tasks
from routing.facts import facts
from routing.models import SkillEvidence, SkillReckoning
from routing.people import people
from tests.factories import World, make_world
from tests.routing.conftest import decisions, left_out, route
from tests.routing.test_explain import client

Ending = Assignment.Ending


@pytest.fixture
def skill(world: World) -> Iterator[Skill]:
    """Carol and dave are both said to be at level 3 of what returns need."""
    made = world.skill("退货", carol=3, dave=3)
    with world.transaction():
        Topic.objects.filter(name="退货").update(skill=made)
    with organization_scope(world.organization.pk):
        yield made


def returns(world: World, visitor: str = "past") -> int:
    """Return a conversation about returns."""
    pk = world.message("怎么退货", visitor).conversation_id
    with world.transaction():
        Conversation.objects.filter(pk=pk).update(topic=Topic.objects.get(name="退货"))
    return pk


def held(
    world: World, name: str, ending: str = Ending.RESOLVED, times: int = 1, *, days_ago: float = 1
) -> None:
    """Have somebody hold something about returns so many times, each with this ending."""
    at = timezone.now() - timedelta(days=days_ago)
    with world.transaction():
        past = Conversation.objects.filter(state="closed").first()
    pk = past.pk if past else returns(world)
    with world.transaction():
        Conversation.objects.filter(pk=pk).update(queue=None, state="closed")
        Assignment.objects.bulk_create(
            Assignment(
                conversation_id=pk,
                staff=world.people[name],
                mode="automatic",
                starts_at=at - timedelta(minutes=9),
                ended_at=at,
                ending=ending,
            )
            for _ in range(times)
        )


def differing(world: World, times: int = 6) -> None:
    """Have carol resolve all of hers, and dave put all of his back."""
    held(world, "carol", times=times)
    held(world, "dave", Ending.RETURNED, times)


def found(world: World) -> dict[str, SkillEvidence]:
    names = {staff.pk: name for name, staff in world.people.items()}
    with world.transaction():
        return {names[row.staff_id]: row for row in SkillEvidence.objects.all()}


def renewed(world: World) -> dict[str, SkillEvidence]:
    """Reckon anew, as if it had not been done tonight."""
    with world.transaction():
        SkillReckoning.objects.update(reckoned_at=None)
    evidence.renew()
    return found(world)


def test_resolving_raises_and_passing_on_lowers_what_a_level_counts_as(
    world: World, skill: Skill
) -> None:
    differing(world)
    assert evidence.renew() == 2
    rows = found(world)
    assert rows["carol"].change > 0.5
    assert rows["dave"].change == -rows["carol"].change
    assert (rows["carol"].conversations, rows["carol"].resolved) == (6, 1.0)
    assert (rows["carol"].level, rows["carol"].expected) == (3, 0.5)


@pytest.mark.parametrize(
    ("ending", "says"),
    [
        *((one, True) for one in (Ending.TRANSFERRED, Ending.RETURNED, Ending.UNANSWERED)),
        *((one, False) for one in (Ending.VANISHED, Ending.UNDONE, Ending.REVOKED)),
        *((one, False) for one in (Ending.REASSIGNED, Ending.OBJECTED)),
    ],
)
def test_only_what_somebody_passes_on_is_held_against_them(
    world: World, skill: Skill, ending: str, says: bool
) -> None:
    held(world, "carol", times=4)
    held(world, "dave", times=4)
    held(world, "dave", ending, 4)
    assert (renewed(world)["dave"].change < 0) is says


@pytest.mark.parametrize(("reason", "says"), [("skill", True), ("conflict", False)])
def test_who_says_they_cannot_answer_is_believed(
    world: World, skill: Skill, reason: str, says: bool
) -> None:
    held(world, "carol")
    pk = returns(world, "objected")
    assignment.take(world.access("dave"), pk)
    objecting.object_to(world.access("dave"), pk, reason)
    assert ("dave" in renewed(world)) is says


def test_a_customer_who_comes_back_was_not_helped(world: World, skill: Skill) -> None:
    pk = returns(world, "visitor-1")
    assignment.take(world.access("carol"), pk)
    lifecycle.resolve(world.access("carol"), pk)
    assert renewed(world)["carol"].resolved == 1
    world.message("还是不行")
    assert world.conversation(pk).episode == 2
    assert renewed(world)["carol"].resolved == 0
    with world.transaction():
        Assignment.objects.filter(conversation=pk, episode=1).update(
            starts_at=timezone.now() - timedelta(days=5),
            ended_at=timezone.now() - timedelta(days=4),
        )
    assert renewed(world)["carol"].resolved == 1


def test_stars_count_for_whoever_had_it_last(world: World, skill: Skill) -> None:
    for stars, name in ((5, "carol"), (2, "dave")):
        pk = returns(world, f"rated-{name}")
        assignment.take(world.access("bob"), pk)
        assignment.assign(world.access("bob"), pk, world.people[name].pk)
        lifecycle.resolve(world.access(name), pk)
        ratings.rate(pk, score=stars)
    rows = renewed(world)
    assert (rows["carol"].stars, rows["dave"].stars) == (5, 2)
    assert rows["carol"].change > 0 > rows["dave"].change
    assert "bob" not in rows


def test_the_newest_exam_counts_as_some_conversations(world: World, skill: Skill) -> None:
    today = timezone.now().date()
    with world.transaction():
        for name, days, score in (("carol", 40, 20), ("carol", 3, 95), ("dave", 3, 65)):
            Exam.objects.create(
                staff=world.people[name],
                skill=skill,
                taken_on=today - timedelta(days=days),
                score_percent=score,
            )
    rows = renewed(world)
    assert (rows["carol"].exam_percent, rows["carol"].resolved) == (95, None)
    assert rows["carol"].change == -rows["dave"].change
    assert 0.3 < rows["carol"].change < 0.4


def test_evidence_fades_by_half_in_ninety_days_and_ends_after_a_year(
    world: World, skill: Skill
) -> None:
    now = timezone.now()
    held(world, "carol", times=20, days_ago=0)
    held(world, "dave", times=16, days_ago=0)
    held(world, "dave", Ending.RETURNED, 4, days_ago=0)
    fresh = renewed(world)["carol"].change
    with time_machine.travel(now + timedelta(days=90), tick=False):
        faded = renewed(world)["carol"].change
    with time_machine.travel(now + timedelta(days=361), tick=False):
        assert renewed(world) == {}
    # 20 conversations count half beside those that come before, 10 a third.
    assert faded == pytest.approx(fresh * (1 / 3) / (1 / 2), abs=0.01)


def test_what_was_not_confirmed_is_forgotten(world: World, skill: Skill) -> None:
    differing(world)
    assert set(renewed(world)) == {"carol", "dave"}
    with world.transaction():
        StaffSkill.objects.filter(staff=world.dave).delete()
    assert set(renewed(world)) == {"carol"}


def test_organizations_know_nothing_of_each_other(world: World, skill: Skill) -> None:
    differing(world)
    other = make_world("other")
    before = renewed(world)["carol"].change
    theirs = other.skill("退货", carol=3, dave=3)
    with organization_scope(other.organization.pk):
        other.topic("退货", other.support, skill=theirs)
        differing(other, 3)
        held(other, "carol", Ending.RETURNED, 9)
        rows = renewed(other)
        assert rows["carol"].conversations == 12
    after = renewed(world)
    assert (after["carol"].change, after["carol"].conversations) == (before, 6)


def person(world: World, name: str) -> Any:
    with world.transaction():
        everybody = people(facts(), timezone.now())
    return next(one for one in everybody if one.id == world.people[name].pk)


def test_it_counts_from_the_next_look_on(world: World, skill: Skill) -> None:
    assert person(world, "carol").evidence == {}
    differing(world)
    evidence.renew()
    carol = person(world, "carol")
    assert carol.skills == {skill.pk: 3}
    assert 3.5 < carol.level(skill.pk) < 4


def test_a_level_that_is_stated_anew_counts_alone_until_the_next_night(
    world: World, skill: Skill
) -> None:
    differing(world)
    evidence.renew()
    with world.transaction():
        StaffSkill.objects.filter(staff=world.carol).update(level=2)
    assert person(world, "carol").level(skill.pk) == 2
    assert person(world, "dave").level(skill.pk) < 3
    renewed(world)
    assert person(world, "carol").level(skill.pk) > 2


def test_whoever_resolves_more_is_preferred_and_the_decision_says_why(
    world: World, skill: Skill
) -> None:
    differing(world, 12)
    evidence.renew()
    pk = world.message("怎么退货", "v-new").conversation_id
    route(world)
    [decision] = decisions(world, pk)
    ranked = {row["staff"]: row for row in recording.rows_of(decision.data["ranked"])}
    kept = ranked[world.carol.pk]["evidence"][str(skill.pk)]
    assert decision.staff_id == world.carol.pk
    assert kept[:3] == [found(world)["carol"].change, 12, 1.0]
    assert ranked[world.carol.pk]["skills"] == {str(skill.pk): 3}
    assert ranked[world.carol.pk]["points"][0] > ranked[world.dave.pk]["points"][0]
    assert recording.is_reproduced(decision)


@pytest.mark.parametrize("change", ["less", "gone"])
def test_a_decision_whose_evidence_was_tampered_with_is_found(
    world: World, skill: Skill, change: str
) -> None:
    differing(world, 12)
    evidence.renew()
    pk = world.message("怎么退货", "v-new").conversation_id
    route(world)
    [decision] = decisions(world, pk)
    ranked = decision.data["ranked"]
    first = recording.read(decision).ranked[0].person
    if change == "less":
        ranked["evidence"][str(first.id)][str(skill.pk)][0] = -1.0
    else:
        del ranked["evidence"][str(first.id)]
    assert not recording.is_reproduced(decision)


def test_a_decision_from_before_there_was_evidence_comes_out_the_same(
    world: World, skill: Skill
) -> None:
    pk = world.message("怎么退货", "v-new").conversation_id
    route(world)
    differing(world)
    evidence.renew()
    [decision] = decisions(world, pk)
    assert "evidence" not in decision.data["ranked"]
    assert recording.is_reproduced(decision)


def test_evidence_never_says_who_may(world: World, skill: Skill) -> None:
    with world.transaction():
        Topic.objects.filter(name="退货").update(minimum_level=3)
    differing(world, 30)
    evidence.renew()
    assert person(world, "dave").level(skill.pk) < 2.5
    pk = world.message("怎么退货", "v-new").conversation_id
    route(world)
    [decision] = decisions(world, pk)
    assert world.dave.pk in {one.person.id for one in recording.read(decision).ranked}
    with world.transaction():
        Topic.objects.filter(name="退货").update(minimum_level=4)
    pk = world.message("怎么退货", "v-newer").conversation_id
    route(world)
    [decision] = decisions(world, pk)
    assert left_out(decision, "skill") == sorted([world.carol.pk, world.dave.pk])


def test_administrators_see_it_beside_the_level(world: World, skill: Skill) -> None:
    differing(world)
    evidence.renew()
    browser = client(world, "alice")
    page = browser.get(f"/admin/helpdesk/staff/{world.carol.pk}/change/").content.decode()
    assert "6 conversations, 100 % resolved (expected: 50 %)" in page
    assert "3.9: " in page
    assert "lately 3.9" not in page
    with world.transaction():
        StaffSkill.objects.filter(staff=world.carol, skill=skill).update(level=2)
    page = browser.get(f"/admin/helpdesk/staff/{world.carol.pk}/change/").content.decode()
    assert "6 conversations" not in page


def test_the_sweep_asks_a_worker_once_a_night(
    world: World, skill: Skill, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, ...]] = []
    monkeypatch.setattr(
        tasks.reckon_skills, "apply_async", lambda arguments, **_options: asked.append(arguments)
    )
    sweep = sweeps.get("evidence")
    assert world.organization.pk in due_organizations(sweep.queue)
    assert [sweep.run(timezone.now()), sweep.run(timezone.now())] == [1, 0]
    assert asked == [(world.organization.pk,)]
    assert world.organization.pk not in due_organizations(sweep.queue)
    # The task was lost.
    assert sweep.run(timezone.now() + evidence.END_WITHIN) == 1
    assert evidence.renew() == 0
    assert evidence.renew() is None
    assert sweep.run(timezone.now() + evidence.END_WITHIN) == 0


def test_without_a_broker_it_is_tried_again(
    world: World, skill: Skill, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> None:
        raise OperationalError

    monkeypatch.setattr(tasks.reckon_skills, "apply_async", refuse)
    assert tasks.start_reckoning(timezone.now()) == 0
    with world.transaction():
        due_at = SkillReckoning.objects.get().due_at
    assert timezone.now() < due_at <= timezone.now() + evidence.END_WITHIN


def test_the_task_reckons_the_organization_it_is_told(world: World, skill: Skill) -> None:
    differing(world)
    other = make_world("other")
    assert isinstance(tasks.reckon_skills, BoundedTask)
    tasks.reckon_skills(other.organization.pk)
    assert found(world) == {}
    tasks.reckon_skills(world.organization.pk)
    assert set(found(world)) == {"carol", "dave"}


@pytest.mark.parametrize(
    ("zone", "now", "hour"),
    [
        ("Asia/Shanghai", datetime(2026, 3, 12, 4, 0, tzinfo=UTC), 2),
        ("Asia/Shanghai", datetime(2026, 3, 12, 18, 30, tzinfo=UTC), 2),
        ("America/New_York", datetime(2026, 3, 8, 6, 0, tzinfo=UTC), 2),
    ],
)
def test_it_is_night_where_the_organization_is(
    world: World, skill: Skill, zone: str, now: datetime, hour: int
) -> None:
    with world.transaction():
        Organization.objects.filter(pk=world.organization.pk).update(timezone=zone)
        night = evidence.next_night(now)
    local = night.astimezone(evidence.ZoneInfo(zone))
    assert hour <= local.hour < hour + 2
    assert evidence.LEAST_APART <= night - now < timedelta(hours=36)


def test_a_night_asks_little(
    world: World, skill: Skill, django_assert_max_num_queries: Any
) -> None:
    differing(world)
    with django_assert_max_num_queries(20):
        evidence.renew()
