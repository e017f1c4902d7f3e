"""Keeps the newest calls of each channel in Redis: a short list that pushes its own end off.

Nothing waits for it. A call is put in a line in memory; one thread takes out what is secret, encrypts the rest
and writes it. The list helps whoever sets a channel up, and nothing depends on it: while Redis is away, or the
line is full, calls are missing from it. What channels reported stands in the database as ever.
"""

import json
import logging
import queue
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import redis
from django.conf import settings

from channels_app.calls.redacting import MOST_READ, Redactor
from helpdesk.crypto import encrypt

if TYPE_CHECKING:
    from channels_app.protocol import ChannelConfig

logger = logging.getLogger(__name__)

MOST_KEPT = 50
# Anybody may cause these: they have a list of their own and push nothing off the other.
MOST_REFUSED = 10
REFUSED_EVERY_SECONDS = 1.0
KEPT_SECONDS = 7 * 24 * 3600
MOST_WAITING = 500
MOST_EVENTS = 20
MOST_REASON = 200
_BATCH = 50
_MOST_PACED = 10_000
# What each line of the log was for.
SEND, FILE, TEST, POLL, TOKEN = "send", "file", "test", "poll", "token"


@dataclass(frozen=True, slots=True)
class Account:
    """Whose calls these are, and what has to be taken out of them."""

    organization_id: int
    channel_id: int
    # Not shown, whoever prints it.
    secrets: tuple[str, ...] = field(default=(), repr=False)
    known: tuple[str, ...] = field(default=(), repr=False)

    def redactor(self) -> Redactor:
        """Return what takes the secrets of this channel out."""
        return Redactor(self.secrets, self.known)


@dataclass(frozen=True, slots=True)
class Body:
    """What was said in one direction; a large body is named by its size only."""

    headers: Mapping[str, str]
    content: bytes = b""
    size: int = 0

    @classmethod
    def of(cls, headers: Mapping[str, str], content: bytes | None) -> "Body":
        """Return a body to be kept for a moment: a large one is not."""
        content = content or b""
        return cls(headers, content if len(content) <= MOST_READ else b"", len(content))


@dataclass(frozen=True, slots=True)
class Call:
    """One call as it was made, before anything is taken out."""

    account: Account
    purpose: str  # empty for one that came in
    method: str
    url: str
    asked: Body
    answered: Body | None
    status: int
    began_at: float
    seconds: float
    reason: str = ""
    # Of one that came in: how many events it reported, and under which keys they are stored.
    count: int = 0
    keys: tuple[str, ...] = ()

    @property
    def is_refused(self) -> bool:
        return not self.purpose and self.status >= 400


_account: ContextVar[tuple[Account, str] | None] = ContextVar("calls_of", default=None)


def account_of(organization_id: int, channel_id: int, config: "ChannelConfig") -> Account:
    """Return whose calls those of a channel are."""
    values = [str(each) for each in config.settings.values() if isinstance(each, str | int)]
    named = (*config.named_secrets.values(), *config.named_before.values())
    found = (*config.secrets, *named)
    return Account(organization_id, channel_id, found, (config.public_id, *values))


@contextmanager
def calls_of(account: Account, purpose: str) -> Iterator[None]:
    """Note what is called within as the channel's own calls."""
    token = _account.set((account, purpose))
    try:
        yield
    finally:
        _account.reset(token)


@contextmanager
def calls_for(purpose: str) -> Iterator[None]:
    """Note what is called within as made for something else, for whoever it is made."""
    current = _account.get()
    if current is None:
        yield
        return
    with calls_of(current[0], purpose):
        yield


@contextmanager
def noted(method: str, url: str, asked: Body) -> Iterator["list[tuple[int, Body]]"]:
    """Note one call of ours, for the channel that makes it; its answer is put into the list."""
    answers: list[tuple[int, Body]] = []
    current = _account.get()
    if current is None:
        yield answers
        return
    began_at, started, reason = time.time(), time.perf_counter(), ""
    try:
        yield answers
    except Exception as error:
        reason = type(error).__name__
        raise
    finally:
        account, purpose = current
        status, answered = answers[0] if answers else (0, None)
        seconds = time.perf_counter() - started
        note(
            Call(account, purpose, method, url, asked, answered, status, began_at, seconds, reason)
        )


