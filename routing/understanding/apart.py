"""Trains a model in a process of its own, which ends in time whatever happens in it."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from routing.understanding.storing import to_bytes
from routing.understanding.training import Example, fit

_PROJECT = Path(__file__).resolve().parent.parent.parent
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
# What customers wait for goes first.
_NICENESS = 10


class TooSlow(Exception):
    """The training took longer than it may."""


class Failed(Exception):
    """The training ended without a model; the text names what went wrong."""


def fit_apart(examples: Sequence[Example], names: Mapping[str, str], *, seconds: int) -> bytes:
    """Return the bytes of a model of the examples; raises TooSlow after so many seconds, or Failed."""
    given = json.dumps({"examples": examples, "names": names})
    try:
        done = subprocess.run(  # noqa: S603  (this very module)
            [sys.executable, "-m", "routing.understanding.apart", str(seconds)],
            input=given.encode(),
            capture_output=True,
            timeout=seconds,
            cwd=_PROJECT,
            env={**os.environ, **_ONE_THREAD},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TooSlow from error
    if done.returncode == -signal.SIGXCPU:
        raise TooSlow
    if done.returncode:
        said = done.stderr.decode(errors="replace").split() or [f"status {done.returncode}"]
        # The name of the error alone: what it says may quote a customer.
        raise Failed(said[-1][:80] if done.returncode == 1 else f"status {done.returncode}")
    return done.stdout


def main() -> int:
    """Read examples, write a model; the time of the processor is limited even if nobody waits any more."""
    seconds = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    os.nice(_NICENESS)
    given = json.load(sys.stdin.buffer)
    try:
        model = fit([Example(*one) for one in given["examples"]], given["names"])
    except Exception as error:
        sys.stderr.write(f"{type(error).__name__}\n")
        return 1
    sys.stdout.buffer.write(to_bytes(model))
    return 0


if __name__ == "__main__":
    sys.exit(main())
