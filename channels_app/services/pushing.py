"""Devices of an app's customers, and pushes for what their app did not show in time."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from channels_app.models import Device, Dispatch, PushHealth
from channels_app.services.dispatching import dispatch
from helpdesk.crypto import token_hash
from helpdesk.errors import NotFound
from helpdesk.models import Delivery, Outbox
from helpdesk.registries import ChannelReport, Sweep, sweeps
from helpdesk.tenancy import organization_transaction

# Of one customer in one app; the one that was not seen for longest goes.
MOST_DEVICES = 10
# An app says at each start which device it is on.
STALE_AFTER = timedelta(days=90)
BATCH = 500
PATIENCE_SECONDS, MOST_PATIENCE_SECONDS = 10, 600


def register(
    channel_id: int, identity_id: int, *, service: str, token: str, app_version: str, language: str
) -> Device:
    """Keep a device, whose it is now; must run inside a transaction."""
    device, _made = Device.objects.update_or_create(
        channel_id=channel_id,
        service=service,
        token_hash=token_hash(token),
        defaults={
            "identity_id": identity_id,
            "token": token,
            "app_version": app_version,
            "language": language,
            "seen_at": timezone.now(),
        },
    )
    rows = Device.objects.filter(identity_id=identity_id).order_by("-seen_at", "-pk")
    kept = list(rows.values_list("pk", flat=True)[:MOST_DEVICES])
    rows.exclude(pk__in=kept).delete()
    return device


def sign_off(identity_id: int, device_id: int) -> None:
    """Forget a device of the customer's own. Raises NotFound."""
    deleted, _counts = Device.objects.filter(pk=device_id, identity_id=identity_id).delete()
    if not deleted:
        raise NotFound


def prepare(row: Outbox, services: Collection[str]) -> int:
    """Have the customer's devices told of a reply unless their app shows it in time; returns how many."""
    if not services or not Outbox.objects.filter(pk=row.pk, state=Delivery.SENT).exists():
        return 0
    devices = Device.objects.filter(
        channel_id=row.channel_id,
        identity_id=row.conversation.identity_id,
        service__in=list(services),
    )
    made = [
        dispatch(
            row.channel,
            Dispatch.Kind.PUSH,
            dedup_key=f"push:{row.pk}:{device.pk}",
            payload={"device": device.pk, "message": row.pk},
            conversation_id=row.conversation_id,
            service=device.service,
            wait=_patience(row.channel.settings),
        )
        for device in devices.order_by("-seen_at", "-pk")[:MOST_DEVICES]
    ]
    return len(list(filter(None, made)))


def forget(row: Dispatch) -> None:
    """Forget the device that a push was for."""
    Device.objects.filter(pk=row.payload["device"]).delete()


def forget_stale(now: datetime) -> int:
    """Forget devices whose app was not started for a season; returns how many."""
    with organization_transaction():
        old = Device.objects.filter(seen_at__lt=now - STALE_AFTER).order_by("seen_at", "pk")
        pks = list(old.values_list("pk", flat=True)[:BATCH])
        Device.objects.filter(pk__in=pks).delete()
    return len(pks)


def report(channel_id: int) -> ChannelReport | None:
    """Say why pushes do not get through; None when they do. The scope is open."""
    rows = PushHealth.objects.filter(channel_id=channel_id, failing_since__isnull=False)
    found = rows.order_by("failing_since", "service").first()
    if found is None:
        return None
    told = {"service": found.get_service_display(), "reason": found.error}
    return ChannelReport(
        _("Pushes do not get through (%(service)s): %(reason)s") % told, is_trouble=True
    )


def _patience(settings: dict[str, Any]) -> timedelta:
    asked = settings.get("push_after_seconds")
    if isinstance(asked, bool) or not isinstance(asked, int) or asked < 0:
        asked = PATIENCE_SECONDS
    return timedelta(seconds=min(asked, MOST_PATIENCE_SECONDS))


sweeps.register("stale_devices", Sweep(run=forget_stale, every_seconds=3600))
