"""What is kept of anything that may fail as a whole: its breaker, and its bucket of messages that may leave now."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from helpdesk.models import OrganizationModel


class Breaker(OrganizationModel):
    """How sending through something goes."""

    # In a row; the breaker opens at some number and lets one message try when its time has come.
    failures = models.PositiveIntegerField(default=0)
    refusals = models.PositiveIntegerField(default=0)
    open_until = models.DateTimeField(null=True, blank=True)
    # Since when nothing has got through.
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True)
    tokens = models.FloatField(default=0)
    tokens_at = models.DateTimeField(null=True, blank=True)
    succeeded_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(_("reason"), max_length=300, blank=True)

    class Meta:
        abstract = True
