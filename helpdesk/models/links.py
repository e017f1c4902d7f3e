"""Conversations that were merged or split: who continues whose history. No entry ever moves."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from helpdesk.models.base import OrganizationForeignKey, OrganizationModel

# What was not undone.
STANDING = models.Q(undone_at__isnull=True)


class ConversationLink(OrganizationModel):
    """One conversation that shows another's history as its own beginning: all of it, or some messages."""

    class Kind(models.TextChoices):
        MERGE = "merge", _("merged")
        SPLIT = "split", _("split")

    kind = models.CharField(_("kind"), max_length=5, choices=Kind)
    # Whose history is shown: what was merged into the target, or what the target was split off.
    source = OrganizationForeignKey(
        "helpdesk.Conversation", models.CASCADE, related_name="continued_by"
    )
    # Where it goes on.
    target = OrganizationForeignKey(
        "helpdesk.Conversation", models.CASCADE, related_name="continues"
    )
    # The numbers, in the source, of the messages that were split off.
    numbers = ArrayField(models.PositiveIntegerField(), default=list, blank=True)
    at = models.DateTimeField(_("at"))
    by = OrganizationForeignKey("helpdesk.Staff", models.PROTECT, related_name="+")
    # State, owner, queue and clocks of both before it, for who undoes it.
    before = models.JSONField(default=dict)
    undone_at = models.DateTimeField(null=True, blank=True)
    # Empty where the customer wrote again through the door of what was merged.
    undone_by = OrganizationForeignKey(
        "helpdesk.Staff", models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name = _("merge or split of conversations")
        verbose_name_plural = _("merges and splits of conversations")
        default_permissions = ()
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "source"],
                condition=STANDING & models.Q(kind="merge"),
                name="conversation_merged_once",
            ),
            models.UniqueConstraint(
                fields=["organization", "target"],
                condition=models.Q(kind="split"),
                name="conversation_split_off_once",
            ),
            models.CheckConstraint(
                condition=~models.Q(source=models.F("target")), name="conversation_link_of_two"
            ),
            models.CheckConstraint(
                condition=models.Q(kind="merge", numbers__len=0)
                | models.Q(kind="split", numbers__len__gte=1),
                name="conversation_link_numbers",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "source"], name="conversation_link_source"),
            models.Index(fields=["organization", "target"], name="conversation_link_target"),
        ]
