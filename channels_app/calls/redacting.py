"""Takes out of a call what nobody shall read again: secrets wherever they stand, and what people said.

Of a body its shape stays: the names of its fields, and the values that only machines choose. What customers
and colleagues wrote stands in the conversation, and as it came with the report of the channel.
"""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, urlsplit

HIDDEN = "…"
MOST_ADDRESS = 500
MOST_BODY = 4000
MOST_HEADERS = 30
MOST_HEADER = 200
# Larger bodies are not looked into.
MOST_READ = 64 * 1024
MOST_DEPTH = 10
MOST_FIELDS = 200
MOST_SENTENCE = 200
MOST_TEXT = 1000
_PRIVATE_NAME = re.compile(
    "auth|cookie|token|secret|sig|password|passwd|credential|session|key|hash|proof|nonce|echostr|challenge",
    re.IGNORECASE,
)
# Headers whose long numbers name nobody.
_OF_TIME = re.compile("timestamp|date|expires|retry-after|ratelimit|length", re.IGNORECASE)
_MAIL = re.compile(r"[^\s<>\"',;:()/?=&]{1,64}@[^\s<>\"',;:()/?=&]{1,189}", re.ASCII)
# Numbers of telephones and people, and what may be a token.
_NUMBER = re.compile(r"\+?\d{7,}|(?<!\w)\+?\d[\d ().\-]{7,40}\d|[\w\-+=.~]{24,}", re.ASCII)
_SHORTEST_NUMBER = 7
_TECHNICAL_VALUE = re.compile(r"[\w.:,/+-]{1,60}", re.ASCII)
_TECHNICAL = frozenset(
    {
        *("type", "object", "event", "events", "status", "code"),
        *("errcode", "error_code", "error_subcode", "kind", "mode", "method"),
        *("action", "ok", "version", "messaging_product", "messaging_type", "recipient_type"),
        *("tag", "field", "parse_mode", "content_type", "mime_type", "mime"),
        *("state", "language", "lang", "direction", "is_transient", "retryable"),
        *("scope", "format"),
    }
)
# Where a vendor says in words why it refused.
_REASON = frozenset(
    {
        *("message", "description", "error", "error_description", "errmsg", "error_message"),
        *("detail", "details", "title", "reason", "error_user_msg", "error_user_title"),
        *("msg", "more_info"),
    }
)
_FAILED = ("error", "errors", "errcode", "error_code", "errorCode")


class Redactor:
    """Knows the secrets of one channel, and of its settings what may stand as it is."""

    def __init__(self, secrets: Iterable[str], known: Iterable[str] = ()) -> None:
        self._secrets = _pattern(tuple(sorted(filter(None, secrets))))
        self._known = frozenset(known)

    def text(self, value: str) -> str:
        """Return a text without secrets, addresses of people and what may be a token."""
        # Cut only afterwards: the half of a secret is found by nobody.
        value = self.without_secrets(value)[:MOST_TEXT]
        if "@" in value:
            value = _MAIL.sub(self._unless_known, value)
        if len(value) < _SHORTEST_NUMBER:
            return value
        return _NUMBER.sub(self._unless_known, value)

    def without_secrets(self, value: str) -> str:
        """Return a text without the channel's secrets, however they are written."""
        return self._secrets.sub(HIDDEN, value) if self._secrets is not None else value

    def address(self, url: str) -> str:
        """Return an address without who signs in, and without the values that prove something."""
        try:
            parts = urlsplit(url)
            pairs = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=MOST_FIELDS)
        except ValueError:
            return HIDDEN
        host = parts.netloc.rpartition("@")[2]
        start = self.without_secrets(f"{parts.scheme}://{host}") if host else ""
        query = "&".join(
            f"{self.text(name)[:60]}={self._value(name, each)}" for name, each in pairs
        )
        place = (start + self.text(parts.path))[:MOST_ADDRESS]
        return place + (f"?{query}"[:MOST_ADDRESS] if query else "")

    def headers(self, headers: Mapping[str, str]) -> list[tuple[str, str]]:
        """Return the headers in their order; those that prove something by their names only."""
        rows = list(headers.items())[:MOST_HEADERS]
        return [(name[:60], self._header(name, value)) for name, value in rows]

    def body(
        self, body: bytes, content_type: str, *, is_answer: bool = False, status: int = 0
    ) -> str:
        """Return the shape of a body; of a refusal also the words of the vendor."""
        if not body or len(body) > MOST_READ:
            return ""
        found = _opened(body, content_type)
        if found is None:
            return ""
        says_why = is_answer and (status >= 400 or _has_failed(found))
        shape = _Shape(self, says_why=says_why)
        return self.without_secrets(json.dumps(shape.of(found), ensure_ascii=False, indent=1))[
            :MOST_BODY
        ]

    def _value(self, name: str, value: str) -> str:
        if _PRIVATE_NAME.search(name) or not _TECHNICAL_VALUE.fullmatch(value):
            return HIDDEN if value else ""
        return self.text(value)

    def _header(self, name: str, value: str) -> str:
        if _PRIVATE_NAME.search(name):
            return HIDDEN
        shown = self.without_secrets(value) if _OF_TIME.search(name) else self.text(value)
        return shown[:MOST_HEADER]

    def _unless_known(self, found: re.Match[str]) -> str:
        return found.group() if found.group() in self._known else HIDDEN

    def number(self, value: float) -> object:
        """Return a number that counts something; one that names somebody is hidden."""
        return value if abs(value) < 1_000_000 or str(value) in self._known else HIDDEN


