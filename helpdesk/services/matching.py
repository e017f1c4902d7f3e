"""Who is the same person: what is proved brings customers together at once, what was typed only suggests it.

Two customers are joined by themselves when a verified name of a person is theirs both, it is nobody
else's, and nobody has said that they are two. Everything else is for a person to decide.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from helpdesk import permissions
from helpdesk.access import Access, customer
from helpdesk.errors import NotFound, Refused, WrongState
from helpdesk.models import (
    Customer,
    CustomerMerge,
    Identity,
    IdentityAlias,
    MergeSuggestion,
)
from helpdesk.prepared import Argument, prepared
from helpdesk.reports.customer_search import customers_named
from helpdesk.services import audit, merging
from helpdesk.services.aliases import PERSON, Named
from helpdesk.tenancy import organization_transaction

Kind = IdentityAlias.Kind
# What more customers share, such as the mail address of a whole office, tells nothing.
MOST_ALIKE = 5
# Suggestions that one customer has at a time.
MOST_OPEN = 20
Evidence = dict[str, Any]  # Any: small JSON facts


def owner_of(names: Iterable[Named]) -> int | None:
    """Return the customer whom one of these verified names belongs to alone; None where there is none.

    The caller holds the locks of the names.
    """
    for each in _proved(names):
        owners = _owners(each)
        if len(owners) == 1:
            return owners.pop()
    return None


def follow(identity: Identity, news: Sequence[Named]) -> None:
    """Bring together, or suggest, what is newly known of an identity; the transaction is open."""
    news = [each for each in news if each.kind in PERSON]
    if not news:
        return
    for name in _proved(news):
        others = _owners(name) - {identity.customer_id}
        # What several have is a family's phone, or what somebody has said to be two.
        if len(others) == 1:
            evidence = [_told(name, proved=True)]
            identity.customer_id = join_proved(identity.customer_id, *others, evidence=evidence)
    for name in news:
        _suggest_alike(identity.customer_id, name)


def join_proved(one_id: int, other_id: int, *, evidence: Sequence[Evidence]) -> int:
    """Merge two customers who are proved to be one, into the older; return who the first is by now.

    Where a person has said that they are two, or the CRM knows both, it is only suggested.
    """
    if one_id == other_id:
        return one_id
    if not _may_join(one_id, other_id):
        for each in evidence:
            suggest(one_id, other_id, each)
        return one_id
    kept, gone = sorted((one_id, other_id))
    merging.join(kept, gone, evidence=evidence)
    return kept


def compare(known: Customer) -> None:
    """Suggest who may be the same as a customer of whom somebody wrote something down."""
    if known.email:
        _suggest_alike(known.pk, Named(Kind.MAIL, known.email.lower(), False))
    if known.number:
        _suggest_alike(known.pk, Named(Kind.PHONE, known.number, False))
    if known.name and known.place:
        alike = Customer.objects.filter(
            pk__in=customers_named(known.name, MOST_ALIKE * 10), name=known.name, place=known.place
        )
        told = {"kind": "name", "value": f"{known.name}, {known.place}"}
        _suggest_each(known.pk, _ids(alike.exclude(pk=known.pk)), told)


def suggest(one_id: int, other_id: int, evidence: Evidence) -> None:
    """Keep that two customers may be one, unless that was decided before; the transaction is open."""
    first, second = sorted((one_id, other_id))
    if first == second or _open_of(one_id).count() >= MOST_OPEN:
        return
    row, is_new = MergeSuggestion.objects.get_or_create(
        first_id=first, second_id=second, defaults={"evidence": [evidence]}
    )
    if not is_new and row.state == MergeSuggestion.State.OPEN and evidence not in row.evidence:
        row.evidence = [*row.evidence, evidence][-MOST_OPEN:]
        row.save(update_fields=["evidence"])


def suggestions_of(by: Access, customer_id: int) -> list[MergeSuggestion]:
    """Return what may be decided about a customer, newest first; nothing for who may not change customers."""
    return _open_about(customer_id) if _may_decide(by) else []


@prepared
def _open_about(customer_id: Argument) -> QuerySet[MergeSuggestion]:
    pair = Q(first_id=customer_id) | Q(second_id=customer_id)
    rows = _undecided().filter(pair).select_related("first", "second")
    return rows.order_by("-id")[:MOST_OPEN]


def open_suggestions(by: Access) -> QuerySet[MergeSuggestion]:
    """Return all that may be decided now, unordered; nothing for who may not change customers."""
    return _undecided() if _may_decide(by) else MergeSuggestion.objects.none()


def _may_decide(by: Access) -> bool:
    return bool(by.allowed(permissions.CUSTOMER_CHANGE) and by.allowed(permissions.CUSTOMER_VIEW))


def _undecided() -> QuerySet[MergeSuggestion]:
    return MergeSuggestion.objects.filter(
        state=MergeSuggestion.State.OPEN,
        first__merged_into__isnull=True,
        second__merged_into__isnull=True,
    )


def accept(by: Access, suggestion_id: int) -> CustomerMerge:
    """Merge the two of a suggestion, into the older one or the one that the CRM knows.

    Raises NotFound, Refused, WrongState when it was decided already.
    """
    with organization_transaction():
        row = _to_decide(by, suggestion_id)
        kept, gone = row.first, row.second
        if gone.external_id and not kept.external_id:
            kept, gone = gone, kept
        return merging.merge(by, kept.pk, gone.pk, evidence=row.evidence)


def dismiss(by: Access, suggestion_id: int) -> MergeSuggestion:
    """Keep two customers apart for good; raises NotFound, Refused, WrongState when it was decided already."""
    with organization_transaction():
        row = _to_decide(by, suggestion_id)
        row.state = MergeSuggestion.State.DISMISSED
        row.decided_at, row.decided_by_id = timezone.now(), by.staff_id
        row.save(update_fields=["state", "decided_at", "decided_by"])
        facts = {"first": row.first_id, "second": row.second_id}
        audit.record_each("customer.kept_apart", [(row.first, facts), (row.second, facts)], by)
    return row


def _to_decide(by: Access, suggestion_id: int) -> MergeSuggestion:
    rows = MergeSuggestion.objects.select_for_update(of=("self",)).select_related("first", "second")
    row = rows.filter(pk=suggestion_id).first()
    if row is None:
        raise NotFound
    for each in (row.first_id, row.second_id):
        customer(by, each)
    if not by.allowed(permissions.CUSTOMER_CHANGE):
        raise Refused
    if row.state != MergeSuggestion.State.OPEN:
        raise WrongState
    found: MergeSuggestion = row
    return found


def _may_join(one_id: int, other_id: int) -> bool:
    """Tell whether nothing speaks against two customers being one: no person, and not the CRM."""
    if merging.was_undone(one_id, other_id):
        return False
    crm = Customer.objects.filter(pk__in=[one_id, other_id]).exclude(external_id="")
    return bool(crm.count() < 2)


def _proved(names: Iterable[Named]) -> list[Named]:
    return [each for each in names if each.is_verified and each.kind in PERSON]


def _owners(name: Named) -> set[int]:
    rows = IdentityAlias.objects.filter(
        kind=name.kind,
        scope=name.scope,
        value=name.value,
        is_verified=True,
        ended_at__isnull=True,
    )
    owners = rows.order_by().values_list("identity__customer_id", flat=True).distinct()
    return set(owners[: MOST_ALIKE + 1])


def _suggest_alike(customer_id: int, name: Named) -> None:
    """Suggest those of whom the same was told or written down, where they are few."""
    rows = IdentityAlias.objects.filter(kind=name.kind, value=name.value, ended_at__isnull=True)
    rows = rows.exclude(identity__customer_id=customer_id).order_by()
    told = dict(
        rows.values_list("identity__customer_id", "is_verified").order_by("is_verified")[
            : MOST_ALIKE * 4
        ]
    )
    written = {Kind.MAIL: Q(email__in={name.value}), Kind.PHONE: Q(number=name.value)}.get(
        Kind(name.kind)
    )
    alike = set(told)
    if written:
        alike |= set(_ids(Customer.objects.filter(written).exclude(pk=customer_id)))
    _suggest_each(customer_id, alike, _told(name, proved=False))


def _suggest_each(customer_id: int, alike: Iterable[int], evidence: Evidence) -> None:
    others = sorted(alike, reverse=True)
    if len(others) > MOST_ALIKE:
        return
    for each in others:
        suggest(customer_id, each, evidence)


def _ids(rows: Any) -> list[int]:  # Any: customers
    current = rows.filter(merged_into__isnull=True).order_by("-pk")
    return list(current.values_list("pk", flat=True)[: MOST_ALIKE + 1])


def _open_of(customer_id: int) -> Any:  # Any: suggestions
    pair = Q(first_id=customer_id) | Q(second_id=customer_id)
    return MergeSuggestion.objects.filter(pair, state=MergeSuggestion.State.OPEN)


def _told(name: Named, *, proved: bool) -> Evidence:
    return {"kind": str(name.kind), "value": name.value, "verified": proved}
