"""Customers, as colleagues and the organization's own systems know them."""

from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from helpdesk import permissions
from helpdesk.access import Access, change_customer
from helpdesk.errors import Invalid, Refused
from helpdesk.models import OPEN, Conversation, Customer
from helpdesk.services import aliases, audit, matching, timeline
from helpdesk.tenancy import organization_transaction

# Conversations of one customer whose screens are told; others show it when they are opened.
MOST_TOLD = 20
# What may be said of a customer; everything else is decided here.
FIELDS = frozenset(
    {
        "name",
        "company",
        "email",
        "phone",
        "place",
        "language",
        "tier",
        "tags",
        "remark",
        "external_id",
    }
)
# What tells who somebody is.
_TELLING = frozenset({"name", "email", "phone", "place"})
MOST_TAGS = 20


def add_customer(by: Access, **facts: Any) -> Customer:  # Any: one of FIELDS
    """Add a customer; raises Refused without the permission, Invalid when the CRM id is taken."""
    _check(facts)
    with organization_transaction():
        if not by.allowed(permissions.CUSTOMER_CHANGE):
            raise Refused
        customer = Customer(**facts)
        _save(customer)
        audit.record("customer.added", customer, by, fields=sorted(facts))
        matching.compare(customer)
    return customer


def edit_customer(by: Access, customer_id: int, **facts: Any) -> Customer:  # Any: one of FIELDS
    """Change what is said of a customer; raises NotFound, Refused, Invalid when the CRM id is taken."""
    _check(facts)
    with organization_transaction():
        customer = change_customer(by, customer_id)
        changed = [name for name, value in facts.items() if getattr(customer, name) != value]
        if changed:
            for name in changed:
                setattr(customer, name, facts[name])
            _save(customer)
            audit.record("customer.changed", customer, by, fields=sorted(changed))
            if _TELLING.intersection(changed):
                matching.compare(customer)
            _tell(customer)
    return customer


def _tell(customer: Customer) -> None:
    """Have open screens show what is known now."""
    held = Conversation.objects.filter(OPEN, customer=customer).order_by("-id")
    for conversation in held[:MOST_TOLD]:
        timeline.changed(conversation)


def _check(facts: dict[str, Any]) -> None:  # Any: as above
    unknown = set(facts) - FIELDS
    if unknown:
        raise Invalid(field=min(unknown))
    if len(facts.get("tags", ())) > MOST_TAGS:
        raise Invalid(_("At most %(number)s.") % {"number": MOST_TAGS}, field="tags")


def _save(customer: Customer) -> None:
    customer.number = aliases.number_of(customer.phone)
    try:
        with transaction.atomic():
            customer.save()
    except IntegrityError as error:
        raise Invalid(_("Another customer has this CRM id."), field="external_id") from error
