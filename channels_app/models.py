"""What channels keep for themselves: what they reported, how far mailboxes were read, what leaves them."""

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from channels_app.breakers import Breaker
from channels_app.devices import Device, PushHealth, PushService
from helpdesk.models import (
    Deliverable,
    Delivery,
    EncryptedField,
    OrganizationForeignKey,
    OrganizationModel,
    OrganizationOneToOneField,
)

__all__ = [
    "ChannelHealth",
    "DeliveryAttempt",
    "Device",
    "Dispatch",
    "EventFeed",
    "InboundEvent",
    "MailboxCursor",
    "PollPosition",
    "PushHealth",
    "PushService",
    "SentPart",
    "VendorToken",
]


class InboundEvent(OrganizationModel):
    """One accepted event of a channel; the dedup key decides whether it came before.

    Stored before it is acknowledged, processed behind: by lease and fencing number, in order within its
    lane, a few times at most, and never given up silently.
    """

    class State(models.TextChoices):
        NEW = "new", _("waits to be processed")
        PARKED = "parked", _("waits for what it is about")
        DONE = "done", pgettext_lazy("of a report", "processed")
        IGNORED = "ignored", _("processed, without a message")
        QUARANTINED = "quarantined", _("could not be read")

    channel = OrganizationForeignKey(
        "helpdesk.Channel", models.PROTECT, related_name="+", verbose_name=_("channel")
    )
    dedup_key = models.CharField(max_length=200)
    kind = models.CharField(_("kind"), max_length=10, default="message")
    state = models.CharField(_("state"), max_length=11, choices=State, default=State.NEW)
    # Events of one lane are processed in their order; those without one in any.
    lane = models.CharField(max_length=64, blank=True, default="")
    # What is live comes before what is imported from the past.
    is_backlog = models.BooleanField(default=False)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    # How often work on it was begun anew after a claim without an outcome.
    interruptions = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveBigIntegerField(default=0)
    # The event as the adapter read it; empty for what is read behind.
    data = models.JSONField(default=dict)
    # The call or mail as it came; or where it is: in a file, or with the event that came in the same call.
    raw = models.BinaryField(default=b"")
    raw_file = models.UUIDField(null=True, blank=True)
    raw_of = OrganizationForeignKey("self", models.CASCADE, null=True, blank=True, related_name="+")
    size_bytes = models.PositiveBigIntegerField(_("size"), default=0)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    received_at = models.DateTimeField(_("received"))
    processed_at = models.DateTimeField(_("processed"), null=True, blank=True)
    # What became of it: the conversation's entry.
    entry = OrganizationForeignKey(
        "helpdesk.Entry", models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name = _("report of a channel")
        verbose_name_plural = _("reports of channels")
        default_permissions = ()
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "channel", "dedup_key"], name="inbound_event_once"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["new", "parked", "done", "ignored", "quarantined"]),
                name="inbound_event_state",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["new", "parked"]) ^ models.Q(due_at__isnull=True),
                name="inbound_event_clock",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "is_backlog", "id"],
                condition=models.Q(state="new"),
                name="inbound_event_new",
            ),
            models.Index(
                fields=["organization", "due_at"],
                condition=models.Q(due_at__isnull=False),
                name="inbound_event_due",
            ),
            models.Index(
                fields=["organization", "lane", "id"],
                condition=models.Q(state="new") & ~models.Q(lane=""),
                name="inbound_event_lane",
            ),
            models.Index(
                fields=["organization", "raw_file"],
                condition=models.Q(raw_file__isnull=False),
                name="inbound_event_raw_file",
            ),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"


class MailboxCursor(OrganizationModel):
    """How far a mailbox has been read, and when it was last reached.

    Mails from `newest_uid` on are live; those below it that were there before the channel came are the
    past, read behind everything live, up to `past_uid` by now.
    """

    channel = OrganizationOneToOneField(
        "helpdesk.Channel", models.CASCADE, related_name="+", primary_key=True
    )
    # When it was first tried: what came before was there before us, even when signing in took long to succeed.
    began_at = models.DateTimeField(default=timezone.now)
    uid_validity = models.BigIntegerField(default=0)
    newest_uid = models.BigIntegerField(default=0)
    past_uid = models.BigIntegerField(default=0)
    past_until = models.BigIntegerField(default=0)
    read_at = models.DateTimeField(_("last read"), null=True, blank=True)
    # Who reads it now; another process takes over when the lease has ended.
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveBigIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    error = models.CharField(_("reason"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("mailbox")
        verbose_name_plural = _("mailboxes")
        default_permissions = ()


class PollPosition(OrganizationModel):
    """How far one place of a channel has been fetched, and when it is due again.

    The position is stored in the transaction of the events before it.
    """

    channel = OrganizationForeignKey("helpdesk.Channel", models.CASCADE, related_name="+")
    # Which of its places, where a channel has several: an account of customer service, a feed.
    place = models.CharField(max_length=200, blank=True)
    position = models.TextField(blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    # Counts the hints; one that came while the place was being read makes it due again.
    wanted = models.PositiveBigIntegerField(default=0)
    hint = models.JSONField(default=dict)
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveBigIntegerField(default=0)
    read_at = models.DateTimeField(_("last read"), null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)
    error = models.CharField(_("reason"), max_length=300, blank=True)

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "channel", "place"], name="poll_position_once"
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "due_at"],
                condition=models.Q(due_at__isnull=False),
                name="poll_position_due",
            )
        ]


