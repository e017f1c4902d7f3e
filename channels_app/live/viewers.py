"""Who looks at a conversation and who writes in it now, over all processes. Nothing of it is stored."""

import time

Key = tuple[int, int]

VIEWERS_SECONDS = 60.0
WRITING_SECONDS = 6.0
CUSTOMER = 0


class Viewers:
    """What the processes tell each other; everything of it ends by itself."""

    def __init__(self, process: str) -> None:
        self.process = process
        self._seen: dict[Key, dict[str, tuple[frozenset[int], float]]] = {}
        self._writing: dict[Key, dict[int, float]] = {}

    def hear_viewers(self, key: Key, process: str, staff_ids: tuple[int, ...]) -> bool:
        """Take over what a process says of its screens; tells whether that changed anything."""
        before = self.viewers(key)
        told = self._seen.setdefault(key, {})
        if staff_ids:
            told[process] = (frozenset(staff_ids), time.monotonic() + VIEWERS_SECONDS)
        else:
            told.pop(process, None)
        if not told:
            self._seen.pop(key, None)
        return self.viewers(key) != before

    def viewers(self, key: Key) -> frozenset[int]:
        """Return the staff who have the conversation on a screen."""
        now = time.monotonic()
        told = self._seen.get(key, {})
        return frozenset(
            staff_id for staff_ids, until in told.values() if until > now for staff_id in staff_ids
        )

    def hear_writing(self, key: Key, who: int, *, is_on: bool) -> None:
        """Note that a colleague, or the customer, writes or has stopped."""
        told = self._writing.setdefault(key, {})
        if is_on:
            told[who] = time.monotonic() + WRITING_SECONDS
        else:
            told.pop(who, None)
        if not told:
            self._writing.pop(key, None)

    def writing(self, key: Key) -> frozenset[int]:
        """Return who writes in the conversation now; CUSTOMER stands for the customer."""
        now = time.monotonic()
        return frozenset(who for who, until in self._writing.get(key, {}).items() if until > now)

    def expired(self) -> list[Key]:
        """Return the conversations in which somebody has silently stopped writing, and forget that."""
        now = time.monotonic()
        over = [
            key
            for key, told in self._writing.items()
            if any(until <= now for until in told.values())
        ]
        for key in over:
            told = {who: until for who, until in self._writing[key].items() if until > now}
            if told:
                self._writing[key] = told
            else:
                del self._writing[key]
        return over
