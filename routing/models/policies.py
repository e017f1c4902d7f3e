"""Policies: what weighs how much, and the rules by which conversations are given."""

from datetime import timedelta
from typing import Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
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
    calm_chat_seconds = models.PositiveIntegerField(
        _("seconds until one without any urgency should be, in a chat"),
        default=300,
        validators=[MinValueValidator(30), MaxValueValidator(86_400)],
        help_text=_(
            "Where customers stay and watch for the answer; mail and forms have their own."
        ),
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
    sticky_seconds = models.PositiveSmallIntegerField(
        _("seconds for which it waits for whoever served this customer well last"),
        default=15,
        validators=[MaxValueValidator(600)],
        help_text=_("Only while this colleague is there. 0: it does not wait."),
    )
    return_seconds = models.PositiveIntegerField(
        _(
            "seconds after which it goes back when it was given to somebody and nothing was answered"
        ),
        default=900,
        validators=[MaxValueValidator(86_400)],
        help_text=_("0: it stays with whoever has it."),
    )
    learning_percent = models.PositiveSmallIntegerField(
        _("percent of easy conversations that go to people in training"),
        default=0,
        validators=[MaxValueValidator(50)],
        help_text=_("Only while a colleague is there to stand behind them. 0: none."),
    )
    # Which arm of which experiment this copy acts for; nothing where no experiment runs.
    arm: dict[str, Any] | None = None  # Any: small JSON facts
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
                condition=models.Q(
                    urgent_seconds__gte=10,
                    calm_seconds__gte=F("urgent_seconds"),
                    calm_chat_seconds__gte=F("urgent_seconds"),
                )
                & models.Q(slack_percent__lte=100, patience_percent__gte=1),
                name="policy_times",
            ),
            models.CheckConstraint(
                condition=models.Q(learning_percent__lte=50), name="policy_learning"
            ),
        ]

    def __str__(self) -> str:
        return str(self.department or _("all departments"))

    @classmethod
    def of(cls, department_id: int) -> "Policy":
        """Return the policy of a department, else the organization's, else the one delivered."""
        rows = cls.objects.filter(Q(department_id=department_id) | Q(department__isnull=True))
        return rows.order_by(F("department_id").asc(nulls_last=True)).first() or cls()

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
    def answer_within(self) -> timedelta | None:
        """Return after which time without an answer it goes back; None when it stays."""
        return timedelta(seconds=self.return_seconds) if self.return_seconds else None

    def follow(self, rules: Rules) -> None:
        """Take over the numbers of rules; saves nothing."""
        weights = dict(rules.weights)
        self.weights = {} if weights == dict(DEFAULT_WEIGHTS) else weights
        self.urgent_seconds = int(rules.urgent_seconds)
        self.calm_seconds = int(rules.calm_seconds)
        self.calm_chat_seconds = int(rules.calm_chat_seconds)
        self.slack_percent = rules.slack_percent
        self.patience_percent = rules.patience_percent
        self.learning_percent = rules.learning_percent

    @property
    def rules(self) -> Rules:
        """Return the policy as the engine reads it."""
        return Rules(
            weights=self.points,
            urgent_seconds=float(self.urgent_seconds),
            calm_seconds=float(self.calm_seconds),
            calm_chat_seconds=float(self.calm_chat_seconds),
            slack_percent=self.slack_percent,
            patience_percent=self.patience_percent,
            learning_percent=self.learning_percent,
        )
