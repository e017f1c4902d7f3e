"""Reads the JSON of a call strictly: whatever does not fit is a BadPayload that names the field."""

import hashlib
import json
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from channels_app.protocol import BadPayload

MOST_BYTES = 3 * 1024 * 1024
DEEPEST = 32
MOST_DIGITS = 19
LOWEST, HIGHEST = -(2**63), 2**63 - 1
# What text never needs: controls but tab and line ends, and lone surrogates, which nothing stores.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
# What no name or address has: every control, lone surrogates, and what turns the text around it.
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
_DIGITS = re.compile(r"[0-9]{1,16}")
# Whoever counts in milliseconds is past this number of seconds.
_MILLISECONDS_FROM = 10**11

T = TypeVar("T")


def read_object(body: bytes) -> "Fields":
    """Return the one JSON object that the bytes hold. Raises BadPayload."""
    return Fields(_read(body), "")


def read_objects(body: bytes, most: int) -> "list[Fields]":
    """Return the objects of the list that the bytes hold; an empty one is none. Raises BadPayload."""
    found = Fields({"": _read(body)}, "").each("", most)
    if not found:
        raise BadPayload("body: must be a list of objects")
    return found


def _read(body: bytes) -> object:
    if len(body) > MOST_BYTES:
        raise BadPayload("body: too large")
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_each_key_once,
            parse_int=_integer,
            parse_float=_finite,
            parse_constant=_no_constant,
        )
    except (ValueError, RecursionError) as error:
        raise BadPayload("body: not JSON in UTF-8") from error
    _check_depth(value)
    return value


