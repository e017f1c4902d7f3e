"""The policy's tab: a draft beside what is in use, what it would change now, and how it comes into use."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from helpdesk.models import Assignment, AuditEntry, Conversation, Staff, StaffSkill, Topic
from helpdesk.tenancy import organization_scope
from routing import engine, learning
from routing.deciding.rules import DEFAULT_WEIGHTS
from routing.laboratory import trials
from routing.models import Decision, Policy, Trial
from tests.factories import World, make_world
from tests.routing.laboratory.test_pages import client

PAGE, PREVIEW = reverse("routing:lab"), reverse("routing:lab-preview")
USE = reverse("routing:lab-policy")
MOST = 32


@pytest.fixture
def waiting(world: World) -> World:
    """One conversation waits; carol has the skill and dave more room."""
    skill = world.skill("耳机", carol=5, dave=0)
    with world.transaction():
        Topic.objects.filter(name="退货").update(skill=skill)
        Staff.objects.filter(name__in=["Dave", "Bob"]).update(capacity=Decimal(9))
    one = world.message("怎么退货").conversation_id
    with world.transaction():
        topic = Topic.objects.get(name="退货")
        Conversation.objects.filter(pk=one).update(route_at=None, topic=topic, language="zh")
    return world


def entered(**changes: Any) -> dict[str, Any]:
    nothing = {f"weight_{name}": 0 for name in DEFAULT_WEIGHTS}
    return {**nothing, "weight_skill": 50, **changes}


def as_fragment(browser: Client, **changes: Any) -> str:
    answer = browser.post(PREVIEW, entered(**changes), headers={"hx-request": "true"})
    assert answer.status_code == 200
    return str(answer.content.decode())


def policies_of(world: World) -> list[Policy]:
    with world.transaction():
        return list(Policy.objects.order_by("id"))


def test_a_moved_weight_shows_who_would_get_what_waits(waiting: World) -> None:
    browser = client(waiting, "alice")
    html = browser.get(PAGE).content.decode()
    assert "nothing would change" in html
    by_load = as_fragment(browser, weight_skill=0, weight_load=50)
    assert "1 would change" in by_load
    assert by_load.index("Carol") < by_load.index("Dave")
    assert "nothing would change" in as_fragment(browser)


def test_a_preview_gives_nobody_anything(waiting: World) -> None:
    browser = client(waiting, "alice")
    as_fragment(browser, weight_skill=0, weight_load=50)
    browser.post(PREVIEW, entered())
    with waiting.transaction():
        assert not Assignment.objects.exists()
        assert not Decision.objects.exists()
        assert not Policy.objects.exists()
    engine.route(waiting.organization.pk)
    with waiting.transaction():
        assert Decision.objects.count() == 1


def test_who_is_full_is_named_as_the_one_who_suits_best(waiting: World) -> None:
    with waiting.transaction():
        Staff.objects.update(capacity=Decimal(0))
    assert "suits best, and is full" in as_fragment(client(waiting, "alice"))
    with waiting.transaction():
        Topic.objects.filter(name="退货").update(minimum_level=5)
        Staff.objects.filter(name="Carol").update(languages=["fr"])
    assert "nobody is there who could" in as_fragment(client(waiting, "alice"))


def test_without_scripts_the_whole_page_answers(waiting: World) -> None:
    answer = client(waiting, "alice").post(PREVIEW, entered(weight_skill=0, weight_load=50))
    html = answer.content.decode()
    assert "1 would change" in html
    assert 'name="weight_load" min="0" max="100" value="50"' in " ".join(html.split())


def test_conversations_out_of_sight_are_not_previewed(waiting: World) -> None:
    waiting.person("gina", waiting.sales, waiting.roles["administrator"])
    assert "Nothing waits" in as_fragment(client(waiting, "gina"))
    assert "Carol" in as_fragment(client(waiting, "alice"))


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("weight_skill", "101"),
        ("weight_skill", "-1"),
        ("weight_skill", "x"),
        ("weight_place", ""),
        ("urgent_seconds", "9"),
        ("calm_seconds", "59"),
        ("slack_percent", "101"),
        ("patience_percent", "0"),
        ("learning_percent", "51"),
    ],
)
def test_what_is_wrong_is_named_and_put_into_use_by_nobody(
    waiting: World, field: str, wrong: str
) -> None:
    browser = client(waiting, "alice")
    assert f'data-field="{field}"' in as_fragment(browser, **{field: wrong})
    answer = browser.post(USE, entered(**{field: wrong}))
    assert answer.status_code == 422
    assert set(answer.context["draft"].errors) == {field}
    assert not policies_of(waiting)


def test_a_draft_becomes_the_policy_under_the_next_version(waiting: World) -> None:
    browser = client(waiting, "alice")
    assert browser.post(USE, entered(seen="")).status_code == 302
    made = policies_of(waiting)[0]
    assert (made.points["skill"], made.points["load"], made.version) == (50, 0, 1)
    again = entered(seen=f"{made.pk}.1", weight_load=7, urgent_seconds=90)
    assert browser.post(USE, again).status_code == 302
    changed = policies_of(waiting)[0]
    assert (changed.pk, changed.points["load"], changed.version) == (made.pk, 7, 2)
    assert changed.urgent_seconds == 90
    with waiting.transaction():
        trail = list(AuditEntry.objects.filter(subject="policy").order_by("id"))
    assert [one.action for one in trail] == ["policy.created", "policy.changed"]
    assert (trail[1].data["version"], trail[1].data["weights"]["load"]) == (2, 7)


def test_a_policy_changed_meanwhile_is_not_overwritten(waiting: World) -> None:
    browser = client(waiting, "alice")
    browser.post(USE, entered(seen=""))
    made = policies_of(waiting)[0]
    for seen in ("", f"{made.pk}.0", f"{made.pk + 1}.1", "nonsense"):
        assert browser.post(USE, entered(seen=seen, weight_load=9)).status_code == 409
    assert policies_of(waiting)[0].version == 1
    assert browser.post(USE, entered(seen=f"{made.pk}.1", weight_load=9)).status_code == 302


def test_a_department_gets_a_policy_of_its_own_that_begins_like_that_of_all(world: World) -> None:
    browser = client(world, "alice")
    with world.transaction():
        general = Policy.objects.create(mode="offer", offer_seconds=44)
    given = entered(seen=f"{general.pk}.1", department=world.sales.pk)
    assert browser.post(USE, given).status_code == 302
    first, own = policies_of(world)
    assert (first.version, first.weights) == (1, {})
    assert (own.department_id, own.mode, own.offer_seconds) == (world.sales.pk, "offer", 44)
    assert own.points["skill"] == 50
    html = browser.get(f"{PAGE}?department={world.support.pk}").content.decode()
    assert "This department follows the policy of all" in html


def test_only_administrators_may_try_or_change(waiting: World, other_world: World) -> None:
    for name in ("bob", "carol", "frank"):
        for url in (PREVIEW, USE):
            assert client(waiting, name).post(url, entered()).status_code == 404
    theirs = entered(department=other_world.sales.pk)
    for url in (PREVIEW, USE):
        assert client(waiting, "alice").post(url, theirs).status_code == 404
    assert not policies_of(waiting)
    assert client(waiting, "alice").post(USE, entered()).status_code == 302


def test_in_chinese_too(waiting: World) -> None:
    html = client(waiting, "alice", "zh-hans").get(PAGE).content.decode()
    for text in ("权重", "此刻", "技能", "设为现行策略"):
        assert text in html


def test_a_page_costs_the_same_whatever_waits(waiting: World) -> None:
    browser = client(waiting, "alice")
    browser.get(PAGE)

    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            browser.get(PAGE)
        return len([one for one in captured if one["sql"] not in {"BEGIN", "COMMIT"}])

    before = cost()
    for number in range(6):
        waiting.message("怎么退货", f"more-{number}")
    with waiting.transaction():
        Conversation.objects.update(route_at=None, language="zh")
    html = browser.get(PAGE).content.decode()
    assert html.count('class="first"') == 8
    assert cost() <= before <= MOST


def test_another_organization_is_not_touched(waiting: World) -> None:
    other = make_world("other-two")
    client(waiting, "alice").post(USE, entered())
    with other.transaction():
        assert not Policy.objects.exists()
    assert len(policies_of(waiting)) == 1


def replayed(world: World, browser: Client, **changes: Any) -> str:
    answer = browser.post(reverse("routing:lab-replay"), entered(**changes))
    assert answer.status_code == 302
    with world.transaction():
        pk = Trial.objects.latest("id").pk
    assert answer["Location"] == f"{PAGE}?trial={pk}"
    return str(answer["Location"])


def test_a_replay_shows_its_progress_and_then_its_verdicts(
    waiting: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("routing.laboratory.company.MOST_ARRIVALS", 60)
    monkeypatch.setattr("routing.laboratory.contest.PAIRS", 4)
    browser = client(waiting, "alice")
    page = replayed(waiting, browser, weight_skill=50)
    assert "Waiting for a worker" in browser.get(page).content.decode()
    busy = browser.post(reverse("routing:lab-replay"), entered())
    assert busy.status_code == 409
    assert "Another replay is under way" in busy.content.decode()
    with organization_scope(waiting.organization.pk):
        trials.play()
    html = browser.get(page).content.decode()
    for text in (
        "Resolved at first contact",
        "no difference seen",
        "Who gets busier",
        "No rules could",
    ):
        assert text in html
    assert 'name="weight_skill" min="0" max="100" value="50"' in " ".join(html.split())
    with waiting.transaction():
        part = reverse("routing:lab-trial", args=[Trial.objects.get().pk])
    shown = browser.get(part, headers={"hx-request": "true"}).content.decode()
    assert "every 1s" not in shown
    assert "<html" not in shown
    assert browser.get(part)["Location"] == page
    chinese = client(waiting, "alice", "zh-hans").get(page).content.decode()
    for text in ("一次解决率", "看不出差别", "谁会变忙"):
        assert text in chinese


def test_a_replay_that_died_says_so(waiting: World) -> None:
    browser = client(waiting, "alice")
    page = replayed(waiting, browser)
    with waiting.transaction():
        Trial.objects.update(state=Trial.State.FAILED, error=Trial.Error.DIED)
    assert "ended before it was done" in browser.get(page).content.decode()


def test_only_administrators_replay_and_see_what_came_of_it(
    waiting: World, other_world: World
) -> None:
    page = replayed(waiting, client(waiting, "alice"))
    with waiting.transaction():
        part = reverse("routing:lab-trial", args=[Trial.objects.get().pk])
    for world, name in ((waiting, "bob"), (waiting, "frank"), (other_world, "alice")):
        browser = client(world, name)
        assert browser.get(page).status_code == 404
        assert browser.get(part, headers={"hx-request": "true"}).status_code == 404
    assert client(waiting, "bob").post(reverse("routing:lab-replay"), entered()).status_code == 404
    wrong = client(waiting, "alice").post(reverse("routing:lab-replay"), entered(weight_skill=101))
    assert wrong.status_code == 422


@pytest.fixture
def learner(waiting: World) -> World:
    """Three such conversations wait; dave is in training for what carol can, bob is not there."""
    with waiting.transaction():
        StaffSkill.objects.filter(staff=waiting.dave).update(is_learning=True)
        Topic.objects.filter(name="退货").update(minimum_level=3)
    for number in range(2):
        waiting.message("怎么退货", f"more-{number}")
    with waiting.transaction():
        Conversation.objects.update(
            route_at=None, topic=Topic.objects.get(name="退货"), language="zh"
        )
    return waiting


def test_another_share_of_learning_shows_who_would_learn_with_what_waits(
    learner: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "is_drawn", lambda _need, rules: rules.learning_percent > 0)
    browser = client(learner, "alice")
    assert "people in training (now" not in as_fragment(browser)
    html = as_fragment(browser, learning_percent=20)
    # One at a time each; what else is drawn is asked of everybody.
    assert "1 to people in training (now 0)" in html
    assert html.count("learns with it; Carol stands behind") == 1
    assert html.count("gets it now") == 5
    with learner.transaction():
        Policy.objects.create(learning_percent=10)
    assert "0 to people in training (now 1)" in as_fragment(browser, learning_percent=0)
    chinese = client(learner, "alice", "zh-hans").get(PAGE).content.decode()
    assert "1 个给学习者（现行 1 个）" in chinese
    assert "用它学习；Carol在后面支持" in chinese


def test_the_share_of_learning_comes_into_use_with_the_draft(waiting: World) -> None:
    browser = client(waiting, "alice")
    assert browser.post(USE, entered(seen="", learning_percent=15)).status_code == 302
    made = policies_of(waiting)[0]
    assert made.learning_percent == 15
    # A form without it leaves it as it is.
    assert browser.post(USE, entered(seen=f"{made.pk}.1", weight_load=7)).status_code == 302
    assert policies_of(waiting)[0].learning_percent == 15
