"""Two customers become one, and two again: what moved is written down, so that nothing is lost either way."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Q
from django.utils import timezone

from helpdesk import permissions
from helpdesk.access import Access, customer
from helpdesk.errors import Invalid, NotFound, Refused, WrongState
from helpdesk.models import (
    OPEN,
    AuditEntry,
    Consent,
    Conversation,
    Customer,
    CustomerMerge,
    Identity,
    MergeSuggestion,
)
from helpdesk.services import audit, timeline
from helpdesk.tenancy import organization_transaction

Evidence = Sequence[dict[str, Any]]  # Any: small JSON facts

# Conversations whose screens are told; others show it when they are opened.
MOST_TOLD = 20
MOST_TAGS = 20
MOST_INHERITED = 200
LONGEST_REMARK = 2000
# What one takes over of the other where it says nothing itself.
_FILLED = ("name", "company", "email", "phone", "number", "place", "language", "external_id")
_FACTS = (*_FILLED, "tier", "tags", "remark")
_TIERS = list(Customer.Tier.values)


def merge(by: Access, kept_id: int, gone_id: int, *, evidence: Evidence = ()) -> CustomerMerge:
    """Let one customer have everything of another, who is shown no more.

    Raises NotFound, Refused, Invalid for the same one twice, WrongState when either was merged already.
    """
    if kept_id == gone_id:
        raise Invalid(field="customer")
    with organization_transaction():
        for each in (kept_id, gone_id):
            customer(by, each)
        if not by.allowed(permissions.CUSTOMER_CHANGE):
            raise Refused
        return join(kept_id, gone_id, by=by, evidence=evidence)


def join(
    kept_id: int,
    gone_id: int,
    *,
    by: Access | None = None,
    actor: AuditEntry.Actor | None = None,
    evidence: Evidence = (),
) -> CustomerMerge:
    """Merge two customers for somebody who may, or because it is proved; the transaction is open.

    Raises WrongState when either was merged already.
    """
    kept, gone = _locked(kept_id, gone_id)
    if kept.merged_into_id or gone.merged_into_id:
        raise WrongState
    moved = _move(gone, kept) | _facts(kept, gone) | {"suggestions": _inherit(gone.pk, kept.pk)}
    row = CustomerMerge.objects.create(
        kept=kept,
        gone=gone,
        at=timezone.now(),
        by_id=by.staff_id if by else None,
        evidence=list(evidence),
        moved=moved,
    )
    _settle_suggestion(kept_id, gone_id, MergeSuggestion.State.ACCEPTED, by)
    _record("customer.merged", row, by, actor)
    _tell(kept.pk)
    return row


def undo(by: Access, merge_id: int) -> CustomerMerge:
    """Make two customers of one again, each with what was theirs; they are never merged by themselves after it.

    What was changed since stays changed. Raises NotFound, Refused, WrongState when it was undone already
    or the one that was kept has been merged itself.
    """
    with organization_transaction():
        found = CustomerMerge.objects.filter(pk=merge_id).first()
        if found is None:
            raise NotFound
        customer(by, found.kept_id)
        if not by.allowed(permissions.CUSTOMER_CHANGE):
            raise Refused
        kept, gone = _locked(found.kept_id, found.gone_id)
        row = CustomerMerge.objects.select_for_update().get(pk=merge_id)
        if row.undone_at or kept.merged_into_id:
            raise WrongState
        _move_back(row)
        _disinherit(row)
        _give_back(row.moved, kept, gone)
        row.undone_at, row.undone_by_id = timezone.now(), by.staff_id
        row.save(update_fields=["undone_at", "undone_by"])
        _settle_suggestion(kept.pk, gone.pk, MergeSuggestion.State.DISMISSED, by)
        _record("customer.unmerged", row, by, None)
        _tell(kept.pk)
        _tell(gone.pk)
    return row


def was_undone(one_id: int, other_id: int) -> bool:
    """Tell whether somebody has said that these two are not the same."""
    first, second = sorted((one_id, other_id))
    said = MergeSuggestion.objects.filter(first_id=first, second_id=second)
    return bool(said.filter(state=MergeSuggestion.State.DISMISSED).exists())


def _locked(one_id: int, other_id: int) -> tuple[Customer, Customer]:
    rows = Customer.objects.select_for_update().filter(pk__in=[one_id, other_id])
    found = {row.pk: row for row in rows.order_by("pk")}
    if len(found) < 2:
        raise NotFound
    return found[one_id], found[other_id]


def _move(gone: Customer, kept: Customer) -> dict[str, list[int]]:
    """Give everything to the one that is kept; returns what, by table.

    Identities come first: a new conversation is made under the lock of its own.
    """
    moved = {}
    for name, table in (
        ("identities", Identity),
        ("conversations", Conversation),
        ("consents", Consent),
    ):
        rows = table.objects.filter(customer=gone)
        ids = list(rows.order_by("pk").values_list("pk", flat=True))
        if table is Conversation:
            timeline.lock_all(ids)
        rows.filter(pk__in=ids).update(customer=kept)
        moved[name] = ids
    return moved


def _facts(kept: Customer, gone: Customer) -> dict[str, Any]:  # Any: JSON
    """Complete the facts of the one that is kept; returns those of both before it, and after."""
    before = {name: getattr(kept, name) for name in _FACTS}
    theirs = {name: getattr(gone, name) for name in _FACTS}
    gone.merged_into = kept
    if gone.external_id and not kept.external_id:
        gone.external_id = ""
    gone.save(update_fields=["merged_into", "external_id", "updated_at"])
    for name in _FILLED:
        setattr(kept, name, before[name] or theirs[name])
    kept.tier = max(kept.tier, gone.tier, key=_TIERS.index)
    kept.tags = list(dict.fromkeys([*kept.tags, *gone.tags]))[:MOST_TAGS]
    kept.remark = "\n".join(dict.fromkeys(filter(None, (kept.remark, gone.remark))))[
        :LONGEST_REMARK
    ]
    kept.save()
    after = {name: getattr(kept, name) for name in _FACTS}
    return {"before": before, "after": after, "gone": theirs}


def _inherit(gone_id: int, kept_id: int) -> list[int]:
    """Let what is suggested or was decided of one hold for the other; returns what was added for that."""
    pairs = Q(first_id=gone_id) | Q(second_id=gone_id)
    rows = MergeSuggestion.objects.filter(pairs).exclude(state=MergeSuggestion.State.ACCEPTED)
    added = []
    for row in rows.order_by("-id")[:MOST_INHERITED]:
        other_id = row.second_id if row.first_id == gone_id else row.first_id
        if other_id == kept_id:
            continue
        first, second = sorted((kept_id, other_id))
        facts = {"state": row.state, "evidence": row.evidence, "decided_at": row.decided_at}
        facts |= {"decided_by_id": row.decided_by_id}
        same, is_new = MergeSuggestion.objects.get_or_create(
            first_id=first, second_id=second, defaults=facts
        )
        if is_new:
            added.append(same.pk)
    return added


def _disinherit(row: CustomerMerge) -> None:
    """Take away what only was suggested because of the merge; what somebody decided since stays."""
    added = MergeSuggestion.objects.filter(pk__in=row.moved["suggestions"])
    added.filter(Q(decided_at__isnull=True) | Q(decided_at__lt=row.at)).delete()


def _move_back(row: CustomerMerge) -> None:
    """Return what was moved and is still there, and what the same addresses have begun since."""
    identities = Identity.objects.filter(pk__in=row.moved["identities"], customer_id=row.kept_id)
    ids = list(identities.order_by("pk").values_list("pk", flat=True))
    identities.filter(pk__in=ids).update(customer_id=row.gone_id)
    theirs = Conversation.objects.filter(identity_id__in=ids, customer_id=row.kept_id)
    conversations = list(theirs.order_by("pk").values_list("pk", flat=True))
    timeline.lock_all(conversations)
    Conversation.objects.filter(pk__in=conversations).update(customer_id=row.gone_id)
    consents = Consent.objects.filter(pk__in=row.moved["consents"], customer_id=row.kept_id)
    consents.update(customer_id=row.gone_id)


def _give_back(moved: dict[str, Any], kept: Customer, gone: Customer) -> None:  # Any: JSON
    """Restore the facts that nobody has changed since."""
    before, after, theirs = moved["before"], moved["after"], moved["gone"]
    for name in (*_FILLED, "tier", "remark"):
        if getattr(kept, name) == after[name]:
            setattr(kept, name, before[name])
    added = set(after["tags"]) - set(before["tags"])
    unchanged = kept.tags == after["tags"]
    kept.tags = before["tags"] if unchanged else [each for each in kept.tags if each not in added]
    kept.save()
    gone.merged_into = None
    # Unless somebody wrote it down as another's since.
    crm = Customer.objects.filter(external_id=theirs["external_id"]).exclude(pk=gone.pk)
    gone.external_id = "" if crm.exists() else theirs["external_id"]
    gone.save(update_fields=["merged_into", "external_id", "updated_at"])


def _settle_suggestion(
    one_id: int, other_id: int, state: MergeSuggestion.State, by: Access | None
) -> None:
    first, second = sorted((one_id, other_id))
    decided = {
        "state": state,
        "decided_at": timezone.now(),
        "decided_by_id": by.staff_id if by else None,
    }
    rows = MergeSuggestion.objects.filter(first_id=first, second_id=second)
    if not rows.update(**decided) and state == MergeSuggestion.State.DISMISSED:
        MergeSuggestion.objects.create(first_id=first, second_id=second, **decided)


def _record(
    action: str, row: CustomerMerge, by: Access | None, actor: AuditEntry.Actor | None
) -> None:
    kinds = sorted({str(each.get("kind", "")) for each in row.evidence})
    facts = {"merge": row.pk, "kept": row.kept_id, "gone": row.gone_id, "evidence": kinds}
    audit.record_each(action, [(row.kept, facts), (row.gone, facts)], by, actor=actor)


def _tell(customer_id: int) -> None:
    """Have open screens show what is known now."""
    held = Conversation.objects.filter(OPEN, customer_id=customer_id).order_by("-id")
    for conversation in held[:MOST_TOLD]:
        timeline.changed(conversation)
