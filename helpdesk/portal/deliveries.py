"""Why a reply has not left yet, in the reader's language."""

from collections.abc import Iterable

from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk.models import Delivery, Entry, Outbox

_FACTS = (
    "channel__is_active",
    "channel__disabled_reason",
    "conversation__identity__awaits_proof",
    "error",
)


def is_held(outbox: Outbox) -> bool:
    """Tell whether a reply is held and can be taken back."""
    is_new = outbox.state == Delivery.QUEUED and not outbox.attempts
    return bool(is_new and outbox.due_at and outbox.due_at > timezone.now())


def find_reasons(entries: Iterable[Entry]) -> None:
    """Find out for all of these replies that wait, in one query, what `reason_to_wait` returns."""
    messages = [found for each in entries if (found := getattr(each, "message", None))]
    rows = [found for each in messages if (found := getattr(each, "outbox", None))]
    _find([each for each in rows if each.state == Delivery.QUEUED and not is_held(each)])


def reason_to_wait(outbox: Outbox) -> str:
    """Return why a reply that is due waits; empty when it is about to leave."""
    if not hasattr(outbox, "reason_to_wait"):
        _find([outbox])
    return str(outbox.reason_to_wait)  # type: ignore[attr-defined]  # set by `_find`


def _find(rows: list[Outbox]) -> None:
    facts = Outbox.objects.filter(pk__in=[row.pk for row in rows]).values_list("pk", *_FACTS)
    found = {pk: values for pk, *values in facts} if rows else {}
    for row in rows:
        row.reason_to_wait = _reason(row, *found[row.pk])  # type: ignore[attr-defined]  # for this page


def _reason(
    outbox: Outbox, is_active: bool, disabled_reason: str, awaits_proof: bool, error: str
) -> str:
    if awaits_proof:
        return _("the customer has not confirmed the address yet")
    if not is_active:
        return _("the channel is switched off")
    if disabled_reason:
        return _("the channel does not send (%(reason)s)") % {"reason": disabled_reason}
    if outbox.attempts:
        return error or _("the channel did not take it")
    return ""
