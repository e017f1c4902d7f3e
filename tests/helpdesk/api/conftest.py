"""REST clients: a token for one person, and the calls made with it."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.test import Client

from helpdesk.services.api_tokens import SCOPES, issue_token
from tests.factories import World


class Caller:
    """Calls the API with one token."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.client = Client()

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Return the answer; its `body` is the decoded JSON."""
        answer = self.client.generic(
            method,
            f"/api/v1/{path}",
            "" if body is None else body if isinstance(body, bytes) else json.dumps(body),
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.token}", **headers},
        )
        answer.body = json.loads(answer.content) if answer.content else None
        return answer

    def get(self, path: str, **headers: str) -> Any:
        return self("GET", path, **headers)

    def post(self, path: str, body: Any, **headers: str) -> Any:
        return self("POST", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        return self("PATCH", path, body, **headers)


def caller(world: World, name: str, scopes: Iterable[str] = SCOPES, **facts: Any) -> Caller:
    """Return calls made with a new token of this person."""
    with world.transaction():
        token = issue_token(None, world.people[name].pk, name="CRM", scopes=scopes, **facts)
    return Caller(token)


@pytest.fixture
def call(world: World) -> Callable[..., Caller]:
    return lambda name, *args, **facts: caller(world, name, *args, **facts)


@pytest.fixture
def carol(world: World) -> Caller:
    """An agent of the support department, with every scope."""
    return caller(world, "carol")
