"""Exams: what somebody has shown to know, and until when it counts."""

from typing import ClassVar

from django.core.validators import MaxValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from helpdesk.models.base import OrganizationForeignKey, OrganizationModel


class Exam(OrganizationModel):
    """One exam of one skill; the newest decides whether somebody is certified."""

    staff = OrganizationForeignKey(
        "helpdesk.Staff",
        models.CASCADE,
        related_name="exams",
        verbose_name=_("member of staff"),
    )
    skill = OrganizationForeignKey(
        "helpdesk.Skill", models.CASCADE, related_name="exams", verbose_name=_("skill")
    )
    taken_on = models.DateField(_("taken on"))
    score_percent = models.PositiveSmallIntegerField(
        _("score in percent"), validators=[MaxValueValidator(100)]
    )
    is_passed = models.BooleanField(_("passed"), default=True)
    valid_until = models.DateField(
        _("counts until"),
        null=True,
        blank=True,
        help_text=_("This day included; empty: without end."),
    )

    class Meta:
        verbose_name = _("exam")
        verbose_name_plural = _("exams")
        ordering: ClassVar = ["-taken_on", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "staff", "skill", "taken_on"], name="exam_once_a_day"
            ),
            models.CheckConstraint(condition=models.Q(score_percent__lte=100), name="exam_score"),
            models.CheckConstraint(
                condition=models.Q(valid_until__isnull=True)
                | models.Q(valid_until__gte=models.F("taken_on")),
                name="exam_counts_until",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "staff", "skill", "-taken_on"], name="exam_newest")
        ]

    def __str__(self) -> str:
        return f"{self.skill}, {self.taken_on}"