def note(call: Call) -> None:
    """Have a call written to its channel's list, unless too many are waiting; returns at once."""
    if call.is_refused and not _may_note_refused(call.account.channel_id):
        return
    try:
        _writer().waiting.put_nowait(call)
    except queue.Full:
        logger.warning("A call is missing from the list of its channel: too many are waiting")


def wait_until_written() -> None:
    """Return when what was noted before is written or given up."""
    _writer().waiting.join()


def key_of(organization_id: int, channel_id: int, *, is_refused: bool) -> str:
    """Return where the calls of a channel lie; the organization is part of it."""
    return f"everydesk:calls:{organization_id}:{channel_id}" + (":refused" if is_refused else "")


@cache
def client() -> redis.Redis:
    """Return the connection that the lists are written and read through."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5)


_paced: dict[int, float] = {}


def _may_note_refused(channel_id: int) -> bool:
    """Tell whether a refused call is due to be noted: one in a second says as much as all of them."""
    now = time.monotonic()
    if now - _paced.get(channel_id, -REFUSED_EVERY_SECONDS) < REFUSED_EVERY_SECONDS:
        return False
    if len(_paced) >= _MOST_PACED:
        _paced.clear()
    _paced[channel_id] = now
    return True


def as_kept(call: Call) -> dict[str, Any]:  # Any: plain JSON values
    """Return what is kept of a call."""
    redactor = call.account.redactor()
    kept: dict[str, Any] = {
        "id": secrets.token_hex(8),
        "at": datetime.fromtimestamp(call.began_at, UTC).isoformat(),
        "purpose": call.purpose,
        "method": call.method[:10],
        "address": redactor.address(call.url),
        "headers": redactor.headers(call.asked.headers),
        "size": call.asked.size,
        "status": call.status,
        "milliseconds": round(call.seconds * 1000, 1),
        "reason": redactor.text(call.reason)[:MOST_REASON],
        "count": call.count,
        "keys": call.keys[:MOST_EVENTS],
    }
    if call.purpose:
        kept["body"] = _shape(redactor, call.asked)
    if call.answered is not None:
        answered = call.answered
        kept["answer_headers"] = redactor.headers(answered.headers)
        kept["answer_size"] = answered.size
        kept["answer"] = _shape(redactor, answered, is_answer=True, status=call.status)
    return kept


def _shape(redactor: Redactor, body: Body, *, is_answer: bool = False, status: int = 0) -> str:
    kind = next(
        (value for name, value in body.headers.items() if name.lower() == "content-type"), ""
    )
    return redactor.body(body.content, kind, is_answer=is_answer, status=status)


class _Writer:
    """One thread that writes what waits, many together."""

    def __init__(self) -> None:
        self.waiting: queue.Queue[Call] = queue.Queue(MOST_WAITING)
        threading.Thread(target=self._run, name="calls", daemon=True).start()

    def _run(self) -> None:
        while True:
            taken = [self.waiting.get()]
            while len(taken) < _BATCH and not self.waiting.empty():
                taken.append(self.waiting.get())
            try:
                self._write(taken)
            except redis.RedisError as error:
                logger.warning("%s calls are not listed: %s", len(taken), type(error).__name__)
            except Exception:
                # Whatever is wrong with these, the next ones are written.
                logger.exception("%s calls are not listed", len(taken))
            finally:
                for _each in taken:
                    self.waiting.task_done()

    def _write(self, calls: list[Call]) -> None:
        lists: dict[tuple[int, int, bool], list[str]] = {}
        for call in calls:
            place = (call.account.organization_id, call.account.channel_id, call.is_refused)
            kept = json.dumps(as_kept(call), ensure_ascii=False)
            lists.setdefault(place, []).append(encrypt(kept))
        with client().pipeline(transaction=False) as pipe:
            for (organization_id, channel_id, is_refused), rows in lists.items():
                key = key_of(organization_id, channel_id, is_refused=is_refused)
                pipe.lpush(key, *rows)
                pipe.ltrim(key, 0, (MOST_REFUSED if is_refused else MOST_KEPT) - 1)
                pipe.expire(key, KEPT_SECONDS)
            pipe.execute()


_lock = threading.Lock()
_made: list[_Writer] = []


def _writer() -> _Writer:
    with _lock:
        if not _made:
            _made.append(_Writer())
    return _made[0]
