"""Learning slots on the screens: who learns what, who stands behind, and one click to ask."""

import pytest
from django.test import Client
from django.utils import translation

from helpdesk.models import Conversation
from routing.explaining import explain
from tests.factories import World
from tests.routing.conftest import route


def learns(world: World) -> int:
    """Have Dave learn with a conversation."""
    pk = world.message("怎么退货").conversation_id
    route(world)
    assert world.conversation(pk).owner == world.dave
    return pk


def test_why_me_names_what_is_learned_and_who_stands_behind(world: World, drawn: int) -> None:
    pk = learns(world)
    with world.transaction():
        shown = Conversation.objects.get(pk=pk)
        with translation.override("en"):
            mine = explain(world.access("dave"), shown)
            theirs = explain(world.access("carol"), shown, world.carol.pk)
        with translation.override("zh-hans"):
            assert (
                explain(world.access("dave"), shown).practice
                == "您正在学习“退款”，Carol在后面支持您。"
            )
    assert mine.practice == "You are learning 退款; Carol stands behind you."
    assert theirs.practice == "Dave is learning 退款; Carol stands behind."
    assert theirs.asked is not None
    assert theirs.asked.reasons == ("was passed over for somebody in training",)


@pytest.fixture
def client(world: World, settings: object) -> Client:
    storage = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": storage}  # type: ignore[attr-defined]
    return Client(headers={"accept-language": "en"})


def sign_in(client: Client, world: World, name: str) -> Client:
    client.force_login(world.people[name].user, "django.contrib.auth.backends.ModelBackend")
    return client


def test_both_see_how_it_stands_and_the_learner_asks_with_one_click(
    world: World, drawn: int, client: Client
) -> None:
    pk = learns(world)
    ask = f'data-ask="{world.carol.pk}"'
    page = sign_in(client, world, "dave").get(f"/conversations/{pk}/").content.decode()
    assert "stands behind you" in page
    assert ask in page
    assert "Dave is learning 退款; Carol stands behind." in page
    page = sign_in(client, world, "carol").get(f"/conversations/{pk}/").content.decode()
    assert "stands behind Dave" in page
    assert ask not in page
    called = client.get("/?view=mentions").content.decode()
    assert "behind Dave" in called


def test_only_administrators_say_who_is_in_training(
    world: World, drawn: int, client: Client
) -> None:
    url = f"/admin/helpdesk/staff/{world.dave.pk}/change/"
    for name, seen in (("alice", 200), ("bob", 404), ("dave", 404)):
        answer = sign_in(client, world, name).get(url)
        assert answer.status_code == seen
        assert ("In training" in answer.content.decode()) == (seen == 200)
