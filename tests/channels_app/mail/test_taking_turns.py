"""More mailboxes than one connector watches at once: everybody's are read, whatever others' are like."""

from collections.abc import Iterator
from typing import Any

import pytest

from channels_app import mailboxes
from channels_app.mailboxes import Wanted, Watcher, Watchers


class Watching:
    """What the watchers want and do, without a database or a server: each reads until it is told to stop."""

    def __init__(self) -> None:
        self.watchers = Watchers()
        self.wanted: list[Wanted] = []
        # Seconds after which a mailbox is due again; without them its turn does not end by itself.
        self.pauses: dict[int, float] = {}
        self.turns: list[int] = []

    def want(self, organization_id: int, *channel_ids: int, fingerprint: int = 0) -> None:
        self.wanted += [
            Wanted(organization_id, each, str(each), fingerprint) for each in channel_ids
        ]

    def read(self, watcher: Watcher, *args: Any) -> None:
        channel_id = watcher.wanted.channel_id
        self.turns.append(channel_id)
        if channel_id in self.pauses:
            watcher.due_at += self.pauses[channel_id]
        else:
            watcher.stopping.wait()

    def look(self) -> set[int]:
        """Look once and let those end that were told to; returns whose mailboxes are being read."""
        self.watchers.look()
        for channel_id, watcher in self.watchers._running.items():
            if watcher.stopping.is_set() or channel_id in self.pauses:
                watcher.thread.join(10)
        return {each.wanted.channel_id for each in self.running if not each.stopping.is_set()}

    @property
    def running(self) -> list[Watcher]:
        return list(self.watchers._running.values())


@pytest.fixture
def watching(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watching]:
    found = Watching()
    monkeypatch.setattr(mailboxes, "MOST_AT_ONCE", 4)
    monkeypatch.setattr(mailboxes, "wanted_mailboxes", lambda: found.wanted)
    monkeypatch.setattr(Watcher, "_run", lambda watcher: found.read(watcher))
    yield found
    for each in found.running:
        each.stopping.set()
        each.thread.join(10)


def test_one_organizations_mailboxes_leave_room_for_others(watching: Watching) -> None:
    watching.want(1, *range(10, 20))
    watching.want(2, 20)
    watching.want(3, 30, 31)
    assert watching.look() == {10, 20, 30, 11}


def test_mailboxes_that_are_watched_for_good_make_room_once_there_are_more(
    watching: Watching,
) -> None:
    watching.want(1, 10, 11, 12, 13)
    assert watching.look() == {10, 11, 12, 13}
    watching.want(2, 20)
    assert watching.look() == set()
    assert 20 in watching.look()
    assert len(watching.running) == 4


def test_a_turn_ends_though_its_server_does_not(
    watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    watching.want(1, *range(10, 20))
    assert watching.look() == {10, 11, 12, 13}
    assert watching.look() == {10, 11, 12, 13}
    monkeypatch.setattr(mailboxes, "TURN_SECONDS", -1.0)
    for _time in range(5):
        watching.look()
    assert set(watching.turns) == set(range(10, 20))


def test_the_pause_after_a_failure_is_kept_between_turns(watching: Watching) -> None:
    watching.want(1, 10)
    watching.want(2, *range(20, 25))
    watching.pauses = {10: 300.0, **dict.fromkeys(range(20, 25), 0.0)}
    for _time in range(6):
        watching.look()
    assert watching.turns.count(10) == 1
    assert watching.turns.count(24) > 1
    # Another password is tried at once.
    watching.wanted = [each for each in watching.wanted if each.channel_id != 10]
    watching.want(1, 10, fingerprint=1)
    watching.look()
    assert watching.turns.count(10) == 2
