"""Models of topics that the organization's own texts have taught, and when they are trained."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from helpdesk.models import OrganizationModel


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
