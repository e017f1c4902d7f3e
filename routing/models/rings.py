"""Rings: who is asked first about a topic, and for how long before the circle opens."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from helpdesk.models import OrganizationForeignKey, OrganizationModel
from routing.deciding import demands


class Ring(OrganizationModel):
    """One circle of people for one topic; the next opens when its time is over, and in the end whoever may answer."""

    topic = OrganizationForeignKey(
        "helpdesk.Topic",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("topic"),
        help_text=_("And those below it without rings of their own. Empty: all other topics."),
    )
    number = models.PositiveSmallIntegerField(
        _("number"), default=1, validators=[MinValueValidator(1), MaxValueValidator(9)]
    )
    seconds = models.PositiveSmallIntegerField(
        _("seconds until the next one opens"),
        default=30,
        validators=[MinValueValidator(5), MaxValueValidator(3600)],
    )
    # A tree, see `routing.deciding.demands`; empty asks for nothing.
    skills = models.JSONField(_("skills"), default=dict, blank=True)
    department = OrganizationForeignKey(
        "helpdesk.Department",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("works in"),
        help_text=_("This department or one below it; empty: anywhere."),
    )
    places = ArrayField(
        models.CharField(max_length=60), default=list, blank=True, verbose_name=_("places")
    )
    most_load_percent = models.PositiveSmallIntegerField(
        _("highest load in percent"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(100)],
        help_text=_("Of the capacity in use already; empty: any."),
    )

    class Meta:
        verbose_name = _("ring")
        verbose_name_plural = _("rings")
        ordering: ClassVar = ["topic", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "topic", "number"],
                name="ring_number",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=models.Q(seconds__gte=5, seconds__lte=3600), name="ring_ends"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.topic or _('all other topics')}, {self.number}"

    @property
    def demand(self) -> demands.Demand | None:
        """Return what the ring asks of skills."""
        return demands.from_json(self.skills) if self.skills else None
