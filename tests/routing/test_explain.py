from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from helpdesk.models import Presence, Staff, Topic
from routing import explaining
from routing.fragments import offer_dock
from routing.models import Offer, Policy, SkillEvidence
from tests.factories import World, make_world
from tests.routing.conftest import route


def client(world: World, name: str, language: str = "en") -> Client:
    browser = Client()
    user = world.people[name].user
    user.language = language
    user.save()
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    session = browser.session
    session["organization_id"] = world.organization.pk
    session.save()
    return browser


def panel(browser: Client, conversation_id: int) -> str:
    answer = browser.get(
        reverse("routing:why", args=[conversation_id]), headers={"hx-request": "true"}
    )
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def routed(world: World) -> tuple[World, int, str]:
    """A conversation that carol got for her skill; dave came second, bob was offline."""
    skill = world.skill("耳机", carol=5, dave=2)
    with world.transaction():
        Topic.objects.filter(name="退货").update(skill=skill)
    received = world.message("怎么退货")
    route(world)
    return world, received.conversation_id, "carol"


def test_the_owner_sees_why_me_with_every_part(routed: tuple[World, int, str]) -> None:
    world, conversation_id, owner = routed
    html = panel(client(world, owner), conversation_id)
    assert "Why me" in html
    for text in ("Skill", "32/32", "耳机 level 5", "Load", "Language", "6/6", "Second: Dave"):
        assert text in html


def test_in_chinese_too(routed: tuple[World, int, str]) -> None:
    world, conversation_id, owner = routed
    html = panel(client(world, owner, "zh-hans"), conversation_id)
    for text in ("为什么是我", "技能", "32/32", "第二名"):
        assert text in html


@pytest.mark.parametrize(
    ("language", "told", "counted"),
    [
        (
            "en",
            "耳机 level 4, lately 4.4: 42 conversations, 91 % resolved (expected: 84 %), 4.6 stars, exam 90 %",
            "耳机 level 3, lately 2.0: 1 conversation, 0 % resolved (expected: 84 %)",
        ),
        (
            "zh-hans",
            "耳机 4 级，近期 4.4：42 个会话，解决 91%（预期 84%），4.6 星，考试 90 分",
            "耳机 3 级，近期 2.0：1 个会话，解决 0%（预期 84%）",
        ),
    ],
)
def test_why_says_what_a_skill_lately_came_to(
    world: World, language: str, told: str, counted: str
) -> None:
    skill = world.skill("耳机", carol=4, dave=3)
    known = {
        "carol": {"level": 4, "change": 0.44, "conversations": 42, "resolved": 0.913, "stars": 4.6},
        "dave": {"level": 3, "change": -1.04, "conversations": 1, "resolved": 0.0},
    }
    known["carol"]["exam_percent"] = 90
    with world.transaction():
        Topic.objects.filter(name="退货").update(skill=skill)
        for name, facts in known.items():
            SkillEvidence.objects.create(
                staff=world.people[name], skill=skill, expected=0.84, **facts
            )
    received = world.message("怎么退货")
    route(world)
    url = reverse("routing:why", args=[received.conversation_id])
    html = client(world, "bob", language).get(url).content.decode()
    assert told in html
    assert counted in html
    # Where there is little room only the level is told.
    short = panel(client(world, "bob", language), received.conversation_id)
    second = short[short.index("Dave") :]
    assert counted.split("：" if "：" in counted else ": ", maxsplit=1)[0] in second
    assert counted not in second
    # Colleagues read the level of each other, and the figures behind it of themselves alone.
    for name, own, other in (("carol", told, counted), ("dave", counted, told)):
        html = client(world, name, language).get(url).content.decode()
        assert own in html
        assert other not in html


def test_a_supervisor_sees_why_her(routed: tuple[World, int, str]) -> None:
    world, conversation_id, _owner = routed
    assert "Why Carol" in panel(client(world, "bob"), conversation_id)


def test_absent_and_forbidden_answer_alike(routed: tuple[World, int, str]) -> None:
    world, conversation_id, _owner = routed
    frank, stranger = client(world, "frank"), client(make_world("other"), "alice")
    for browser in (frank, stranger):
        for pk in (conversation_id, conversation_id + 999):
            for name in ("routing:why", "routing:place"):
                assert browser.get(reverse(name, args=[pk])).status_code == 404
    assert (
        client(world, "bob").get(reverse("routing:why", args=[conversation_id])).status_code == 200
    )


def test_why_not_me_answers_for_everybody(routed: tuple[World, int, str]) -> None:
    world, conversation_id, _owner = routed
    browser = client(world, "bob")
    told = {
        "dave": "Could take it, with",
        "erin": "may not answer in this department",
        "bob": "was not online",
    }
    for name, text in told.items():
        url = reverse("routing:why", args=[conversation_id])
        html = browser.get(url, {"staff": world.people[name].pk}).content.decode()
        answer = html[html.index('id="answer"') :]
        assert text in answer[: answer.index("</section>")]


