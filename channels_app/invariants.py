"""The channels' laws of the data: what was acknowledged is there, and nothing was dropped silently."""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from channels_app.models import InboundEvent
from channels_app.services.ingesting import raw_path
from helpdesk.registries import InvariantCheck, invariant_checks

State = InboundEvent.State
OVERDUE = timedelta(minutes=10)
# What a message, and nothing else, must have become.
_SAID = ("message", "raw")


def kept() -> Iterator[str]:
    """I1: everything that was acknowledged is stored, with its raw bytes."""
    inside = InboundEvent.objects.filter(raw_of__isnull=True, raw_file__isnull=True, raw=b"")
    inside = inside.exclude(data__has_key="cut")  # the mailbox did not give it
    for pk in inside.order_by("id").values_list("pk", flat=True).iterator():
        yield f"report {pk}: without its bytes"
    in_files = InboundEvent.objects.filter(raw_file__isnull=False).defer("raw", "data")
    for event in in_files.order_by("id").iterator():
        if not raw_path(event).is_file():
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


def register() -> None:
    """Add the channels' laws to the core's."""
    for name, check in {"I1": kept, "I12": visible}.items():
        label = (check.__doc__ or "").partition(": ")[2].splitlines()[0]
        invariant_checks.register(name, InvariantCheck(label, check))
