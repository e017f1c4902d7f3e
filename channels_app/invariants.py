"""The channels' laws of the data: what was acknowledged is there, and nothing was dropped silently."""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import F, Q
from django.db.models.functions import Length
from django.utils import timezone

from channels_app.leaving import claims
from channels_app.models import ChannelHealth, InboundEvent
from channels_app.services.ingesting import raw_path
from helpdesk.models import Delivery
from helpdesk.registries import InvariantCheck, invariant_checks

State = InboundEvent.State
OVERDUE = timedelta(minutes=10)
# What a message, and nothing else, must have become.
_SAID = ("message", "raw")


def kept() -> Iterator[str]:
    """I1: everything that was acknowledged is stored, with its raw bytes."""
    inside = InboundEvent.objects.filter(raw_of__isnull=True, raw_file__isnull=True)
    cut = inside.alias(length=Length("raw")).exclude(length=F("size_bytes"))
    for pk in cut.order_by("id").values_list("pk", flat=True).iterator():
        yield f"report {pk}: without its bytes"
    in_files = InboundEvent.objects.filter(raw_file__isnull=False).defer("raw", "data")
    for event in in_files.order_by("id").iterator():
        path = raw_path(event)
        if not path.is_file() or path.stat().st_size != event.size_bytes:
            yield f"report {event.pk}: the file with its bytes is gone"
    lost = InboundEvent.objects.filter(state=State.DONE, kind__in=_SAID, entry__isnull=True)
    lost = lost.exclude(reason="receipt")  # about what is no message
    for pk in lost.order_by("id").values_list("pk", flat=True).iterator():
        yield f"report {pk}: processed, and no message"


def visible() -> Iterator[str]:
    """I12: what cannot be processed is quarantined and visible, and what led to nothing says why."""
    hidden = Q(state=State.QUARANTINED, entry__isnull=True) | Q(state=State.IGNORED, reason="")
    for pk in InboundEvent.objects.filter(hidden).order_by("id").values_list("pk", flat=True):
        yield f"report {pk}: dropped without a word"
    late = InboundEvent.objects.filter(
        state__in=[State.NEW, State.PARKED], due_at__lt=timezone.now() - OVERDUE
    )
    for pk in late.order_by("id").values_list("pk", flat=True).iterator():
        yield f"report {pk}: not processed for ten minutes"


def told() -> Iterator[str]:
    """I2: whatever leaves is sent or given up, and where nobody knows what became of it, that is said."""
    long_ago = timezone.now() - OVERDUE
    for model in claims.BOTH:
        name = model._meta.model_name
        silent = Q(state=Delivery.UNKNOWN, settled_at__lt=long_ago, error="")
        silent |= Q(state=Delivery.FAILED, error="", error_code="")
        for pk in model.objects.filter(silent).order_by("pk").values_list("pk", flat=True):
            yield f"{name} {pk}: its fate is not known, and nothing says why"
        held = model.objects.filter(state=Delivery.SENDING, due_at__lt=long_ago)
        for pk in held.order_by("pk").values_list("pk", flat=True).iterator():
            yield f"{name} {pk}: being sent for ten minutes"
    # A channel that sends as fast as it may is behind, and not broken.
    at_work = ChannelHealth.objects.filter(tokens_at__gte=long_ago).values_list("pk", flat=True)
    for pk in sorted({*claims.due_channels(long_ago)} - {*at_work}):
        yield f"channel {pk}: what should have left ten minutes ago has not been tried"


def register() -> None:
    """Add the channels' laws to the core's."""
    for name, check in {"I1": kept, "I2 channels": told, "I12": visible}.items():
        label = (check.__doc__ or "").partition(": ")[2].splitlines()[0]
        invariant_checks.register(name, InvariantCheck(label, check))