@pytest.mark.parametrize("staff", ["999999", "x", "-1", "1" * 30, "１"])
def test_an_unknown_colleague_is_not_found(routed: tuple[World, int, str], staff: str) -> None:
    world, conversation_id, _owner = routed
    url = reverse("routing:why", args=[conversation_id])
    assert client(world, "bob").get(url, {"staff": staff}).status_code == 404


def test_a_colleague_of_another_organization_is_not_found(routed: tuple[World, int, str]) -> None:
    world, conversation_id, _owner = routed
    other = make_world("other")
    url = reverse("routing:why", args=[conversation_id])
    assert client(world, "bob").get(url, {"staff": other.people["bob"].pk}).status_code == 404


def test_what_waits_says_who_was_left_out(world: World) -> None:
    with world.transaction():
        Presence.objects.update(status="busy")
    received = world.message("怎么退货")
    route(world)
    html = panel(client(world, "bob"), received.conversation_id)
    assert "Why it waits" in html
    assert "Carol was busy, focused or away" in html


def test_names_of_people_are_shown_as_text(routed: tuple[World, int, str]) -> None:
    world, conversation_id, _owner = routed
    with world.transaction():
        Staff.objects.filter(pk=world.dave.pk).update(name="<script>alert(1)</script>")
    html = panel(client(world, "carol"), conversation_id)
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_the_dock_shows_the_offer_and_takes_the_answer(world: World) -> None:
    with world.transaction():
        Policy.objects.create(mode="offer")
        Presence.objects.filter(staff=world.dave).update(status="away")
    received = world.message("怎么退货<b>")
    browser = client(world, "carol")
    url = reverse("routing:offer")
    assert "alertdialog" not in browser.get(url).content.decode()
    route(world)
    html = browser.get(url).content.decode()
    assert "alertdialog" in html
    assert "怎么退货&lt;b&gt;" in html
    assert "alertdialog" not in client(world, "dave").get(url).content.decode()
    with world.transaction():
        offer = Offer.objects.get()
    bad = browser.post(reverse("routing:offer-decline", args=[offer.pk]), {"reason": "x"})
    assert bad.status_code == 400
    taken = browser.post(
        reverse("routing:offer-accept", args=[offer.pk]), headers={"hx-request": "true"}
    )
    assert taken.headers["HX-Redirect"].endswith(f"/conversations/{received.conversation_id}/")
    assert world.conversation(received.conversation_id).owner == world.carol
    again = browser.post(reverse("routing:offer-accept", args=[offer.pk]))
    assert again.status_code == 302


def test_nobody_answers_somebody_elses_offer(world: World) -> None:
    with world.transaction():
        Policy.objects.create(mode="offer")
        Presence.objects.filter(staff=world.dave).update(status="away")
    world.message("怎么退货")
    route(world)
    with world.transaction():
        offer = Offer.objects.get()
    for name in ("dave", "bob", "frank"):
        browser = client(world, name)
        for view in ("routing:offer-accept", "routing:offer-decline"):
            answer = browser.post(reverse(view, args=[offer.pk]), {"reason": "meeting"})
            assert answer.status_code == 404
            assert browser.post(reverse(view, args=[offer.pk + 99])).status_code == 404


def test_a_place_in_the_queue_is_told(world: World) -> None:
    with world.transaction():
        Staff.objects.update(capacity=1, load=1)
    first = world.message("怎么退货", "v1").conversation_id
    second = world.message("怎么退货", "v2").conversation_id
    urgent = world.message("退货!冒烟了!!", "v3").conversation_id
    route(world)
    browser = client(world, "bob")
    places = {
        pk: browser.get(reverse("routing:place", args=[pk])).json()
        for pk in (first, second, urgent)
    }
    assert [places[pk]["position"] for pk in (urgent, first, second)] == [1, 2, 3]
    assert places[second]["people"] == 2
    assert places[first]["shortest_minutes"] <= places[second]["longest_minutes"]


def test_the_pushed_dock_equals_the_loaded_one(world: World) -> None:
    with world.transaction():
        Policy.objects.create(mode="offer")
        Presence.objects.filter(staff=world.dave).update(status="away")
    world.message("怎么退货")
    route(world)
    with world.transaction():
        pushed = offer_dock(world.access("carol"), language="zh-hans", time_zone="Asia/Shanghai")
        other = offer_dock(world.access("dave"), language="en", time_zone="Asia/Shanghai")
        offer = Offer.objects.get()
    assert f'data-offer="{offer.pk}"' in pushed
    assert "适合你" in pushed
    assert "hidden" in other
    assert "data-offer" not in other


def test_who_was_given_one_this_minute_is_told_so() -> None:
    with translation.override("en"):
        assert explaining._idle(timedelta(seconds=20)) == "last one just now"
        assert explaining._idle(timedelta(minutes=5)) == "last one 5 minutes before"