class VendorToken(OrganizationModel):
    """An access token that a vendor gave to a channel for some time; one process fetches it for all."""

    channel = OrganizationForeignKey("helpdesk.Channel", models.CASCADE, related_name="+")
    name = models.CharField(max_length=40)
    # Of the settings and secrets that it was fetched with.
    version = models.CharField(max_length=64)
    value = EncryptedField(blank=True, default="")
    # When another one is fetched: somewhat before the vendor takes it back.
    renew_at = models.DateTimeField(null=True, blank=True)
    fetching_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveBigIntegerField(default=0)

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "channel", "name", "version"], name="vendor_token_once"
            )
        ]


class ChannelHealth(Breaker):
    """How sending through a channel goes: its breaker and its bucket of messages that may leave now."""

    channel = OrganizationOneToOneField(
        "helpdesk.Channel", models.CASCADE, related_name="health", primary_key=True
    )

    class Meta:
        verbose_name = _("state of a channel")
        verbose_name_plural = _("states of channels")
        default_permissions = ()


class EventFeed(OrganizationModel):
    """How far another system has been told what happens to its conversations.

    The audit trail says in which ones something happened, in the order of its transactions.
    """

    channel = OrganizationOneToOneField(
        "helpdesk.Channel", models.CASCADE, related_name="+", primary_key=True
    )
    # What happened before it asked is not told.
    since = models.DateTimeField()
    # The oldest transaction that has not been looked at.
    transaction = models.BigIntegerField()

    class Meta:
        verbose_name = _("events for another system")
        verbose_name_plural = _("events for other systems")
        default_permissions = ()


class Dispatch(Deliverable):
    """What leaves through a channel and is no reply: acknowledgements, proofs, notices, events."""

    class Kind(models.TextChoices):
        ACKNOWLEDGEMENT = "ack", _("acknowledgement of receipt")
        PROOF = "proof", _("confirmation of an address")
        NOTICE = "notice", _("mail to a colleague")
        EVENT = "event", _("event for another system")
        PUSH = "push", _("push to a device")

    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    channel = OrganizationForeignKey(
        "helpdesk.Channel", models.PROTECT, related_name="+", verbose_name=_("channel")
    )
    conversation = OrganizationForeignKey(
        "helpdesk.Conversation", models.CASCADE, null=True, blank=True, related_name="+"
    )
    # The push service that it leaves through; empty for the channel's own vendor.
    service = models.CharField(max_length=8, blank=True, default="")
    # The same key twice is the same dispatch.
    dedup_key = models.CharField(max_length=200)
    recipient = models.CharField(_("recipient"), max_length=320, blank=True)
    # Where its mails end, by which they are counted: all spellings of an address are one.
    recipient_mailbox = models.CharField(max_length=320, blank=True, default="")
    # Subject, text and what else the adapter needs, as plain values.
    payload = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("dispatch")
        verbose_name_plural = _("dispatches")
        default_permissions = ()
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "channel", "dedup_key"], name="dispatch_once"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=Delivery.values), name="dispatch_state"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["queued", "sending"]) ^ models.Q(due_at__isnull=True),
                name="dispatch_clock",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "due_at"],
                condition=models.Q(due_at__isnull=False),
                name="dispatch_due",
            ),
            models.Index(
                fields=["organization", "recipient_mailbox", "created_at"],
                name="dispatch_mailbox",
            ),
            models.Index(
                fields=["organization", "conversation", "created_at"], name="dispatch_conversation"
            ),
            models.Index(
                fields=["organization", "provider_id"],
                condition=~models.Q(provider_id=""),
                name="dispatch_provider_id",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"


class SentPart(OrganizationModel):
    """A part of a reply that the vendor has taken, other than its last, whose id the reply itself has."""

    outbox = OrganizationForeignKey("helpdesk.Outbox", models.CASCADE, related_name="sent_parts")
    number = models.PositiveSmallIntegerField()
    provider_id = models.CharField(max_length=250, blank=True)

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "outbox", "number"], name="sent_part_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "provider_id"],
                condition=~models.Q(provider_id=""),
                name="sent_part_provider_id",
            ),
        ]


class DeliveryAttempt(OrganizationModel):
    """One try to send something, and what came of it; forgotten after a month."""

    at = models.DateTimeField(_("time"))
    channel = OrganizationForeignKey(
        "helpdesk.Channel", models.CASCADE, related_name="+", verbose_name=_("channel")
    )
    message = OrganizationForeignKey(
        "helpdesk.Message", models.CASCADE, null=True, blank=True, related_name="+"
    )
    dispatch = OrganizationForeignKey(
        Dispatch, models.CASCADE, null=True, blank=True, related_name="attempts_made"
    )
    number = models.PositiveSmallIntegerField(_("attempt"))
    outcome = models.CharField(_("outcome"), max_length=10, choices=Delivery)
    code = models.CharField(_("code"), max_length=30, blank=True)
    detail = models.CharField(_("reason"), max_length=300, blank=True)
    milliseconds = models.PositiveIntegerField(_("milliseconds"))

    class Meta:
        verbose_name = _("attempt to deliver")
        verbose_name_plural = _("attempts to deliver")
        default_permissions = ()
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["organization", "channel", "-id"], name="attempt_channel"),
            models.Index(fields=["organization", "message"], name="attempt_message"),
            models.Index(fields=["organization", "dispatch"], name="attempt_dispatch"),
            models.Index(fields=["organization", "at"], name="attempt_at"),
        ]
