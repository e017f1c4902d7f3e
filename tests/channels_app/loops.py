"""Runs a coroutine on a loop of its own, and ends what it leaves behind."""

import asyncio
from collections.abc import Coroutine
from typing import Any

PATIENCE_SECONDS = 0.5
ATTEMPTS = 60


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Return what the coroutine returns.

    `asyncio.run` cancels what is left once and then waits for ever; a read that times out in the very
    moment in which it is cancelled swallows the cancellation, so it is said again.
    """
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        for _attempt in range(ATTEMPTS):
            left = {task for task in asyncio.all_tasks(loop) if not task.done()}
            if not left:
                break
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.wait(left, timeout=PATIENCE_SECONDS))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
