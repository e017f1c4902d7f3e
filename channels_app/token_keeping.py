"""Where the access tokens of a channel are kept, as its adapter sees it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

# Asks the vendor for a token; returns it and for how long it is good. Raises SendError.
FetchToken = Callable[[], tuple[str, timedelta]]


class Tokens(Protocol):
    """Where the access tokens of a channel are kept, so that all processes share one."""

    def get(self, name: str, fetch: FetchToken, *, refused: str = "") -> str:
        """Return a token that is good, fetched by one caller at a time.

        `refused` is one that the vendor has just refused: if it is still the one that is kept, another is fetched.
        Raises SendError.
        """

    def latest(self, name: str, first: str) -> str:
        """Return what was last kept in the place of a secret that changes with its use, else that secret."""

    def replace(self, name: str, first: str, latest: str) -> None:
        """Keep what took the place of a secret, for as long as the channel has that secret."""


class UnkeptTokens:
    """Fetches a token whenever one is needed: for a channel that is not stored."""

    def get(self, name: str, fetch: FetchToken, *, refused: str = "") -> str:
        return fetch()[0]

    def latest(self, name: str, first: str) -> str:
        return first

    def replace(self, name: str, first: str, latest: str) -> None:
        pass
