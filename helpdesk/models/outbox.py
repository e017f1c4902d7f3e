"""Replies on their way to the customer, and the trail of who changed what."""

from typing import ClassVar
from uuid import uuid4

from django.db import models
from django.utils.translation import gettext_lazy as _

from helpdesk.audit_words import action_label
from helpdesk.models.base import (
    CURRENT_TRANSACTION,
    OrganizationForeignKey,
    OrganizationModel,
    OrganizationOneToOneField,
)


class Delivery(models.TextChoices):
    """How far a reply has come; moves forward only."""

    QUEUED = "queued", _("Waiting to be sent")
    SENDING = "sending", _("Being sent")
    SENT = "sent", _("Sent")
    DELIVERED = "delivered", _("Delivered")
    READ = "read", _("Read")
    FAILED = "failed", _("Not delivered")
    UNKNOWN = "unknown", _("Not known whether it arrived")
    CANCELLED = "cancelled", _("Taken back")


class Deliverable(OrganizationModel):
    """Something on its way out: claimed by lease and fencing number, sent, settled."""

    # The stable idempotency key of every attempt.
    client_ref = models.UUIDField(default=uuid4, editable=False)
    state = models.CharField(_("state"), max_length=10, choices=Delivery, default=Delivery.QUEUED)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    # When it may be sent (hold, backoff), or when its lease ends; empty once settled.
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    fence = models.PositiveBigIntegerField(default=0)
    provider_id = models.CharField(max_length=250, blank=True)
    error_code = models.CharField(max_length=30, blank=True)
    error = models.CharField(_("reason"), max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


class Outbox(Deliverable):
    """One reply to deliver, written with its message in one transaction."""

    message = OrganizationOneToOneField(
        "helpdesk.Message", models.CASCADE, related_name="outbox", primary_key=True
    )
    conversation = OrganizationForeignKey(
        "helpdesk.Conversation", models.CASCADE, related_name="outbox"
    )
    channel = OrganizationForeignKey("helpdesk.Channel", models.PROTECT, related_name="outbox")
    # What it ended of its conversation: so the customer waits again when it is taken back.
    waiting_since = models.DateTimeField(null=True, blank=True)
    return_at = models.DateTimeField(null=True, blank=True)
    # The approved text that it is: name, language and the values in its places, as they were then.
    template = models.JSONField(null=True, blank=True)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        default_permissions = ()
        ordering: ClassVar = ["message"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "client_ref"], name="outbox_client_ref"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=Delivery.values), name="outbox_state"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["queued", "sending"]) ^ models.Q(due_at__isnull=True),
                name="outbox_clock",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "due_at"],
                condition=models.Q(due_at__isnull=False),
                name="outbox_due",
            ),
            models.Index(
                fields=["organization", "conversation", "message"], name="outbox_conversation"
            ),
            models.Index(
                fields=["organization", "provider_id"],
                condition=~models.Q(provider_id=""),
                name="outbox_provider_id",
            ),
        ]


class AuditEntry(OrganizationModel):
    """Who changed what, when; insert-only."""

    class Actor(models.TextChoices):
        STAFF = "staff", _("member of staff")
        SYSTEM = "system", _("system")
        CUSTOMER = "customer", _("customer")
        TOKEN = "token", _("API token")
        PLATFORM = "platform", _("platform administrator")

    at = models.DateTimeField(_("time"), auto_now_add=True)
    actor = models.CharField(_("kind of actor"), max_length=8, choices=Actor)
    staff = OrganizationForeignKey(
        "helpdesk.Staff",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("actor"),
    )
    action = models.CharField(_("action"), max_length=60)
    # Model name and id of what it was done to.
    subject = models.CharField(_("what"), max_length=40)
    subject_id = models.BigIntegerField(_("id"), null=True, blank=True)
    data = models.JSONField(_("details"), default=dict)
    # The transaction that wrote it: every transaction below the oldest running one is complete, so that
    # sealing in its order never misses a row that commits late.
    transaction = models.BigIntegerField(editable=False, db_default=CURRENT_TRANSACTION)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit trail")
        default_permissions = ("view",)
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "subject", "subject_id", "-id"], name="audit_subject"
            ),
            models.Index(fields=["organization", "transaction", "id"], name="audit_transaction"),
            models.Index(fields=["organization", "-id"], name="audit_newest"),
        ]

    def __str__(self) -> str:
        return action_label(self.action)


class PlatformAuditEntry(models.Model):
    """What somebody who runs the installation did, when; insert-only and of no organization."""

    at = models.DateTimeField(_("time"), auto_now_add=True)
    user = models.ForeignKey(
        "helpdesk.User", models.PROTECT, related_name="+", verbose_name=_("actor")
    )
    action = models.CharField(_("action"), max_length=60)
    # Model name and id of what it was done to.
    subject = models.CharField(_("what"), max_length=40)
    subject_id = models.BigIntegerField(_("id"))
    data = models.JSONField(_("details"), default=dict)

    class Meta:
        verbose_name = _("audit entry of the platform")
        verbose_name_plural = _("audit trail of the platform")
        default_permissions = ("view",)
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["subject", "subject_id", "-id"], name="platform_audit_subject")
        ]

    def __str__(self) -> str:
        return action_label(self.action)


class AuditSeal(OrganizationModel):
    """One link of the hash chain over a batch of audit entries; insert-only."""

    number = models.PositiveIntegerField()
    # Entries of transactions from (inclusive) to (exclusive).
    from_transaction = models.BigIntegerField()
    to_transaction = models.BigIntegerField()
    count = models.PositiveIntegerField()
    hash = models.CharField(max_length=64)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "number"], name="audit_seal_number"),
        ]
