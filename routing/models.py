"""Routing's own rows: policy, decisions, offers, trained models, and which router works for whom."""

from decimal import Decimal
from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from helpdesk.models import OrganizationForeignKey, OrganizationModel
from routing.deciding.rules import DEFAULT_WEIGHTS, Rules


class Policy(OrganizationModel):
    """Weights and rules of routing; one for the organization, and one more for a department that differs."""

    class Mode(models.TextChoices):
        AUTOMATIC = "automatic", _("assign at once")
        OFFER = "offer", _("offer first")

    department = OrganizationForeignKey(
        "helpdesk.Department",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("department"),
        help_text=_("Empty: for every department without a policy of its own."),
    )
    mode = models.CharField(_("mode"), max_length=10, choices=Mode, default=Mode.AUTOMATIC)
    weights = models.JSONField(
        _("weights"),
        default=dict,
        blank=True,
        help_text=_(
            "Points for each part of the score, such as skill or history; empty: as delivered."
        ),
    )
    urgent_seconds = models.PositiveSmallIntegerField(
        _("seconds until an urgent message should be with somebody"),
        default=60,
        validators=[MinValueValidator(10), MaxValueValidator(3600)],
    )
    calm_seconds = models.PositiveIntegerField(
        _("seconds until one without any urgency should be"),
        default=1800,
        validators=[MinValueValidator(60), MaxValueValidator(86_400)],
        help_text=_("Whatever lies between the two is due in between."),
    )
    slack_percent = models.PositiveSmallIntegerField(
        _("percent of capacity that is free while all is given at once"),
        default=60,
        validators=[MaxValueValidator(100)],
        help_text=_(
            "With less, a conversation may wait for somebody who suits it better, ever less so the longer it waits."
        ),
    )
    patience_percent = models.PositiveSmallIntegerField(
        _("percent of its time after which anybody suits"),
        default=100,
        validators=[MinValueValidator(1), MaxValueValidator(300)],
    )
    offer_seconds = models.PositiveSmallIntegerField(
        _("seconds to answer an offer"),
        default=30,
        validators=[MinValueValidator(5), MaxValueValidator(600)],
    )
    # Raised by every change, so that a decision names the rules it was made by.
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("routing policy")
        verbose_name_plural = _("routing policies")
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "department"],
                name="policy_one_each",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=models.Q(mode__in=["automatic", "offer"]), name="policy_mode"
            ),
            models.CheckConstraint(
                condition=models.Q(urgent_seconds__gte=10, calm_seconds__gte=F("urgent_seconds"))
                & models.Q(slack_percent__lte=100, patience_percent__gte=1),
                name="policy_times",
            ),
        ]

    def __str__(self) -> str:
        return str(self.department or _("all departments"))

    @property
    def points(self) -> dict[str, int]:
        """Return what each part of the score is worth at most."""
        chosen = {
            str(name): int(most)
            for name, most in self.weights.items()
            if isinstance(most, int) and most >= 0
        }
        return chosen or dict(DEFAULT_WEIGHTS)

    @property
    def rules(self) -> Rules:
        """Return the policy as the engine reads it."""
        return Rules(
            weights=self.points,
            urgent_seconds=float(self.urgent_seconds),
            calm_seconds=float(self.calm_seconds),
            slack_percent=self.slack_percent,
            patience_percent=self.patience_percent,
        )


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
    # {"need": ..., "ranked": [...], "excluded": {reason: [ids]}}; see `routing.recording`.
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
            models.Index(fields=["organization", "conversation", "-id"], name="decision_newest")
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


class TopicModel(OrganizationModel):
    """One version of what the organization's texts have taught; see `routing.understanding`."""

    class State(models.TextChoices):
        CANDIDATE = "candidate", _("candidate")
        IN_USE = "in_use", _("in use")
        RETIRED = "retired", _("retired")
        REJECTED = "rejected", _("rejected")

    class Reason(models.TextChoices):
        WORSE = "worse", _("Tells fewer texts rightly than the version before it")
        UNREADABLE = "unreadable", _("Cannot be loaded")

    number = models.PositiveIntegerField(_("version"))
    content = models.BinaryField()
    format = models.PositiveSmallIntegerField(_("format"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.CANDIDATE)
    # What it learned from and how well it tells; see `routing.teaching` and `routing.comparing`.
    figures = models.JSONField(_("figures"), default=dict)
    reason = models.CharField(_("reason"), max_length=10, choices=Reason, blank=True)
    # What exactly was wrong, as the program says it.
    details = models.CharField(_("details"), max_length=200, blank=True)
    trained_at = models.DateTimeField(_("trained"))
    # The last time it came into use.
    used_since = models.DateTimeField(_("used since"), null=True, blank=True)

    class Meta:
        verbose_name = _("model of topics")
        verbose_name_plural = _("models of topics")
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "number"], name="topic_model_number"),
            models.UniqueConstraint(
                fields=["organization"],
                condition=models.Q(state="in_use"),
                name="topic_model_one_in_use",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["candidate", "in_use", "retired"], reason="")
                | (models.Q(state="rejected") & ~models.Q(reason="")),
                name="topic_model_reason",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["in_use", "retired"], used_since__isnull=True),
                name="topic_model_used_since",
            ),
        ]

    def __str__(self) -> str:
        return _("Version %(number)s") % {"number": self.number}


class TopicTraining(OrganizationModel):
    """When the organization's model is looked after next, and what came of the last time."""

    class Outcome(models.TextChoices):
        TRAINED = "trained", _("trained")
        TOO_FEW = "too_few", _("too few texts")
        TOO_SLOW = "too_slow", _("took too long")
        FAILED = "failed", _("failed")

    due_at = models.DateTimeField()
    # Somebody wants a training, whether or not there is something new to learn.
    asked_at = models.DateTimeField(null=True, blank=True)
    # A process works on it, or has died.
    busy_until = models.DateTimeField(null=True, blank=True)
    # A fingerprint of what people have said, and the newest conversation, that were last learned from.
    learned_from = models.CharField(max_length=64, blank=True)
    newest_learned_id = models.BigIntegerField(default=0)
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    # An administrator went back to an older version: newer ones wait until they are chosen.
    is_held = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("training")
        verbose_name_plural = _("trainings")
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization"], name="topic_training_one")
        ]
