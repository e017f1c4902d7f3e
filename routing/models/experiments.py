"""Experiments: two ways of routing that take turns by slices of time, and what each slice came to."""

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from helpdesk.models import OrganizationForeignKey, OrganizationModel
from routing.laboratory.rails import Rail
from routing.laboratory.schedule import Plan
from routing.measures import MEASURES, Name


class Experiment(OrganizationModel):
    """A draft that takes turns with the policy in use; see `routing.experiments`."""

    class State(models.TextChoices):
        DRAFT = "draft", _("not started")
        RUNNING = "running", _("running")
        STOPPED = "stopped", _("stopped early")
        ENDED = "ended", _("done")

    class Reason(models.TextChoices):
        PLAN = "plan", _("The plan is done")
        RAIL = "rail", _("A guard rail was broken")
        HAND = "hand", _("Stopped by hand")

    class Verdict(models.TextChoices):
        BETTER = "better", _("better")
        NO_DIFFERENCE = "no_difference", _("no difference seen")
        WORSE = "worse", _("worse")
        TOO_FEW = "too_few", _("too few slices to tell")

    name = models.CharField(_("name"), max_length=80)
    department = OrganizationForeignKey(
        "helpdesk.Department",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("department"),
    )
    # The draft's rules as `routing.laboratory.policies` reads them.
    draft = models.JSONField(_("draft"), default=dict)
    slice_minutes = models.PositiveSmallIntegerField(
        _("minutes of a slice"), validators=[MinValueValidator(30), MaxValueValidator(1440)]
    )
    washout_minutes = models.PositiveSmallIntegerField(_("minutes of wash-out"))
    slices = models.PositiveSmallIntegerField(_("slices"))
    # How long after its opening a conversation is watched, in both arms alike.
    outcome_hours = models.PositiveSmallIntegerField(_("hours a conversation is watched"))
    primary = models.CharField(_("what decides"), max_length=30, choices=Name)
    # Objects with the measure, whether it is a bound, and the limit.
    rails = models.JSONField(_("guard rails"), default=list, blank=True)
    alpha = models.FloatField(_("chance of a false claim"), default=0.05)
    seed = models.BigIntegerField()
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    starts_at = models.DateTimeField(_("starts"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    reason = models.CharField(_("why it ended"), max_length=10, choices=Reason, blank=True)
    # In the words of who stopped it, or the guard rail that did.
    reason_details = models.CharField(max_length=200, blank=True)
    verdict = models.CharField(_("verdict"), max_length=15, choices=Verdict, blank=True)
    # What the draft is compared with; 0 for the rules as delivered.
    policy_version = models.PositiveIntegerField(default=0)
    opened_by = OrganizationForeignKey("helpdesk.Staff", models.PROTECT, related_name="+")
    # Somebody has read how it ended.
    noted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("experiment")
        verbose_name_plural = _("experiments")
        default_permissions = ()
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "department"],
                condition=models.Q(state="running"),
                name="experiment_one_running",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=models.Q(slice_minutes__gte=30, slice_minutes__lte=1440)
                & models.Q(slice_minutes__gt=2 * F("washout_minutes"))
                & models.Q(slices__gte=2),
                name="experiment_times",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    state="draft", starts_at__isnull=True, ended_at__isnull=True, reason=""
                )
                | models.Q(
                    state="running", starts_at__isnull=False, ended_at__isnull=True, reason=""
                )
                | (
                    models.Q(
                        state__in=["stopped", "ended"],
                        starts_at__isnull=False,
                        ended_at__isnull=False,
                    )
                    & ~models.Q(reason="")
                ),
                name="experiment_state",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def plan(self) -> Plan:
        """Return when which arm acts. Raises ValueError before it has a beginning."""
        if self.starts_at is None:
            raise ValueError("has no beginning yet")
        return Plan(
            self.starts_at, self.slice_minutes, self.washout_minutes, self.slices, self.seed
        )

    @property
    def guard_rails(self) -> list[Rail]:
        """Return the guard rails as they are tested."""
        return [
            Rail(
                measure=each["measure"],
                higher_is_better=MEASURES[each["measure"]].higher_is_better,
                is_bound=bool(each["is_bound"]),
                limit=float(each["limit"]),
            )
            for each in self.rails
        ]


class Slice(OrganizationModel):
    """One slice in which somebody switched: when that really was, and what came of it."""

    experiment = OrganizationForeignKey(
        "routing.Experiment", models.CASCADE, related_name="slice_rows"
    )
    number = models.PositiveSmallIntegerField()
    is_draft = models.BooleanField()
    switched_at = models.DateTimeField()
    measured_at = models.DateTimeField(null=True, blank=True)
    # {measure: [value, conversations]}, final once it is measured.
    figures = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("slice")
        verbose_name_plural = _("slices")
        default_permissions = ()
        ordering: ClassVar = ["experiment", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "experiment", "number"], name="slice_number"
            )
        ]
