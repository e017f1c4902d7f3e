"""Reads a mail: bytes in, one plain value out, whatever the bytes are.

Python's own parser is not used: it takes seconds for a mail of many parts or addresses and fails
on deep ones. Here everything is cut in one pass and counted against a budget. Still this runs in a
process of its own (see `bounded`), for texts, tables and charsets go through other hands as well.
"""

import re
from dataclasses import replace
from html import unescape
from urllib.parse import unquote

from channels_app.letters.cutting import cut
from channels_app.letters.sanitising import clean

from ..letter import Mail, Part
from . import bodies, fields
from .automatic import automatic
from .bounces import read_bounce
from .tree import Budget, read_tree

_SHOWN_PICTURE = re.compile(r"cid:([^\"'\s>)]{1,300})")


def read(raw: bytes) -> Mail:
    """Return what the mail says; what is wrong with it is told in `defects`."""
    budget = Budget()
    root = read_tree(raw, budget)
    headers, charset = root.headers, root.kind.plain("charset")
    subject, sender = fields.subject(headers, charset), fields.sender(headers, charset)
    if len(headers.all("from")) > 1 or len(fields.mailboxes(headers, "from")) > 1:
        budget.note("several_senders")
    body = bodies.read_body(root, budget)
    text = body.text()
    cleaned = clean(body.html())
    parted = cut(text)
    bounce = read_bounce(root, subject=subject, sender=sender, text=text)
    return Mail(
        message_id=fields.message_id(headers),
        in_reply_to=fields.ids(headers.all("in-reply-to")),
        references=fields.ids(headers.all("references")),
        sender=sender,
        reply_to=fields.mailboxes(headers, "reply-to", charset),
        to=fields.mailboxes(headers, "to", charset),
        cc=fields.mailboxes(headers, "cc", charset),
        delivered_to=fields.delivered_to(headers),
        subject=subject,
        date=fields.date(headers),
        text=text,
        reply=parted.reply if parted.reply.strip() else text,
        signature=parted.signature,
        html=cleaned.html,
        remote_pictures=cleaned.remote_pictures,
        parts=_placed(body.parts, cleaned.html),
        automatic=automatic(headers, subject=subject, is_bounce=bounce is not None),
        bounce=bounce,
        authentication=fields.authentication(headers),
        defects=tuple(budget.defects),
    )


def _placed(parts: list[Part], html: str) -> tuple[Part, ...]:
    """Return the parts, those in line that the HTML shows: all others would be seen nowhere."""
    shown = {unquote(unescape(name)) for name in _SHOWN_PICTURE.findall(html)}
    return tuple(
        replace(part, is_inline=bool(part.content_id) and part.content_id in shown)
        for part in parts
    )
