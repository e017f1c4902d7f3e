"""A process that dies at one point on purpose: `python -m tests.soak.crashing POINT web|connector ARGUMENTS`.

The points are set from outside: the product knows nothing of them.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402  (apps are loaded only now)

from channels_app import mailbox, processing, webhooks  # noqa: E402
from channels_app.leaving import outcomes  # noqa: E402
from channels_app.services import ingesting  # noqa: E402
from deploy import daphne  # noqa: E402

# What is called at the point, and whether the process dies after it or instead of it.
POINTS: dict[str, tuple[Any, str, bool]] = {
    "stored, not acknowledged": (webhooks.ingesting, "store", True),
    "bytes written, not committed": (ingesting, "_insert", True),
    "become a message, not committed": (processing.arriving, "arrive", True),
    "fetched and stored, cursor not moved": (mailbox.Mailbox, "_take", True),
    "taken by the vendor, not noted": (outcomes, "store", False),
}


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dying_after(work: Callable[..., object]) -> Callable[..., object]:
    def wrapped(*values: object, **facts: object) -> object:
        work(*values, **facts)
        return die()

    return wrapped


if __name__ == "__main__":
    owner, name, is_after = POINTS[sys.argv.pop(1)]
    setattr(owner, name, dying_after(getattr(owner, name)) if is_after else die)
    if sys.argv.pop(1) == "web":
        daphne.BroadcastCommand.entrypoint()
    call_command("run_connector")
