"""What a feed says: RSS 2.0, RSS 1.0 or Atom, each entry as an event. Entities are refused, not expanded."""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import escape
from xml.etree.ElementTree import Element, ParseError, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from channels_app.protocol import BadPayload, ContactIdentity, Event

MOST_ENTRIES = 200
MOST_TEXT = 20_000
_DECLARED = re.compile(
    rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["'][^>]{0,100}\?>"""
)
# Older feeds say the smaller one of the two, and mean the larger.
_CHINESE = frozenset({"gb2312", "gbk", "gb18030"})
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Feed:
    """The entries of a feed, the oldest first, with the bytes of each."""

    items: tuple[tuple[bytes, tuple[Event, ...]], ...]


def read_feed(data: bytes, url: str) -> Feed:
    """Return the feed in these bytes. Raises BadPayload."""
    root = _root(data)
    name = _name(root)
    if name not in {"rss", "RDF", "feed"}:
        raise BadPayload("body: neither RSS nor Atom")
    entries = [each for each in root.iter() if _name(each) in {"item", "entry"}][:MOST_ENTRIES]
    channel = root if name == "feed" else next((e for e in root if _name(e) == "channel"), root)
    title = _line(_text(channel, "title"), 200) or url
    found = [(tostring(each, encoding="utf-8"), (_event(each, url, title),)) for each in entries]
    return Feed(tuple(reversed(found)))


def _root(data: bytes) -> Element:
    declared = _DECLARED.match(data)
    name = declared.group(1).decode("ascii").lower() if declared else "utf-8"
    try:
        if declared and name in _CHINESE:
            # The parser knows no encodings of several bytes but Unicode's.
            text = data[declared.end() :].decode("gb18030", "replace")
            return fromstring(text)
        return fromstring(data)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError) as error:
        raise BadPayload("body: no XML that is taken") from error


def _event(entry: Element, url: str, title: str) -> Event:
    link = _link(entry)
    named = _line(_text(entry, "guid") or _text(entry, "id") or link, 2000)
    heading = _line(_text(entry, "title"), 500)
    content = _text(entry, "encoded") or _text(entry, "content") or _text(entry, "description")
    content = content or _text(entry, "summary")
    # Where nothing names it, what it says does.
    key = hashlib.sha256((named or f"{heading}\n{content}").encode("utf-8", "replace")).hexdigest()
    parts = (escape(heading), content[:MOST_TEXT], escape(link))
    return Event(
        kind="message",
        dedup_key=key,
        provider_id=key[:40],
        # Each entry is a conversation of its own.
        thread_key=key[:40],
        sender=ContactIdentity(url, display_name=title, verified=True),
        subject=heading[:200],
        html="".join(f"<p>{each}</p>" for each in parts if each.strip()) or f"<p>{escape(url)}</p>",
        sent_at=_moment(entry),
        is_automatic=True,
    )


def _link(entry: Element) -> str:
    """Return where an entry leads: a text in RSS, an attribute in Atom."""
    for each in entry:
        if _name(each) == "link":
            found = (each.text or "").strip() or each.get("href", "")
            if each.get("rel", "alternate") == "alternate" and found:
                return _line(found, 2000)
    return ""


def _moment(entry: Element) -> datetime | None:
    for name in ("pubDate", "published", "updated", "date"):
        text = _line(_text(entry, name), 60)
        if not text:
            continue
        try:
            found = datetime.fromisoformat(text) if text[0].isdigit() and "-" in text else None
            at = found or parsedate_to_datetime(text)
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, TypeError, OverflowError):
            # Feeds write dates as they like; without one the time of its arrival counts.
            continue
    return None


def _text(parent: Element, name: str) -> str:
    for each in parent:
        if _name(each) == name:
            return "".join(each.itertext()).strip()
    return ""


def _line(text: str, limit: int) -> str:
    return _UNSHOWN.sub(" ", text).strip()[:limit]


def _name(element: Element) -> str:
    """Return the name of an element, whatever namespace it is in."""
    return str(element.tag).rpartition("}")[2]
