"""The newest decisions: whose they may see, what they are chosen by, and one in full."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from helpdesk.models import Topic
from routing.models import Decision
from tests.factories import World, make_world
from tests.routing.conftest import route
from tests.routing.laboratory.test_pages import client

PAGE = reverse("routing:decisions")
MOST = 20


@pytest.fixture
def decided(world: World) -> World:
    """Carol has one for her skill, erin one in sales, and one waits for somebody."""
    skill = world.skill("耳机", carol=5, dave=2)
    with world.transaction():
        Topic.objects.filter(name="退货").update(skill=skill)
    world.message("怎么退货", "v1")
    world.message("H2 网关支持 Matter 吗", "v2")
    route(world)
    return world


def decision_of(world: World, name: str) -> int:
    with world.transaction():
        return int(Decision.objects.get(staff=world.people[name]).pk)


def page(world: World, query: str = "", language: str = "en") -> str:
    answer = client(world, "alice", language).get(f"{PAGE}?{query}")
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_one_decision_is_shown_with_its_parts_and_that_it_replays(decided: World) -> None:
    html = page(decided, f"decision={decision_of(decided, 'carol')}")
    for text in (
        "Why Carol",
        "Skill 32/32",
        "Replayed: the same",
        "chosen",
        "No. 2",
        "was not online",
    ):
        assert text in html


def test_a_decision_that_comes_out_differently_says_so(decided: World) -> None:
    pk = decision_of(decided, "carol")
    with decided.transaction():
        decision = Decision.objects.get(pk=pk)
        decision.data["ranked"]["points"][0] = "1.0 1.0"
        decision.save()
    assert "Replayed: different" in page(decided, f"decision={pk}")


def test_why_not_is_answered_for_anybody(decided: World) -> None:
    pk = decision_of(decided, "carol")
    assert "Could take it, with" in page(decided, f"decision={pk}&staff={decided.dave.pk}")
    assert "Why not Erin" in page(decided, f"decision={pk}&staff={decided.erin.pk}")
    stranger = client(decided, "alice").get(f"{PAGE}?decision={pk}&staff=999999")
    assert stranger.status_code == 404


def test_decisions_are_chosen_by_department_outcome_and_person(decided: World) -> None:
    carols, erins = decision_of(decided, "carol"), decision_of(decided, "erin")
    for query, shown, hidden in [
        (f"department={decided.support.pk}", carols, erins),
        (f"person={decided.erin.pk}", erins, carols),
        ("outcome=assigned", carols, 0),
    ]:
        html = page(decided, query)
        assert f"decision={shown}#" in html
        assert f"decision={hidden}#" not in html
    assert "No decision to show" in page(decided, "outcome=offered")
    assert f"decision={carols}#" in page(decided, "outcome=nonsense&department=x&before=-1")


def test_older_ones_follow_page_by_page(decided: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routing.laboratory.decisions.SHOWN", 1)
    carols, erins = decision_of(decided, "carol"), decision_of(decided, "erin")
    older, newer = sorted((carols, erins))
    first = page(decided)
    assert f"decision={newer}#" in first
    assert f"decision={older}#" not in first
    assert f"before={newer}" in first
    assert f"decision={older}#" in page(decided, f"before={newer}")


def test_another_organizations_decision_is_not_there(decided: World) -> None:
    stranger = client(make_world("other"), "alice")
    pk = decision_of(decided, "carol")
    assert stranger.get(f"{PAGE}?decision={pk}").status_code == 404
    assert client(decided, "alice").get(f"{PAGE}?decision={pk}").status_code == 200


def test_in_chinese_too(decided: World) -> None:
    html = page(decided, f"decision={decision_of(decided, 'carol')}", "zh-hans")
    for text in ("决策", "重放结果相同", "候选人"):
        assert text in html


def test_a_page_costs_the_same_whatever_it_shows(decided: World) -> None:
    browser = client(decided, "alice")
    browser.get(PAGE)

    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(f"{PAGE}?staff={decided.dave.pk}").status_code == 200
        return len([one for one in captured if one["sql"] not in {"BEGIN", "COMMIT"}])

    before = cost()
    for number in range(6):
        decided.message("怎么退货", f"more-{number}")
    route(decided)
    assert cost() <= before <= MOST


def test_decisions_of_conversations_out_of_sight_are_not_there(decided: World) -> None:
    decided.person("gina", decided.sales, decided.roles["administrator"])
    carols, erins = decision_of(decided, "carol"), decision_of(decided, "erin")
    browser = client(decided, "gina")
    html = browser.get(PAGE).content.decode()
    assert f"decision={erins}#" in html
    assert f"decision={carols}#" not in html
    assert browser.get(f"{PAGE}?decision={carols}").status_code == 404
    assert browser.get(f"{PAGE}?decision={erins}").status_code == 200
