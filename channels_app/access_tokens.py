"""Access tokens that do not last: taken from where all processes keep them, and once more when they are refused."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from channels_app import signatures
from channels_app.protocol import ChannelConfig, FetchToken, SendError

T = TypeVar("T")
# Their names where the tokens of a channel are kept.
ACCESS, REFRESH = "access", "refresh"


class TokenRefused(SendError):
    """The vendor does not take this access token; another one may be good."""

    def __init__(self, reason: str | Promise) -> None:
        super().__init__(reason, kind="auth")


@dataclass(frozen=True, slots=True)
class Renewed:
    """What a vendor gives for a refresh token; another one of those takes its place where it comes along."""

    access_token: str
    life: timedelta
    refresh_token: str = ""


def with_token(config: ChannelConfig, fetch: FetchToken, call: Callable[[str], T]) -> T:
    """Return what a call returns that needs a token: made once more, with another, when it was refused.

    Raises SendError, TokenRefused where the second one is refused too.
    """
    token = config.tokens.get(ACCESS, fetch)
    try:
        return call(token)
    except TokenRefused:
        other = config.tokens.get(ACCESS, fetch, refused=token)
        if signatures.is_one_of(other, [token]):
            raise
        return call(other)


def refreshing(config: ChannelConfig, ask: Callable[[str], Renewed]) -> FetchToken:
    """Return what fetches an access token for the refresh token of the channel, and keeps its successor."""

    def fetch() -> tuple[str, timedelta]:
        first = config.named_secrets.get("refresh_token", "")
        if not first:
            raise SendError(_("There is no usable refresh token yet."), kind="auth")
        latest = config.tokens.latest(REFRESH, first)
        renewed = ask(latest)
        if renewed.refresh_token not in {"", latest}:
            config.tokens.replace(REFRESH, first, renewed.refresh_token)
        return renewed.access_token, renewed.life

    return fetch
