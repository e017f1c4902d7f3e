"""Replays: the organization's own company under two sets of rules, played in the background."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from helpdesk.models import Assignment, Conversation, Department, Staff, Topic
from helpdesk.tenancy import organization_scope
from routing import engine
from routing.deciding.rules import DEFAULT_WEIGHTS, Rules
from routing.facts import facts
from routing.laboratory import contest, trials
from routing.laboratory.bound import bound
from routing.laboratory.company import Company, Nobody, draw, gather
from routing.laboratory.figures import figures
from routing.laboratory.world import Play
from routing.models import Decision, Policy, Trial
from tests.factories import World, make_world

BLIND = Rules(weights={**dict.fromkeys(DEFAULT_WEIGHTS, 0), "place": 1}, slack_percent=0)


@pytest.fixture
def company(world: World) -> Iterator[World]:
    """Carol knows what is asked in support, dave does not; both have the same room."""
    skill = world.skill("耳机", carol=5, dave=0)
    with world.transaction():
        Topic.objects.filter(name="退货").update(skill=skill)
        Staff.objects.update(capacity=3)
    with organization_scope(world.organization.pk):
        yield world


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routing.laboratory.company.MOST_ARRIVALS", 140)
    monkeypatch.setattr(contest, "PAIRS", 5)


def ours(world: World) -> Company:
    with world.transaction():
        return gather(facts(), timezone.now())


def the(world: World, trial_id: int) -> Trial:
    with world.transaction():
        return Trial.objects.get(pk=trial_id)


def lately(world: World, count: int) -> None:
    """Have so many conversations about returns opened at three in the afternoon of the last days."""
    one = world.message("怎么退货").conversation_id
    with world.transaction():
        topic = Topic.objects.get(name="退货")
        first = Conversation.objects.get(pk=one)
        at = timezone.now().replace(hour=7, minute=0) - timedelta(days=2)
        Conversation.objects.filter(pk=one).update(topic=topic, opened_at=at, urgency=80)
    for number in range(count - 1):
        pk = world.message("怎么退货", f"lately-{number}").conversation_id
        with world.transaction():
            Conversation.objects.filter(pk=pk).update(
                topic=topic, opened_at=at - timedelta(days=number % 5), urgency=80
            )
    assert first.pk == one


def test_the_same_seed_draws_the_same_day(company: World) -> None:
    drawn = ours(company)
    assert draw(drawn, 7) == draw(drawn, 7)
    assert draw(drawn, 7) != draw(drawn, 8)


def test_too_few_conversations_are_drawn_from_the_topics(company: World) -> None:
    drawn = ours(company)
    assert drawn.seen == 0
    topics = {arrival.asked.topic_id for arrival in draw(drawn, 1).arrivals if arrival.asked}
    with company.transaction():
        assert topics == set(Topic.objects.values_list("pk", flat=True))


def test_enough_conversations_are_drawn_as_they_came(company: World) -> None:
    lately(company, 45)
    drawn = ours(company)
    assert drawn.seen == 45
    world = draw(drawn, 1)
    assert {arrival.urgency for arrival in world.arrivals} == {"urgent"}
    with company.transaction():
        returns = Topic.objects.get(name="退货").pk
    assert {arrival.asked.topic_id for arrival in world.arrivals if arrival.asked} == {returns}


def test_nobody_answers_what_they_may_not_nor_above_their_capacity(company: World) -> None:
    world = draw(ours(company), 3)
    held: dict[int, list[float]] = {}
    for start in Play(world, Rules()).starts():
        person, need = world.people[start.person], world.arrivals[start.conversation].asked
        assert need is not None
        assert any(need.department_id in reach.departments for reach in person.reaches)
        running = [end for end in held.setdefault(start.person, []) if end > start.at]
        assert len(running) < person.capacity
        assert start.in_hand == len(running)
        held[start.person] = [*running, start.ends_at]


def test_nobody_is_given_anything_outside_working_hours(company: World) -> None:
    from helpdesk.models import WorkingPeriod  # noqa: PLC0415

    with company.transaction():
        for weekday in range(7):
            for name, first, last in [("Carol", "09:00", "12:00"), ("Dave", "11:00", "15:00")]:
                WorkingPeriod.objects.create(
                    staff=Staff.objects.get(name=name),
                    weekday=weekday, starts_at=first, ends_at=last,
                )  # fmt: skip
        Staff.objects.exclude(name__in=["Carol", "Dave"]).update(capacity=0)
    drawn = ours(company)
    carol = [one.id for one in drawn.people].index(company.carol.pk)
    spell = [shift.at / 3600 for shift in drawn.shifts if shift.row == carol]
    begins = drawn.begins_at.hour + drawn.begins_at.minute / 60
    ends = max(at for at in spell) + begins
    assert ends == 12
    world = draw(drawn, 1)
    starts = list(Play(world, Rules()).starts())
    assert starts
    assert all(begins + one.at / 3600 < 12 for one in starts if one.person == carol)


def test_lent_time_is_spent_and_no_more_begun(company: World) -> None:
    with company.transaction():
        Staff.objects.filter(name="Carol").update(lent_percent=10)
    drawn = ours(company)
    row = [one.id for one in drawn.people].index(company.carol.pk)
    world = draw(drawn, 1)
    spent = [one.ends_at - one.at for one in Play(world, Rules()).starts() if one.person == row]
    assert sum(spent[:-1]) <= drawn.lent[row]


def test_an_empty_company_says_so(company: World) -> None:
    with company.transaction():
        Staff.objects.update(capacity=0)
    with pytest.raises(Nobody):
        ours(company)
    asked = trials.ask(company.access("alice"), None, BLIND)
    assert trials.play()
    assert the(company, asked.pk).error == Trial.Error.NOBODY


def test_no_rules_pass_the_bound_of_the_own_company(company: World) -> None:
    drawn = ours(company)
    for seed in range(4):
        world = draw(drawn, seed)
        for rules in (Rules(), BLIND, Rules(weights={"skill": 90, "load": 10})):
            reached = figures(world, list(Play(world, rules).starts()))
            assert reached.first_contact_resolution <= bound(world) + 1e-5


def test_a_replay_finds_that_blind_rules_resolve_less(
    company: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("routing.laboratory.company.USUAL_LOAD", 0.25)
    asked = trials.ask(company.access("alice"), None, BLIND)
    assert trials.play()
    done = the(company, asked.pk)
    assert (done.state, done.percent, done.error) == (Trial.State.DONE, 100, "")
    told = {one["name"]: one for one in done.figures["measures"]}
    assert told["first_contact_resolution"]["verdict"] == "worse"
    assert "urgent_within_target" not in told
    assert done.figures["bound"] >= told["first_contact_resolution"]["now"]
    with company.transaction():
        names = set(Department.objects.values_list("pk", flat=True))
    assert {one["department"] for one in done.figures["departments"]} <= names
    assert not trials.play()


def test_the_same_rules_show_no_difference(company: World) -> None:
    with company.transaction():
        same = Policy().rules
    asked = trials.ask(company.access("alice"), None, same)
    trials.play()
    measures = the(company, asked.pk).figures["measures"]
    assert {(one["difference"], one["verdict"]) for one in measures} == {(0.0, "none")}


def test_a_replay_acts_on_nothing(company: World) -> None:
    company.message("怎么退货")
    trials.ask(company.access("alice"), None, BLIND)
    trials.play()
    with company.transaction():
        assert not Assignment.objects.exists()
        assert not Decision.objects.exists()
        assert not Policy.objects.exists()


def test_recorded_decisions_are_decided_again(company: World) -> None:
    company.message("怎么退货")
    engine.route(company.organization.pk)
    by_load = Rules(weights={**dict.fromkeys(DEFAULT_WEIGHTS, 0), "load": 100})
    with company.transaction():
        decision = Decision.objects.get()
        decision.data["ranked"]["load"] = "2.0 0.0"
        decision.save()
        from routing.recording import replay  # noqa: PLC0415

        again = replay(decision)
        assert again[0].person.id == decision.staff_id
    asked = trials.ask(company.access("alice"), None, by_load)
    trials.play()
    recorded = the(company, asked.pk).figures["recorded"]
    assert (recorded["decided"], recorded["replayed"], recorded["different"]) == (1, 1, 1)
    assert recorded["rows"] == [{"decision": decision.pk, "staff": again[1].person.id}]


@pytest.mark.parametrize(
    ("low", "high", "more", "told"),
    [
        (0.1, 0.2, True, "better"),
        (0.1, 0.2, False, "worse"),
        (-0.2, -0.1, True, "worse"),
        (-0.2, -0.1, False, "better"),
        (-0.1, 0.1, True, "none"),
        (0.0, 0.0, False, "none"),
    ],
)
def test_a_verdict_needs_the_whole_interval_on_one_side(
    low: float, high: float, more: bool, told: str
) -> None:
    assert contest.verdict(low, high, more_is_better=more) == told


def test_one_replay_at_a_time(company: World) -> None:
    alice = company.access("alice")
    trials.ask(alice, None, BLIND)
    with pytest.raises(trials.Busy):
        trials.ask(alice, None, Rules())
    trials.play()
    trials.ask(alice, None, Rules())


def test_a_lost_replay_is_found_again_and_a_dead_one_is_given_up(
    company: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    hints: list[int] = []
    monkeypatch.setattr(trials, "_hint", lambda: hints.append(1))
    asked = trials.ask(company.access("alice"), None, BLIND)
    hints.clear()
    now = timezone.now()
    assert trials.look_after(now) == 0
    assert trials.look_after(now + timedelta(seconds=30)) == 1
    assert len(hints) == 1
    with company.transaction():
        Trial.objects.update(state=Trial.State.RUNNING, started_at=now)
    assert trials.look_after(now + timedelta(seconds=60)) == 0
    assert trials.look_after(now + timedelta(minutes=4)) == 1
    assert the(company, asked.pk).error == Trial.Error.DIED


def test_what_takes_too_long_ends(company: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contest, "SECONDS", 0.0)
    asked = trials.ask(company.access("alice"), None, BLIND)
    trials.play()
    assert the(company, asked.pk).error == Trial.Error.TOO_SLOW


def test_an_accident_is_told(company: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("routing.laboratory.company.gather", fail)
    asked = trials.ask(company.access("alice"), None, BLIND)
    trials.play()
    assert the(company, asked.pk).error == Trial.Error.FAILED


def test_the_draft_of_one_department_leaves_the_others_alone(company: World) -> None:
    asked = trials.ask(company.access("alice"), company.sales.pk, BLIND)
    trials.play()
    told = {one["name"]: one for one in the(company, asked.pk).figures["measures"]}
    assert abs(told["first_contact_resolution"]["difference"]) < 0.03
    other = make_world("elsewhere")
    with other.transaction():
        assert not Trial.objects.exists()
