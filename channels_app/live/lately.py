"""Which conversations changed a moment ago, for a list that was read before its socket could hear of it."""

from collections import OrderedDict

Key = tuple[int, int]

KEPT_SECONDS = 60.0
MOST_KEPT = 20_000
# A list that lacks more than this is fetched anew by its page.
MOST_ROWS = 50
# How much the clocks of two machines may differ.
CLOCKS_APART_SECONDS = 2.0


class Lately:
    """The changes of the last minute; times are seconds since the epoch."""

    def __init__(self, now: float) -> None:
        self._complete_since = now
        self._changed_at: OrderedDict[Key, float] = OrderedDict()

    def note(self, key: Key, now: float) -> None:
        """Note that a conversation has changed."""
        self._changed_at[key] = now
        self._changed_at.move_to_end(key)
        while len(self._changed_at) > MOST_KEPT or self._oldest() < now - KEPT_SECONDS:
            _key, self._complete_since = self._changed_at.popitem(last=False)

    def changed(self, organization_id: int, since: float) -> list[int] | None:
        """Return what changed in an organization since then, or None when that is not known in full."""
        since -= CLOCKS_APART_SECONDS
        if since < self._complete_since:
            return None
        found: list[int] = []
        for (owner_id, conversation_id), changed_at in reversed(self._changed_at.items()):
            if changed_at < since:
                break
            if owner_id == organization_id:
                found.append(conversation_id)
        return found if len(found) <= MOST_ROWS else None

    def _oldest(self) -> float:
        return next(iter(self._changed_at.values()))
