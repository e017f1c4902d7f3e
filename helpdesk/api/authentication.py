"""Finds out for whom a REST call is made: the token's organization, its member of staff and its scopes."""

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from helpdesk.access import Access, access_of
from helpdesk.api.problems import Unauthorized
from helpdesk.crypto import token_hash
from helpdesk.errors import Refused
from helpdesk.models import ApiToken, Route
from helpdesk.tenancy import organization_transaction

if TYPE_CHECKING:  # imports these classes itself
    from rest_framework.views import APIView

# How exact "last used" is.
USE_PRECISION = timedelta(minutes=10)
LONGEST_HEADER = 200
# Where the view leaves what it found; no header of a caller can take this name.
ORGANIZATION = "everydesk.organization_id"
READS = {"GET", "HEAD"}


@dataclass(frozen=True, slots=True)
class Credential:
    """A valid token: what its person may do, through this token, and what the token itself is for."""

    token_id: int
    access: Access
    scopes: frozenset[str]


class TokenAuthentication(BaseAuthentication):
    """Authenticates `Authorization: Bearer ...` within the organization that the view has put in scope."""

    def authenticate(self, request: Request) -> tuple[Access, Credential]:
        """Return access and credential; raises Unauthorized, the same for every reason."""
        hashed = hashed_token(request)
        if hashed is None or request.META.get(ORGANIZATION) is None:
            raise Unauthorized(_("A valid token is needed."))
        # A read runs in one transaction, which the view has opened.
        with nullcontext() if request.method in READS else organization_transaction():
            credential = _credential(hashed)
        return credential.access, credential

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="everydesk"'


class HasScope(BasePermission):
    """Lets a call pass when the token has the scope that the view names for the action."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Tell whether the token is for this; raises Refused that names the missing scope."""
        action = getattr(view, "action", None)
        if action in {None, "metadata"}:  # there is no such method: the view says so
            return True
        scopes: dict[str, str] = getattr(view, "scopes", {})
        needed = scopes[str(action)]
        if needed not in credential_of(request).scopes:
            raise Refused(_("The token lacks the scope for this."), scope=needed)
        return True


def credential_of(request: Request) -> Credential:
    """Return the credential of an authenticated call."""
    credential: Credential = request.auth  # type: ignore[assignment]  # ours, not the framework's own
    return credential


def hashed_token(request: HttpRequest | Request) -> str | None:
    """Return the hash of the token in the header, or None when there is none."""
    header = request.META.get("HTTP_AUTHORIZATION", "")
    scheme, _separator, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(header) > LONGEST_HEADER:
        return None
    return token_hash(token)


def find_organization(request: HttpRequest) -> int | None:
    """Return the id of the organization whose token the call carries, or None; asked once a call."""
    hashed = hashed_token(request)
    if hashed is None:
        return None
    routes = Route.objects.filter(kind=Route.Kind.TOKEN, key=hashed)
    found: int | None = routes.values_list("organization_id", flat=True).first()
    request.META[ORGANIZATION] = found
    return found


def _credential(hashed: str) -> Credential:
    now = timezone.now()
    tokens = ApiToken.objects.select_related("staff__user", "organization")
    token = tokens.filter(token_hash=hashed, revoked_at__isnull=True).first()
    if token is None or (token.expires_at and token.expires_at <= now):
        raise Unauthorized(_("A valid token is needed."))
    if not (token.staff.is_active and token.staff.user.is_active and token.organization.is_active):
        raise Unauthorized(_("A valid token is needed."))
    if token.last_used_at is None or token.last_used_at < now - USE_PRECISION:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    access = access_of(token.staff).through_token(token.pk)
    return Credential(token_id=token.pk, access=access, scopes=frozenset(token.scopes))
