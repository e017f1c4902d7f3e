"""An app without a socket waits for its news, and is answered at once when there is some."""

import json
import time
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import pytest
from channels.routing import URLRouter
from channels.testing import ApplicationCommunicator

from channels_app import limits
from channels_app.live import hints, waiters
from channels_app.live.hints import Hint
from channels_app.live.hub import hub
from channels_app.live.long_poll import LONGEST_WAIT
from channels_app.live.urls import http_urlpatterns
from helpdesk.models import Outbox
from helpdesk.services import assignment, replying
from tests.channels_app.app.apps import App, identity, open_app
from tests.channels_app.loops import run
from tests.channels_app.sockets import PATIENCE_SECONDS, deliver, in_thread

application = URLRouter(http_urlpatterns)
# Far longer than anything here takes, far shorter than patience.
WAIT = 8
# In which a request that waits would have been answered.
MOMENT = 0.4


class Poll:
    """One request for news."""

    def __init__(self, public_id, token=None, *, method="GET", headers=(), **query):
        token = identity(public_id) if token is None else token
        path = f"/api/app/v1/{public_id}/events"
        named = [(b"authorization", f"Bearer {token}".encode())] if token else []
        self.started = time.monotonic()
        self.http = ApplicationCommunicator(
            application,
            {
                "type": "http",
                "method": method,
                "path": path,
                "raw_path": path.encode(),
                "query_string": urlencode(query).encode(),
                "headers": [*named, *headers],
                "client": ["203.0.113.7", 4711],
            },
        )

    async def begin(self):
        await self.http.send_input({"type": "http.request", "body": b""})
        return self

    async def answer(self):
        """Return status, body and the seconds that it took."""
        head = await self.http.receive_output(timeout=PATIENCE_SECONDS + WAIT)
        body = await self.http.receive_output(timeout=PATIENCE_SECONDS)
        self.headers = {name.decode(): value.decode() for name, value in head["headers"]}
        return head["status"], json.loads(body["body"]), time.monotonic() - self.started

    async def is_silent(self):
        return await self.http.receive_nothing(timeout=MOMENT)


async def ask(public_id, token=None, **query):
    poll = await Poll(public_id, token, **query).begin()
    return await poll.answer()


@asynccontextmanager
async def waiting(public_id, talk, *, token=None, **query):
    """An app that knows all there is, and waits."""
    _status, known, _seconds = await ask(public_id, token, conversation=talk)
    numbers = [each["number"] for each in known["entries"]]
    asked = {
        "conversation": talk,
        "after": known["last_number"],
        "version": known["version"],
        "got": ",".join(map(str, numbers)),
        "wait": WAIT,
    }
    poll = await Poll(public_id, token, **{**asked, **query}).begin()
    assert await poll.is_silent()
    yield poll


def test_news_end_the_wait_at_once_and_only_they(world, app, talk):
    carol = world.access("carol")

    async def wait():
        async with waiting(app.public_id, talk) as poll:
            await in_thread(replying.reply, carol, talk, text="It is there now")
            await deliver()
            return await poll.answer()

    status, body, seconds = run(wait())
    assert status == 200
    assert [each["text"] for each in body["entries"]] == ["It is there now"]
    assert seconds < WAIT


def test_an_app_that_waits_for_nothing_is_told_how_things_stand(app, talk):
    async def wait():
        async with waiting(app.public_id, talk, wait=1) as poll:
            return await poll.answer()

    _status, body, seconds = run(wait())
    assert (body["conversation"], body["entries"]) == (talk, [])
    assert 1 <= seconds < WAIT


def test_who_has_the_conversation_is_news(world, app, fang):
    talk = fang.says("Where is my parcel?").json()["conversation"]
    carol = world.access("carol")

    async def wait():
        async with waiting(app.public_id, talk) as poll:
            await in_thread(assignment.take, carol, talk)
            return await poll.answer()

    _status, body, seconds = run(wait())
    assert (body["state"], [each["name"] for each in body["staff"]]) == ("open", ["Carol"])
    assert seconds < WAIT


def test_a_colleague_who_writes_is_shown(world, app, talk):
    async def wait():
        async with waiting(app.public_id, talk) as poll:
            staff_id = world.people["carol"].pk
            hints.publish(
                Hint("writing", world.organization.pk, talk, staff_id=staff_id, is_on=True)
            )
            return await poll.answer()

    _status, body, _seconds = run(wait())
    assert body["typing"] == {"name": "Carol", "on": True}


def test_the_first_message_of_another_device_is_news(app, fang):
    async def wait():
        _status, known, _seconds = await ask(app.public_id)
        poll = await Poll(app.public_id, version=known["version"], wait=WAIT).begin()
        assert await poll.is_silent()
        said = await in_thread(fang.says, "From the other phone")
        return known, said.json(), await poll.answer()

    known, said, (_status, body, seconds) = run(wait())
    assert known["conversation"] is None
    assert body["conversation"] == said["conversation"]
    assert [each["text"] for each in body["entries"]] == ["From the other phone"]
    assert seconds < WAIT


