"""Signs with which customers reacted to a message, as they stand below it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from helpdesk.models import Entry, Identity, Message

# Different signs that are shown of one message, and names beside one of them.
MOST_SIGNS, MOST_NAMES = 20, 3


class ShownReaction(NamedTuple):
    """One sign, from how many, and the others in the thread who gave it."""

    sign: str
    times: int
    names: list[str]

    @property
    def who(self) -> str:
        """Return the first names of them, with a mark where there are more."""
        more = ["…"] if len(self.names) > MOST_NAMES else []
        return ", ".join(self.names[:MOST_NAMES] + more)


def shown_reactions(
    entry: Entry, message: Message, reactors: Mapping[int, str]
) -> list[ShownReaction]:
    """Return what is shown at a message: the signs that most gave first; the customer themselves needs no name."""
    own = entry.conversation.identity_id
    people: dict[str, dict[int, str]] = {}
    for identity_id, sign in _standing(message):
        name = "" if identity_id == own else reactors.get(identity_id, "")
        people.setdefault(sign, {})[identity_id] = name
    shown = [
        ShownReaction(sign, len(names), list(filter(None, names.values())))
        for sign, names in people.items()
    ]
    shown.sort(key=lambda each: (-each.times, each.sign))
    return shown[:MOST_SIGNS]


def reactors_of(entries: Iterable[Entry]) -> dict[int, str]:
    """Return the names of those who reacted in conversations of others, by their identity; one query if any."""
    wanted = {
        identity_id
        for entry in entries
        if (message := getattr(entry, "message", None)) is not None
        for identity_id, _sign in _standing(message)
        if identity_id != entry.conversation.identity_id
    }
    if not wanted:
        return {}
    rows = Identity.objects.filter(pk__in=wanted).select_related("customer")
    return {row.pk: row.customer.label for row in rows}


def _standing(message: Message) -> Iterator[tuple[int, str]]:
    """Yield who gave which sign and has not taken it back, the first first."""
    words: Sequence[tuple[str, list[int | str]]] = sorted(message.reactions.items(), key=_at)
    for key, (_revision, sign) in words:
        if sign:
            yield int(key.partition(":")[0]), str(sign)


def _at(kept: tuple[str, list[int | str]]) -> tuple[int, str]:
    key, (revision, _sign) = kept
    return int(revision), key
