"""A look at the beginning of some bytes: whether they are a mail, and whose."""

from ..letter import Head
from . import fields
from .headers import Headers, read_headers

LOOKED_AT = 64 * 1024
# One of these at the top is enough: the rest of a poor mail may lack all others.
_OF_MAIL = {
    *("from", "to", "cc", "subject", "message-id", "reply-to", "sender", "mime-version"),
    *("received", "return-path", "delivered-to", "in-reply-to", "references", "resent-from"),
}


def read_head(raw: bytes) -> Head:
    """Return what the header says, without reading the mail; never fails."""
    headers = _headers(raw)
    return Head(
        message_id=fields.message_id(headers),
        sender=fields.sender(headers),
        subject=fields.subject(headers),
        date=fields.date(headers),
    )


def is_mail(raw: bytes) -> bool:
    """Say whether these bytes are a mail at all: they begin with fields that mails have."""
    return not _OF_MAIL.isdisjoint(_headers(raw).fields)


def _headers(raw: bytes) -> Headers:
    start = raw[:LOOKED_AT].lstrip()
    if b"\n" not in start:
        start = start.replace(b"\r", b"\n")
    return read_headers(start, 0, len(start))[0]
