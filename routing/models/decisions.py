"""What came of looking: decisions, offers, and which router works for whom."""

from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from helpdesk.models import OrganizationForeignKey, OrganizationModel


class Decision(OrganizationModel):
    """One replayable choice: what was asked, who stood for it with which parts, and who did not and why."""

    class Outcome(models.TextChoices):
        ASSIGNED = "assigned", _("assigned")
        OFFERED = "offered", _("offered")
        QUEUED = "queued", _("queued: nobody was free")
        HELD = "held", _("held: somebody better is expected")

    conversation = OrganizationForeignKey(
        "helpdesk.Conversation", models.CASCADE, related_name="decisions"
    )
    staff = OrganizationForeignKey(
        "helpdesk.Staff", models.PROTECT, null=True, blank=True, related_name="+"
    )
    outcome = models.CharField(max_length=10, choices=Outcome)
    score = models.DecimalField(max_digits=5, decimal_places=1, default=Decimal(0))
    at = models.DateTimeField()
    policy = OrganizationForeignKey(
        "routing.Policy", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    policy_version = models.PositiveIntegerField(default=0)
    # {"need": ..., "ranked": {name: column}, "excluded": {reason: ids}}; see `routing.recording`.
    data = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("routing decision")
        verbose_name_plural = _("routing decisions")
        default_permissions = ()
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(outcome__in=["queued", "held"], staff__isnull=True)
                | models.Q(outcome__in=["assigned", "offered"], staff__isnull=False),
                name="decision_outcome",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "conversation", "-id"], name="decision_newest"),
            models.Index(fields=["organization", "-id"], name="decision_latest"),
        ]


class Offer(OrganizationModel):
    """A conversation put before one person, who may accept or decline until it expires."""

    class State(models.TextChoices):
        PENDING = "pending", _("pending")
        ACCEPTED = "accepted", _("accepted")
        DECLINED = "declined", _("declined")
        EXPIRED = "expired", _("expired")
        WITHDRAWN = "withdrawn", _("withdrawn")

    class Reason(models.TextChoices):
        MEETING = "meeting", _("In a meeting")
        TOPIC = "topic", _("Not familiar with the topic")
        FOCUS = "focus", _("Focus time soon")
        CONFLICT = "conflict", _("Should not be me")

    conversation = OrganizationForeignKey(
        "helpdesk.Conversation", models.CASCADE, related_name="offers"
    )
    staff = OrganizationForeignKey("helpdesk.Staff", models.CASCADE, related_name="offers")
    decision = OrganizationForeignKey("routing.Decision", models.CASCADE, related_name="offers")
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    reason = models.CharField(max_length=10, choices=Reason, blank=True)
    weight = models.DecimalField(max_digits=4, decimal_places=1, default=Decimal("1.0"))
    made_at = models.DateTimeField()
    due_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("offer")
        verbose_name_plural = _("offers")
        default_permissions = ()
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "conversation"],
                condition=models.Q(state="pending"),
                name="offer_one_pending",
            ),
            models.CheckConstraint(
                condition=models.Q(state="pending", answered_at__isnull=True)
                | (~models.Q(state="pending") & models.Q(answered_at__isnull=False)),
                name="offer_answered",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    state__in=["pending", "accepted", "expired", "withdrawn"], reason=""
                )
                | (models.Q(state="declined") & ~models.Q(reason="")),
                name="offer_reason",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "staff"],
                condition=models.Q(state="pending"),
                name="offer_pending",
            ),
            models.Index(
                fields=["organization", "due_at"],
                condition=models.Q(state="pending"),
                name="offer_due",
            ),
            models.Index(fields=["organization", "conversation", "-id"], name="offer_history"),
        ]


class Objection(OrganizationModel):
    """Somebody said that a conversation is not theirs, and why: it goes to another, and models learn from it."""

    class Reason(models.TextChoices):
        TOPIC = "topic", _("It is about something else")
        SKILL = "skill", _("I cannot answer this")
        CONFLICT = "conflict", _("It should not be me")

    conversation = OrganizationForeignKey(
        "helpdesk.Conversation", models.CASCADE, related_name="objections"
    )
    staff = OrganizationForeignKey("helpdesk.Staff", models.CASCADE, related_name="+")
    decision = OrganizationForeignKey(
        "routing.Decision", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    reason = models.CharField(max_length=10, choices=Reason)
    # What it was taken for, and what it is about if the person knew.
    topic = OrganizationForeignKey(
        "helpdesk.Topic", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    right_topic = OrganizationForeignKey(
        "helpdesk.Topic", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("objection")
        verbose_name_plural = _("objections")
        default_permissions = ()
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(reason="topic")
                | models.Q(reason__in=["skill", "conflict"], right_topic__isnull=True),
                name="objection_topic",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "conversation", "staff"], name="objection_of")
        ]


class RouterLease(OrganizationModel):
    """Which router works for the organization, until when, and the number that fences off its predecessors."""

    holder = models.CharField(max_length=64)
    fence = models.BigIntegerField(default=1)
    until = models.DateTimeField()

    class Meta:
        verbose_name = _("router lease")
        verbose_name_plural = _("router leases")
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization"], name="router_lease_one")
        ]
