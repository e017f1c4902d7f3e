"""The process that reads mails for a reader, one after the other, in little memory and little time.

Run by `bounded` with one end of a socket pair as its standard input. It knows no Django, no
database and no secret; it ends when the other end of the pair is closed, which the kernel does
however its parent dies. A signal on the parent's death would not do: it comes when the thread ends
that started the process.
"""

import resource
import signal
import socket
import struct
import sys
from collections.abc import Sequence

from . import frames, mail

LENGTH = struct.Struct(">Q")
HELLO = 0x65766572_796D6169
_FILES = 32
# Ends a child that lives on in spite of its timer; far beyond what all of its mails may take.
_LIFETIME_SECONDS = 3_600


def main(arguments: Sequence[str]) -> int:
    """Answer every mail that comes until there are no more."""
    memory_bytes, cpu_seconds = int(arguments[0]), float(arguments[1])
    _confine(memory_bytes)
    with socket.socket(fileno=0) as pipe:
        pipe.sendall(LENGTH.pack(HELLO))
        while (raw := _received(pipe)) is not None:
            # Ends this process with SIGPROF, also where it is deep inside of some library.
            signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
            answer, blobs = _answered(raw)
            signal.setitimer(signal.ITIMER_PROF, 0)
            encoded = frames.encoded({**answer, "used": _used()}, blobs)
            pipe.sendall(LENGTH.pack(len(encoded)) + encoded)
            for blob in blobs:
                pipe.sendall(blob)
            del raw, blobs, encoded, answer
    return 0


def _confine(memory_bytes: int) -> None:
    """Give up what reading needs not: more memory, files, a core that holds what was read."""
    for limit, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _FILES),
        (resource.RLIMIT_CPU, _LIFETIME_SECONDS),
    ):
        resource.setrlimit(limit, (most, most))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def _answered(raw: bytes) -> tuple[dict[str, object], list[bytes]]:
    try:
        values, blobs = frames.packed(mail.read(raw))
    except MemoryError:
        return {"failed": "out_of_memory", "where": ""}, []
    except Exception as error:
        # Whatever it was, the parent logs it and quarantines the mail.
        return {"failed": "crashed", "where": _where(error)}, []
    return {"mail": values}, blobs


def _where(error: BaseException) -> str:
    """Return what failed and where, without a word of the mail."""
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    place = f"{step.tb_frame.f_code.co_filename}:{step.tb_lineno}" if step is not None else ""
    return f"{type(error).__name__} at {place}"[-200:]


def _used() -> list[float]:
    """Return the seconds of CPU and the most bytes of memory that this process used so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    peak = _peak_bytes(usage.ru_maxrss * 1024)
    return [usage.ru_utime + usage.ru_stime, peak]


def _peak_bytes(by_usage: int) -> int:
    # On Linux the usage still counts what the parent had in memory when it started this process.
    try:
        with open("/proc/self/status", "rb") as status:
            lines = [line for line in status if line.startswith(b"VmHWM:")]
    except OSError:
        return by_usage
    return int(lines[0].split()[1]) * 1024 if lines else by_usage


def _received(pipe: socket.socket) -> bytes | None:
    length = _exactly(pipe, LENGTH.size)
    return _exactly(pipe, LENGTH.unpack(length)[0]) if length is not None else None


def _exactly(pipe: socket.socket, count: int) -> bytes | None:
    """Return as many bytes; None when the other end was closed."""
    data = bytearray(count)
    view = memoryview(data)
    while view:
        got = pipe.recv_into(view)
        if not got:
            return None
        view = view[got:]
    return bytes(data)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
