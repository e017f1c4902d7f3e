"""Who is shown to the readers of a thread."""

import pytest

from channels_app.live import hints
from tests.channels_app.loops import run
from tests.channels_app.sockets import Screen, signed_in


@pytest.mark.parametrize(("name", "is_shown"), [("dave", True), ("erin", False)])
def test_only_who_may_see_a_thread_is_shown_to_its_readers(world, monkeypatch, name, is_shown):
    stored = world.message("ours")
    cookie = signed_in(world, name)
    told, publish = [], hints.publish
    monkeypatch.setattr(hints, "publish", lambda hint: (told.append(hint), publish(hint)))

    async def look():
        screen = Screen(cookie)
        assert await screen.connect()
        await screen.open(stored.conversation_id)
        await screen.see("ours" if is_shown else 'id="thread"')
        await screen.leave()

    run(look())
    shown = [hint.viewers for hint in told if hint.kind == "viewers" and hint.viewers]
    assert shown == ([(world.people[name].pk,)] if is_shown else [])
