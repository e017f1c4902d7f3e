"""Learning slots on the screens: who learns what, who stands behind, and one click to ask."""

import pytest
from django.test import Client
from django.utils import timezone, translation

from helpdesk.models import Conversation, Mention
from helpdesk.services import assignment, backing, mentions, timeline
from helpdesk.services.practices import Practice
from routing.explaining import explain
from tests.factories import World
from tests.routing.conftest import decisions, route


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
                == "你正在学习“退款”，Carol在后面支持你。"
            )
    assert mine.practice == "You are learning 退款; Carol stands behind you."
    assert theirs.practice == "Dave is learning 退款; Carol stands behind."
    assert theirs.asked is not None
    assert theirs.asked.reasons == ("was passed over for somebody in training",)


def test_only_who_could_have_had_it_was_passed_over(world: World, drawn: int) -> None:
    pk = learns(world)
    with world.transaction(), translation.override("en"):
        shown = Conversation.objects.get(pk=pk)
        told = explain(world.access("dave"), shown, world.bob.pk)
        short = explain(world.access("dave"), shown, in_short=True)
    assert told.asked is not None
    assert "was not online" in told.asked.reasons
    assert not any("passed over" in reason for reason in told.asked.reasons)
    passed = [one.label for one in told.excluded if "passed over" in " ".join(one.reasons)]
    assert passed == ["Carol"]
    assert {one.label: one.reasons for one in short.nearly}["Carol"] == (
        "was passed over for somebody in training",
    )


def practice(world: World, pk: int, name: str) -> str:
    with world.transaction(), translation.override("en"):
        return explain(world.access(name), Conversation.objects.get(pk=pk)).practice


def test_why_me_names_whoever_followed_and_says_when_nobody_stands_behind(
    world: World, drawn: int
) -> None:
    pk = learns(world)
    world.person("gina", world.support, world.roles["agent"])
    with world.transaction():
        mention = Mention.objects.get(conversation_id=pk)
        conversation = timeline.lock(pk)
        world.online("gina")
        other = Practice(drawn, (world.people["gina"].pk,))
        assert backing.relieve(mention, conversation, other, timezone.now())
        conversation.save()
    assert practice(world, pk, "dave") == "You are learning 退款; Gina stands behind you."
    with world.transaction():
        mentions.end_access(world.access("dave"), Mention.objects.latest("pk").pk)
    assert practice(world, pk, "dave") == "You are learning 退款; nobody stands behind you now."
    assert practice(world, pk, "carol") == "Dave is learning 退款; nobody stands behind now."
    with world.transaction():
        assignment.put_back(world.access("dave"), pk)
    assert practice(world, pk, "carol") == "Dave is learning 退款; Gina stands behind."


def test_asked_about_the_one_who_was_chosen_the_page_says_so(
    world: World, drawn: int, client: Client
) -> None:
    pk = learns(world)
    page = sign_in(client, world, "dave").get(
        f"/routing/conversations/{pk}/why/?staff={world.dave.pk}"
    )
    assert "Chosen with" in page.content.decode()
    page = sign_in(client, world, "alice").get(
        f"/routing/lab/decisions/?decision={decisions(world, pk)[-1].pk}&staff={world.dave.pk}"
    )
    assert "Dave in figures" in page.content.decode()
    assert "Why not Dave" not in page.content.decode()


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
