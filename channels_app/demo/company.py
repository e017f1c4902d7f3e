"""Builds an organization of the demo: who works there, what they can and what is asked."""

from dataclasses import dataclass, field
from datetime import time, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from channels_app.demo.content import CompanyText, StaffText, login_of
from helpdesk import permissions
from helpdesk.models import (
    Channel,
    Department,
    EscalationLevel,
    EscalationPath,
    FocusTime,
    ObjectGrant,
    OrganizationModel,
    Position,
    Presence,
    PresenceStatus,
    Queue,
    Role,
    RoleGrant,
    RoleTopic,
    Route,
    Skill,
    Snippet,
    Staff,
    StaffSkill,
    Topic,
    TopicExample,
    User,
    WorkingPeriod,
)
from helpdesk.models.organization import Organization
from helpdesk.tenancy import platform_transaction

Row = TypeVar("Row", bound=OrganizationModel)
EVERY_PERMISSION = [codename for codename, _ in permissions.DEPARTMENT_PERMISSIONS]


@dataclass
class Company:
    """The rows of one demo organization by the keys of its texts."""

    text: CompanyText
    organization: Organization
    departments: dict[str, Department] = field(default_factory=dict)
    queues: dict[str, Queue] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)
    skills: dict[str, Skill] = field(default_factory=dict)
    topics: dict[str, Topic] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    staff: dict[str, Staff] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    paths: dict[str, EscalationPath] = field(default_factory=dict)
    levels: dict[tuple[str, int], EscalationLevel] = field(default_factory=dict)


def create_organization(text: CompanyText) -> Organization:
    """Return the organization of these texts, created when it is not there yet."""
    facts = text["organization"]
    with platform_transaction():
        organization, _ = Organization.objects.get_or_create(
            slug=facts["slug"],
            defaults={
                "name": facts["name"],
                "name_en": facts["name_en"],
                "timezone": facts["timezone"],
                "language": facts["language"],
                "is_demo": True,
                # The big one has begun; in the small one an administrator sees the first steps.
                "first_run_done": {"name": True, "widget": text["is_settled"], "colleague": True},
            },
        )
    return organization


def build(text: CompanyText, organization: Organization) -> Company:
    """Create everything but conversations; needs the organization's scope and a transaction."""
    company = Company(text, organization)
    _build_departments(company)
    _build_topics(company)
    _build_roles(company)
    _build_people(company)
    _build_grants(company)
    _build_snippets(company)
    _build_channels(company)
    _build_paths(company)
    _build_object_grants(company)
    return company


# Any: a model is created with whatever fields it has.
def _named(model: type[Row], facts: Any, **fields: Any) -> Row:
    return model(name=facts["name"], name_en=facts["name_en"], **fields)


def _create(model: type[Row], rows: dict[str, Row]) -> dict[str, Row]:
    model.objects.bulk_create(rows.values())
    return rows


def _build_departments(company: Company) -> None:
    text = company.text
    departments = {
        facts["key"]: _named(Department, facts, color=facts["color"], order=order)
        for order, facts in enumerate(text["departments"])
    }
    company.departments = _create(Department, departments)
    first = text["departments"][0]["key"]
    queues = {
        key: Queue(
            name=f"{department.name}队列",
            name_en=f"{department.name_en} queue",
            department=department,
            is_default=key == first,
        )
        for key, department in company.departments.items()
    }
    company.queues = _create(Queue, queues)
    company.positions = _create(
        Position, {facts["key"]: _named(Position, facts) for facts in text["positions"]}
    )
    company.skills = _create(
        Skill, {facts["key"]: _named(Skill, facts) for facts in text["skills"]}
    )


def _build_topics(company: Company) -> None:
    texts = company.text["topics"]
    for is_root in (True, False):
        level = {
            facts["key"]: _named(
                Topic,
                facts,
                parent=company.topics[facts["parent"]] if facts["parent"] else None,
                department=company.departments[facts["department"]],
                skill=company.skills[facts["skill"]] if facts["skill"] else None,
                minimum_level=facts["level"],
                keywords=[*facts["keywords"], *facts["keywords_en"]],
                order=order,
            )
            for order, facts in enumerate(texts)
            if (facts["parent"] is None) == is_root
        }
        company.topics |= _create(Topic, level)
    TopicExample.objects.bulk_create(
        TopicExample(topic=company.topics[facts["key"]], language=language, text=example)
        for facts in texts
        for language, examples in (("zh-hans", facts["examples"]), ("en", facts["examples_en"]))
        for example in examples
    )


def _build_roles(company: Company) -> None:
    texts = company.text["roles"]
    roles = {
        facts["key"]: _named(
            Role,
            facts,
            permissions=EVERY_PERMISSION if "*" in facts["permissions"] else facts["permissions"],
            answers_all_topics="*" in facts["topics"],
        )
        for facts in texts
    }
    company.roles = _create(Role, roles)
    RoleTopic.objects.bulk_create(
        RoleTopic(role=roles[facts["key"]], topic=company.topics[key])
        for facts in texts
        for key in facts["topics"]
        if key != "*"
    )


