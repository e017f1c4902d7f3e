"""Who is called in, and whoever stands behind a learner, sees it come and go without asking."""

from helpdesk.models import Mention
from helpdesk.services import mentions, replying
from tests.channels_app.loops import run
from tests.channels_app.sockets import Screen, in_thread, signed_in


def test_the_list_of_calls_is_asked_for_anew_when_a_call_begins_and_ends(world):
    stored = world.message("one")
    bob, erin = world.access("bob"), world.people["erin"].pk
    cookies = {name: signed_in(world, name) for name in ("erin", "carol")}

    async def work():
        screens = {name: Screen(cookie) for name, cookie in cookies.items()}
        for screen in screens.values():
            assert await screen.connect()
        await in_thread(
            lambda: replying.note(bob, stored.conversation_id, text="@Erin", mention_ids=[erin])
        )
        await screens["erin"].see("data-calls-changed")
        await screens["erin"].rest()
        await in_thread(lambda: mentions.end_access(bob, mention_id()))
        await screens["erin"].see("data-calls-changed")
        rest = await screens["carol"].rest()
        for screen in screens.values():
            await screen.leave()
        return rest

    def mention_id() -> int:
        with world.transaction():
            return Mention.objects.get(conversation_id=stored.conversation_id).pk

    assert "data-calls-changed" not in run(work())
