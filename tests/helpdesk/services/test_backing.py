"""A colleague stands behind whoever is learning with a conversation, for as long as they hold it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from helpdesk import events
from helpdesk.errors import HelpdeskError, NobodyBehind
from helpdesk.models import Assignment, AuditEntry, Conversation, Entry, Mention, Presence, Skill
from helpdesk.registries import sweeps
from helpdesk.reports.learners import learners
from helpdesk.services import assignment, backing, grants, lifecycle, mentions, replying
from helpdesk.services.holding import Gift, assign_waiting
from helpdesk.services.practices import Practice
from helpdesk.tenancy import due_organizations
from tests.factories import World


@pytest.fixture
def ref(world: World) -> int:
    """A conversation that waits, with two there who may answer it."""
    world.online("bob", "carol", "dave", "erin")
    return world.message().conversation_id


def give(world: World, ref: int, *behind: str) -> HelpdeskError | None:
    """Have the engine give it to Dave, who learns, with one of these behind."""
    skill = world.skill("退款", dave=1)
    practice = Practice(skill.pk, tuple(world.people[name].pk for name in behind))
    with world.transaction():
        conversation = Conversation.objects.select_for_update().get(pk=ref)
        gift = Gift(conversation, world.dave.pk, Assignment.Mode.AUTOMATIC, practice=practice)
        return assign_waiting([gift])[1]


def running(world: World, ref: int) -> list[Mention]:
    with world.transaction():
        rows = Mention.objects.filter(conversation_id=ref, ended_at__isnull=True)
        return list(rows.filter(access_until__gt=timezone.now()).order_by("id"))


def test_the_first_who_is_there_and_may_answer_stands_behind_and_is_told(
    world: World, ref: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[events.StaffMentioned] = []
    monkeypatch.setattr(events, "publish", lambda *those: told.extend(those))
    with world.transaction():
        Presence.objects.filter(staff=world.bob).update(status="away")
    assert give(world, ref, "erin", "bob", "carol") is None
    (mention,) = running(world, ref)
    assert (mention.staff_id, mention.behind_id) == (world.carol.pk, world.dave.pk)
    assert [
        (one.staff_id, one.is_behind) for one in told if isinstance(one, events.StaffMentioned)
    ] == [(world.carol.pk, True)]
    with world.transaction():
        assert AuditEntry.objects.filter(action="conversation.backed").count() == 1
        kinds = Entry.objects.filter(conversation_id=ref).order_by("-number")
        assert list(kinds.values_list("kind", flat=True)[:2]) == ["mentioned", "assigned"]


def test_nobody_learns_with_it_while_nobody_can_stand_behind(world: World, ref: int) -> None:
    assert isinstance(give(world, ref, "erin"), NobodyBehind)
    assert world.conversation(ref).owner is None
    assert running(world, ref) == []


@pytest.mark.parametrize("how", ["put back", "handed over", "resolved"])
def test_it_ends_once_the_learner_holds_it_no_longer(world: World, ref: int, how: str) -> None:
    give(world, ref, "carol")
    assert running(world, ref)
    dave = world.access("dave")
    if how == "put back":
        assignment.put_back(dave, ref)
    elif how == "resolved":
        lifecycle.resolve(dave, ref)
    else:
        assignment.transfer(dave, ref, assignment.Target(staff_id=world.bob.pk))
    assert running(world, ref) == []
    with world.transaction():
        mentions.end_due(timezone.now() + timedelta(seconds=1))
    with world.transaction():
        ended = Entry.objects.filter(conversation_id=ref, kind="mention_ended")
        assert [one.data for one in ended] == [{"staff": [world.carol.pk]}]


def test_who_was_called_in_before_stands_behind_and_stays_when_the_learner_goes(
    world: World, ref: int
) -> None:
    replying.note(world.access("bob"), ref, text="@Carol", mention_ids=[world.carol.pk])
    give(world, ref, "carol")
    (mention,) = running(world, ref)
    assert (mention.by_id, mention.behind_id) == (world.bob.pk, world.dave.pk)
    assignment.put_back(world.access("dave"), ref)
    assert running(world, ref)


def test_asking_whoever_stands_behind_leaves_them_there(world: World, ref: int) -> None:
    give(world, ref, "carol")
    replying.note(
        world.access("dave"),
        ref,
        text="@Carol 这个怎么办?",
        mention_ids=[world.carol.pk],
        access_for=timedelta(days=14),
    )
    (mention,) = running(world, ref)
    assert (mention.behind_id, mention.answered_at) == (world.dave.pk, None)


def returns(world: World, ref: int, how: str, *, sweep: bool = True) -> None:
    """Have Dave's conversation leave him and come back by an undo, after a sweep saw it gone."""
    dave = world.access("dave")
    if how == "resolved":
        lifecycle.resolve(dave, ref)
        lifecycle.undo_resolve(dave, ref)
        return
    made = assignment.transfer(dave, ref, assignment.Target(staff_id=world.bob.pk))
    assert running(world, ref) == []
    if sweep:
        with world.transaction():
            mentions.end_due(timezone.now())
    assignment.undo_transfer(dave, made.pk)


