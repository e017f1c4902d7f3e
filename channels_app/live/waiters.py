"""Requests that wait for news of a conversation: so many in a process, few of one customer, none for long."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

MOST_WAITERS = 2000
# Of one customer; the oldest is answered when another comes.
MOST_OF_ONE = 3

Key = tuple[int, int | str]


class Waiter:
    """One request that waits; it hears that there is something, and asks what itself."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.heard = asyncio.Event()
        # Answered now, whatever there is: another request of the same customer came, or the process ends.
        self.is_released = False
        # Who writes at the moment: that is in no row.
        self.writing: dict[str, Any] | None = None  # Any: JSON for the app
        self.keys: tuple[Key, ...] = ()

    def wake(self) -> None:
        self.heard.set()

    def release(self) -> None:
        self.is_released = True
        self.wake()


class Waiters:
    """All that wait in this process, by conversation and by customer; keys begin with the organization."""

    def __init__(self) -> None:
        self._by_key: dict[Key, list[Waiter]] = defaultdict(list)
        self.count = 0

    @property
    def is_full(self) -> bool:
        return self.count >= MOST_WAITERS

    def of(self, organization_id: int, what: int | str) -> list[Waiter]:
        """Return who waits for a conversation, or as a customer."""
        return list(self._by_key.get((organization_id, what), ()))

    @contextmanager
    def waiting(self, organization_id: int, customer: str, language: str) -> Iterator[Waiter]:
        """Let a request of a customer wait for the time of the block."""
        others = self.of(organization_id, customer)
        for oldest in others[: max(0, len(others) - MOST_OF_ONE + 1)]:
            oldest.release()
        waiter = Waiter(language)
        self.count += 1
        self.move(waiter, (organization_id, customer))
        try:
            yield waiter
        finally:
            self.count -= 1
            self.move(waiter)

    def move(self, waiter: Waiter, *keys: Key) -> None:
        """Let it wait under these keys and no others."""
        for key in waiter.keys:
            waiters = self._by_key[key]
            waiters.remove(waiter)
            if not waiters:
                del self._by_key[key]
        waiter.keys = keys
        for key in keys:
            self._by_key[key].append(waiter)

    def everybody(self, act: Callable[[Waiter], None]) -> None:
        """Do something with each one that waits."""
        for waiter in {each for waiters in list(self._by_key.values()) for each in waiters}:
            act(waiter)
