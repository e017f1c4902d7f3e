"""What a call says, in XML or JSON, as fields whose names are in lower case and whose numbers are text.

They spell `MsgId` in two ways, and a number of JSON would be another id than the text of XML.
"""

import hashlib
import json
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from channels_app.json_fields import MOST_BYTES, Fields, read_object
from channels_app.protocol import BadPayload

DEEPEST = 6


@dataclass(frozen=True, slots=True)
class Said:
    """What a call says, and a key made of all of it: what tells an event without an id from any other."""

    data: Fields
    key: str


def read(content: bytes) -> Said:
    """Return what a call says. Raises BadPayload."""
    is_json = content.lstrip()[:1] == b"{"
    values = _of_json(content) if is_json else _of_element(_parsed(content), 0)
    known = json.dumps(values, sort_keys=True)
    return Said(Fields(values, ""), hashlib.sha256(known.encode()).hexdigest())


def _parsed(content: bytes) -> Element:
    if len(content) > MOST_BYTES:
        raise BadPayload("body: too large")
    try:
        found: Element = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise BadPayload("body: neither XML nor JSON") from error
    return found


def _of_element(element: Element, depth: int) -> dict[str, object]:
    if depth > DEEPEST:
        raise BadPayload("body: nested too deeply")
    found: dict[str, object] = {}
    for each in element:
        name = str(each.tag).lower()
        if name in found and depth == 0:
            raise BadPayload("body: a field stands there twice")
        found[name] = _of_element(each, depth + 1) if len(each) else (each.text or "")
    return found


def _of_json(content: bytes) -> dict[str, object]:
    # Which refuses what is no object, too large or too deep.
    read_object(content)
    found: dict[str, object] = json.loads(
        content, object_pairs_hook=_lowered, parse_int=str, parse_float=str
    )
    return found


def _lowered(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = {name.lower(): value for name, value in pairs}
    if len(found) != len(pairs):
        raise BadPayload("body: a field stands there twice")
    return found
