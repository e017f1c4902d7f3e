"""What experiments measure, and in which direction it is better."""

from dataclasses import dataclass

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Name(models.TextChoices):
    RESOLUTION = "resolution", _("Resolved at first contact")
    FIRST_REPLY = "first_reply", _("Median time to the first reply")
    IN_TARGET = "in_target", _("First reply within its time")
    URGENT_IN_TARGET = "urgent_in_target", _("Urgent, first reply within its time")
    RATING = "rating", _("Rating, mean of the stars")
    OFFERS_REFUSED = "offers_refused", _("Offers declined or expired")
    TRANSFERS = "transfers", _("Handed over")
    LOAD_VARIATION = "load_variation", _("Unevenness of load")


@dataclass(frozen=True, slots=True)
class Measure:
    """How a measure is read: `unit` is `share` (0 to 1), `seconds`, `stars` or `ratio`."""

    label: str | Promise
    unit: str
    higher_is_better: bool
    help_text: str | Promise


MEASURES: dict[str, Measure] = {
    Name.RESOLUTION: Measure(
        Name.RESOLUTION.label, "share", True, _("Resolved in time and not reopened in it.")
    ),
    Name.FIRST_REPLY: Measure(
        Name.FIRST_REPLY.label,
        "seconds",
        False,
        _("The median of each slice; without a reply, all the time watched."),
    ),
    Name.IN_TARGET: Measure(
        Name.IN_TARGET.label, "share", True, _("By the times of the policy in use, in both arms.")
    ),
    Name.URGENT_IN_TARGET: Measure(
        Name.URGENT_IN_TARGET.label, "share", True, _("The same, of what is urgent.")
    ),
    Name.RATING: Measure(Name.RATING.label, "stars", True, _("Of those who rated in time.")),
    Name.OFFERS_REFUSED: Measure(
        Name.OFFERS_REFUSED.label, "share", False, _("Of offers that came to an end.")
    ),
    Name.TRANSFERS: Measure(
        Name.TRANSFERS.label, "share", False, _("Conversations handed over in time.")
    ),
    Name.LOAD_VARIATION: Measure(
        Name.LOAD_VARIATION.label,
        "ratio",
        False,
        _("Standard deviation by mean of what each person got, by capacity."),
    ),
}
