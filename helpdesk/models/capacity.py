"""What a conversation takes of somebody's capacity, by kind of channel, and how many at once."""

from decimal import Decimal
from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from helpdesk.models.base import OrganizationForeignKey, OrganizationModel

_WEIGHTS = [MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(20))]


class KindLoad(OrganizationModel):
    """How much one conversation of a kind of channel asks of its owner; other kinds are as delivered."""

    kind = models.CharField(_("kind of channel"), max_length=30)
    open_weight = models.DecimalField(
        _("takes while the customer waits"),
        max_digits=4,
        decimal_places=1,
        default=Decimal("1.0"),
        validators=_WEIGHTS,
        help_text=_("Of the capacity; a usual conversation takes 1."),
    )
    waiting_weight = models.DecimalField(
        _("takes while it waits for the customer"),
        max_digits=4,
        decimal_places=1,
        default=Decimal("0.5"),
        validators=_WEIGHTS,
    )
    fills = models.BooleanField(
        _("fills a person"),
        default=False,
        help_text=_(
            "While the customer waits for an answer, as on the phone, nothing else is given."
        ),
    )
    most_each = models.PositiveSmallIntegerField(
        _("at most for each person"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(99)],
        help_text=_("At once, of this kind; empty: as many as the capacity allows."),
    )

    class Meta:
        verbose_name = _("load of a kind of channel")
        verbose_name_plural = _("loads of kinds of channels")
        ordering: ClassVar = ["kind"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "kind"], name="kind_load_once"),
            models.CheckConstraint(
                condition=models.Q(open_weight__gte=0, waiting_weight__gte=0),
                name="kind_load_weights",
            ),
        ]

    def __str__(self) -> str:
        return self.kind


class KindLimit(OrganizationModel):
    """How many conversations of a kind one person has at once; 0 keeps the kind from this person."""

    staff = OrganizationForeignKey(
        "helpdesk.Staff",
        models.CASCADE,
        related_name="kind_limits",
        verbose_name=_("member of staff"),
    )
    kind = models.CharField(_("kind of channel"), max_length=30)
    most = models.PositiveSmallIntegerField(
        _("at most"), validators=[MaxValueValidator(99)], help_text=_("0: none of this kind.")
    )

    class Meta:
        verbose_name = _("limit of a kind of channel")
        verbose_name_plural = _("limits of kinds of channels")
        ordering: ClassVar = ["kind"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "staff", "kind"], name="kind_limit_once"
            ),
        ]

    def __str__(self) -> str:
        return self.kind