class _Shape:
    """Walks through one body, a bounded part of it."""

    def __init__(self, redactor: Redactor, *, says_why: bool) -> None:
        self._redactor = redactor
        self._says_why = says_why
        self._left = MOST_FIELDS

    def of(self, value: Any, name: str = "", depth: int = 0) -> Any:  # Any: plain JSON values
        self._left -= 1
        if isinstance(value, dict | list) and (depth >= MOST_DEPTH or self._left <= 0):
            return HIDDEN
        if isinstance(value, dict):
            rows = list(value.items())[: max(0, self._left)]
            return {
                self._redactor.text(key)[:60]: self.of(each, key, depth + 1) for key, each in rows
            }
        if isinstance(value, list):
            return [self.of(each, name, depth + 1) for each in value[: max(0, self._left)]]
        if isinstance(value, str):
            return self._string(value, name.lower())
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self._redactor.number(value)
        return value

    def _string(self, value: str, name: str) -> str:
        if _PRIVATE_NAME.search(name):
            return HIDDEN if value else ""
        if name in _TECHNICAL and _TECHNICAL_VALUE.fullmatch(value):
            return self._redactor.text(value)
        if self._says_why and name in _REASON:
            return self._redactor.text(value)[:MOST_SENTENCE]
        return f"{HIDDEN}({len(value)})" if value else ""


def _opened(body: bytes, content_type: str) -> Any:  # Any: plain JSON values, or None
    kind = content_type.partition(";")[0].strip().lower()
    try:
        if kind.endswith("json"):
            return json.loads(body)
        if kind == "application/x-www-form-urlencoded":
            pairs = parse_qsl(body.decode("utf-8", "replace"), True, max_num_fields=MOST_FIELDS)
            return dict(pairs)
    except (ValueError, RecursionError):
        return None
    return None


def _has_failed(found: Any) -> bool:  # Any: plain JSON values
    if not isinstance(found, dict):
        return False
    return any(found.get(name) for name in _FAILED) or found.get("ok") is False


@lru_cache(maxsize=256)
def _pattern(secrets: tuple[str, ...]) -> "re.Pattern[str] | None":
    """Return what finds the secrets as they are, in addresses, in JSON, and anywhere within base64."""
    exact: set[str] = set()
    escaped: set[str] = set()
    for secret in secrets:
        bare = secret.removeprefix("whsec_")
        exact |= {secret, bare, json.dumps(secret)[1:-1], *_in_base64(secret)}
        escaped |= {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    if not exact:
        return None
    parts = [re.escape(each) for each in sorted(exact, key=len, reverse=True)]
    # %2F and %2f are the same.
    parts += [f"(?i:{re.escape(each)})" for each in sorted(escaped - exact, key=len, reverse=True)]
    return re.compile("|".join(parts))


def _in_base64(secret: str) -> set[str]:
    """Return how a secret looks within the base64 of something longer, such as a name and a password."""
    found = set()
    raw = secret.encode("utf-8", "surrogatepass")
    for before, cut in ((0, 0), (1, 2), (2, 3)):
        whole = (before + len(raw)) // 3 * 3
        coded = base64.b64encode(b"\0" * before + raw)[: whole // 3 * 4][cut:].decode("ascii")
        if len(coded) >= 4:
            found |= {coded, coded.replace("+", "-").replace("/", "_")}
    return found