def _build_people(company: Company) -> None:
    texts = company.text["staff"]
    users = {facts["key"]: _user(facts, company.text) for facts in texts}
    User.objects.bulk_create(users.values(), ignore_conflicts=True)
    emails = [user.email for user in users.values()]
    stored = {user.email: user for user in User.objects.filter(email__in=emails)}
    staff = {
        facts["key"]: _named(
            Staff,
            facts,
            user=stored[users[facts["key"]].email],
            department=company.departments[facts["department"]],
            position=company.positions[facts["position"]],
            languages=facts["languages"],
            place=facts["place"],
            timezone=company.organization.timezone,
            capacity=Decimal(facts["capacity"]),
            lent_percent=facts.get("lends"),
        )
        for facts in texts
    }
    company.staff = _create(Staff, staff)
    # Online as soon as they sign in; nobody is there before.
    Presence.objects.bulk_create(
        Presence(staff=person, status=PresenceStatus.ONLINE) for person in staff.values()
    )
    StaffSkill.objects.bulk_create(
        StaffSkill(staff=staff[facts["key"]], skill=company.skills[key], level=level)
        for facts in texts
        for key, level in facts["skills"].items()
    )
    _build_hours(company)


def _build_hours(company: Company) -> None:
    texts, staff = company.text["staff"], company.staff
    # Whoever one can sign in as works at any hour: the demo is tried at night and on Sundays too.
    WorkingPeriod.objects.bulk_create(
        _working_period(staff[facts["key"]], facts["hours"], weekday)
        for number, facts in enumerate(texts)
        if facts["key"] not in company.text["accounts"]
        for weekday in _weekdays(facts, number)
    )
    FocusTime.objects.bulk_create(
        FocusTime(staff=staff[facts["key"]], weekday=weekday, **_hours(facts["focus"]))
        for facts in texts
        if "focus" in facts
        for weekday in range(7)
    )


def _user(facts: StaffText, company: CompanyText) -> User:
    language = "zh-hans" if "zh" in facts["languages"] else "en"
    user = User(email=login_of(facts, company), name=facts["name"], language=language)
    user.set_unusable_password()
    return user


def _weekdays(facts: StaffText, number: int) -> list[int]:
    """Return the working days: agents take turns over the weekend, everybody else has it free."""
    if facts["role"] not in {"agent", "technician"}:
        return [0, 1, 2, 3, 4]
    return sorted((number + offset) % 7 for offset in range(5))


def _working_period(staff: Staff, hours: str, weekday: int) -> WorkingPeriod:
    return WorkingPeriod(staff=staff, weekday=weekday, **_hours(hours))


def _hours(text: str) -> dict[str, time]:
    starts, _, ends = text.partition("-")
    return {"starts_at": time.fromisoformat(starts), "ends_at": time.fromisoformat(ends)}


def _build_grants(company: Company) -> None:
    grants = [
        RoleGrant(
            staff=company.staff[facts["key"]],
            role=company.roles[role],
            department=company.departments[department],
        )
        for facts in company.text["staff"]
        for role, _, department in (
            held.partition("@")
            for held in (f"{facts['role']}@{facts['department']}", *facts.get("also", []))
        )
    ]
    RoleGrant.objects.bulk_create(grants)


def _build_snippets(company: Company) -> None:
    Snippet.objects.bulk_create(
        Snippet(
            shortcut=shortcut,
            title=title,
            title_en=title_en,
            text_zh=text,
            text_en=text_en,
            topic=company.topics[topic] if topic else None,
        )
        for shortcut, title, title_en, text, text_en, topic in company.text["snippets"]
    )


def _build_channels(company: Company) -> None:
    channels = {
        facts["key"]: Channel(
            kind=facts["kind"],
            name=facts["name"],
            name_en=facts["name_en"],
            language=company.organization.language,
            settings=facts["settings"],
        )
        for facts in company.text["channels"]
    }
    company.channels = _create(Channel, channels)
    for facts in company.text["channels"]:
        if "answers_by" in facts:
            answering = company.channels[facts["answers_by"]]
            Channel.objects.filter(pk=company.channels[facts["key"]].pk).update(
                answers_by=answering
            )
    Route.objects.bulk_create(
        Route(
            kind=Route.Kind.CHANNEL,
            key=channel.public_id,
            organization=company.organization,
            target_id=channel.pk,
        )
        for channel in channels.values()
    )


def _build_paths(company: Company) -> None:
    texts = company.text["escalation_paths"]
    company.paths = _create(
        EscalationPath, {facts["key"]: _named(EscalationPath, facts) for facts in texts}
    )
    levels = {
        (facts["key"], order): EscalationLevel(
            path=company.paths[facts["key"]],
            order=order,
            name=level["name"],
            name_en=level["name_en"],
            department=company.departments[level["department"]],
            timer=timedelta(minutes=level["minutes"]),
        )
        for facts in texts
        for order, level in enumerate(facts["levels"], start=1)
    }
    EscalationLevel.objects.bulk_create(levels.values())
    company.levels = levels


def _build_object_grants(company: Company) -> None:
    """Let administrators give every role, and supervisors use and claim on every path."""
    held = {facts["key"]: facts["role"] for facts in company.text["staff"]}
    giving = [
        ObjectGrant(staff=company.staff[key], permission=permissions.ROLE_GIVE, role=role)
        for key, kind in held.items()
        if kind == "administrator"
        for role in company.roles.values()
    ]
    climbing = [
        ObjectGrant(staff=company.staff[key], permission=permission, path=path)
        for key, kind in held.items()
        if kind == "supervisor"
        for path in company.paths.values()
        for permission in (permissions.PATH_USE, permissions.PATH_CLAIM)
    ]
    ObjectGrant.objects.bulk_create([*giving, *climbing])
