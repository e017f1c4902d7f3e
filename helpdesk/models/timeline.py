"""A conversation's timeline: entries, the messages among them, and their files."""

from typing import ClassVar
from uuid import uuid4

from django.db import models
from django.utils.translation import gettext_lazy as _

from helpdesk.models.base import (
    LanguageField,
    OrganizationForeignKey,
    OrganizationModel,
    OrganizationOneToOneField,
)


class Entry(OrganizationModel):
    """One line of a conversation's timeline, numbered 1, 2, 3 ... within it."""

    class Kind(models.TextChoices):
        MESSAGE = "message", _("message")
        QUEUED = "queued", _("queued")
        ASSIGNED = "assigned", _("assigned")
        RELEASED = "released", _("released")
        TRANSFERRED = "transferred", _("transferred")
        TRANSFER_UNDONE = "transfer_undone", _("transfer undone")
        MENTIONED = "mentioned", _("called in")
        MENTION_ENDED = "mention_ended", _("access ended")
        SNOOZED = "snoozed", _("snoozed")
        WOKEN = "woken", _("woken")
        RESOLVED = "resolved", _("resolved")
        REOPENED = "reopened", _("reopened")
        CLOSED = "closed", _("closed")
        ESCALATED = "escalated", _("escalated")
        ESCALATION_CLAIMED = "escalation_claimed", _("escalation claimed")
        ESCALATION_ENDED = "escalation_ended", _("escalation ended")
        TOPIC_CHANGED = "topic_changed", _("topic changed")
        PRIORITY_CHANGED = "priority_changed", _("priority changed")
        IDENTIFIED = "identified", _("customer identified")
        RATED = "rated", _("rated")
        QUARANTINED = "quarantined", _("could not be read")
        ASKED_TO_JOIN = "asked_to_join", _("asked to take part")
        JOINED = "joined", _("takes part")
        OVERFLOWED = "overflowed", _("overflow rule")
        CALL = "call", _("phone call")
        MERGED = "merged", _("merged")
        MERGE_UNDONE = "merge_undone", _("merge undone")
        SPLIT = "split", _("split")
        SPLIT_UNDONE = "split_undone", _("split undone")

    conversation = OrganizationForeignKey(
        "helpdesk.Conversation", models.CASCADE, related_name="entries"
    )
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=20, choices=Kind)
    at = models.DateTimeField()
    # Empty for the customer and for the system.
    actor = OrganizationForeignKey(
        "helpdesk.Staff", models.PROTECT, null=True, blank=True, related_name="+"
    )
    # Ids and small facts; the sentence is made when it is shown, in the reader's language.
    data = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("entry")
        verbose_name_plural = _("entries")
        default_permissions = ()
        ordering: ClassVar = ["conversation", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "conversation", "number"], name="entry_number"
            ),
            models.CheckConstraint(
                condition=models.Q(
                    kind__in=[
                        "message",
                        "queued",
                        "assigned",
                        "released",
                        "transferred",
                        "transfer_undone",
                        "mentioned",
                        "mention_ended",
                        "snoozed",
                        "woken",
                        "resolved",
                        "reopened",
                        "closed",
                        "escalated",
                        "escalation_claimed",
                        "escalation_ended",
                        "topic_changed",
                        "priority_changed",
                        "identified",
                        "rated",
                        "quarantined",
                        "asked_to_join",
                        "joined",
                        "overflowed",
                        "call",
                        "merged",
                        "merge_undone",
                        "split",
                        "split_undone",
                    ]
                ),
                name="entry_kind",
            ),
            models.CheckConstraint(condition=models.Q(number__gte=1), name="entry_number_from_one"),
        ]


class Direction(models.TextChoices):
    IN = "in", _("from the customer")
    OUT = "out", _("to the customer")
    NOTE = "note", _("internal note")


class Message(OrganizationModel):
    """One utterance: from the customer, to the customer, or an internal note."""

    entry = OrganizationOneToOneField(
        "helpdesk.Entry", models.CASCADE, related_name="message", primary_key=True
    )
    conversation = OrganizationForeignKey(
        "helpdesk.Conversation", models.CASCADE, related_name="messages"
    )
    direction = models.CharField(max_length=4, choices=Direction)
    text = models.TextField(blank=True)
    language = LanguageField()
    # Chosen by the sender; the same reference twice is the same message.
    client_ref = models.CharField(max_length=64)
    # The vendor's id of the message, for receipts and edits.
    provider_id = models.CharField(max_length=200, blank=True)
    # Which version of an edited message this is, by the vendor's count or clock; only newer ones are taken.
    revision = models.BigIntegerField(default=0)
    edited_at = models.DateTimeField(null=True, blank=True)
    # The customer took it back; its text is gone, its place stays.
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    # What customers say of it with signs: {"identity:name": [revision, sign]}, as `services.reacting` writes it.
    reactions = models.JSONField(default=dict)
    # What both upper apps need of it; filled by routing.
    urgency = models.PositiveSmallIntegerField(null=True, blank=True)
    topic = OrganizationForeignKey(
        "helpdesk.Topic", models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "conversation", "client_ref"], name="message_client_ref"
            ),
            models.CheckConstraint(
                condition=models.Q(direction__in=Direction.values), name="message_direction"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "provider_id"],
                condition=~models.Q(provider_id=""),
                name="message_provider_id",
            ),
        ]


class Attachment(OrganizationModel):
    """A file of a message, the recording of a call, or one that was uploaded and waits for its message."""

    class Kind(models.TextChoices):
        IMAGE = "image", _("picture")
        FILE = "file", _("file")

    public_id = models.UUIDField(default=uuid4, editable=False)
    message = OrganizationForeignKey(
        "helpdesk.Message", models.CASCADE, null=True, blank=True, related_name="attachments"
    )
    # Whose recording it is.
    call = OrganizationForeignKey(
        "helpdesk.Call", models.CASCADE, null=True, blank=True, related_name="recordings"
    )
    # Who uploaded it, until it belongs to a message.
    identity = OrganizationForeignKey(
        "helpdesk.Identity", models.CASCADE, null=True, blank=True, related_name="+"
    )
    staff = OrganizationForeignKey(
        "helpdesk.Staff", models.CASCADE, null=True, blank=True, related_name="+"
    )
    kind = models.CharField(max_length=8, choices=Kind)
    name = models.CharField(_("name"), max_length=200)
    mime = models.CharField(max_length=100)
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    # How the HTML of its letter names it.
    content_id = models.CharField(max_length=200, blank=True)
    # Of a kind that is not looked into: kept as it came, downloaded at one's own risk.
    is_unchecked = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")
        default_permissions = ()
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "public_id"], name="attachment_public_id"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "message"], name="attachment_message"),
            models.Index(
                fields=["organization", "created_at"],
                condition=models.Q(message__isnull=True, call__isnull=True),
                name="attachment_loose",
            ),
            models.Index(
                fields=["organization", "call"],
                condition=models.Q(call__isnull=False),
                name="attachment_call",
            ),
        ]

    def __str__(self) -> str:
        return self.name
