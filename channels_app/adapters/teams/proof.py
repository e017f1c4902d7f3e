"""What proves that a call comes from Teams: a token that the Bot Connector signs for the bot.

https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication
"""

from collections.abc import Mapping
from uuid import UUID

from channels_app import signatures, signed_tokens
from channels_app.chat import public_keys
from channels_app.chat.public_keys import PublicKey
from channels_app.json_fields import Fields, read_object
from channels_app.protocol import BadPayload, BadSignature, RawRequest, UnknownKey

ISSUER, ALGORITHM = "https://api.botframework.com", "RS256"
# What the connector writes for Teams; a key that is good for others proves nothing here.
CHANNEL = "msteams"
SKEW_SECONDS = 300
MOST_ENDORSEMENTS = 200
_BEARER = "bearer "


def check(
    request: RawRequest, *, audience: str, tenant: str, keys: Mapping[str, PublicKey]
) -> None:
    """Raise BadSignature unless one of the keys signed a token for this bot and this call.

    It is an UnknownKey where the token may be good, and names a key that is not here. A tenant that
    is no GUID, but a domain name or empty, is not compared: calls do not say the name.
    """
    given = request.headers.get("authorization", "")
    if given[: len(_BEARER)].lower() != _BEARER:
        raise BadSignature("There is no token")
    token = signed_tokens.read(given[len(_BEARER) :].strip())
    if token.header.get("alg") != ALGORITHM:
        raise BadSignature("The token is signed in another way")
    _check_claims(token.claims, audience=audience, now=request.received_at.timestamp())
    name = token.header.get("kid")
    if not isinstance(name, str):
        raise BadSignature("The token names no key")
    if name not in keys:
        raise UnknownKey("The key is not known")
    if not public_keys.is_signed(token.header, token.signed, token.signature, keys):
        raise BadSignature("The signature does not fit")
    try:
        call = read_object(request.body)
    except BadPayload:
        return  # genuine, and unreadable: `parse` says so
    _check_activity(call, token.claims)
    _check_tenant(call, _guid(tenant))


def is_for_teams(key: Fields) -> bool:
    """Tell whether a key is endorsed for Teams. Raises BadPayload."""
    return CHANNEL in key.texts("endorsements", MOST_ENDORSEMENTS)


def _check_claims(claims: Mapping[str, object], *, audience: str, now: float) -> None:
    if claims.get("iss") != ISSUER:
        raise BadSignature("The token is from somebody else")
    meant = claims.get("aud")
    if not isinstance(meant, str) or not audience or not signatures.is_one_of(meant, [audience]):
        raise BadSignature("The token is for another bot")
    # So written, NaN and what is no number have ended too.
    if not _number(claims.get("exp"), 0.0) >= now - SKEW_SECONDS:
        raise BadSignature("The token has ended")
    if not _number(claims.get("nbf", 0), float("inf")) <= now + SKEW_SECONDS:
        raise BadSignature("The token is not valid yet")


def _number(value: object, otherwise: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return otherwise
    try:
        return float(value)
    except OverflowError:  # a whole number that is no time
        return otherwise


def _check_activity(call: Fields, claims: Mapping[str, object]) -> None:
    """Raise BadSignature where the token was given for a call from elsewhere; the body itself is not signed."""
    known = claims.get("serviceurl")
    if not isinstance(known, str) or call.plain("serviceUrl") != known:
        raise BadSignature("The token is for a call from elsewhere")
    if call.plain("channelId") != CHANNEL:
        raise BadSignature("The call is of another channel of the bot")


def _check_tenant(call: Fields, wanted: str) -> None:
    """Raise BadSignature where people of another tenant wrote: tokens for a bot are alike for all tenants."""
    if not wanted:
        return
    try:
        found = call.fields("channelData").fields("tenant").identifier("id")
        found = found or call.fields("conversation").identifier("tenantId")
    except BadPayload as error:
        raise BadSignature("The call names no tenant") from error
    if found.lower() != wanted:
        raise BadSignature("The call is of another tenant")


def _guid(tenant: str) -> str:
    """Return a tenant as calls name it, in small letters; empty where it is no GUID."""
    try:
        return str(UUID(tenant))
    except ValueError:
        return ""
