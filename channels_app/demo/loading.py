"""Loads the demo companies: once, quickly, and only where nobody from outside can sign in."""

from random import Random

from django.conf import settings
from django.utils import timezone

from channels_app.demo.accounts import Account, ensure_accounts
from channels_app.demo.company import Company, build, create_organization
from channels_app.demo.content import companies, heguang
from channels_app.demo.customers import Customers, add_companies, add_private
from channels_app.demo.history import Teller
from channels_app.demo.live import tell_live
from channels_app.demo.timeline import Rows
from helpdesk.errors import Refused
from helpdesk.models import Department
from helpdesk.models.organization import Organization
from helpdesk.registries import DemoPart, demo_parts
from helpdesk.services import grants
from helpdesk.tenancy import organization_transaction, platform_transaction

CONVERSATIONS = 300
CONVERSATIONS_OF_THE_CAFE = 18


def load_demo() -> list[Account]:
    """Load both companies with every registered part; return the accounts.

    The second time adds nothing. Raises Refused where the pages are reached from outside.
    """
    if not settings.IS_LOOPBACK:
        raise Refused("Demo accounts exist on loopback only; PUBLIC_URL names another address.")
    for text in companies():
        organization = create_organization(text)
        if not organization.is_demo:
            raise Refused(f"{organization.slug} is an organization of its own, not the demo's.")
        _load_parts(organization)
    return ensure_accounts()


def _load_parts(organization: Organization) -> None:
    parts = sorted(demo_parts.items(), key=lambda item: item[1].order)
    with organization_transaction(organization.pk):
        for _, part in parts:
            part.load(organization.pk)


def load_company(organization_id: int) -> None:
    """Create the people, settings and conversations of a demo organization that has none yet."""
    if Department.objects.exists():
        return
    with platform_transaction():
        organization = Organization.objects.get(pk=organization_id)
    text = next(text for text in companies() if text["organization"]["slug"] == organization.slug)
    company = build(text, organization)
    grants.refresh()
    _tell_conversations(company)


def _tell_conversations(company: Company) -> None:
    # Not for secrets: the same company every time.
    random = Random(company.organization.slug)  # noqa: S311
    customers, rows = Customers(company), Rows()
    is_main = company.text is heguang()
    count = CONVERSATIONS if is_main else CONVERSATIONS_OF_THE_CAFE
    if is_main:
        add_companies(customers)
    add_private(customers, random, count)
    teller = Teller(company, customers, random, timezone.now(), rows)
    teller.tell(count - len(company.text["live"]))
    tell_live(teller)
    customers.store()
    rows.store()


def register() -> None:
    """Offer the companies to the `demo` command; other apps add their parts with a higher order."""
    demo_parts.register("company", DemoPart(load=load_company, order=10))