class Fields:
    """A JSON object, read field by field; `path` says where it stands. null means absent."""

    def __init__(self, value: object, path: str) -> None:
        if not isinstance(value, dict):
            raise BadPayload(f"{path or 'body'}: must be an object")
        self._values: dict[str, object] = value
        self.path = path

    def __contains__(self, name: str) -> bool:
        return self._values.get(name) is not None

    def names(self) -> list[str]:
        """Return the names of the fields that say something, in their order."""
        return [name for name, value in self._values.items() if value is not None]

    def as_json(self) -> bytes:
        """Return the object as JSON, the same for whatever order its fields came in."""
        written = json.dumps(self._values, ensure_ascii=False, sort_keys=True)
        return written.encode("utf-8", "surrogatepass")

    def refuse(self, name: str, why: str) -> BadPayload:
        """Return the error to raise about a field."""
        return BadPayload(f"{self.path}.{name}: {why}" if self.path else f"{name}: {why}")

    def plain(self, name: str) -> object:
        """Return what stands in a field, whatever it is: for fields that come in several forms."""
        return self._values.get(name)

    def text(self, name: str, limit: int) -> str:
        """Return a text of several lines, cleaned of controls."""
        return self._string(name, limit, lambda value: without_controls(value).strip())

    def piece(self, name: str, limit: int) -> str:
        """Return a part of a text, cleaned of controls, with the spaces at its ends."""
        return self._string(name, limit, without_controls)

    def line(self, name: str, limit: int, *, fits: re.Pattern[str] | None = None) -> str:
        """Return one line to show, which looks as `fits` says."""
        found = self._string(name, limit, lambda value: _UNSHOWN.sub("", value).strip())
        if found and fits is not None and not fits.fullmatch(found):
            raise self.refuse(name, "has an unusable form")
        return found

    def identifier(self, name: str, limit: int = 200, *, required: bool = False) -> str:
        """Return an id exactly as it came: cleaning could make two of them one."""
        found = _identifier(self._string(name, limit, str))
        if found is None:
            raise self.refuse(name, "holds characters that an id may not have")
        if required and not found:
            raise self.refuse(name, "is required")
        return found

    def reference(self, name: str, limit: int = 200, *, required: bool = False) -> str:
        """Return an id that some write as text and some as a whole number."""
        value = self._values.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return self.identifier(name, limit, required=required)

    def identifiers(self, name: str, most: int, limit: int = 200) -> tuple[str, ...]:
        """Return a list of ids."""
        found = [
            _identifier(each) if isinstance(each, str) and 1 <= len(each) <= limit else None
            for each in self._list(name, most)
        ]
        if None in found:
            raise self.refuse(name, f"must be a list of ids of at most {limit} characters")
        return tuple(each for each in found if each)

    def boolean(self, name: str, *, default: bool = False) -> bool:
        return self._typed(name, bool, "must be true or false", default)

    def number(self, name: str, *, lowest: int = 0) -> int | None:
        """Return a whole number from `lowest` on that a database can hold."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= HIGHEST:
            raise self.refuse(name, f"must be a whole number from {lowest} on")
        return value

    def real(self, name: str) -> float | None:
        """Return a number, whole or not."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.refuse(name, "must be a number")
        return float(value)

    def instant(self, name: str) -> datetime | None:
        """Return an instant given in ISO 8601 with its offset, in UTC."""
        text = self._string(name, 40, str)
        if not text:
            return None
        try:
            found = datetime.fromisoformat(text) if text.isascii() else None
            if found is None or found.tzinfo is None:
                raise ValueError("No instant")
            return found.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            why = "must be a time with its offset, such as 2026-11-22T08:00:00Z"
            raise self.refuse(name, why) from error

    def moment(self, name: str) -> datetime | None:
        """Return an instant, which comes in seconds, in milliseconds, or as text; None when there is none."""
        value = self._values.get(name)
        if isinstance(value, str) and not _DIGITS.fullmatch(value):
            return self.instant(name)
        number = int(value) if isinstance(value, str) else self.number(name)
        if not number:
            return None
        try:
            seconds = number / 1000 if number >= _MILLISECONDS_FROM else number
            return datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise self.refuse(name, "is no time") from error

    def fields(self, name: str) -> "Fields":
        """Return the object in a field; an empty one when there is none."""
        return Fields(self._typed(name, dict, "must be an object", {}), self._path(name))

    def unpacked(self, name: str) -> "Fields":
        """Return the object in a field, also where it stands there as a text of JSON."""
        value = self._values.get(name)
        if not isinstance(value, str) or not value.strip():
            return Fields({}, self._path(name)) if isinstance(value, str) else self.fields(name)
        return read_object(value.encode("utf-8", "replace")).at(self._path(name))

    def written(self) -> bytes:
        """Return the object as JSON again."""
        return json.dumps(self._values, ensure_ascii=False).encode("utf-8", "replace")

    def digest(self) -> str:
        """Return what tells this object from others: a hash of all that it says."""
        said = json.dumps(self._values, sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()[:32]

    def at(self, path: str) -> "Fields":
        """Return the same object as it stands elsewhere."""
        return Fields(self._values, path)

    def each(self, name: str, most: int) -> list["Fields"]:
        """Return the objects in a list."""
        values = self._list(name, most)
        return [Fields(each, f"{self._path(name)}[{at}]") for at, each in enumerate(values)]

    def lists(self, name: str, most: int) -> list[list["Fields"]]:
        """Return the lists of objects in a list, of at most so many objects each."""
        found = []
        for at, row in enumerate(self._list(name, most)):
            inner = Fields({"row": row}, f"{self._path(name)}[{at}]")
            found.append(inner.each("row", most))
        return found

    def texts(self, name: str, most: int, limit: int = 1000) -> list[str]:
        """Return a list of lines to show."""
        rows = [Fields({"text": each}, self._path(name)) for each in self._list(name, most)]
        return [each.line("text", limit) for each in rows]

    def _path(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def _list(self, name: str, most: int) -> list[object]:
        found: list[object] = self._typed(name, list, "must be a list", [])
        if len(found) > most:
            raise self.refuse(name, f"has more than {most} items")
        return found

    def _string(self, name: str, limit: int, clean: Callable[[str], str]) -> str:
        found = self._typed(name, str, "must be text", "")
        if len(found) > limit:
            raise self.refuse(name, f"is longer than {limit} characters")
        return clean(found)

    def _typed(self, name: str, kind: type[T], why: str, default: T) -> T:
        value = self._values.get(name)
        if value is None:
            return default
        if not isinstance(value, kind):
            raise self.refuse(name, why)
        return value


def without_controls(text: str) -> str:
    """Return a text of several lines without what nobody sees and nothing stores."""
    return _CONTROLS.sub("", text)


def _identifier(text: str) -> str | None:
    return None if _UNSHOWN.search(text) or text != text.strip() else text


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:  # Any: as json reads it
    found = dict(pairs)
    if len(found) != len(pairs):
        # Two readers may take a different one of them: what was signed means one thing only.
        raise BadPayload("body: a key stands twice in one object")
    return found


def _integer(digits: str) -> int:
    if len(digits.removeprefix("-")) > MOST_DIGITS:
        raise BadPayload("body: a number is too large")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise BadPayload("body: a number is too large")
    return number


def _no_constant(name: str) -> float:
    raise BadPayload(f"body: {name} is no JSON")


def _check_depth(value: object) -> None:
    level = [value]
    for _depth in range(DEEPEST):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    if level:
        raise BadPayload("body: nested too deeply")
