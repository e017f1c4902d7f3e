"""When people work: the periods of their week."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from helpdesk.models.base import OrganizationForeignKey, OrganizationModel

WEEKDAYS = [
    (0, _("Monday")),
    (1, _("Tuesday")),
    (2, _("Wednesday")),
    (3, _("Thursday")),
    (4, _("Friday")),
    (5, _("Saturday")),
    (6, _("Sunday")),
]


class WorkingPeriod(OrganizationModel):
    """One period of a working week, in the person's own time zone; past midnight when it ends before it starts."""

    staff = OrganizationForeignKey(
        "helpdesk.Staff",
        models.CASCADE,
        related_name="working_periods",
        verbose_name=_("member of staff"),
    )
    weekday = models.PositiveSmallIntegerField(
        _("weekday"),
        choices=WEEKDAYS,
    )
    starts_at = models.TimeField(_("from"))
    ends_at = models.TimeField(_("to"))

    class Meta:
        verbose_name = _("working period")
        verbose_name_plural = _("working periods")
        ordering: ClassVar = ["weekday", "starts_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "staff", "weekday", "starts_at"], name="working_period"
            ),
            models.CheckConstraint(
                condition=models.Q(weekday__lte=6), name="working_period_weekday"
            ),
        ]
