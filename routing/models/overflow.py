"""Overflow: what happens to conversations that would wait too long, and what has happened to them."""

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from helpdesk.models import OrganizationForeignKey, OrganizationModel
from helpdesk.models.base import Named

LONGEST_TEXT = 1000
LONGEST_WAIT = 86_400


class OverflowRule(OrganizationModel, Named):
    """When a condition holds, before queueing or after some time in the queue, something else is done."""

    class When(models.TextChoices):
        BEFORE = "before", _("before queueing")
        AFTER = "after", _("after waiting")

    class Condition(models.TextChoices):
        CLOSED = "closed", _("the department is outside its working hours")
        LENGTH = "length", _("so many wait in the department")
        WAIT = "wait", _("half would wait so many minutes or more")
        NOBODY = "nobody", _("nobody is there who may and can answer")

    class Action(models.TextChoices):
        MOVE = "move", _("move to another department's queue")
        CALL_BACK = "call_back", _("offer a call back")
        MESSAGE = "message", _("send a message with an honest time")
        FORM = "form", _("point to a contact form or mail address")

    order = models.PositiveSmallIntegerField(_("order"), default=10)
    is_active = models.BooleanField(_("active"), default=True)
    when = models.CharField(_("when"), max_length=6, choices=When, default=When.BEFORE)
    after_seconds = models.PositiveIntegerField(
        _("seconds in the queue"),
        null=True,
        blank=True,
        validators=[MinValueValidator(10), MaxValueValidator(LONGEST_WAIT)],
        help_text=_("After which the rule is looked at; for “after waiting” only."),
    )
    condition = models.CharField(_("condition"), max_length=6, choices=Condition)
    threshold = models.PositiveIntegerField(
        _("how many"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(10_000)],
        help_text=_("Of conversations, or of minutes; for these two conditions only."),
    )
    department = OrganizationForeignKey(
        "helpdesk.Department",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("department"),
        help_text=_("Empty: every department."),
    )
    topic = OrganizationForeignKey(
        "helpdesk.Topic",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("topic"),
        help_text=_("Empty: every topic."),
    )
    channel = OrganizationForeignKey(
        "helpdesk.Channel",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("channel"),
        help_text=_("Empty: every channel."),
    )
    action = models.CharField(_("action"), max_length=10, choices=Action)
    to_department = OrganizationForeignKey(
        "helpdesk.Department",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("to department"),
        help_text=_("In whose queue it waits then."),
    )
    link = models.CharField(
        _("link"),
        max_length=300,
        blank=True,
        help_text=_("https://… or mailto:…, to stand in the text as {link}."),
    )
    text_zh = models.TextField(
        _("Chinese text"),
        blank=True,
        max_length=LONGEST_TEXT,
        help_text=_("With {position}, {minutes_from}, {minutes_to}, {opens_at} and {link}."),
    )
    text_en = models.TextField(_("English text"), blank=True, max_length=LONGEST_TEXT)

    class Meta:
        verbose_name = _("overflow rule")
        verbose_name_plural = _("overflow rules")
        ordering: ClassVar = ["order", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(when="before", after_seconds__isnull=True)
                | Q(when="after", after_seconds__gte=10),
                name="overflow_when",
            ),
            models.CheckConstraint(
                condition=Q(condition__in=["closed", "nobody"], threshold__isnull=True)
                | Q(condition__in=["length", "wait"], threshold__gte=1),
                name="overflow_threshold",
            ),
            models.CheckConstraint(
                condition=Q(action="move", to_department__isnull=False)
                | Q(action__in=["call_back", "message", "form"], to_department__isnull=True),
                name="overflow_action",
            ),
            models.CheckConstraint(
                condition=Q(department__isnull=True)
                | Q(to_department__isnull=True)
                | ~Q(department=models.F("to_department")),
                name="overflow_elsewhere",
            ),
        ]


class OverflowFiring(OrganizationModel):
    """A rule that was followed for one conversation, once in its episode."""

    conversation = OrganizationForeignKey(
        "helpdesk.Conversation", models.CASCADE, related_name="overflows"
    )
    rule = OrganizationForeignKey(
        "routing.OverflowRule", models.SET_NULL, null=True, related_name="firings"
    )
    episode = models.PositiveSmallIntegerField()
    action = models.CharField(max_length=10)
    from_department = OrganizationForeignKey(
        "helpdesk.Department", models.CASCADE, related_name="+"
    )
    to_department = OrganizationForeignKey(
        "helpdesk.Department", models.CASCADE, null=True, related_name="+"
    )
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("overflow")
        verbose_name_plural = _("overflows")
        default_permissions = ()
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "conversation", "episode", "rule"],
                name="overflow_once_an_episode",
            ),
        ]


class OverflowWatch(OrganizationModel):
    """When the rules are looked at next for a conversation; empty when none is left for it."""

    conversation = OrganizationForeignKey("helpdesk.Conversation", models.CASCADE, related_name="+")
    episode = models.PositiveSmallIntegerField()
    due_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "conversation"], name="overflow_watch_one"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "due_at"],
                condition=Q(due_at__isnull=False),
                name="overflow_due",
            ),
        ]
