"""Calls that carry an access token: one that is refused is renewed, and the call made once more."""

from collections.abc import Callable
from typing import TypeVar

from channels_app.protocol import FetchToken, SendError, Tokens

T = TypeVar("T")


class TokenRefused(SendError):
    """The vendor does not take this access token; nothing has happened there."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, kind="auth")


def with_token(
    tokens: Tokens, fetch: FetchToken, call: Callable[[str], T], *, name: str = "access"
) -> T:
    """Return what the call returns, made with a token that is good. Raises SendError.

    The call raises TokenRefused where the token is not taken; it is made twice at most.
    """
    token = tokens.get(name, fetch)
    try:
        return call(token)
    except TokenRefused:
        return call(tokens.get(name, fetch, refused=token))