@pytest.mark.parametrize(
    ("how", "sweep"), [("handed over", True), ("handed over", False), ("resolved", True)]
)
def test_whoever_stood_behind_does_so_again_when_leaving_was_undone(
    world: World, ref: int, how: str, sweep: bool
) -> None:
    give(world, ref, "carol")
    returns(world, ref, how, sweep=sweep)
    conversation = world.conversation(ref)
    assert conversation.owner == world.dave
    (mention,) = running(world, ref)
    assert (mention.staff_id, mention.behind_id) == (world.carol.pk, world.dave.pk)
    with world.transaction():
        held = Assignment.objects.get(conversation_id=ref, ended_at__isnull=True)
        last = Entry.objects.filter(conversation_id=ref).latest("number")
        assert (last.kind, last.number) == ("mentioned", conversation.last_number)
        assert AuditEntry.objects.filter(action="conversation.backed").count() == 2
    assert mention.at >= held.starts_at


@pytest.mark.parametrize("how", ["handed over", "resolved"])
def test_nobody_stands_behind_again_whose_access_the_learner_had_ended(
    world: World, ref: int, how: str
) -> None:
    give(world, ref, "carol")
    mentions.end_access(world.access("dave"), running(world, ref)[0].pk)
    returns(world, ref, how)
    assert world.conversation(ref).owner == world.dave
    assert running(world, ref) == []


def test_the_one_who_followed_stands_behind_again(world: World, ref: int) -> None:
    give(world, ref, "carol")
    (first,) = running(world, ref)
    with world.transaction():
        skill = Skill.objects.get(name="退款").pk
        conversation = Conversation.objects.select_for_update().get(pk=ref)
        both = Practice(skill, (world.carol.pk, world.bob.pk))
        assert backing.relieve(first, conversation, both, timezone.now())
        conversation.save()
    returns(world, ref, "resolved")
    assert [one.staff_id for one in running(world, ref)] == [world.bob.pk]


def test_who_was_called_in_before_counts_from_when_they_stand_behind(
    world: World, ref: int
) -> None:
    replying.note(world.access("bob"), ref, text="@Carol", mention_ids=[world.carol.pk])
    give(world, ref, "carol")
    with world.transaction():
        held = Assignment.objects.get(conversation_id=ref, ended_at__isnull=True)
    assert running(world, ref)[0].at >= held.starts_at


def test_nobody_stands_behind_again_who_may_no_longer_answer_it(world: World, ref: int) -> None:
    give(world, ref, "carol")
    dave = world.access("dave")
    lifecycle.resolve(dave, ref)
    with world.transaction():
        grants.deactivate(world.carol)
    lifecycle.undo_resolve(dave, ref)
    assert world.conversation(ref).owner == world.dave
    assert running(world, ref) == []


