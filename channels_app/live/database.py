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
# Fewer threads than connections in the pool, so that pages are never starved by sockets.
_threads = ThreadPoolExecutor(max_workers=6, thread_name_prefix="live")


async def in_database(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Return what `work` returns; it opens and closes its own transaction."""

    def guarded() -> R:
        close_old_connections()
        try:
            return work(*args, **kwargs)
        finally:
            close_old_connections()

    return await sync_to_async(guarded, thread_sensitive=False, executor=_threads)()