def test_what_was_told_is_told_again_until_the_app_says_that_it_has_it(world, app, talk):
    """An answer may be lost on its way: nobody takes it for delivered before the app says so."""

    def state():
        with world.transaction():
            return Outbox.objects.get().state

    async def wait():
        _status, first, _seconds = await ask(app.public_id, conversation=talk)
        before = await in_thread(state)
        _status, again, _seconds = await ask(
            app.public_id, conversation=talk, after=first["last_number"]
        )
        numbers = [each["number"] for each in again["entries"]]
        _status, last, _seconds = await ask(
            app.public_id,
            conversation=talk,
            after=first["last_number"],
            got=",".join(map(str, numbers)),
        )
        return before, again, last

    before, again, last = run(wait())
    assert (before, state()) == ("sent", "delivered")
    assert [each["text"] for each in again["entries"]] == ["On its way"]
    assert last["entries"] == []


def test_nobody_is_told_what_is_anothers(app, talk):
    async def wait():
        token = identity(app.public_id, "user-8")
        return await ask(app.public_id, token, conversation=talk, got="1,2,3")

    status, body, _seconds = run(wait())
    assert (status, body["conversation"], body["entries"]) == (200, None, [])


def test_who_may_not_ask_is_told_why(world, app):
    signing = open_app(world, secrets={"request_secret": "s"}, signed_requests=True)

    async def wait():
        return [
            (await ask(*arguments))[:2]
            for arguments in (
                (app.public_id, ""),
                (app.public_id, "a.b.c"),
                (app.public_id, identity(app.public_id, exp=time.time() - 90)),
                ("unknown", identity("unknown")),
                (world.channel.public_id, identity(world.channel.public_id)),
                (signing.public_id, identity(signing.public_id)),
            )
        ]

    assert [(status, body["error"]) for status, body in run(wait())] == [
        (401, "identity_required"),
        (401, "identity_refused"),
        (401, "identity_expired"),
        (404, "not_found"),
        (404, "not_found"),
        (401, "signature_refused"),
    ]


@pytest.mark.parametrize(
    "query",
    [{"after": "x"}, {"after": "-1"}, {"wait": "1e9"}, {"got": "1,x"}, {"got": "1," * 300}],
)
def test_a_query_that_does_not_fit_is_refused(app, query):
    status, body, _seconds = run(ask(app.public_id, **query))
    assert (status, body["error"], body["field"]) == (400, "invalid", next(iter(query)))


def test_other_methods_and_floods_are_refused(app, monkeypatch):
    monkeypatch.setattr(limits, "REQUESTS", (1, 100))

    async def wait():
        token = identity(app.public_id)
        posted = await (await Poll(app.public_id, token, method="POST").begin()).answer()
        return posted, await ask(app.public_id, token), await ask(app.public_id, token)

    posted, first, second = run(wait())
    assert (posted[0], first[0], second[0]) == (405, 200, 429)


def test_a_person_waits_a_few_times_and_a_process_for_so_many(app, talk, monkeypatch):
    async def wait():
        async with (
            waiting(app.public_id, talk) as oldest,
            waiting(app.public_id, talk),
            waiting(app.public_id, talk),
            waiting(app.public_id, talk),
        ):
            # The first look of each was a request, too, that waited for nothing.
            released = await oldest.answer()
            monkeypatch.setattr(waiters, "MOST_WAITERS", hub().waiters.count)
            return released, await ask(app.public_id, identity(app.public_id, "user-9"))

    (status, body, seconds), full = run(wait())
    assert (status, body["entries"]) == (200, [])
    assert seconds < WAIT
    assert (full[0], full[1]["error"]) == (429, "too_many")


def test_whoever_goes_away_waits_no_longer(app, talk):
    async def wait():
        async with waiting(app.public_id, talk) as poll:
            before = hub().waiters.count
            await poll.http.send_input({"type": "http.disconnect"})
            await poll.http.wait(timeout=PATIENCE_SECONDS)
            return before, hub().waiters.count, dict(hub().waiters._by_key)

    assert run(wait()) == (1, 0, {})


def test_the_end_of_a_process_answers_all(app, talk):
    async def wait():
        async with waiting(app.public_id, talk) as poll:
            await hub().close_all()
            return await poll.answer()

    status, _body, seconds = run(wait())
    assert (status, seconds < WAIT) == (200, True)


def test_nobody_waits_longer_than_half_a_minute():
    assert LONGEST_WAIT < 30


def test_an_app_in_another_hand_is_another(app, talk):
    assert App(app.public_id, "user-8").get("conversations").json()["conversations"] == []
