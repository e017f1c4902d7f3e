"""Remembers what a REST call answered, so that the same call made again changes nothing."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from helpdesk.errors import Invalid
from helpdesk.models import IdempotencyKey
from helpdesk.registries import Sweep, sweeps
from helpdesk.tenancy import organization_transaction

KEPT_FOR = timedelta(days=1)
_KEY = re.compile(r"[\x21-\x7e]{1,80}")


@dataclass(frozen=True)
class FirstAnswer:
    """What the first call under a key was answered; `is_same_call` when its body was the same."""

    status: int
    body: Any  # Any: JSON
    is_same_call: bool


def claim(token_id: int, key: str, request_hash: str) -> FirstAnswer | None:
    """Take the key for this call, or return what it was used for; waits for a call that is under way.

    Holds until the transaction ends, in which the caller also does what is asked and calls `settle`.
    Raises Invalid for a key that is not 1 to 80 visible ASCII characters.
    """
    if not _KEY.fullmatch(key):
        raise Invalid(_("Use 1 to 80 visible ASCII characters."), field="Idempotency-Key")
    mine = IdempotencyKey(token_id=token_id, key=key, request_hash=request_hash)
    IdempotencyKey.objects.bulk_create([mine], ignore_conflicts=True)
    found = IdempotencyKey.objects.get(token_id=token_id, key=key)
    if found.status is None:
        return None
    return FirstAnswer(found.status, found.response, found.request_hash == request_hash)


def settle(token_id: int, key: str, *, status: int, body: Any) -> None:  # Any: JSON
    """Keep the answer of the call that claimed the key."""
    keys = IdempotencyKey.objects.filter(token_id=token_id, key=key)
    keys.update(status=status, response=body)


def forget_old(now: datetime) -> int:
    """Delete keys after a day; returns how many."""
    with organization_transaction():
        deleted, _rows = IdempotencyKey.objects.filter(created_at__lt=now - KEPT_FOR).delete()
    return deleted


sweeps.register("idempotency", Sweep(run=forget_old, every_seconds=3600))
