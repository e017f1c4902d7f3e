"""What a written letter has besides its text, and who takes part in a conversation by letter."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from helpdesk.models.base import (
    OrganizationForeignKey,
    OrganizationModel,
    OrganizationOneToOneField,
)


class Letter(OrganizationModel):
    """The letter that a message came or goes as: its addresses, its subject and all that it said.

    The message's own text is what was new in it.
    """

    class Automatic(models.TextChoices):
        """Why no person wrote it; empty for a person's letter."""

        REPLY = "reply", _("automatic reply")
        ABSENCE = "absence", _("absence note")
        LIST = "list", _("mailing list")
        BOUNCE = "bounce", _("delivery report")
        OWN = "own", _("automatic mail of an installation like this one")

    message = OrganizationOneToOneField(
        "helpdesk.Message", models.CASCADE, related_name="letter", primary_key=True
    )
    # Its Message-ID without angle brackets; ours are stored before the letter leaves.
    mail_id = models.CharField(max_length=250, blank=True)
    references = ArrayField(models.CharField(max_length=250), default=list, blank=True)
    subject = models.CharField(_("subject"), max_length=300, blank=True)
    sender_name = models.CharField(max_length=200, blank=True)
    sender_address = models.CharField(max_length=320, blank=True)
    # Lists of [address, name].
    to = models.JSONField(default=list)
    cc = models.JSONField(default=list)
    full_text = models.TextField(blank=True)
    signature = models.TextField(blank=True)
    # Sanitised on arrival; pictures are named by content id or by their number in `remote_pictures`.
    html = models.TextField(blank=True)
    remote_pictures = models.JSONField(default=list)
    automatic = models.CharField(max_length=8, choices=Automatic, blank=True, default="")
    # What the receiving server says of the sender: proved, disproved, nothing.
    is_authentic = models.BooleanField(null=True)

    class Meta:
        verbose_name = _("letter")
        verbose_name_plural = _("letters")
        default_permissions = ()
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "mail_id"],
                condition=~models.Q(mail_id=""),
                name="letter_mail_id",
            ),
        ]


class Participant(OrganizationModel):
    """Somebody besides the customer who writes into a conversation, or asks to."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waits for approval")
        APPROVED = "approved", _("takes part")
        DECLINED = "declined", _("declined")

    conversation = OrganizationForeignKey(
        "helpdesk.Conversation", models.CASCADE, related_name="participants"
    )
    address = models.CharField(_("address"), max_length=320)
    name = models.CharField(pgettext_lazy("of a person", "name"), max_length=200, blank=True)
    state = models.CharField(_("state"), max_length=8, choices=State)
    # Where what they wrote stands until somebody approves of them.
    asked_in = OrganizationForeignKey(
        "helpdesk.Conversation", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    decided_by = OrganizationForeignKey(
        "helpdesk.Staff", models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("participant")
        verbose_name_plural = _("participants")
        default_permissions = ()
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "conversation", "address"], name="participant_once"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["waiting", "approved", "declined"]),
                name="participant_state",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.address
