"""Child processes that never outlive their parent, and the folders they may use."""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

PROJECT = Path(__file__).resolve().parent.parent
PR_SET_PDEATHSIG = 1
STOP_GRACE_SECONDS = 15.0
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(signal_number: int = signal.SIGKILL) -> Callable[[], None]:
    """Return the hook that makes a child get the signal when its parent dies, however it dies.

    Linux only: elsewhere the hook does nothing, and a killed supervisor leaves its children.
    Made in the parent: the child compares process ids to notice a parent gone already.
    """
    parent = os.getpid()

    def ask_kernel() -> None:
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal_number)

    return ask_kernel


def die_with_own_parent() -> None:
    """Make the kernel ask this very process to end when the one that started it dies."""
    parent = os.getppid()
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def start(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    user: pwd.struct_passwd | None = None,
    death_signal: int = signal.SIGKILL,
    output: int | IO[bytes] | None = None,
    cwd: Path | None = None,
    file_descriptors: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a direct child in a session of its own, so that Ctrl-C reaches the supervisor alone."""
    identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    # The hook runs after the change of user, which would clear the parent-death signal.
    return subprocess.Popen(  # type: ignore[call-overload, no-any-return]  # the identity is optional
        [str(part) for part in command],
        env=dict(env) if env is not None else None,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        start_new_session=True,
        preexec_fn=die_with_parent(death_signal),  # noqa: PLW1509  (callers have one thread)
        cwd=cwd,
        pass_fds=file_descriptors,
        **identity,
    )


def stop(
    process: subprocess.Popen[bytes],
    signal_number: int = signal.SIGTERM,
    grace_seconds: float = STOP_GRACE_SECONDS,
) -> None:
    """Stop and reap a child: politely first, by force when the grace is over."""
    if process.poll() is None:
        process.send_signal(signal_number)
        try:
            process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def wait_until(
    ready: Callable[[], bool], *, timeout_seconds: float, pause_seconds: float = 0.05
) -> bool:
    """Return whether the condition came true in time."""
    deadline = time.monotonic() + timeout_seconds
    while not ready():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause_seconds)
    return True


def is_alive(pid: int) -> bool:
    """Return whether a process with this id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def unprivileged_user() -> pwd.struct_passwd | None:
    """Return whom PostgreSQL runs as when we are root, else None: nothing changes."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError(
        "PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody`."
    )


def can_reach(folder: Path, user: pwd.struct_passwd | None) -> bool:
    """Return whether the user may enter every folder above this one."""
    if user is None:
        return True
    for parent in (folder, *folder.parents):
        if not parent.exists():
            continue
        status = parent.stat()
        if status.st_uid == user.pw_uid:
            needed = 0o100
        elif status.st_gid == user.pw_gid:
            needed = 0o010
        else:
            needed = 0o001
        if not status.st_mode & needed:
            return False
    return True
