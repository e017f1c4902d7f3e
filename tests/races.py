"""Runs calls at the same moment, each on a database connection of its own."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import Barrier

from django.db import connection

from helpdesk.errors import HelpdeskError


def at_once(calls):
    """Run the calls at the same moment; returns what each gave or raised."""
    barrier = Barrier(len(calls))

    def run(call):
        barrier.wait()
        try:
            return call()
        except HelpdeskError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        futures = [pool.submit(copy_context().run, run, call) for call in calls]
        return [future.result(timeout=60) for future in futures]
