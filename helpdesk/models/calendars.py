"""When people work: the periods of their week, their leave, and time without new work."""

from datetime import date, time
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

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
# Days near the ends of the calendar have no instant in every zone.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)
KNOWN_DAY = [MinValueValidator(FIRST_DAY), MaxValueValidator(LAST_DAY)]


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
            models.CheckConstraint(
                condition=~models.Q(starts_at=models.F("ends_at")), name="working_period_length"
            ),
        ]

    def clean(self) -> None:
        """Refuse a period of no length."""
        check_length(self.starts_at, self.ends_at)


class Leave(OrganizationModel):
    """Days on which somebody is not there, first and last included, in the person's own time zone.

    On the first from a time on and on the last up to a time, where there is one.
    """

    staff = OrganizationForeignKey(
        "helpdesk.Staff",
        models.CASCADE,
        related_name="leaves",
        verbose_name=_("member of staff"),
    )
    first_day = models.DateField(_("first day"), validators=KNOWN_DAY)
    starts_at = models.TimeField(
        _("from"), null=True, blank=True, help_text=_("Empty: from midnight.")
    )
    last_day = models.DateField(_("last day"), validators=KNOWN_DAY)
    ends_at = models.TimeField(
        _("to"), null=True, blank=True, help_text=_("Empty: to the end of the day.")
    )
    note = models.CharField(_("note"), max_length=80, blank=True)

    class Meta:
        verbose_name = _("leave")
        verbose_name_plural = pgettext_lazy("several", "leave")
        ordering: ClassVar = ["first_day", "starts_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "staff", "first_day", "starts_at"],
                name="leave_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=models.Q(first_day__gte=FIRST_DAY, last_day__lte=LAST_DAY),
                name="leave_days",
            ),
            models.CheckConstraint(
                condition=models.Q(last_day__gt=models.F("first_day"))
                | models.Q(last_day=models.F("first_day"))
                & (
                    models.Q(ends_at__isnull=True)
                    | models.Q(ends_at__gt=Coalesce("starts_at", time.min))
                ),
                name="leave_ends_after_its_start",
            ),
        ]

    def clean(self) -> None:
        """Refuse a leave that ends before it starts."""
        first: date | None = self.first_day
        last: date | None = self.last_day
        if first is None or last is None:
            return
        if last < first:
            raise ValidationError({"last_day": _("This is before the first day.")})
        is_one_day = last == first
        if is_one_day and self.ends_at and self.ends_at <= (self.starts_at or time.min):
            raise ValidationError({"ends_at": _("Please choose a later time than the beginning.")})


class FocusTime(OrganizationModel):
    """Time in which somebody is given no work, on a weekday of each week or on one day.

    In the person's own time zone; past midnight when it ends before it starts.
    """

    staff = OrganizationForeignKey(
        "helpdesk.Staff",
        models.CASCADE,
        related_name="focus_times",
        verbose_name=_("member of staff"),
    )
    weekday = models.PositiveSmallIntegerField(
        _("every"), choices=WEEKDAYS, null=True, blank=True, help_text=_("Or one day.")
    )
    day = models.DateField(_("day"), null=True, blank=True, validators=KNOWN_DAY)
    starts_at = models.TimeField(_("from"))
    ends_at = models.TimeField(_("to"))

    class Meta:
        verbose_name = _("focus time")
        verbose_name_plural = _("focus times")
        ordering: ClassVar = ["day", "weekday", "starts_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "staff", "weekday", "day", "starts_at"],
                name="focus_time_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=models.Q(weekday__isnull=True) ^ models.Q(day__isnull=True),
                name="focus_time_weekday_or_day",
            ),
            models.CheckConstraint(condition=models.Q(weekday__lte=6), name="focus_time_weekday"),
            models.CheckConstraint(
                condition=models.Q(day__gte=FIRST_DAY, day__lte=LAST_DAY), name="focus_time_day"
            ),
            models.CheckConstraint(
                condition=~models.Q(starts_at=models.F("ends_at")), name="focus_time_length"
            ),
        ]

    def clean(self) -> None:
        """Refuse a focus time of no length, on no day, or on a weekday and a day at once."""
        check_length(self.starts_at, self.ends_at)
        if self.weekday is None and self.day is None:
            raise ValidationError({"weekday": _("Please choose a weekday or a day.")})
        if self.weekday is not None and self.day is not None:
            raise ValidationError({"day": _("Please choose a weekday or a day, not both.")})


def check_length(starts_at: time | None, ends_at: time | None) -> None:
    """Raise ValidationError for the end of a period that has no length."""
    if starts_at is not None and starts_at == ends_at:
        raise ValidationError({"ends_at": _("Please choose another time than the beginning.")})
