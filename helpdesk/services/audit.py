"""The trail of who changed what, and its hash chain."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models

from helpdesk.access import Access
from helpdesk.models import AuditEntry, AuditSeal, PlatformAuditEntry, User
from helpdesk.models.batches import insert_each
from helpdesk.registries import Sweep, sweeps
from helpdesk.tenancy import current_organization_id, organization_transaction

SEAL_LIMIT = 5000


def record(
    action: str,
    subject: models.Model,
    by: Access | None = None,
    *,
    actor: AuditEntry.Actor | None = None,
    **data: object,
) -> None:
    """Write who did `action` to `subject`; without `by` it was the system unless `actor` says otherwise."""
    record_each(action, [(subject, data)], by, actor=actor)


def record_each(
    action: str,
    subjects: Sequence[tuple[models.Model, Mapping[str, object]]],
    by: Access | None = None,
    *,
    actor: AuditEntry.Actor | None = None,
) -> None:
    """Write that the same was done to several subjects, each with its details."""
    token = {"token": by.token_id} if by and by.token_id else {}
    insert_each(
        [
            AuditEntry(
                actor=actor or _actor(by),
                staff_id=by.staff_id if by else None,
                action=action,
                subject=subject._meta.model_name or "",
                subject_id=subject.pk,
                data={**data, **token},
            )
            for subject, data in subjects
        ]
    )


def record_platform(action: str, subject: models.Model, by: User, **data: object) -> None:
    """Write which administrator of the platform did `action` to `subject`."""
    PlatformAuditEntry.objects.create(
        user=by,
        action=action,
        subject=subject._meta.model_name or "",
        subject_id=subject.pk,
        data=data,
    )


def _actor(by: Access | None) -> AuditEntry.Actor:
    if by is None:
        return AuditEntry.Actor.SYSTEM
    return AuditEntry.Actor.TOKEN if by.token_id else AuditEntry.Actor.STAFF


def seal(now: datetime) -> int:
    """Add a link to the hash chain over what was written since the last one; returns how many entries.

    Only entries of transactions below the oldest running one are sealed: none can still appear.
    """
    with organization_transaction():
        return _seal()


def _seal() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('everydesk.seal'), %s)", [_key()])
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        horizon = int(cursor.fetchone()[0])
    last = AuditSeal.objects.order_by("-number").first()
    start = last.to_transaction if last else 0
    entries = list(_entries(start, horizon)[: SEAL_LIMIT + 1])
    if len(entries) > SEAL_LIMIT:
        horizon = _whole_transactions(entries)
        entries = list(_entries(start, horizon))
    if not entries:
        return 0
    AuditSeal.objects.create(
        number=last.number + 1 if last else 1,
        from_transaction=start,
        to_transaction=horizon,
        count=len(entries),
        hash=_hash(last.hash if last else "", entries),
    )
    return len(entries)


def violations() -> list[str]:
    """Return what does not fit in the hash chain of the organization in scope."""
    wrong, previous, position = [], "", 0
    for link in AuditSeal.objects.order_by("number").iterator(chunk_size=500):
        entries = list(_entries(link.from_transaction, link.to_transaction))
        if link.from_transaction != position:
            wrong.append(f"audit seal {link.number} does not follow the one before it")
        if len(entries) != link.count or _hash(previous, entries) != link.hash:
            wrong.append(f"audit seal {link.number} does not fit its entries")
        previous, position = link.hash, link.to_transaction
    return wrong


def _whole_transactions(entries: list[AuditEntry]) -> int:
    """Return a horizon that cuts between two transactions, keeping at least one."""
    cut = int(entries[-1].transaction)
    return cut if cut > int(entries[0].transaction) else cut + 1


def _entries(start: int, end: int) -> models.QuerySet[AuditEntry]:
    return AuditEntry.objects.filter(transaction__gte=start, transaction__lt=end).order_by(
        "transaction", "id"
    )


def _hash(previous: str, entries: list[AuditEntry]) -> str:
    digest = hashlib.sha256(previous.encode())
    for entry in entries:
        digest.update(json.dumps(_content(entry), sort_keys=True, cls=DjangoJSONEncoder).encode())
    return digest.hexdigest()


def _content(entry: AuditEntry) -> list[Any]:
    return [
        entry.pk,
        entry.at.isoformat(),
        entry.actor,
        entry.staff_id,
        entry.action,
        entry.subject,
        entry.subject_id,
        entry.data,
    ]


def _key() -> int:
    return current_organization_id() % 2**31


sweeps.register("seal", Sweep(run=seal, queue="seal", every_seconds=30))
