"""Database work of sockets: in a few threads of its own, each call one short transaction."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError, close_old_connections
from psycopg_pool import PoolTimeout

P = ParamSpec("P")
R = TypeVar("R")

DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)
# Together fewer threads than connections in the pool, so that pages are never starved by sockets.
_asking = ThreadPoolExecutor(max_workers=6, thread_name_prefix="live")
_delivering = ThreadPoolExecutor(max_workers=2, thread_name_prefix="deliver")


async def in_database(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Return what `work` returns; it opens and closes its own transaction."""
    return await _run(_asking, work, *args, **kwargs)


async def for_delivery(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Do the same for what many sockets wait for: never behind what single sockets ask for."""
    return await _run(_delivering, work, *args, **kwargs)


async def _run(
    threads: ThreadPoolExecutor, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R:
    def guarded() -> R:
        close_old_connections()
        try:
            return work(*args, **kwargs)
        finally:
            close_old_connections()

    return await sync_to_async(guarded, thread_sensitive=False, executor=threads)()
