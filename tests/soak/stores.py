"""What the database of an installation says, asked as its owner."""

import json
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg


def services_of(home: Path) -> dict[str, str]:
    return dict(json.loads((home / "services.json").read_text()))


def account(ready: dict[str, Any], name: str) -> tuple[str, str]:
    """Return login and password of a colleague of the demo."""
    found = next(one for one in ready["accounts"] if one["login"].startswith(f"{name}@"))
    return found["login"], found["password"]


class Store:
    """The rows of the demo's first company."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.connect()

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.connection.close()

    def connect(self) -> None:
        address = services_of(self.home)["DATABASE_OWNER_URL"]
        self.connection = psycopg.connect(address, autocommit=True)
        self.connection.execute("SELECT set_config('everydesk.organization_id', '1', false)")

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.connection.execute(statement.encode(), values).fetchall()

    def make_room(self) -> None:
        """Let nobody be full, and take the demo's own queue out of the way."""
        self.connection.execute("UPDATE helpdesk_staff SET capacity = 400")

    def stored(self, references: Iterable[str]) -> int:
        statement = "SELECT count(*) FROM helpdesk_message WHERE client_ref = ANY(%s)"
        return int(self.rows(statement, list(references))[0][0])

    def unfinished(self, references: Iterable[str]) -> dict[str, int]:
        """Return how many conversations of these messages are in a state that is not the end."""
        statement = """
            SELECT CASE
                WHEN c.state = 'queued' THEN 'queued'
                WHEN c.waiting_since IS NOT NULL THEN 'unanswered'
                WHEN c.route_at IS NOT NULL THEN 'to be routed'
                WHEN EXISTS (
                    SELECT 1 FROM helpdesk_outbox o
                    WHERE o.conversation_id = c.id AND o.state IN ('queued', 'sending')
                ) THEN 'undelivered'
                ELSE 'done' END AS what, count(*)
            FROM helpdesk_conversation c WHERE c.id IN
                (SELECT conversation_id FROM helpdesk_message WHERE client_ref = ANY(%s))
            GROUP BY 1"""
        found = dict(self.rows(statement, list(references)))
        found.pop("done", None)
        return found
