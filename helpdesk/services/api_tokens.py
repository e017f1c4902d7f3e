"""Credentials of REST clients: issued once, shown once, revoked for ever."""

from collections.abc import Iterable
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk import permissions
from helpdesk.access import Access, colleague, require
from helpdesk.crypto import new_token, token_hash
from helpdesk.errors import Invalid, NotFound
from helpdesk.models import ApiToken, Route, Staff
from helpdesk.services import audit
from helpdesk.tenancy import organization_transaction

# What a token may be used for; never more than the person for whom it acts may do.
SCOPES = {
    "conversations:read": gettext_lazy("Read conversations"),
    "conversations:write": gettext_lazy("Merge and split conversations"),
    "messages:read": gettext_lazy("Read messages and notes"),
    "messages:write": gettext_lazy("Answer customers and write notes"),
    "calls:read": gettext_lazy("Read phone calls"),
    "calls:write": gettext_lazy("Call customers"),
    "customers:read": gettext_lazy("Read customers"),
    "customers:write": gettext_lazy("Add and change customers"),
    "staff:read": gettext_lazy("Read who works here"),
    "topics:read": gettext_lazy("Read topics"),
}
PREFIX = "evd_"


def issue_token(
    by: Access | None,
    staff_id: int,
    *,
    name: str,
    scopes: Iterable[str],
    expires_at: datetime | None = None,
) -> str:
    """Return a new token for the colleague: the only time it can be read; only its hash is kept.

    `by` is None for the operator's command line. Raises NotFound, Invalid.
    """
    wanted = sorted(set(scopes))
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown or not wanted:
        raise Invalid(_("Choose from the scopes there are."), field="scopes")
    token = PREFIX + new_token()
    with organization_transaction():
        holder = _holder(by, staff_id)
        row = ApiToken.objects.create(
            staff=holder,
            name=name,
            token_hash=token_hash(token),
            scopes=wanted,
            expires_at=expires_at,
        )
        Route.objects.create(
            kind=Route.Kind.TOKEN,
            key=row.token_hash,
            organization_id=row.organization_id,
            target_id=row.pk,
        )
        audit.record("token.issued", row, by, scopes=wanted)
    return token


def revoke_token(by: Access, token_id: int) -> None:
    """End a token for ever, the second time too; raises NotFound."""
    with organization_transaction():
        require(by, permissions.ORGANIZATION_ADMINISTER)
        row = ApiToken.objects.select_for_update(no_key=True).filter(pk=token_id).first()
        if row is None:
            raise NotFound
        if row.revoked_at:
            return
        row.revoked_at = timezone.now()
        row.save(update_fields=["revoked_at"])
        Route.objects.filter(kind=Route.Kind.TOKEN, key=row.token_hash).delete()
        audit.record("token.revoked", row, by)


def _holder(by: Access | None, staff_id: int) -> Staff:
    if by is not None:
        require(by, permissions.ORGANIZATION_ADMINISTER)
        return colleague(by, staff_id)
    found = Staff.objects.filter(pk=staff_id, is_active=True).first()
    if found is None:
        raise NotFound
    return found
