"""Founding an organization, and taking people in."""

import unicodedata
from collections.abc import Iterable
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from helpdesk.access import Access
from helpdesk.bell import ring
from helpdesk.errors import Invalid
from helpdesk.models import (
    Channel,
    Department,
    Organization,
    Presence,
    Queue,
    Role,
    Route,
    Staff,
    User,
)
from helpdesk.permissions import DEPARTMENT_PERMISSIONS, ORGANIZATION_ADMINISTER
from helpdesk.services import audit
from helpdesk.tenancy import current_organization_id, organization_transaction, platform_transaction

CHANNELS_CHANGED = "everydesk_channels"


def found(
    *,
    name: str,
    slug: str,
    name_en: str = "",
    language: str = "zh-hans",
    timezone: str = "Asia/Shanghai",
) -> Organization:
    """Create an organization with its first department, default queue and administrator role.

    Raises Invalid when the short name is taken, and for names as `check_name`.
    """
    check_name(name)
    check_name(name_en, "name_en")
    with platform_transaction():
        if Organization.objects.filter(slug=slug).exists():
            raise Invalid(field="slug")
        organization = Organization.objects.create(
            name=name, name_en=name_en, slug=slug, language=language, timezone=timezone
        )
    with organization_transaction(organization.pk):
        department = Department.objects.create(name=name, name_en=name_en)
        Queue.objects.create(
            name="默认队列", name_en="Default queue", department=department, is_default=True
        )
        Role.objects.create(
            name="管理员",
            name_en="Administrator",
            permissions=[codename for codename, _label in DEPARTMENT_PERMISSIONS],
            answers_all_topics=True,
        )
        audit.record("organization.founded", organization)
    return organization


def check_name(name: str, field: str = "name") -> None:
    """Raise Invalid for an organization's name that is more than one line: it stands in the subject of mails."""
    if any(unicodedata.category(character) in {"Cc", "Zl", "Zp"} for character in name):
        raise Invalid(_("A name is one line of plain characters."), field=field)


def administrator_role() -> Role:
    """Return the first role that administers the organization in scope."""
    return Role.objects.filter(permissions__contains=[ORGANIZATION_ADMINISTER]).order_by("id")[0]


def take_in(
    *,
    email: str,
    name: str,
    department: Department,
    name_en: str = "",
    languages: Iterable[str] = ("zh",),
    capacity: Decimal = Decimal(3),
    by: Access | None = None,
    **facts: object,
) -> Staff:
    """Make somebody staff of the organization in scope, with a user when the address has none.

    A new user has no usable password. Raises Invalid when the person works here already.
    """
    address = email.strip().lower()
    with organization_transaction():
        user = User.objects.filter(email=address).first()
        if user is None:
            user = User.objects.create_user(address, None, name=name)
        if Staff.objects.filter(user=user).exists():
            raise Invalid(field="email")
        staff = Staff.objects.create(
            user=user,
            name=name,
            name_en=name_en,
            department=department,
            languages=list(languages),
            capacity=capacity,
            **facts,
        )
        Presence.objects.create(staff=staff)
        audit.record("staff.joined", staff, by)
    return staff


def open_channel(channel: Channel, *, by: Access | None = None) -> Channel:
    """Save a channel and route its public id to this organization."""
    with organization_transaction():
        is_new = channel.pk is None
        channel.save()
        Route.objects.update_or_create(
            organization_id=current_organization_id(),
            kind=Route.Kind.CHANNEL,
            target_id=channel.pk,
            defaults={"key": channel.public_id},
        )
        audit.record("channel.opened" if is_new else "channel.changed", channel, by)
        ring(CHANNELS_CHANGED)
    return channel


def route(kind: Route.Kind, key: str) -> Route | None:
    """Return where an outside address leads, or None; needs no scope."""
    return Route.objects.filter(kind=kind, key=key, organization__isnull=False).first()
