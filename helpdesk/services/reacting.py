"""What customers say of a message with a sign: the last word of each counts, whatever order the words come in."""

from dataclasses import dataclass

from helpdesk import events
from helpdesk.models import Message
from helpdesk.services import links, timeline
from helpdesk.tenancy import organization_transaction

# Of one message, with those that were taken back; what comes after them is not kept.
MOST_KEPT = 100
LONGEST_SIGN, LONGEST_NAME = 50, 100


@dataclass(frozen=True, slots=True)
class Reaction:
    """One word of one person about one message."""

    # As it is shown; empty where it was taken back.
    sign: str
    # Which of somebody's several it is; empty where nobody has more than one on a message.
    name: str
    # By the vendor's count or clock.
    revision: int


def react(message_id: int, identity_id: int, reaction: Reaction) -> None:
    """Note what somebody says of a message, unless they have said something newer.

    Of two words of one instant it counts that one was taken back, so that every order ends alike.
    """
    with organization_transaction():
        rows = Message.objects.filter(pk=message_id)
        timeline.lock(rows.values_list("conversation_id", flat=True).get())
        message = rows.select_related("entry").get()
        kept = message.reactions
        key = f"{identity_id}:{reaction.name[:LONGEST_NAME]}"
        word: list[int | str] = [reaction.revision, reaction.sign[:LONGEST_SIGN]]
        before = kept.get(key)
        if before is None and len(kept) >= MOST_KEPT:
            return
        if before is not None and _order(before) >= _order(word):
            return
        rows.update(reactions=kept | {key: word})
        if (before[1] if before else "") != word[1]:
            _tell(message)


def _order(word: list[int | str]) -> tuple[int, bool, str]:
    revision, sign = word
    return int(revision), not sign, str(sign)


def _tell(message: Message) -> None:
    for conversation_id, number in links.shown_at(message.conversation_id, message.entry.number):
        events.publish(events.MessageChanged(message.organization_id, conversation_id, number))
