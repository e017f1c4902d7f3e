"""Where answers go in Teams: the address of the service and the conversation, as they came with a message."""

import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from channels_app.adapters.teams import SERVICE_HOSTS

# What stands between the address of the service and the conversation.
SPACE = " "
MOST_URL, MOST_CONVERSATION = 500, 500
_PLAIN = re.compile(r"https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?")


class Reference(NamedTuple):
    """A conversation of Teams, and the service that takes what is said there."""

    service: str
    conversation: str

    @property
    def key(self) -> str:
        """What a conversation is stored by to be answered."""
        return f"{self.service}{SPACE}{self.conversation}"

    @property
    def activities(self) -> str:
        """The address that takes what we say there."""
        conversation = quote(self.conversation, safe="")
        return f"{self.service.rstrip('/')}/v3/conversations/{conversation}/activities"


def reference_of(key: str) -> Reference:
    """Return a stored place; one without a service where nothing usable is stored."""
    service, _space, conversation = key.partition(SPACE)
    return Reference(service, conversation) if conversation else Reference("", "")


def is_plain(url: str) -> bool:
    """Tell whether every reader finds the same host in an address of a service."""
    return _PLAIN.fullmatch(url) is not None


def is_ours(url: str, *, stand_in: str, hosts: Sequence[str]) -> bool:
    """Tell whether an address may get our token: by https at one of the hosts, or at a stand-in."""
    try:
        found, known = urlsplit(url), urlsplit(stand_in)
        host = (found.hostname or "").rstrip(".")
    except ValueError:
        return False
    if not url.isascii() or "\\" in url or "@" in found.netloc or not host:
        return False
    if stand_in and (found.scheme, found.netloc) == (known.scheme, known.netloc):
        return True
    return found.scheme == "https" and any(_fits(host, each) for each in hosts or SERVICE_HOSTS)


def _fits(host: str, pattern: str) -> bool:
    wanted = pattern.strip().lower()
    if wanted.startswith("*."):
        return len(wanted) > len("*.") and host.endswith(wanted[1:])
    return bool(wanted) and host == wanted
