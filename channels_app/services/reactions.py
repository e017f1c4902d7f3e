"""Signs by which customers react to messages find what they are about, as receipts do."""

from collections.abc import Sequence

from channels_app import signs
from channels_app.models import InboundEvent, SentPart
from channels_app.protocol import Event
from channels_app.services.outcomes import Outcome, State
from channels_app.services.senders import sender_of
from helpdesk.models import Direction, Message, Outbox
from helpdesk.services.identifying import find
from helpdesk.services.reacting import Reaction, react


def arrive(kept: InboundEvent, event: Event, revision: int) -> Outcome:
    """Note a reaction at its message, or have it wait for that; the transaction is open. Raises Invalid.

    Nobody becomes a customer by reacting: of whoever never wrote, nothing is kept.
    """
    sign = signs.shown(str(event.data.get("emoji", "")))
    is_gone = event.data.get("is_gone") is True
    references = [each for each in event.references if each]
    if not references or not (sign or is_gone):
        return Outcome(State.IGNORED, reason="not_needed")
    message_id = _about(kept.channel_id, references)
    if message_id is None:
        return Outcome(State.PARKED)
    person = find(kept.channel, sender_of(event.sender))
    if person is None:
        return Outcome(State.IGNORED, reason="not_needed")
    name = "" if event.data.get("is_only") is True else str(event.data.get("emoji", ""))
    react(message_id, person.pk, Reaction("" if is_gone else sign, name, revision))
    return Outcome(State.DONE, message_id)


def _about(channel_id: int, references: Sequence[str]) -> int | None:
    """Return the message of a channel that one of these ids names: a customer's, or ours in whole or in part."""
    theirs = Message.objects.filter(
        conversation__channel_id=channel_id, direction=Direction.IN, provider_id__in=references
    )
    ours = Outbox.objects.filter(channel_id=channel_id, provider_id__in=references)
    parts = SentPart.objects.filter(outbox__channel_id=channel_id, provider_id__in=references)
    for rows, key in ((theirs, "pk"), (ours, "message_id"), (parts, "outbox_id")):
        found = rows.order_by(f"-{key}").values_list(key, flat=True).first()
        if found is not None:
            return int(found)
    return None