def test_nobody_stands_behind_again_who_did_not_when_it_was_handed_over(
    world: World, ref: int
) -> None:
    give(world, ref, "carol")
    dave = world.access("dave")
    assignment.put_back(dave, ref)
    assignment.take(dave, ref)
    made = assignment.transfer(dave, ref, assignment.Target(staff_id=world.bob.pk))
    assignment.undo_transfer(dave, made.pk)
    assert world.conversation(ref).owner == world.dave
    assert running(world, ref) == []


def ends_in(world: World, ref: int, days: float) -> None:
    """Have who stands behind have access for so many days from now."""
    with world.transaction():
        rows = Mention.objects.filter(conversation_id=ref, behind=world.dave)
        rows.update(access_until=timezone.now() + timedelta(days=days))


def renewed(world: World) -> int:
    """Run the sweep where it is due."""
    if world.organization.pk not in due_organizations("backing"):
        return 0
    return sweeps.get("backing").run(timezone.now())


def test_the_access_is_renewed_for_as_long_as_the_learner_holds_the_case(
    world: World, ref: int
) -> None:
    give(world, ref, "carol")
    assert renewed(world) == 0
    for _ in range(3):
        ends_in(world, ref, 6)
        assert renewed(world) == 1
        (mention,) = running(world, ref)
        left = mention.access_until - timezone.now()
        assert timedelta(days=13) < left <= mentions.LONGEST_ACCESS
        assert renewed(world) == 0
    with world.transaction():
        assert AuditEntry.objects.filter(action="conversation.backed").count() == 4
    assignment.put_back(world.access("dave"), ref)
    assert running(world, ref) == []
    assert renewed(world) == 0


@pytest.mark.parametrize("how", ["over", "put back and taken", "may not answer", "followed"])
def test_an_access_is_not_renewed_of_who_does_not_stand_behind(
    world: World, ref: int, how: str
) -> None:
    replying.note(world.access("bob"), ref, text="@Carol", mention_ids=[world.carol.pk])
    give(world, ref, "carol")
    dave = world.access("dave")
    ends_in(world, ref, 6)
    with world.transaction():
        if how == "over":
            Mention.objects.update(access_until=timezone.now())
        elif how == "put back and taken":
            assignment.put_back(dave, ref)
            assignment.take(dave, ref)
        elif how == "may not answer":
            grants.deactivate(world.carol)
        else:
            Mention.objects.update(behind=None)
    until = [mention.access_until for mention in running(world, ref)]
    assert sweeps.get("backing").run(timezone.now()) == 0
    assert [mention.access_until for mention in running(world, ref)] == until
    is_due = world.organization.pk in due_organizations("backing")
    assert is_due == (how == "may not answer")


@pytest.mark.parametrize(("days", "stays"), [(5, True), (15, False)])
def test_who_was_called_in_long_ago_goes_with_the_learner(
    world: World, ref: int, days: int, stays: bool
) -> None:
    replying.note(world.access("bob"), ref, text="@Carol", mention_ids=[world.carol.pk])
    give(world, ref, "carol")
    ends_in(world, ref, 6)
    with world.transaction():
        Entry.objects.filter(conversation_id=ref).update(at=timezone.now() - timedelta(days=days))
    assert renewed(world) == 1
    assignment.put_back(world.access("dave"), ref)
    assert bool(running(world, ref)) == stays


def test_nobody_is_shown_behind_whose_access_is_over(world: World, ref: int) -> None:
    def learner() -> str | None:
        with world.transaction():
            return Conversation.objects.annotate(**learners()).get(pk=ref).learner

    give(world, ref, "carol")
    assert learner() == world.dave.name
    ends_in(world, ref, -1)
    assert learner() is None
