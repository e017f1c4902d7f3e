"""Who holds a conversation, who was called into it, and what the customer thought of it."""

from decimal import Decimal
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from helpdesk.models.base import (
    OrganizationForeignKey,
    OrganizationModel,
    OrganizationOneToOneField,
)


class Assignment(OrganizationModel):
    """Who holds the conversation, from when to when, and how it ended."""

    class Mode(models.TextChoices):
        AUTOMATIC = "automatic", _("by the engine")
        OFFER = "offer", _("accepted an offer")
        TAKEN = "taken", _("taken")
        MANUAL = "manual", _("assigned by a colleague")
        TRANSFER = "transfer", _("handed over")
        CLAIM = "claim", _("claimed an escalation")
        REOPENED = "reopened", _("reopened by its owner")

    class Ending(models.TextChoices):
        RESOLVED = "resolved", _("resolved")
        TRANSFERRED = "transferred", _("handed over")
        REASSIGNED = "reassigned", _("assigned to somebody else")
        RETURNED = "returned", _("put back")
        VANISHED = "vanished", _("owner was away")
        UNDONE = "undone", _("undone")
        UNANSWERED = "unanswered", _("no answer in time")
        OBJECTED = "objected", _("not theirs")
        REVOKED = "revoked", _("access ended")
        MERGED = "merged", _("merged into another conversation")

    conversation = OrganizationForeignKey(
        "helpdesk.Conversation", models.CASCADE, related_name="assignments"
    )
    staff = OrganizationForeignKey(
        "helpdesk.Staff",
        models.PROTECT,
        related_name="assignments",
        verbose_name=_("member of staff"),
    )
    episode = models.PositiveSmallIntegerField(default=1)
    mode = models.CharField(max_length=10, choices=Mode)
    weight = models.DecimalField(max_digits=4, decimal_places=1, default=Decimal("1.0"))
    # What it weighs while the customer waits, and while it waits for the customer.
    open_weight = models.DecimalField(max_digits=4, decimal_places=1, default=Decimal("1.0"))
    waiting_weight = models.DecimalField(max_digits=4, decimal_places=1, default=Decimal("0.5"))
    starts_at = models.DateTimeField(_("from"))
    ended_at = models.DateTimeField(_("to"), null=True, blank=True)
    ending = models.CharField(_("ended"), max_length=12, choices=Ending, blank=True)
    # Committed above capacity on purpose, by whom it says in the audit trail.
    override_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = _("assignment")
        verbose_name_plural = _("assignments")
        default_permissions = ()
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "conversation"],
                condition=models.Q(ended_at__isnull=True),
                name="assignment_one_running",
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True) ^ ~models.Q(ending=""),
                name="assignment_ending",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "staff"],
                condition=models.Q(ended_at__isnull=True),
                name="assignment_running",
            ),
            models.Index(fields=["organization", "conversation", "-id"], name="assignment_history"),
            models.Index(
                fields=["organization", "staff", "-starts_at"], name="assignment_of_staff"
            ),
        ]


class Transfer(OrganizationModel):
    """One handover, with its note; can be undone for 30 seconds."""

    conversation = OrganizationForeignKey(
        "helpdesk.Conversation", models.CASCADE, related_name="transfers"
    )
    entry = OrganizationOneToOneField("helpdesk.Entry", models.CASCADE, related_name="transfer")
    by = OrganizationForeignKey("helpdesk.Staff", models.PROTECT, related_name="+")
    from_staff = OrganizationForeignKey(
        "helpdesk.Staff", models.PROTECT, null=True, blank=True, related_name="+"
    )
    from_queue = OrganizationForeignKey(
        "helpdesk.Queue", models.PROTECT, null=True, blank=True, related_name="+"
    )
    from_department = OrganizationForeignKey(
        "helpdesk.Department", models.PROTECT, related_name="+"
    )
    to_staff = OrganizationForeignKey(
        "helpdesk.Staff", models.PROTECT, null=True, blank=True, related_name="+"
    )
    to_department = OrganizationForeignKey(
        "helpdesk.Department", models.PROTECT, null=True, blank=True, related_name="+"
    )
    to_skill = OrganizationForeignKey(
        "helpdesk.Skill", models.PROTECT, null=True, blank=True, related_name="+"
    )
    note = models.TextField(_("handover note"), blank=True, max_length=2000)
    at = models.DateTimeField()
    undo_until = models.DateTimeField()
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("transfer")
        verbose_name_plural = _("transfers")
        default_permissions = ()
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["organization", "conversation", "-id"], name="transfer_history")
        ]


class Mention(OrganizationModel):
    """A colleague called in: access to this conversation for a set time."""

    conversation = OrganizationForeignKey(
        "helpdesk.Conversation", models.CASCADE, related_name="mentions"
    )
    entry = OrganizationForeignKey("helpdesk.Entry", models.CASCADE, related_name="mentions")
    staff = OrganizationForeignKey("helpdesk.Staff", models.CASCADE, related_name="mentions")
    by = OrganizationForeignKey(
        "helpdesk.Staff", models.PROTECT, null=True, blank=True, related_name="+"
    )
    # Who is learning with this conversation, where the colleague stands behind somebody.
    behind = OrganizationForeignKey(
        "helpdesk.Staff", models.PROTECT, null=True, blank=True, related_name="+"
    )
    at = models.DateTimeField()
    access_until = models.DateTimeField(_("access until"))
    ended_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("mention")
        verbose_name_plural = _("mentions")
        default_permissions = ()
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "entry", "staff"], name="mention_once"),
            models.UniqueConstraint(
                fields=["organization", "conversation", "staff"],
                condition=models.Q(ended_at__isnull=True),
                name="mention_one_running",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "staff", "conversation"],
                condition=models.Q(ended_at__isnull=True),
                name="mention_running",
            ),
            models.Index(
                fields=["organization", "access_until"],
                condition=models.Q(ended_at__isnull=True),
                name="mention_due",
            ),
            models.Index(fields=["organization", "conversation"], name="mention_conversation"),
            models.Index(
                fields=["organization", "behind"],
                condition=models.Q(behind__isnull=False),
                name="mention_behind",
            ),
        ]

    @property
    def is_running(self) -> bool:
        """Tell whether the access stands now."""
        return self.ended_at is None and self.access_until > timezone.now()


class Rating(OrganizationModel):
    """What the customer thought of one episode."""

    conversation = OrganizationForeignKey(
        "helpdesk.Conversation", models.CASCADE, related_name="ratings"
    )
    episode = models.PositiveSmallIntegerField()
    staff = OrganizationForeignKey(
        "helpdesk.Staff", models.PROTECT, null=True, blank=True, related_name="ratings"
    )
    score = models.PositiveSmallIntegerField(
        _("stars"), validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    reasons = ArrayField(models.CharField(max_length=30), default=list, blank=True)
    comment = models.CharField(_("comment"), max_length=1000, blank=True)
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("rating")
        verbose_name_plural = _("ratings")
        default_permissions = ()
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "conversation", "episode"], name="rating_per_episode"
            ),
            models.CheckConstraint(
                condition=models.Q(score__gte=1, score__lte=5), name="rating_score"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "staff", "-at"], name="rating_of_staff")
        ]
