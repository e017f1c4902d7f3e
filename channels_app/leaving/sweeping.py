"""What becomes due by time: waiting for a dead channel ends after a day, attempts are forgotten after a month."""

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils.translation import gettext as _

from channels_app.leaving import claims
from channels_app.models import DeliveryAttempt
from channels_app.services.health import GIVEN_UP_AFTER
from helpdesk.models import Delivery
from helpdesk.registries import Sweep, sweeps
from helpdesk.tenancy import organization_transaction

ATTEMPTS_KEPT = timedelta(days=30)
BATCH = 500


def give_back(now: datetime) -> int:
    """Settle as failed what has waited for a day for a channel that let nothing through all that time.

    What waits for a channel that is switched off goes on waiting; somebody knows of it.
    """
    long_ago = now - GIVEN_UP_AFTER
    # What was tried is due anew after each try; what was sent again by hand is due since then.
    waited = Q(due_at__lte=long_ago) | Q(attempts__gt=0, created_at__lte=long_ago)
    count = 0
    for model in claims.BOTH:
        with organization_transaction():
            rows = model.objects.filter(
                waited,
                state=Delivery.QUEUED,
                channel__health__failing_since__lte=long_ago,
                channel__is_active=True,
                channel__disabled_reason="",
            )
            for row in rows.select_for_update(of=("self",), skip_locked=True)[:BATCH]:
                reason = _("The channel let nothing through for 24 hours.")
                claims.give_up(row, code="channel_away", reason=reason)
                count += 1
    return count


def forget_attempts(now: datetime) -> int:
    """Delete attempts that are older than a month; returns how many."""
    with organization_transaction():
        old = DeliveryAttempt.objects.filter(at__lt=now - ATTEMPTS_KEPT).order_by("at")
        pks = list(old.values_list("pk", flat=True)[: BATCH * 20])
        DeliveryAttempt.objects.filter(pk__in=pks).delete()
    return len(pks)


sweeps.register("dead_channels", Sweep(run=give_back, every_seconds=60))
sweeps.register("delivery_attempts", Sweep(run=forget_attempts, every_seconds=3600))
