"""What skills lately came to, and when that is reckoned next."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from helpdesk.models import OrganizationForeignKey, OrganizationModel
from routing.deciding.evidence import MOST_CHANGE, Evidence


class SkillEvidence(OrganizationModel):
    """What somebody's conversations, ratings and exams say of a skill besides its stated level."""

    staff = OrganizationForeignKey("helpdesk.Staff", models.CASCADE, related_name="+")
    skill = OrganizationForeignKey("helpdesk.Skill", models.CASCADE, related_name="+")
    # The stated level with which it was compared; evidence holds for no other.
    level = models.PositiveSmallIntegerField()
    # In levels; the others as `routing.deciding.evidence` has them.
    change = models.FloatField()
    conversations = models.PositiveIntegerField()
    resolved = models.FloatField(null=True, blank=True)
    expected = models.FloatField(null=True, blank=True)
    stars = models.FloatField(null=True, blank=True)
    exam_percent = models.PositiveSmallIntegerField(null=True, blank=True)

    class Meta:
        verbose_name = _("evidence of a skill")
        verbose_name_plural = _("evidence of skills")
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "staff", "skill"], name="skill_evidence_one"
            ),
            models.CheckConstraint(
                condition=models.Q(change__gte=-MOST_CHANGE, change__lte=MOST_CHANGE),
                name="skill_evidence_change",
            ),
        ]

    @property
    def plain(self) -> Evidence:
        """Return it as the engine takes it."""
        return Evidence(
            self.change,
            self.conversations,
            self.resolved,
            self.expected,
            self.stars,
            self.exam_percent,
        )


class SkillReckoning(OrganizationModel):
    """When the organization's evidence was reckoned, and when it is next; changes whenever evidence does."""

    due_at = models.DateTimeField()
    reckoned_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("reckoning of skills")
        verbose_name_plural = _("reckonings of skills")
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization"], name="skill_reckoning_one")
        ]
