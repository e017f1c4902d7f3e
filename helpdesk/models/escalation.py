"""Escalation paths: ordered levels with their own timers and audiences; and climbs along them."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from helpdesk.models.base import Named, OrganizationForeignKey, OrganizationModel
from helpdesk.permissions import PATH_PERMISSIONS


class EscalationPath(OrganizationModel, Named):
    """An ordered way up, such as sales -> technical support -> R&D."""

    department = OrganizationForeignKey(
        "helpdesk.Department",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="escalation_paths",
        verbose_name=_("department"),
        help_text=_("Whose conversations climb this path; empty: everybody's."),
    )
    topic = OrganizationForeignKey(
        "helpdesk.Topic",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="escalation_paths",
        verbose_name=_("topic"),
        help_text=_("Only conversations about this topic or below it; empty: any."),
    )
    # Continues on this path after its last level.
    next_path = OrganizationForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("continues on"),
    )
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("escalation path")
        verbose_name_plural = _("escalation paths")
        permissions: ClassVar = PATH_PERMISSIONS
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "name"], name="escalation_path_name"),
            models.CheckConstraint(
                condition=~models.Q(next_path=models.F("id")), name="escalation_path_not_own_next"
            ),
        ]


class EscalationLevel(OrganizationModel, Named):
    """One step of a path: who is asked, and for how long before it climbs on."""

    path = OrganizationForeignKey(
        "helpdesk.EscalationPath", models.CASCADE, related_name="levels", verbose_name=_("path")
    )
    order = models.PositiveSmallIntegerField(_("level"))
    department = OrganizationForeignKey(
        "helpdesk.Department",
        models.PROTECT,
        related_name="escalation_levels",
        verbose_name=_("department asked"),
    )
    role = OrganizationForeignKey(
        "helpdesk.Role",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="escalation_levels",
        verbose_name=_("role asked"),
        help_text=_("Only holders of this role in the department; empty: everybody there."),
    )
    timer = models.DurationField(
        _("answer within"),
        help_text=_("As hours:minutes:seconds. After it the case climbs to the next level."),
    )

    class Meta:
        verbose_name = _("escalation level")
        verbose_name_plural = _("escalation levels")
        ordering: ClassVar = ["path", "order"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "path", "order"],
                name="escalation_level_order",
                deferrable=models.Deferrable.DEFERRED,
            ),
            models.CheckConstraint(
                condition=models.Q(order__gte=1), name="escalation_level_from_one"
            ),
        ]


class Escalation(OrganizationModel):
    """One climb of one conversation."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting to be claimed")
        CLAIMED = "claimed", _("claimed")
        RESOLVED = "resolved", _("resolved")
        CANCELLED = "cancelled", _("cancelled")

    conversation = OrganizationForeignKey(
        "helpdesk.Conversation", models.CASCADE, related_name="escalations"
    )
    path = OrganizationForeignKey(
        "helpdesk.EscalationPath",
        models.PROTECT,
        related_name="escalations",
        verbose_name=_("path"),
    )
    level = OrganizationForeignKey(
        "helpdesk.EscalationLevel",
        models.PROTECT,
        related_name="escalations",
        verbose_name=_("level"),
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    by = OrganizationForeignKey(
        "helpdesk.Staff", models.PROTECT, null=True, blank=True, related_name="+"
    )
    claimed_by = OrganizationForeignKey(
        "helpdesk.Staff", models.PROTECT, null=True, blank=True, related_name="claimed_escalations"
    )
    started_at = models.DateTimeField(_("started"))
    level_at = models.DateTimeField(_("at this level since"))
    # When it climbs on; empty once claimed, ended, or at the top with its timer already fired.
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    breached_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("escalation")
        verbose_name_plural = _("escalations")
        default_permissions = ()
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "conversation"],
                condition=models.Q(ended_at__isnull=True),
                name="escalation_one_running",
            ),
            # I6: a clock has a due time or a reason why it stopped.
            models.CheckConstraint(
                condition=(
                    models.Q(state="waiting", ended_at__isnull=True, due_at__isnull=False)
                    | models.Q(state="waiting", ended_at__isnull=True, breached_at__isnull=False)
                    | models.Q(
                        state="claimed",
                        ended_at__isnull=True,
                        claimed_by__isnull=False,
                        due_at__isnull=True,
                    )
                    | models.Q(
                        state__in=["resolved", "cancelled"],
                        ended_at__isnull=False,
                        due_at__isnull=True,
                    )
                ),
                name="escalation_clock",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "due_at"],
                condition=models.Q(due_at__isnull=False),
                name="escalation_due",
            ),
            models.Index(
                fields=["organization", "path", "level"],
                condition=models.Q(ended_at__isnull=True),
                name="escalation_running",
            ),
        ]


class EscalationStep(OrganizationModel):
    """A level that a climb reached; unique, so that each step and each breach happens once."""

    escalation = OrganizationForeignKey("helpdesk.Escalation", models.CASCADE, related_name="steps")
    level = OrganizationForeignKey("helpdesk.EscalationLevel", models.PROTECT, related_name="+")
    entered_at = models.DateTimeField()
    due_at = models.DateTimeField()
    breached_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "escalation", "level"], name="escalation_step_once"
            ),
        ]
