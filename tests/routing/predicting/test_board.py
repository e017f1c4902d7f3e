"""The supervisor's board shows waits by topic, and why nobody is there."""

from datetime import timedelta

from django.test import Client
from django.utils import timezone

from helpdesk.models import Presence, Staff
from routing.predicting import outlook
from tests.factories import World
from tests.routing.conftest import route

BACKEND = "django.contrib.auth.backends.ModelBackend"


def seen(world: World, name: str, url: str = "/routing/waits/") -> str:
    browser = Client(headers={"accept-language": "en"})
    browser.force_login(world.people[name].user, BACKEND)
    answer = browser.get(url)
    return answer.content.decode() if answer.status_code == 200 else str(answer.status_code)


def wait_for_returns(world: World) -> None:
    with world.transaction():
        Staff.objects.update(load=3, capacity=3)
    world.message("怎么退货")
    route(world)


def test_a_topic_that_waits_is_on_the_board_with_its_wait(world: World) -> None:
    wait_for_returns(world)
    page = " ".join(seen(world, "bob").split())
    assert "Returns" in page
    assert "0 / 2 / 4" in page
    assert "all are full" in page
    assert "t-danger" not in page


def test_nobody_there_is_told_in_red_with_the_reason(world: World) -> None:
    wait_for_returns(world)
    with world.transaction():
        Presence.objects.update(lease_until=timezone.now() - timedelta(minutes=1))
    page = " ".join(seen(world, "bob").split())
    assert "all are away" in page
    assert "t-danger" in page


def test_the_panel_shows_departments_one_supervises_and_nobody_elses(world: World) -> None:
    wait_for_returns(world)
    assert "Returns" in seen(world, "bob", f"/routing/waits/{world.support.pk}/")
    assert "Returns" not in seen(world, "bob", f"/routing/waits/{world.sales.pk}/")
    assert seen(world, "carol") in {"403", "404"}


def test_the_board_shows_the_panel(world: World) -> None:
    wait_for_returns(world)
    outlook.forget()
    assert 'id="board-waits"' in seen(world, "bob", "/board/")
