"""From a public id to its channel: the first thing that every call and socket asks."""

from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from channels_app import vendor_keys
from channels_app.protocol import ChannelConfig
from channels_app.registry import config_of
from channels_app.services import fetching
from helpdesk.errors import NotFound
from helpdesk.models import Channel, Route
from helpdesk.registries import channel_kinds
from helpdesk.tenancy import organization_scope, organization_transaction

MOST_LENGTH = 64
# The chats of our own: their customers speak over the visitor socket.
WEB_CHAT, APP = "webchat", "app"
CHATS = (WEB_CHAT, APP)


@dataclass(frozen=True, slots=True)
class Door:
    """An active channel, found by its public id."""

    organization_id: int
    channel_id: int
    kind: str
    public_id: str
    language: str
    config: ChannelConfig
    settings: dict[str, Any] = field(default_factory=dict)  # as the organization filled it in

    @property
    def is_for_signed_only(self) -> bool:
        """Tell whether nobody may come unless somebody vouches for them; in an app nobody is anonymous."""
        return self.kind == APP or self.settings.get("identity") == "required"


def find_door(public_id: str, *, kind: str | None = None) -> Door:
    """Return the channel behind a public id. Raises NotFound, with the same work, for all others."""
    key = public_id[:MOST_LENGTH].replace("\x00", "")
    route = Route.objects.filter(kind=Route.Kind.CHANNEL, key=key).first()
    if route is None:
        raise NotFound
    with organization_scope(route.organization_id), organization_transaction():
        channel = Channel.objects.filter(
            pk=route.target_id, is_active=True, organization__is_active=True
        ).first()
        if channel is None or (kind is not None and channel.kind != kind):
            raise NotFound
        return _door(channel)


def find_chat(public_id: str) -> Door:
    """Return the door of one of our own chats. Raises NotFound for all others."""
    door = find_door(public_id)
    if door.kind not in CHATS:
        raise NotFound
    return door


def may_speak_from(door: Door, origin: str | None) -> bool:
    """Tell whether a socket may open from there: apps have no pages, and what they say is signed."""
    return door.kind == APP or may_embed(door, origin)


def lines(value: object) -> list[str]:
    """Return the lines of a setting, however the form stored them."""
    parts = value if isinstance(value, list) else str(value or "").splitlines()
    return [part.strip() for part in map(str, parts) if part.strip()]


def may_embed(door: Door, origin: str | None) -> bool:
    """Tell whether a page of this origin may show the widget; without an origin, none may."""
    host = _host(origin)
    if host is None:
        return False
    if host == _host(settings.PUBLIC_URL) or (settings.IS_LOOPBACK and _is_loopback(host)):
        return True
    return any(_fits(host, domain) for domain in lines(door.settings.get("allowed_domains")))


def _door(channel: Channel) -> Door:
    config = config_of(channel)
    kind = channel_kinds.get(channel.kind) if channel.kind in channel_kinds else None
    if kind and vendor_keys.PLACE in kind.capabilities:
        config = replace(config, vendor_keys=fetching.keys_of(channel.pk))
    return Door(
        organization_id=channel.organization_id,
        channel_id=channel.pk,
        kind=channel.kind,
        public_id=channel.public_id,
        language=channel.language,
        config=config,
        settings=dict(channel.settings),
    )


def _host(origin: str | None) -> str | None:
    try:
        parts = urlsplit(origin or "")
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            return None
        return parts.hostname.rstrip(".").lower()
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    return host in {"127.0.0.1", "localhost", "::1"}


def _fits(host: str, domain: str) -> bool:
    """Compare with one allowed domain; `*.example.com` means everything below it, nothing else is a pattern."""
    wanted = (_host(domain) or domain.partition("/")[0].partition(":")[0]).rstrip(".").lower()
    if wanted.startswith("*."):
        return len(wanted) > 4 and host.endswith(wanted[1:])
    return bool(wanted) and host == wanted
