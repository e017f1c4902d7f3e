"""Who a visitor is, and what the widget shows of the organization."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings
from django.utils import timezone

from channels_app.chat.identity import IdentityExpired, identity_of
from channels_app.protocol import BadSignature
from channels_app.services.doors import APP, Door, lines
from channels_app.services.senders import names_of_the_person
from helpdesk.crypto import new_token, token_hash
from helpdesk.models import Channel, Identity, Organization
from helpdesk.services.aliases import Known
from helpdesk.services.identifying import Sender, identify
from helpdesk.services.identities import take_along
from helpdesk.tenancy import organization_transaction

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")  # 256 bits, as we make them


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody at the door. Without a message yet there is no identity in the database."""

    organization_id: int
    channel_id: int
    external_id: str
    language: str
    display_name: str = ""
    email: str = ""
    is_verified: bool = False
    # What else the one who signed says of whoever is behind it.
    known: tuple[Known, ...] = ()
    identity_id: int | None = None
    # Made now: goes to the browser once, is stored nowhere.
    new_token: str = ""
    page: dict[str, str] = field(default_factory=dict)

    @property
    def short_name(self) -> str:
        """Return what all tabs of this visitor have in common, and those of nobody else."""
        return fingerprint(f"{self.channel_id}:{self.external_id}")


def recognise(
    door: Door,
    *,
    token: str = "",
    identity: str = "",
    language: str = "zh",
    page: dict[str, str] | None = None,
) -> Visitor:
    """Return the visitor of a token or of a signed identity; a new one without either.

    With both, what the holder of the token has open goes along to the signed identity.
    Raises BadSignature for a forged identity, and for none where the channel requires one.
    """
    visitor = _signed(door, identity) if identity else _anonymous(door, token)
    visitor = replace(visitor, language=language, page=page or {})
    with organization_transaction(door.organization_id):
        if visitor.is_verified:
            _take_along(visitor, token)
        found = Identity.objects.filter(
            channel_id=door.channel_id, external_id=visitor.external_id
        ).first()
        if found is None:
            return visitor
        Identity.objects.filter(pk=found.pk).update(seen_at=timezone.now())
        return replace(
            visitor,
            identity_id=found.pk,
            display_name=visitor.display_name or found.display_name,
            email=visitor.email or found.data.get("email", ""),
        )


def refusal_code(door: Door, error: BadSignature, has_identity: bool) -> str:
    """Return the code that tells somebody why the door does not take them for whom they say they are."""
    if door.is_for_signed_only and not has_identity:
        return "identity_required"
    # The widget asks its page for another identity whatever was wrong; an app wants to know.
    is_expired = door.kind == APP and isinstance(error, IdentityExpired)
    return "identity_expired" if is_expired else "identity_refused"


def settle(visitor: Visitor) -> Visitor:
    """Return the visitor with an identity in the database; the scope is open."""
    with organization_transaction():
        # One who said nothing for a day may have been forgotten since they came.
        if Identity.objects.filter(pk=visitor.identity_id or 0).exists():
            return visitor
        channel = Channel.objects.get(pk=visitor.channel_id)
        return replace(visitor, identity_id=identify(channel, sender_of(visitor)).pk)


def sender_of(visitor: Visitor) -> Sender:
    """Return the visitor as the core receives messages from."""
    profile: dict[str, Any] = (
        {"email": visitor.email} if visitor.is_verified and visitor.email else {}
    )
    return Sender(
        external_id=visitor.external_id,
        display_name=visitor.display_name,
        is_verified=visitor.is_verified,
        language=visitor.language,
        profile=profile,
        data=dict(visitor.page),
        known=visitor.known,
    )


def described(door: Door) -> dict[str, Any]:
    """Return what the widget shows of the organization, in both languages; the scope is open."""
    values = door.settings
    organization = Organization.objects.get(pk=door.organization_id)
    title = _pair(values, "title")
    return {
        "title": title
        if any(title.values())
        else {"zh": organization.name, "en": organization.name_en},
        "subtitle": _pair(values, "subtitle"),
        "greeting": _pair(values, "greeting"),
        "away_text": _pair(values, "away"),
        "topics": [_topic(line) for line in lines(values.get("topics"))][:8],
        "privacy_url": _web_address(values.get("privacy_url")),
        "keep_days": values.get("keep_days") or None,
        "initial": (organization.name or "·")[0],
        "file_bytes": settings.ATTACHMENT_MAX_BYTES,
    }


def fingerprint(text: str) -> str:
    """Return a short name for somebody that does not tell who they are."""
    return token_hash(text)[:24]


def _signed(door: Door, identity: str) -> Visitor:
    found = identity_of(identity, door.config)
    return Visitor(
        organization_id=door.organization_id,
        channel_id=door.channel_id,
        external_id=found.external_id,
        language=door.language,
        display_name=found.display_name,
        email=found.email,
        is_verified=True,
        known=names_of_the_person(found),
    )


def _take_along(visitor: Visitor, token: str) -> None:
    """Let the conversation that was begun before signing in follow its visitor."""
    if not _TOKEN.fullmatch(token):
        return
    found = Identity.objects.filter(
        channel_id=visitor.channel_id, external_id=_anonymous_id(token)
    ).first()
    if found is not None:
        channel = Channel.objects.get(pk=visitor.channel_id)
        take_along(found, channel, sender_of(visitor))


def _anonymous_id(token: str) -> str:
    """Return the address of a token's holder: only a hash, so that who reads the table cannot become them."""
    return f"anon:{token_hash(token)}"


def _anonymous(door: Door, token: str) -> Visitor:
    if door.is_for_signed_only:
        raise BadSignature("This channel is for signed visitors")
    is_known = bool(_TOKEN.fullmatch(token))
    token = token if is_known else new_token()
    return Visitor(
        organization_id=door.organization_id,
        channel_id=door.channel_id,
        external_id=_anonymous_id(token),
        language=door.language,
        new_token="" if is_known else token,
    )


def _pair(values: dict[str, Any], name: str) -> dict[str, str]:
    return {code: str(values.get(f"{name}_{code}") or "") for code in ("zh", "en")}


def _topic(line: str) -> dict[str, str]:
    chinese, _, english = (part.strip() for part in line.partition("|"))
    return {"zh": chinese[:60], "en": (english or chinese)[:60]}


def _web_address(value: object) -> str:
    address = str(value or "")
    return address if address.startswith(("https://", "http://")) else ""
