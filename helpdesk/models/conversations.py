"""Conversations: their state, and where they wait or who owns them."""

from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import Case, F, Value, When
from django.db.models.functions import Concat
from django.utils.translation import gettext_lazy as _

from helpdesk.models.base import (
    LanguageField,
    OrganizationForeignKey,
    OrganizationModel,
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
# Judged, and without an owner.
GIVEN_NEXT = models.Q(queue__isnull=False, route_at__isnull=True)

# What a conversation takes of its owner's capacity.
WEIGHTS = {
    State.OPEN: Decimal("1.0"),
    State.WAITING: Decimal("0.5"),
    State.SNOOZED: Decimal("0.0"),
}


# Begins the thread key of a conversation that was split off; the id of the one that has the vendor's key follows.
SPLIT_KEY = "split:"


class Priority(models.TextChoices):
    LOW = "low", _("Low")
    NORMAL = "normal", _("Normal")
    HIGH = "high", _("High")
    URGENT = "urgent", _("Urgent")


def _need_key() -> Concat:
    parts = [F("department_id"), F("topic_id"), F("wanted_skill_id"), F("channel_id")]
    answered = Case(When(waiting_since__isnull=True, then=Value("answered")), default=Value(""))
    dotted = [each for part in (*parts, answered) for each in (part, Value("."))]
    return Concat(*dotted, F("language"), output_field=models.TextField())


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
    # The department that a running escalation asks; its people may see the conversation too.
    escalated_to = OrganizationForeignKey(
        "helpdesk.Department", models.PROTECT, null=True, blank=True, related_name="+"
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
    # It goes back to the queue then, unless its owner has answered or keeps it.
    return_at = models.DateTimeField(_("goes back"), null=True, blank=True)
    resolved_at = models.DateTimeField(_("resolved"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    # The router looks at it when this is due: a new message to judge, or a place in the queue to fill.
    route_at = models.DateTimeField(null=True, blank=True)
    # What it asks of whoever answers, personal matters aside: see `routing.queued`.
    need_key = models.GeneratedField(
        expression=_need_key(), output_field=models.TextField(), db_persist=True
    )

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
            models.CheckConstraint(
                condition=models.Q(return_at__isnull=True)
                | models.Q(state=State.OPEN, owner__isnull=False),
                name="conversation_return_at",
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
                fields=["organization", "need_key", "-urgency", "queued_at", "id"],
                condition=GIVEN_NEXT,
                name="conversation_urgent_first",
            ),
            models.Index(
                fields=["organization", "need_key", "queued_at", "id"],
                condition=GIVEN_NEXT,
                name="conversation_oldest_first",
            ),
            models.Index(
                fields=["organization", "department", "-last_message_at"],
                condition=OPEN,
                name="conversation_open",
            ),
            models.Index(
                fields=["organization", "escalated_to"],
                condition=models.Q(escalated_to__isnull=False),
                name="conversation_escalated",
            ),
            models.Index(fields=["organization", "department", "-id"], name="conversation_newest"),
            models.Index(fields=["organization", "-opened_at"], name="conversation_opened"),
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
                fields=["organization", "return_at"],
                condition=models.Q(return_at__isnull=False),
                name="conversation_return",
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

    @property
    def is_split_off(self) -> bool:
        """Tell whether the conversation was split off another, with whose messages it begins."""
        return self.thread_key.startswith(SPLIT_KEY)
