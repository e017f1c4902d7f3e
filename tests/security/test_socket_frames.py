"""Every frame that a socket knows, over real sockets, with ids of others: nothing comes back and nothing changes."""

import asyncio
import json
import random
import re
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from channels_app.chat.frames import SCHEMAS as VISITOR_FRAMES
from channels_app.chat.identity import sign_identity
from channels_app.live.staff import SCHEMAS as STAFF_FRAMES
from helpdesk.crypto import token_hash
from helpdesk.models import Attachment, Channel, Conversation
from tests.channels_app.loops import run
from tests.channels_app.sockets import in_thread
from tests.security.worlds import ABSENT_ID, CANARY, Furnished, browser_of
from tests.web_process import Line, WebProcess, web_process

pytestmark = pytest.mark.xdist_group("socket frames")

SEED = 20_261_122
# A burst stays under what closes a socket.
BURST, BURSTS = 60, 3
# What comes when somebody has come, whatever is asked for: the own card, and word for the own board.
OWN = re.compile('id="presence"|data-refresh="board"')
FOLLOWING = re.compile(r'\{"type":"(entry|status)"')
# After which nothing more is expected.
SILENCE = 1.0
FIELDS = sorted(
    {name for rules in (*STAFF_FRAMES.values(), *VISITOR_FRAMES.values()) for name in rules}
)


@pytest.fixture(scope="module")
def web(two: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebProcess]:
    with web_process(tmp_path_factory.mktemp("web")) as started:
        yield started


@pytest.fixture(params=["administrator of another", "without roles", "of another department"])
def stranger(request: Any, two: tuple[Furnished, Furnished]) -> str:
    """The session of somebody who may not see what the second organization's support holds."""
    own, other = two
    place, name = {
        "administrator of another": (own, "alice"),
        "without roles": (other, "frank"),
        "of another department": (other, "gina"),
    }[request.param]
    return str(browser_of(place.world, name).session.session_key)


def untouched(place: Furnished) -> dict[str, Any]:
    """Return what of the conversation no stranger may change."""
    with place.world.transaction():
        rows = Conversation.objects.filter(pk=place.conversation_id)
        return dict(
            rows.values("state", "owner_id", "last_number", "owner_seen_number", "identity_id")[0]
        )


def neutral(text: str, *ids: object) -> str:
    """Return an answer without the ids that were asked for, and without what is new each time."""
    for each in ids:
        text = re.sub(rf"(?<!\w){re.escape(str(each))}(?!\w)", "ID", text)
    text = re.sub(r'"(token|client_ref|at)":"[^"]*"', "", text)
    return re.sub(r'"(conversation|number|last_number|position)":[^,}]*', "", text)


def token_of_nobody() -> str:
    return uuid.uuid4().hex + "A" * 11


def staff_frames(conversation_id: int) -> list[dict[str, Any]]:
    """Return each frame of a screen with the id of a conversation."""
    one = {"conversation": conversation_id}
    return [
        {"type": "list", "conversations": [conversation_id]},
        {"type": "seen", **one, "number": 1},
        {"type": "typing", **one, "kind": "reply"},
        {"type": "open", **one, "after": 0},
        {"type": "seen", **one, "number": 1},
        {"type": "typing", **one, "kind": "note"},
        {"type": "here", "active": True},
        {"type": "board", "shown": True},
    ]


def test_a_screen_is_answered_about_others_as_about_nothing(two, web, stranger):
    _own, other = two
    before = untouched(other)
    external_id = f"anon:{token_hash(other.visitor_token)}"

    async def ask(conversation_id: int) -> list[str]:
        line = await web.staff(stranger)
        for frame in staff_frames(conversation_id):
            await line.tell(**frame)
        await line.rest(SILENCE)
        answers = [each for each in line.heard if not OWN.search(each)]
        assert await in_thread(untouched, other) == before
        if conversation_id != ABSENT_ID:
            # What happens there now is not for this screen either.
            await in_thread(other.world.message, f"{CANARY}-late", visitor=external_id)
            assert CANARY not in await line.rest(SILENCE)
        await line.leave()
        return sorted(neutral(each, conversation_id) for each in answers)

    about_nothing, about_others = run(ask(ABSENT_ID)), run(ask(other.conversation_id))
    assert about_others == about_nothing
    assert any("thread" in answer for answer in about_nothing)
    assert CANARY not in str(about_others)
    assert {frame["type"] for frame in staff_frames(1)} == set(STAFF_FRAMES)


