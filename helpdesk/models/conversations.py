"""Conversations, their timeline, who holds them and how they ended."""

from decimal import Decimal
from typing import ClassVar
from uuid import uuid4

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from helpdesk.models.base import (
    LanguageField,
    OrganizationForeignKey,
    OrganizationModel,
    OrganizationOneToOneField,
)


class State(models.TextChoices):
    QUEUED = "queued", _("Queued")
    OPEN = "open", _("Open")
    WAITING = "waiting", _("Waiting for customer")
    SNOOZED = "snoozed", _("Snoozed")
    RESOLVED = "resolved", _("Resolved")
    CLOSED = "closed", _("Closed")


OPEN_STATES = [State.QUEUED, State.OPEN, State.WAITING, State.SNOOZED]
OPEN = models.Q(state__in=OPEN_STATES)

# What a conversation takes of its owner's capacity.
WEIGHTS = {
    State.OPEN: Decimal("1.0"),
    State.WAITING: Decimal("0.5"),
    State.SNOOZED: Decimal("0.0"),
}


class Priority(models.TextChoices):
    LOW = "low", _("Low")
    NORMAL = "normal", _("Normal")
    HIGH = "high", _("High")
    URGENT = "urgent", _("Urgent")


class Conversation(OrganizationModel):
    """A thread with one customer on one channel."""

    customer = OrganizationForeignKey(
        "helpdesk.Customer",
        models.PROTECT,
        related_name="conversations",
        verbose_name=_("customer"),
    )
    identity = OrganizationForeignKey(
        "helpdesk.Identity",
        models.PROTECT,
        related_name="conversations",
        verbose_name=_("identity"),
    )
    channel = OrganizationForeignKey(
        "helpdesk.Channel", models.PROTECT, related_name="conversations", verbose_name=_("channel")
    )
    thread_key = models.CharField(max_length=200, blank=True, default="")
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    priority = models.CharField(
        _("priority"), max_length=8, choices=Priority, default=Priority.NORMAL
    )
    urgency = models.PositiveSmallIntegerField(_("urgency"), default=20)
    topic = OrganizationForeignKey(
        "helpdesk.Topic",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="conversations",
        verbose_name=_("topic"),
    )
    topic_confidence = models.FloatField(null=True, blank=True)
    # A colleague chose the topic: the engine leaves it alone.
    topic_is_fixed = models.BooleanField(default=False)
    language = LanguageField(_("language"))
    # Always set: who is responsible; decides who may see it.
    department = OrganizationForeignKey(
        "helpdesk.Department",
        models.PROTECT,
        related_name="conversations",
        verbose_name=_("department"),
    )
    queue = OrganizationForeignKey(
        "helpdesk.Queue",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="conversations",
        verbose_name=_("queue"),
    )
    owner = OrganizationForeignKey(
        "helpdesk.Staff",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="conversations",
        verbose_name=_("owner"),
    )
    # A transfer to a skill: the next owner should have it.
    wanted_skill = OrganizationForeignKey(
        "helpdesk.Skill", models.SET_NULL, null=True, blank=True, related_name="+"
    )

    # The number of the newest entry; taken under this row's lock.
    last_number = models.PositiveIntegerField(default=0)
    episode = models.PositiveSmallIntegerField(_("episode"), default=1)
    # The newest message either way, for the list.
    last_text = models.CharField(max_length=200, blank=True)
    last_direction = models.CharField(max_length=4, blank=True)
    last_message_at = models.DateTimeField(_("last message"), null=True, blank=True)
    # The customer's oldest unanswered message; empty while the customer is to speak.
    waiting_since = models.DateTimeField(_("waiting since"), null=True, blank=True)
    # Entries up to these numbers were seen.
    customer_seen_number = models.PositiveIntegerField(default=0)
    owner_seen_number = models.PositiveIntegerField(default=0)

    opened_at = models.DateTimeField(_("opened"))
    queued_at = models.DateTimeField(_("queued"), null=True, blank=True)
    first_replied_at = models.DateTimeField(_("first reply"), null=True, blank=True)
    snoozed_until = models.DateTimeField(_("snoozed until"), null=True, blank=True)
    resolved_at = models.DateTimeField(_("resolved"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    # The router looks at it when this is due: a new message to judge, or a place in the queue to fill.
    route_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(state__in=State.values), name="conversation_state"
            ),
            models.CheckConstraint(
                condition=models.Q(urgency__lte=100), name="conversation_urgency"
            ),
            # I4: exactly one owner or exactly one queue while open, neither queue nor clock afterwards.
            models.CheckConstraint(
                condition=(
                    models.Q(state=State.QUEUED, owner__isnull=True, queue__isnull=False)
                    | models.Q(
                        state__in=[State.OPEN, State.WAITING, State.SNOOZED],
                        owner__isnull=False,
                        queue__isnull=True,
                    )
                    | models.Q(
                        state__in=[State.RESOLVED, State.CLOSED],
                        queue__isnull=True,
                        owner__isnull=True,
                    )
                ),
                name="conversation_owner_or_queue",
            ),
            models.CheckConstraint(
                condition=models.Q(state=State.SNOOZED) ^ models.Q(snoozed_until__isnull=True),
                name="conversation_snoozed_until",
            ),
            # I11: one open conversation per channel, identity and thread key.
            models.UniqueConstraint(
                fields=["organization", "channel", "identity", "thread_key"],
                condition=OPEN,
                name="conversation_one_open",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "owner", "-last_message_at"],
                condition=models.Q(owner__isnull=False),
                name="conversation_owned",
            ),
            models.Index(
                fields=["organization", "queue", "-urgency", "queued_at"],
                condition=models.Q(queue__isnull=False),
                name="conversation_waiting",
            ),
            models.Index(
                fields=["organization", "department", "-last_message_at"],
                condition=OPEN,
                name="conversation_open",
            ),
            models.Index(fields=["organization", "department", "-id"], name="conversation_newest"),
            models.Index(fields=["organization", "customer", "-id"], name="conversation_customer"),
            models.Index(fields=["organization", "identity", "-id"], name="conversation_identity"),
            models.Index(
                fields=["organization", "route_at"],
                condition=models.Q(route_at__isnull=False),
                name="conversation_route",
            ),
            models.Index(
                fields=["organization", "snoozed_until"],
                condition=models.Q(snoozed_until__isnull=False),
                name="conversation_snooze",
            ),
            models.Index(
                fields=["organization", "resolved_at"],
                condition=models.Q(state=State.RESOLVED),
                name="conversation_resolved",
            ),
        ]

    def __str__(self) -> str:
        return f"C-{self.pk}"

    @property
    def is_open(self) -> bool:
        """Tell whether the conversation is in any state but resolved and closed."""
        return self.state in OPEN_STATES


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


class Attachment(OrganizationModel):
    """A file of a message, or one that was uploaded and waits for its message."""

    class Kind(models.TextChoices):
        IMAGE = "image", _("picture")
        FILE = "file", _("file")

    public_id = models.UUIDField(default=uuid4, editable=False)
    message = OrganizationForeignKey(
        "helpdesk.Message", models.CASCADE, null=True, blank=True, related_name="attachments"
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
                condition=models.Q(message__isnull=True),
                name="attachment_loose",
            ),
        ]

    def __str__(self) -> str:
        return self.name


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
        REVOKED = "revoked", _("access ended")

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
        ]


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
