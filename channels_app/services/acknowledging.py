"""A short word that a first letter has arrived, where the organization wishes it; never to a machine."""

from datetime import datetime

from channels_app.models import Dispatch
from channels_app.protocol import Event
from channels_app.services.dispatching import automatic_allowed, dispatch
from channels_app.services.reply_addresses import answers_to
from helpdesk.models import Channel, Identity
from helpdesk.text import language_of

SUBJECT = {"zh": "我们已收到您的邮件", "en": "We have received your mail"}


def acknowledge(
    channel: Channel, identity: Identity, conversation_id: int, event: Event, now: datetime
) -> None:
    """Have the sender told that their letter has begun a conversation; the transaction is open.

    The text is the organization's alone: nothing that the sender wrote goes back to an address which
    nobody has proved.
    """
    language = "zh" if language_of(event.text or event.subject) == "zh" else "en"
    text = str(channel.settings.get(f"acknowledge_{language}") or "").strip()
    address = identity.external_id
    if not text or "@" not in address:
        return
    if not automatic_allowed(address, now):
        return
    dispatch(
        channel,
        Dispatch.Kind.ACKNOWLEDGEMENT,
        dedup_key=f"ack:{conversation_id}",
        recipient=address,
        payload={
            "subject": SUBJECT[language],
            "text": text,
            "references": [event.provider_id] if event.provider_id else [],
            "reply_address": answers_to(channel, conversation_id, identity.pk),
        },
        conversation_id=conversation_id,
    )
