"""What a page costs: CPU of the web process and queries, with 10,000 and with 100,000 conversations."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.test import Client

from bench import company
from bench.table import Figure, middle
from helpdesk.models import Conversation, Staff, User
from helpdesk.tenancy import organization_transaction

LIMIT_CPU_MS = 40
LIMIT_QUERIES = 20
LIMIT_GROWTH = 1.2
ROUNDS = 3
REPEATS = 30
LARGE = "everydesk_large"


class Reader:
    """Somebody who is signed in and opens pages."""

    def __init__(self, organization_id: int) -> None:
        self.client = Client(headers={"host": "127.0.0.1"})
        with organization_transaction(organization_id):
            staff = Staff.objects.get(user__email="jia.chen@heguang.example")
            user = User.objects.get(pk=staff.user_id)
            held = Conversation.objects.filter(owner=staff).order_by("-last_number")
            self.conversation_id = held.values_list("pk", flat=True)[0]
        self.client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        self.pages = {
            "workspace queue": "/",
            "department queue": "/?view=departments",
            "all conversations": "/?view=all",
            "conversation": f"/conversations/{self.conversation_id}/",
        }

    def open(self, page: str) -> int:
        """Open a page; return its size."""
        response = self.client.get(self.pages[page])
        assert response.status_code == 200, (page, response.status_code)
        return len(response.content)

    def queries(self, page: str) -> int:
        with counted() as seen:
            self.open(page)
        return len(seen)

    def cpu_ms(self, page: str) -> float:
        started = time.process_time()
        for _ in range(REPEATS):
            self.open(page)
        return (time.process_time() - started) / REPEATS * 1000


@contextmanager
def counted() -> Iterator[list[str]]:
    """Collect the statements sent to the database."""
    seen: list[str] = []

    def note(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        seen.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        yield seen


def measure(organization_id: int, *, small: int, large: int) -> list[Figure]:
    """Measure both sizes in turns, so that a slow minute of the machine hits both alike."""
    company.copy_database(LARGE)
    with company.database(LARGE):
        company.grow(organization_id, to=large)
    here = str(connection.settings_dict["NAME"])
    readers: dict[str, Reader] = {}
    queries: dict[tuple[str, str], int] = {}
    spent: dict[tuple[str, str], list[float]] = {}
    for _ in range(ROUNDS):
        for name in (here, LARGE):
            with company.database(name):
                reader = readers.setdefault(name, Reader(organization_id))
                for page in reader.pages:
                    reader.open(page)
                    queries[name, page] = reader.queries(page)
                    spent.setdefault((name, page), []).append(reader.cpu_ms(page))
    return list(_figures(readers[here], here, queries, spent, (small, large)))


def _figures(
    reader: Reader,
    here: str,
    queries: dict[tuple[str, str], int],
    spent: dict[tuple[str, str], list[float]],
    sizes: tuple[int, int],
) -> Iterator[Figure]:
    for page in reader.pages:
        small, large = middle(spent[here, page]), middle(spent[LARGE, page])
        name = f"page: {page}, complete with its panels"
        yield Figure(f"{name}, {sizes[0]:,} conversations", small, "CPU ms", LIMIT_CPU_MS)
        yield Figure(f"{name}: queries", queries[here, page], "", LIMIT_QUERIES)
        yield Figure(f"{name}: {sizes[1]:,} against {sizes[0]:,}", large / small, "x", LIMIT_GROWTH)
        yield Figure(f"{name}: queries at {sizes[1]:,}", queries[LARGE, page], "", LIMIT_QUERIES)
