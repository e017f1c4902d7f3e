"""Links to files that visitors may open: signed, for one file of one message, for a day."""

import uuid

from django.core import signing

from helpdesk.errors import NotFound
from helpdesk.models import Attachment
from helpdesk.services.files import path_of, store

__all__ = ["path_of", "store", "visitor_file", "visitor_key"]

LINK_SECONDS = 24 * 3600
_SALT = "everydesk.visitor-file"


def visitor_key(attachment: Attachment) -> str:
    """Return the proof in a visitor's link: signed, for this file of this message, for a day."""
    value = f"{attachment.public_id}:{attachment.message_id or 0}"
    return signing.TimestampSigner(salt=_SALT).sign(value).partition(":")[2].partition(":")[2]


def visitor_file(channel_id: int, public_id: uuid.UUID, key: str) -> Attachment:
    """Return a file of this channel for a valid proof; the scope is open. Raises NotFound."""
    found = Attachment.objects.filter(
        public_id=public_id, message__conversation__channel_id=channel_id
    ).first()
    if found is None:
        raise NotFound
    signed = f"{found.public_id}:{found.message_id}:{key}"
    try:
        signing.TimestampSigner(salt=_SALT).unsign(signed, max_age=LINK_SECONDS)
    except signing.BadSignature as error:
        raise NotFound from error
    return found
