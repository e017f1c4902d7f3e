"""Makes the customers of a demo company, each with an identity on one of its channels."""

from random import Random
from secrets import token_hex
from typing import NamedTuple

from channels_app.demo.company import Company
from channels_app.demo.content import PersonText, people
from helpdesk.models import Channel, Customer, Identity

# How many private customers a company has for each of its conversations.
IN_CHINESE = 0.4
IN_ENGLISH = 0.15


class Person(NamedTuple):
    """A customer with the address they write from."""

    identity: Identity
    channel: Channel
    place: str


class Customers:
    """Collects customers to be stored in two statements."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.channels = [each for each in company.channels.values() if each.kind == "webchat"]
        self.by_name: dict[str, Person] = {}
        self.in_chinese: list[Person] = []
        self.in_english: list[Person] = []
        self._new: list[Customer] = []
        self._identities: list[Identity] = []

    def add(self, facts: PersonText) -> Person:
        """Add one customer and return them."""
        customer = Customer(
            name=facts["name"],
            company=facts["company"],
            email=facts["email"],
            phone=facts["phone"],
            place=facts["place"],
            language=facts["language"],
            tier=Customer.Tier.VIP if facts["vip"] else Customer.Tier.STANDARD,
            tags=facts["tags"],
            remark=facts["title"],
        )
        channel = self.channels[len(self._new) % 5 // 4 % len(self.channels)]
        identity = Identity(
            customer=customer,
            channel=channel,
            external_id=f"demo-{token_hex(16)}",
            display_name=facts["name"],
            is_verified=bool(facts["email"]),
        )
        self._new.append(customer)
        self._identities.append(identity)
        person = Person(identity, channel, facts["place"])
        (self.in_english if facts["language"] == "en" else self.in_chinese).append(person)
        if facts["name"]:
            self.by_name[facts["name"]] = person
        return person

    def named(self, name: str, language: str, place: str = "") -> Person:
        """Return the customer of this name, added when there is none."""
        return self.by_name.get(name) or self.add(_private(name, language, place))

    def store(self) -> None:
        """Insert the customers and their identities."""
        Customer.objects.bulk_create(self._new)
        Identity.objects.bulk_create(self._identities)


def _private(name: str, language: str, place: str, *, email: str = "") -> PersonText:
    return {
        "name": name,
        "company": "",
        "title": "",
        "place": place,
        "language": language,
        "vip": False,
        "tags": [],
        "phone": "",
        "email": email,
    }


def add_companies(customers: Customers) -> None:
    """Add the companies that buy from 禾光电子."""
    for facts in people()["companies"]:
        customers.add(facts)


def add_private(customers: Customers, random: Random, conversations: int) -> None:
    """Add private customers, some of whom come back, for so many conversations."""
    texts = people()
    for number in range(round(conversations * IN_CHINESE)):
        name = random.choice(texts["surnames"]) + random.choice(texts["given"])
        facts = _private(name if number % 6 else "", "zh", random.choice(texts["places"]))
        facts["tags"] = ["老客户"] if number % 11 == 0 else []
        facts["vip"] = number % 19 == 0
        customers.add(facts)
    for number in range(round(conversations * IN_ENGLISH)):
        given, family = random.choice(texts["first_names"]), random.choice(texts["last_names"])
        email = f"{given}.{family}@mail.example".lower() if number % 3 == 0 else ""
        customers.add(
            _private(f"{given} {family}", "en", random.choice(texts["places_en"]), email=email)
        )