def test_a_tab_is_answered_about_others_as_about_nothing(two, web):
    own, other = two
    before = untouched(other)
    with other.world.transaction():
        Channel.objects.filter(pk=other.world.channel.pk).update(secret="theirs")
        file = str(Attachment.objects.get().public_id)
    signed = {"sub": "x", "aud": other.world.channel.public_id, "exp": time.time() + 600}

    async def ask(public_id: str, conversation_id: int, attachment: str) -> set[str]:
        line = await web.visitor(public_id)
        frames: list[dict[str, Any]] = [
            {"type": "hello", "conversation": str(conversation_id), "token": token_of_nobody()},
            {"type": "ack", "number": 1},
            {"type": "seen", "number": 1},
            {"type": "typing", "on": True},
            {"type": "rate", "score": 1},
            {"type": "end"},
            {"type": "language", "language": "en"},
            {"type": "ping"},
            {"type": "message", "client_ref": str(uuid.uuid4()), "attachments": [attachment]},
            {"type": "message", "client_ref": str(uuid.uuid4()), "text": f"{conversation_id}"},
            {"type": "address", "email": "x@shop.example"},
            {
                "type": "hello",
                "conversation": str(conversation_id),
                "identity": other.visitor_token,
            },
        ]
        assert {frame["type"] for frame in frames} == set(VISITOR_FRAMES)
        frames[-1]["identity"] = sign_identity(signed, "guess")
        for frame in frames:
            await line.tell(**frame)
        await line.rest(SILENCE)
        await line.leave()
        assert CANARY not in str(line.heard)
        # What follows from storing the tab's own message comes when it comes.
        answers = [each for each in line.heard if not FOLLOWING.match(each)]
        return {neutral(each, conversation_id, attachment) for each in answers}

    for place in (own, other):
        public_id = place.world.channel.public_id
        about_others = run(ask(public_id, other.conversation_id, file))
        about_nothing = run(ask(public_id, ABSENT_ID, str(uuid.uuid4())))
        assert about_others == about_nothing
        assert CANARY not in str(about_others)
        assert "identity_refused" in str(about_others)
    assert untouched(other) == before


def anything(chance: random.Random, place: Furnished, file: str) -> Any:
    """Return a value that some field may or may not take."""
    known = [place.conversation_id, str(place.conversation_id), ABSENT_ID, 1, 0, -1, 2**53, 2**63]
    odd = [None, True, "", "*", "%", "everydesk.live", "' OR 1=1 --", "\x00", 1.5, {}, {"id": 1}]
    whole = [*known, *odd, file, place.visitor_token, str(uuid.UUID(int=chance.getrandbits(128)))]
    one = chance.choice(whole)
    return chance.choice([one, one, one, [one], [one, chance.choice(whole)]])


async def fuzz(line: Line, kinds: list[str], place: Furnished, file: str) -> None:
    chance = random.Random(SEED)
    for _ in range(BURSTS):
        for _ in range(BURST):
            names = chance.sample(FIELDS, chance.randrange(5))
            values = {name: anything(chance, place, file) for name in names}
            kind = chance.choice([*kinds, "subscribe", "group_send"])
            await line.tell(**{"type": kind, "conversation": place.conversation_id} | values)
        await line.rest(1.1)


def test_nonsense_brings_nothing_of_others_and_leaves_the_socket_alive(two, web, stranger):
    own, other = two
    before = untouched(other)
    with other.world.transaction():
        file = str(Attachment.objects.get().public_id)

    async def work() -> str:
        screen = await web.staff(stranger)
        tab = await web.visitor(own.world.channel.public_id)
        await tab.tell(type="hello")
        await tab.hear('"welcome"')
        await asyncio.gather(
            fuzz(screen, list(STAFF_FRAMES), other, file),
            fuzz(tab, list(VISITOR_FRAMES), other, file),
        )
        await screen.tell(type="open", conversation=ABSENT_ID, after=0)
        await screen.hear("thread")
        await tab.tell(type="ping")
        await tab.hear('"pong"')
        await screen.leave()
        await tab.leave()
        return "".join(screen.heard + tab.heard)

    heard = run(work())
    assert f"{CANARY}-theirs" not in heard
    assert other.visitor_token not in json.dumps(heard)
    assert untouched(other) == before
