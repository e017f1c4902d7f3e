"""Reads mails in a process apart, so that no mail costs more than its share or takes us along."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from ..letter import Mail
from . import frames
from .bounds import LARGEST_BYTES, refuse
from .child import HELLO, LENGTH

CPU_SECONDS = 2.0
WALL_SECONDS = 10.0
MEMORY_BYTES = 256 * 1024 * 1024
# A fresh process now and then: whatever leaks or was left behind by one mail goes with the old one.
MAILS_PER_CHILD = 500
_START_SECONDS = 60.0
_FAREWELL_SECONDS = 3.0
_PROJECT = Path(__file__).resolve().parents[3]
_MODULE = f"{__package__}.child"
_FAILURES = ("out_of_memory", "crashed")


class Unreadable(Exception):
    """This mail cannot be read; `reason` is a short code, `where` for the log."""

    def __init__(self, reason: str, where: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.where = where


class _Killed(Unreadable):
    """The child died over this mail, by the mail's fault or by somebody else's."""


class NotStarted(RuntimeError):
    """No child could be started; the mail has nothing to do with it and is not read."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a child used so far, by its own account."""

    cpu_seconds: float = 0.0
    peak_bytes: int = 0


@dataclass
class _Child:
    process: subprocess.Popen[bytes]
    pipe: socket.socket
    owner: int  # the process that started it: a fork of that one has no claim to it
    mails: int = 0


class Reader:
    """Reads one mail at a time; any thread may ask, and whoever made it closes it."""

    def __init__(
        self,
        *,
        largest_bytes: int = LARGEST_BYTES,
        memory_bytes: int = MEMORY_BYTES,
        cpu_seconds: float = CPU_SECONDS,
        wall_seconds: float = WALL_SECONDS,
        mails_per_child: int = MAILS_PER_CHILD,
    ) -> None:
        self._largest_bytes = largest_bytes
        self._memory_bytes = memory_bytes
        self._cpu_seconds = cpu_seconds
        self._wall_seconds = wall_seconds
        self._mails_per_child = mails_per_child
        self._lock = threading.Lock()
        self._child: _Child | None = None
        self.usage = Usage()

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, raw: bytes) -> Mail:
        """Return what the mail says. Raises Unreadable; the next mail is read all the same.

        Raises NotStarted when the fault is not the mail's: reading it later is worth a try.
        """
        reason = refuse(raw, largest=self._largest_bytes)
        if reason is not None:
            raise Unreadable(reason)
        with self._lock:
            try:
                return self._asked(raw)
            except _Killed:
                # Memory that others used up may have ended it: one more child tells whose fault it was.
                return self._asked(raw)

    def close(self) -> None:
        """End the child; reading again starts another."""
        with self._lock:
            if self._child is not None:
                self._end(self._child)

    def _asked(self, raw: bytes) -> Mail:
        child = self._ready()
        try:
            answer, blobs = self._exchange(child, raw)
            if "failed" in answer:
                raise _failure(answer)
            mail = frames.unpacked(answer.get("mail"), blobs)
        except frames.BadFrame as error:
            self._end(child, by_force=True)
            raise Unreadable("crashed", f"answer: {error}") from error
        except OSError as error:
            reason = self._cause(child, error)
            raise (_Killed if reason == "crashed" else Unreadable)(reason) from error
        except BaseException:
            # Half an answer may be in the pipe, or the memory full of what could not be read.
            self._end(child, by_force=True)
            raise
        child.mails += 1
        return mail

    def _ready(self) -> _Child:
        child = self._child
        if child is not None and child.owner != os.getpid():
            child.pipe.close()
            self._child = child = None
        if child is not None and (child.mails >= self._mails_per_child or _is_over(child)):
            self._end(child)
        if self._child is None:
            self._child = self._started()
            self._greet(self._child)
        return self._child

    def _greet(self, child: _Child) -> None:
        """Wait until the child is ready, so that what keeps it from starting is blamed on no mail."""
        deadline = time.monotonic() + _START_SECONDS
        try:
            greeted = LENGTH.unpack(_received(child.pipe, LENGTH.size, deadline))[0]
        except OSError as error:
            self._end(child, by_force=True)
            raise NotStarted(f"status {child.process.returncode}") from error
        if greeted != HELLO:
            self._end(child, by_force=True)
            raise NotStarted("another program answered")

    def _started(self) -> _Child:
        ours, theirs = socket.socketpair()
        limits = [str(self._memory_bytes), str(self._cpu_seconds)]
        with theirs:
            try:
                # A session of its own: Ctrl-C is for the parent, and the pipe's end tells the child.
                process = subprocess.Popen(  # noqa: S603  (our own module, and numbers)
                    [sys.executable, "-E", "-s", "-m", _MODULE, *limits],
                    cwd=_PROJECT,
                    env={"LANG": "C.UTF-8"},
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            except BaseException:
                ours.close()
                raise
        return _Child(process, ours, os.getpid())

    def _exchange(self, child: _Child, raw: bytes) -> tuple[dict[str, object], list[bytes]]:
        deadline = time.monotonic() + self._wall_seconds
        child.pipe.settimeout(self._wall_seconds)
        child.pipe.sendall(LENGTH.pack(len(raw)))
        child.pipe.sendall(raw)
        length = LENGTH.unpack(_received(child.pipe, LENGTH.size, deadline))[0]
        if length > frames.LONGEST_JSON:
            raise frames.BadFrame("too long")
        encoded = _received(child.pipe, length, deadline)
        # What is unpacked, from Outlook's own format for instance, may be larger than it was.
        most = 2 * len(raw) + 4 * 1024 * 1024
        answer, sizes = frames.decoded(encoded, most_bytes=most)
        self.usage = _usage(answer.pop("used", None))
        return answer, [_received(child.pipe, size, deadline) for size in sizes]

    def _cause(self, child: _Child, error: OSError) -> str:
        """End the child that gave no answer, and return the reason as a code."""
        if isinstance(error, TimeoutError):
            self._end(child, by_force=True)
            return "too_long"
        self._end(child)
        killed_by = -(child.process.returncode or 0)
        return "too_long" if killed_by in (signal.SIGPROF, signal.SIGXCPU) else "crashed"

    def _end(self, child: _Child, *, by_force: bool = False) -> None:
        self._child = None
        child.pipe.close()
        if by_force:
            child.process.kill()
        try:
            child.process.wait(_FAREWELL_SECONDS)
        except subprocess.TimeoutExpired:
            child.process.kill()
            child.process.wait()


def _is_over(child: _Child) -> bool:
    return child.process.poll() is not None


def _failure(answer: dict[str, object]) -> Unreadable:
    reason, where = answer["failed"], answer.get("where")
    known = reason if isinstance(reason, str) and reason in _FAILURES else "crashed"
    return Unreadable(known, where[:200] if isinstance(where, str) and where.isprintable() else "")


def _usage(used: object) -> Usage:
    if not isinstance(used, list) or len(used) != 2:
        raise frames.BadFrame("no usage")
    cpu_seconds, peak = used
    if not isinstance(cpu_seconds, float) or not isinstance(peak, int):
        raise frames.BadFrame("no usage")
    return Usage(cpu_seconds, peak)


def _received(pipe: socket.socket, count: int, deadline: float) -> bytes:
    """Return as many bytes. Raises TimeoutError after the deadline, ConnectionError at the end."""
    data = bytearray(count)
    view = memoryview(data)
    while view:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        pipe.settimeout(left)
        got = pipe.recv_into(view)
        if not got:
            raise ConnectionError
        view = view[got:]
    return bytes(data)
