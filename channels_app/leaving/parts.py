"""A reply as the messages that a vendor takes: a long text in several, and files on their own where they travel so."""

from dataclasses import replace
from uuid import UUID, uuid5

from channels_app.protocol import Capabilities, OutboundMessage
from helpdesk.splitting import split


def parts_of(message: OutboundMessage, capabilities: Capabilities) -> list[OutboundMessage]:
    """Return the messages that a reply leaves as, in their order; each has a key of its own that stays the same."""
    if not capabilities.in_parts or message.template is not None:
        return [message]
    texts = split(message.text, capabilities.text_max, capabilities.text_unit)
    if message.letter is not None or (len(texts) == 1 and not capabilities.files_apart):
        return [message]
    files = message.attachments
    bare = replace(message, html="", attachments=())
    found = [replace(bare, text=text) for text in texts if text.strip()]
    if capabilities.files_apart:
        found += [replace(bare, text="", attachments=(file,)) for file in files]
    elif files:
        found[-1] = replace(found[-1], attachments=files)
    last = len(found) - 1
    return [_part(each, number, last) for number, each in enumerate(found)] or [message]


def _part(message: OutboundMessage, number: int, last: int) -> OutboundMessage:
    """Return a message as one part of several; the last keeps the key, as its receipts speak of the whole."""
    if number:
        message = replace(message, reply_to="")
    if number == last:
        return message
    return replace(message, client_ref=str(uuid5(UUID(message.client_ref), str(number))))
