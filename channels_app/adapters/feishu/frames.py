"""The frames of a long connection, each a message of Protocol Buffers, and answered by itself.

Read here, because they are one flat message of nine fields: the library would bring descriptors and a compiled
module for that, and everything that an answer repeats has to be kept as it came anyway, known or not.
https://protobuf.dev/programming-guides/encoding/
"""

from dataclasses import dataclass
from typing import Self

from channels_app.protocol import BadPayload

# The fields by their numbers; the first four are required.
SEQUENCE, LOG, SERVICE, METHOD, HEADER, PAYLOAD = 1, 2, 3, 4, 5, 8
KEY, VALUE = 1, 2
# What a frame is for.
CONTROL, DATA = 0, 1
MOST_FIELDS = 200
MOST_DIGITS = 10
_VARINT, _LENGTH = 0, 2
_FIXED = {1: 8, 5: 4}

# The number of a field with how it is written, and what it holds.
Field = tuple[int, int | bytes]


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; `fields` are all of it as it came, `headers` and `payload` what they mean."""

    fields: tuple[Field, ...]
    method: int
    headers: dict[str, str]
    payload: bytes

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Return the frame that the bytes are. Raises BadPayload."""
        fields = tuple(_fields(data))
        known = dict(fields)
        numbers = [known.get(number << 3 | _VARINT) for number in range(SEQUENCE, METHOD + 1)]
        if None in numbers:
            raise BadPayload("frame: a required field is missing")
        pairs = [_header(value) for key, value in fields if key == _text(HEADER)]
        return cls(fields, int(numbers[-1] or 0), dict(pairs), _bytes(known.get(_text(PAYLOAD))))

    @classmethod
    def made(cls, method: int, service: int, headers: dict[str, str], payload: bytes = b"") -> Self:
        """Return a frame that answers none."""
        numbers = {SEQUENCE: 0, LOG: 0, SERVICE: service, METHOD: method}
        fields: list[Field] = [(number << 3, value) for number, value in numbers.items()]
        fields += [_header_field(key, value) for key, value in headers.items()]
        if payload:
            fields.append((_text(PAYLOAD), payload))
        return cls(tuple(fields), method, headers, payload)

    def answered(self, payload: bytes, **headers: str) -> bytes:
        """Return the same frame with another payload and more headers, as it is written."""
        fields = [each for each in self.fields if each[0] != _text(PAYLOAD)]
        fields += [_header_field(key, value) for key, value in headers.items()]
        return _written([*fields, (_text(PAYLOAD), payload)])

    def written(self) -> bytes:
        """Return the frame as it is written."""
        return _written(self.fields)


def _fields(data: bytes) -> list[Field]:
    found: list[Field] = []
    at = 0
    while at < len(data):
        if len(found) == MOST_FIELDS:
            raise BadPayload("frame: there are too many fields")
        key, at = _number(data, at)
        kind = key & 7
        value: int | bytes
        if kind == _VARINT:
            value, at = _number(data, at)
        else:
            size, at = _number(data, at) if kind == _LENGTH else (_FIXED.get(kind, -1), at)
            if size < 0 or size > len(data) - at:
                raise BadPayload("frame: a field has no usable form")
            value, at = data[at : at + size], at + size
        found.append((key, value))
    return found


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Return the number that is written from here on, and where it ends."""
    number = 0
    for place, digit in enumerate(data[at : at + MOST_DIGITS]):
        number |= (digit & 0x7F) << 7 * place
        if not digit & 0x80:
            return number, at + place + 1
    raise BadPayload("frame: a number has no end")


def _header(value: int | bytes) -> tuple[str, str]:
    found = dict(_fields(_bytes(value)))
    try:
        key, text = (_bytes(found.get(_text(number))).decode("utf-8") for number in (KEY, VALUE))
    except UnicodeDecodeError as error:
        raise BadPayload("frame: a header is not UTF-8") from error
    return key, text


def _header_field(key: str, value: str) -> Field:
    pair: list[Field] = [(_text(KEY), key.encode()), (_text(VALUE), value.encode())]
    return _text(HEADER), _written(pair)


def _written(fields: "tuple[Field, ...] | list[Field]") -> bytes:
    found = bytearray()
    for key, value in fields:
        found += _digits(key)
        if isinstance(value, int):
            found += _digits(value)
        else:
            found += (_digits(len(value)) if key & 7 == _LENGTH else b"") + value
    return bytes(found)


def _digits(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def _text(number: int) -> int:
    """Return how a field of bytes or text begins."""
    return number << 3 | _LENGTH


def _bytes(value: int | bytes | None) -> bytes:
    return value if isinstance(value, bytes) else b""
