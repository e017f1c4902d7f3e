"""Small worlds for tests: an organization with departments, people who may and people who may not."""

from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any

from helpdesk.access import Access, access_of
from helpdesk.models import (
    Channel,
    Conversation,
    Department,
    Organization,
    Queue,
    Role,
    Skill,
    Staff,
    StaffSkill,
    Topic,
)
from helpdesk.services import grants, organizations, presence, receiving
from helpdesk.services.identifying import Sender
from helpdesk.services.receiving import Received
from helpdesk.tenancy import organization_transaction

PASSWORD = "a-long-test-password"

AGENT = [
    "conversation_view", "conversation_reply", "conversation_note", "conversation_take",
    "conversation_transfer", "conversation_resolve", "conversation_escalate", "customer_view",
]  # fmt: skip
SUPERVISOR = [*AGENT, "conversation_assign", "customer_change", "snippet_change", "board_view"]

_numbers = count(1)


@dataclass
class World:
    """One organization: support and sales with a queue each, and people by name.

    alice administers; bob supervises support; carol and dave answer in support; erin answers in sales;
    frank works here and holds no role.
    """

    organization: Organization
    support: Department
    sales: Department
    channel: Channel
    roles: dict[str, Role] = field(default_factory=dict)
    people: dict[str, Staff] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Staff:
        people: dict[str, Staff] = self.__dict__.get("people", {})
        if name in people:
            return people[name]
        raise AttributeError(name)

    def access(self, name: str) -> Access:
        """Return what the person may do now."""
        with self.transaction():
            return access_of(Staff.objects.get(pk=self.people[name].pk))

    def transaction(self) -> Any:
        return organization_transaction(self.organization.pk)

    def person(
        self, name: str, department: Department, role: Role | None = None, **facts: Any
    ) -> Staff:
        """Take somebody in; with a role, held in the department."""
        with self.transaction():
            staff = organizations.take_in(
                email=f"{name}@{self.organization.slug}.example",
                name=name.title(),
                department=department,
                **facts,
            )
            staff.user.set_password(PASSWORD)
            staff.user.save()
            if role:
                grants.grant_role(staff, role, department)
            staff.refresh_from_db()
        self.people[name] = staff
        return staff

    def online(self, *names: str) -> None:
        """Have people's screens open, status online."""
        with self.transaction():
            for name in names:
                presence.sign(self.people[name].pk)
                presence.set_status(access_of(Staff.objects.get(pk=self.people[name].pk)), "online")

    def message(
        self, text: str = "怎么退货?", visitor: str = "visitor-1", **facts: Any
    ) -> Received:
        """Have a customer write."""
        facts.setdefault("client_ref", f"ref-{next(_numbers)}")
        with self.transaction():
            channel = Channel.objects.get(pk=self.channel.pk)
            return receiving.receive(channel, Sender(external_id=visitor), text=text, **facts)

    def conversation(self, conversation_id: int) -> Conversation:
        with self.transaction():
            return Conversation.objects.select_related("owner", "queue", "department").get(
                pk=conversation_id
            )

    def skill(self, name: str, **levels: int) -> Skill:
        """Make a skill that people have at these levels."""
        with self.transaction():
            skill = Skill.objects.create(name=name)
            for person, level in levels.items():
                StaffSkill.objects.create(staff=self.people[person], skill=skill, level=level)
        return skill

    def topic(self, name: str, department: Department, **facts: Any) -> Topic:
        with self.transaction():
            return Topic.objects.create(name=name, department=department, **facts)


def make_world(slug: str = "acme") -> World:
    """Found an organization with departments, roles, people and a web chat channel."""
    organization = organizations.found(name=slug.title(), slug=slug)
    with organization_transaction(organization.pk):
        root = Department.objects.get()
        support = Department.objects.create(
            name="客服部", name_en="Support", parent=root, color="support"
        )
        sales = Department.objects.create(
            name="销售部", name_en="Sales", parent=root, color="sales"
        )
        Queue.objects.filter(is_default=True).update(department=support)
        Queue.objects.create(name="销售队列", department=sales)
        roles = {
            "administrator": organizations.administrator_role(),
            "supervisor": Role.objects.create(
                name="主管", permissions=SUPERVISOR, answers_all_topics=True
            ),
            "agent": Role.objects.create(name="客服", permissions=AGENT, answers_all_topics=True),
        }
        channel = organizations.open_channel(Channel(kind="webchat", name="官网"))
    world = World(organization, support, sales, channel, roles)
    world.person("alice", root, roles["administrator"])
    world.person("bob", support, roles["supervisor"])
    world.person("carol", support, roles["agent"])
    world.person("dave", support, roles["agent"], capacity=Decimal(1))
    world.person("erin", sales, roles["agent"])
    world.person("frank", sales)
    return world
