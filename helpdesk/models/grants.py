"""Who may do what: roles, what they allow, who holds them where, and guardian's rows derived from that."""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _
from guardian.managers import UserObjectPermissionManager
from guardian.models import UserObjectPermissionBase

from helpdesk.models.base import (
    Named,
    OrganizationForeignKey,
    OrganizationManager,
    OrganizationModel,
)
from helpdesk.permissions import ROLE_PERMISSIONS, complete


class Role(OrganizationModel, Named):
    """A named set of permissions, granted on a department."""

    permissions = ArrayField(
        models.CharField(max_length=40), default=list, blank=True, verbose_name=_("permissions")
    )
    description = models.CharField(_("description"), max_length=200, blank=True)
    answers_all_topics = models.BooleanField(_("may answer every topic"), default=False)
    topics = models.ManyToManyField(
        "helpdesk.Topic",
        through="helpdesk.RoleTopic",
        related_name="roles",
        verbose_name=_("topics"),
    )

    class Meta:
        verbose_name = _("role")
        verbose_name_plural = _("roles")
        permissions: ClassVar = ROLE_PERMISSIONS
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "name"], name="role_name")
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:  # Any: Django's own signature
        """Store the role with the permissions that its own imply."""
        self.permissions = complete(self.permissions)
        super().save(*args, **kwargs)


class RoleTopic(OrganizationModel):
    """A topic (with everything below it) that holders of the role may answer."""

    role = OrganizationForeignKey(
        "helpdesk.Role", models.CASCADE, related_name="role_topics", verbose_name=_("role")
    )
    topic = OrganizationForeignKey(
        "helpdesk.Topic", models.CASCADE, related_name="role_topics", verbose_name=_("topic")
    )

    class Meta:
        verbose_name = _("topic of a role")
        verbose_name_plural = _("topics of roles")
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "role", "topic"], name="role_topic")
        ]


class RoleGrant(OrganizationModel):
    """This member of staff holds this role in this department and below it: the truth about permissions."""

    staff = OrganizationForeignKey(
        "helpdesk.Staff",
        models.CASCADE,
        related_name="role_grants",
        verbose_name=_("member of staff"),
    )
    role = OrganizationForeignKey(
        "helpdesk.Role", models.CASCADE, related_name="grants", verbose_name=_("role")
    )
    department = OrganizationForeignKey(
        "helpdesk.Department",
        models.CASCADE,
        related_name="role_grants",
        verbose_name=_("department"),
    )

    class Meta:
        verbose_name = _("role held")
        verbose_name_plural = _("roles held")
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "staff", "role", "department"], name="role_grant"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "department"], name="role_grant_department")
        ]

    def __str__(self) -> str:
        return f"{self.staff} · {self.role} · {self.department}"


class ObjectGrant(OrganizationModel):
    """One permission on one department, role or escalation path, given to one person: edited on guardian's pages."""

    staff = OrganizationForeignKey(
        "helpdesk.Staff",
        models.CASCADE,
        related_name="object_grants",
        verbose_name=_("member of staff"),
    )
    permission = models.CharField(_("permission"), max_length=60)
    department = OrganizationForeignKey(
        "helpdesk.Department", models.CASCADE, null=True, blank=True, related_name="object_grants"
    )
    role = OrganizationForeignKey(
        "helpdesk.Role", models.CASCADE, null=True, blank=True, related_name="object_grants"
    )
    path = OrganizationForeignKey(
        "helpdesk.EscalationPath",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="object_grants",
    )

    class Meta:
        verbose_name = _("object permission")
        verbose_name_plural = _("object permissions")
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "staff", "permission", "department", "role", "path"],
                name="object_grant",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=(
                    models.Q(department__isnull=False, role__isnull=True, path__isnull=True)
                    | models.Q(department__isnull=True, role__isnull=False, path__isnull=True)
                    | models.Q(department__isnull=True, role__isnull=True, path__isnull=False)
                ),
                name="object_grant_one_target",
            ),
        ]


class ObjectPermissionManager(UserObjectPermissionManager, OrganizationManager):
    """Guardian's manager, within the organization in scope."""


class DerivedPermission(OrganizationModel, UserObjectPermissionBase):
    """A row of guardian's; derived from the grants by `services.grants.derive`, never edited."""

    objects: ClassVar = ObjectPermissionManager()

    class Meta:
        abstract = True
        default_permissions = ()


class DepartmentUserObjectPermission(DerivedPermission):
    """What a user may do in a department."""

    content_object = OrganizationForeignKey("helpdesk.Department", models.CASCADE)

    class Meta(DerivedPermission.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "user", "permission", "content_object"],
                name="department_user_permission",
            ),
        ]


class RoleUserObjectPermission(DerivedPermission):
    """What a user may do with a role."""

    content_object = OrganizationForeignKey("helpdesk.Role", models.CASCADE)

    class Meta(DerivedPermission.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "user", "permission", "content_object"],
                name="role_user_permission",
            ),
        ]


class EscalationPathUserObjectPermission(DerivedPermission):
    """What a user may do with an escalation path."""

    content_object = OrganizationForeignKey("helpdesk.EscalationPath", models.CASCADE)

    class Meta(DerivedPermission.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "user", "permission", "content_object"],
                name="path_user_permission",
            ),
        ]
