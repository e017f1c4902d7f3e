"""What channels keep for themselves: every call that was accepted, once, as raw bytes."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from helpdesk.models import OrganizationForeignKey, OrganizationModel


class InboundEvent(OrganizationModel):
    """One accepted event of a channel; the dedup key decides whether it came before."""

    channel = OrganizationForeignKey(
        "helpdesk.Channel", models.PROTECT, related_name="+", verbose_name=_("channel")
    )
    dedup_key = models.CharField(max_length=200)
    raw = models.BinaryField()
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
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "received_at"],
                condition=models.Q(processed_at__isnull=True),
                name="inbound_event_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"
