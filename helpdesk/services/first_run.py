"""The first steps of a new organization: its name, its first channel, its first colleague."""

from helpdesk import permissions
from helpdesk.access import Access, require
from helpdesk.errors import Invalid, NotFound
from helpdesk.models import Department, Organization, Role, Staff
from helpdesk.services import audit, grants, invitations, organizations
from helpdesk.tenancy import current_organization_id, organization_transaction

STEPS = ("name", "widget", "colleague")


def rename(by: Access, *, name: str, name_en: str) -> Organization:
    """Name the organization; raises NotFound for people who do not administer it.

    Raises Invalid for an empty name, and for names as `organizations.check_name`.
    """
    require(by, permissions.ORGANIZATION_ADMINISTER)
    if not name.strip():
        raise Invalid(field="name")
    organizations.check_name(name.strip())
    organizations.check_name(name_en.strip(), "name_en")
    with organization_transaction():
        organization = Organization.objects.select_for_update().get(pk=current_organization_id())
        organization.name, organization.name_en = name.strip(), name_en.strip()
        organization.first_run_done = {**organization.first_run_done, "name": True}
        organization.save()
        audit.record("organization.renamed", organization, by)
    return organization


def mark_done(by: Access, step: str) -> None:
    """Tick a step off; raises NotFound, Invalid for a step we do not know."""
    require(by, permissions.ORGANIZATION_ADMINISTER)
    if step not in (*STEPS, "hidden"):
        raise Invalid(field="step")
    with organization_transaction():
        organization = Organization.objects.select_for_update().get(pk=current_organization_id())
        organization.first_run_done = {**organization.first_run_done, step: True}
        organization.save(update_fields=["first_run_done"])


def invite(
    by: Access, *, email: str, name: str, department_id: int, role_id: int
) -> tuple[Staff, str]:
    """Take a colleague in with a role; returns the colleague and the address to pass on, as `invitations.invite`.

    Raises NotFound, Invalid, Refused.
    """
    administered = require(by, permissions.ORGANIZATION_ADMINISTER)
    with organization_transaction():
        department = Department.objects.filter(pk=department_id, pk__in=administered).first()
        role = Role.objects.filter(pk=role_id).first()
        if department is None or role is None:
            raise NotFound
        staff = organizations.take_in(email=email, name=name, department=department, by=by)
        grants.grant_role(staff, role, department, by=by)
        link = invitations.invite(staff)
    mark_done(by, "colleague")
    return staff, link
