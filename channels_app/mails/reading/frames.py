"""What goes through the pipe between a reader and its child: JSON and plain bytes, never objects.

The child reads what strangers send and may be taken over by it, so its answers are checked like a
stranger's: every field has its type and its size, and nothing else passes.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar, get_args

from ..letter import Automatic, Bounce, Mail, Mailbox, Part
from .fields import LONGEST_AUTHENTICATION

LONGEST_JSON = 32 * 1024 * 1024
LONGEST_TEXT = 8 * 1024 * 1024
LONGEST_LINE = 4_096
MOST_ITEMS = 10_000

_UNWELCOME = re.compile("[\0\ud800-\udfff]")
_AUTOMATIC = get_args(Automatic)
_Item = TypeVar("_Item")


class BadFrame(ValueError):
    """The answer is not what a child of ours says."""


def packed(mail: Mail) -> tuple[dict[str, object], list[bytes]]:
    """Return the mail as plain values and the data of its parts."""
    blobs = [part.data for part in mail.parts]
    values = {name: getattr(mail, name) for name in Mail.__dataclass_fields__}
    values["parts"] = [
        [part.filename, part.mime, part.content_id, part.is_inline] for part in mail.parts
    ]
    values["sender"] = _pair(mail.sender)
    for name in ("reply_to", "to", "cc"):
        values[name] = [_pair(box) for box in values[name]]
    values["date"] = mail.date.isoformat() if mail.date else None
    values["bounce"] = asdict(mail.bounce) if mail.bounce else None
    return values, blobs


def _pair(box: Mailbox) -> list[str]:
    return [box.address, box.name]


def encoded(answer: dict[str, object], blobs: Sequence[bytes]) -> bytes:
    """Return the answer as it goes through the pipe, without the blobs that follow it."""
    return json.dumps({**answer, "blobs": [len(blob) for blob in blobs]}).encode()


def decoded(raw: bytes, *, most_bytes: int) -> tuple[dict[str, object], list[int]]:
    """Return the answer and how long the blobs are that follow it. Raises BadFrame."""
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadFrame("not JSON") from error
    if not isinstance(answer, dict):
        raise BadFrame("not an object")
    sizes = [_number(size) for size in _list(answer.pop("blobs", None))]
    if sum(sizes) > most_bytes:
        raise BadFrame("too many bytes")
    return answer, sizes


def unpacked(values: object, blobs: Sequence[bytes]) -> Mail:
    """Return the mail that the child read. Raises BadFrame for whatever is none."""
    if not isinstance(values, dict) or values.keys() != Mail.__dataclass_fields__.keys():
        raise BadFrame("other fields than a mail's")
    parts = _list(values["parts"])
    if len(parts) != len(blobs):
        raise BadFrame("other parts than data")
    return Mail(
        **{name: _line(values[name]) for name in ("message_id", "subject")},
        **{name: _text(values[name]) for name in ("text", "reply", "signature", "html")},
        in_reply_to=_tuple(values["in_reply_to"], _line),
        references=_tuple(values["references"], _line),
        delivered_to=_tuple(values["delivered_to"], _line),
        remote_pictures=_tuple(values["remote_pictures"], _text),
        authentication=_tuple(values["authentication"], _field),
        defects=_tuple(values["defects"], _line),
        sender=_mailbox(values["sender"]),
        reply_to=_tuple(values["reply_to"], _mailbox),
        to=_tuple(values["to"], _mailbox),
        cc=_tuple(values["cc"], _mailbox),
        date=_date(values["date"]),
        parts=tuple(_part(part, blob) for part, blob in zip(parts, blobs, strict=True)),
        automatic=_automatic(values["automatic"]),
        bounce=_bounce(values["bounce"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or _UNWELCOME.search(value):
        raise BadFrame("not a text")
    return value


def _field(value: object) -> str:
    return _line(value, longest=LONGEST_AUTHENTICATION)


def _line(value: object, *, longest: int = LONGEST_LINE) -> str:
    text = _text(value)
    if len(text) > longest or "\n" in text or "\r" in text:
        raise BadFrame("not a line")
    return text


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise BadFrame("not a flag")
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BadFrame("not a number")
    return value


def _list(value: object) -> list[Any]:  # of JSON: each item is checked by its own rule
    if not isinstance(value, list) or len(value) > MOST_ITEMS:
        raise BadFrame("not a list")
    return value


def _tuple(value: object, rule: Callable[[object], _Item]) -> tuple[_Item, ...]:
    return tuple(rule(item) for item in _list(value))


def _mailbox(value: object) -> Mailbox:
    if len(pair := _tuple(value, _line)) != 2:
        raise BadFrame("not a mailbox")
    return Mailbox(*pair)


def _part(value: object, data: bytes) -> Part:
    if len(fields := _list(value)) != 4:
        raise BadFrame("not a part")
    filename, mime, content_id, is_inline = fields
    return Part(data, _line(filename), _line(mime), _line(content_id), _flag(is_inline))


def _date(value: object) -> datetime | None:
    if value is None:
        return None
    try:
        when = datetime.fromisoformat(_line(value))
    except ValueError as error:
        raise BadFrame("not a date") from error
    if when.tzinfo is None:
        raise BadFrame("not an instant")
    return when


def _automatic(value: object) -> Automatic:
    for kind in _AUTOMATIC:
        if value == kind:
            return kind  # type: ignore[no-any-return]  # one of the literals
    raise BadFrame("not a kind of machine")


def _bounce(value: object) -> Bounce | None:
    if value is None:
        return None
    if not isinstance(value, dict) or value.keys() != Bounce.__dataclass_fields__.keys():
        raise BadFrame("not a bounce")
    return Bounce(
        message_ids=_tuple(value["message_ids"], _line),
        recipients=_tuple(value["recipients"], _line),
        status=_line(value["status"]),
        reason=_line(value["reason"]),
        is_permanent=_flag(value["is_permanent"]),
    )
