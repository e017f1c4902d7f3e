"""Rules that were tried out in the laboratory, and what came of it."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from helpdesk.models import OrganizationForeignKey, OrganizationModel


class Trial(OrganizationModel):
    """One replay of a draft beside the policy in use; it acts on nothing."""

    class State(models.TextChoices):
        ASKED = "asked", _("asked")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    class Error(models.TextChoices):
        NOBODY = "nobody", _("There is nobody to play with: no staff who may answer, or no topic.")
        TOO_SLOW = "too_slow", _("It took longer than a minute.")
        DIED = "died", _("The process that played it ended before it was done.")
        FAILED = "failed", _("Something went wrong; the log of the worker tells more.")

    department = OrganizationForeignKey(
        "helpdesk.Department", models.CASCADE, null=True, blank=True, related_name="+"
    )
    by = OrganizationForeignKey("helpdesk.Staff", models.PROTECT, related_name="+")
    # The draft as plain values; see `routing.laboratory.policies`.
    rules = models.JSONField()
    state = models.CharField(max_length=10, choices=State, default=State.ASKED)
    asked_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    percent = models.PositiveSmallIntegerField(default=0)
    # See `routing.laboratory.contest` and `redeciding`.
    figures = models.JSONField(default=dict)
    error = models.CharField(max_length=10, choices=Error, blank=True)

    class Meta:
        verbose_name = _("replay of rules")
        verbose_name_plural = _("replays of rules")
        default_permissions = ()
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization"],
                condition=models.Q(state__in=["asked", "running"]),
                name="trial_one_at_a_time",
            ),
            models.CheckConstraint(
                condition=(models.Q(state="failed") & ~models.Q(error=""))
                | (models.Q(state__in=["asked", "running", "done"]) & models.Q(error="")),
                name="trial_error",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["organization", "-id"], name="trial_newest")]
