"""Phone calls, each one entry of its conversation's timeline."""

from typing import ClassVar
from uuid import uuid4

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from helpdesk.models.base import (
    OrganizationForeignKey,
    OrganizationModel,
    OrganizationOneToOneField,
)


class Call(OrganizationModel):
    """A phone call with a customer, from the first ring to its end."""

    class Direction(models.TextChoices):
        IN = "in", _("from the customer")
        OUT = "out", _("to the customer")

    class State(models.TextChoices):
        # Asked for by a colleague; the exchange does not know of it yet.
        WANTED = "wanted", pgettext_lazy("of a call", "about to begin")
        RINGING = "ringing", pgettext_lazy("of a call", "ringing")
        ANSWERED = "answered", pgettext_lazy("of a call", "running")
        HELD = "held", pgettext_lazy("of a call", "on hold")
        ENDED = "ended", pgettext_lazy("of a call", "over")

    class Ending(models.TextChoices):
        COMPLETED = "completed", pgettext_lazy("of a call", "talked")
        MISSED = "missed", pgettext_lazy("of a call", "missed")
        BUSY = "busy", pgettext_lazy("of a call", "busy")
        FAILED = "failed", pgettext_lazy("of a call", "failed")
        VOICEMAIL = "voicemail", pgettext_lazy("of a call", "voicemail")

    channel = OrganizationForeignKey("helpdesk.Channel", models.PROTECT, related_name="calls")
    conversation = OrganizationForeignKey(
        "helpdesk.Conversation", models.CASCADE, related_name="calls"
    )
    entry = OrganizationOneToOneField("helpdesk.Entry", models.CASCADE, related_name="call")
    # Names the call in what we tell the exchange before it has a name of its own.
    public_id = models.UUIDField(default=uuid4, editable=False)
    # The exchange's id.
    provider_id = models.CharField(max_length=100, blank=True)
    direction = models.CharField(max_length=3, choices=Direction)
    state = models.CharField(max_length=8, choices=State)
    ending = models.CharField(max_length=9, choices=Ending, blank=True)
    # Why the exchange did not place it, or says it failed.
    reason = models.CharField(max_length=300, blank=True)
    customer_number = models.CharField(max_length=120, blank=True)
    our_number = models.CharField(max_length=120, blank=True)
    # Who talked, or who asked for the call.
    staff = OrganizationForeignKey(
        "helpdesk.Staff", models.PROTECT, null=True, blank=True, related_name="calls"
    )
    # What was reported, in the order in which it came; each report once.
    steps = models.JSONField(default=list)
    # The exchange's count of the newest report about being held.
    held_sequence = models.BigIntegerField(default=-1)
    began_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # When it is to be placed; afterwards, when it counts as over without a report of its end.
    due_at = models.DateTimeField(null=True, blank=True)
    # What the caller left when nobody answered.
    voicemail = OrganizationOneToOneField(
        "helpdesk.Message", models.SET_NULL, null=True, blank=True, related_name="voicemail_of"
    )
    # The exchange has a recording that could not be had.
    is_recording_lost = models.BooleanField(default=False)
    transcript = models.TextField(blank=True)

    class Meta:
        verbose_name = _("phone call")
        verbose_name_plural = _("phone calls")
        default_permissions = ()
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "channel", "provider_id"],
                condition=~models.Q(provider_id=""),
                name="call_provider_id",
            ),
            models.UniqueConstraint(fields=["organization", "public_id"], name="call_public_id"),
            models.CheckConstraint(
                condition=models.Q(direction__in=["in", "out"]), name="call_direction"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["wanted", "ringing", "answered", "held", "ended"]),
                name="call_state",
            ),
            # Over with an ending, an instant and no clock; else with a clock.
            models.CheckConstraint(
                condition=(
                    models.Q(state="ended", ended_at__isnull=False, due_at__isnull=True)
                    & ~models.Q(ending="")
                )
                | (~models.Q(state="ended") & models.Q(ending="", due_at__isnull=False)),
                name="call_ending",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "due_at"],
                condition=models.Q(due_at__isnull=False),
                name="call_due",
            ),
            models.Index(fields=["organization", "conversation"], name="call_conversation"),
        ]

    def __str__(self) -> str:
        return f"{self.get_direction_display()} {self.pk}"

    @property
    def is_over(self) -> bool:
        return self.state == Call.State.ENDED

    @property
    def called_leg(self) -> str:
        """Return whose answering begins the talk: whoever was called."""
        return "staff" if self.direction == Call.Direction.IN else "customer"
