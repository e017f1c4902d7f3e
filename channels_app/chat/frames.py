"""What a visitor's browser may say, exactly: every frame has a schema and nothing else passes."""

import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from channels_app.chat.identity import UNSHOWN

MAX_FRAME_BYTES = 64 * 1024
MAX_TEXT = 10_000
MAX_ATTACHMENTS = 10
_EMAIL = re.compile(r"[^@\s,;<>\"'()\[\]\\]{1,64}@[^@\s,;<>\"'()\[\]\\]{1,190}\.[^@\s.]{2,60}")
# Characters that text never needs and that confuse whatever shows it: controls and lone surrogates.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class FrameRefused(ValueError):
    """The frame does not fit its schema; `code` goes back to the sender."""

    def __init__(self, code: str, field: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.field = field


@dataclass(frozen=True, slots=True)
class Frame:
    type: str
    values: dict[str, Any]  # checked against the schema of its type, which tells what is in it


Rule = Callable[[Any], Any]
Rules = dict[str, Rule]


def read_frame(raw: str | bytes, schemas: Mapping[str, Rules] | None = None) -> Frame:
    """Return the checked frame, a visitor's unless other schemas are given. Raises FrameRefused."""
    size = len(raw) if isinstance(raw, bytes) else len(raw.encode("utf-8", "surrogatepass"))
    if size > MAX_FRAME_BYTES:
        raise FrameRefused("too_large")
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise FrameRefused("not_json") from error
    if not isinstance(data, dict):
        raise FrameRefused("not_an_object")
    kind = data.pop("type", None)
    schema = (schemas or SCHEMAS).get(kind) if isinstance(kind, str) else None
    if schema is None or not isinstance(kind, str):
        raise FrameRefused("unknown_type")
    return Frame(kind, checked(data, schema))


def checked(data: dict[str, Any], schema: Mapping[str, Rule]) -> dict[str, Any]:
    unknown = data.keys() - schema.keys()
    if unknown:
        raise FrameRefused("unknown_field", _CONTROLS.sub("", min(unknown))[:40])
    values = {}
    for name, rule in schema.items():
        try:
            values[name] = rule(data.get(name))
        except FrameRefused as error:
            raise FrameRefused(error.code, name) from None
    return values


def text_up_to(limit: int, *, required: bool = False) -> Rule:
    def rule(value: Any) -> str:
        if value is None:
            value = ""
        if not isinstance(value, str):
            raise FrameRefused("not_text")
        text = _CONTROLS.sub("", value).strip()
        if len(text) > limit:
            raise FrameRefused("too_long")
        if required and not text:
            raise FrameRefused("required")
        return text

    return rule


def number(low: int, high: int, *, default: int | None = None) -> Rule:
    def rule(value: Any) -> int:
        if value is None and default is not None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise FrameRefused("not_a_number")
        return value

    return rule


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise FrameRefused("not_a_boolean")
    return value


def _uuid(value: Any) -> uuid.UUID:
    try:
        if not isinstance(value, str) or len(value) != 36:
            raise ValueError("Not in the usual form")
        return uuid.UUID(value)
    except ValueError as error:
        raise FrameRefused("not_a_uuid") from error


def listed(rule: Rule, limit: int) -> Rule:
    def whole(value: Any) -> list[Any]:
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > limit:
            raise FrameRefused("not_a_list")
        return [rule(each) for each in value]

    return whole


def language_of(value: Any) -> str:
    if value not in (None, "zh", "en"):
        raise FrameRefused("unknown_language")
    return value or "zh"


def _email(value: Any) -> str:
    text = value.strip() if isinstance(value, str) and len(value) <= 254 else ""
    if not _EMAIL.fullmatch(text) or UNSHOWN.search(text):
        raise FrameRefused("not_an_address")
    return text


_LAST = 2**31 - 1
SCHEMAS: dict[str, Rules] = {
    "hello": {
        "token": text_up_to(200),
        "identity": text_up_to(4096),
        "last_number": number(0, _LAST, default=0),
        "conversation": text_up_to(60),
        "language": language_of,
        "page": text_up_to(2000),
        "title": text_up_to(300),
    },
    "message": {
        "client_ref": _uuid,
        "text": text_up_to(MAX_TEXT),
        "attachments": listed(_uuid, MAX_ATTACHMENTS),
    },
    "typing": {"on": boolean},
    "ack": {"number": number(1, _LAST)},
    "seen": {"number": number(1, _LAST)},
    "rate": {
        "score": number(1, 5),
        "comment": text_up_to(2000),
        "tags": listed(text_up_to(40, required=True), 8),
    },
    "end": {},
    "address": {"email": _email},
    "language": {"language": language_of},
    "ping": {},
}
