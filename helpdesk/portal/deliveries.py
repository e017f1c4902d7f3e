"""Why a reply has not left yet, in the reader's language."""

from django.utils.translation import gettext as _

from helpdesk.models import Outbox


def reason_to_wait(outbox: Outbox) -> str:
    """Return why a reply that is due waits; empty when it is about to leave."""
    facts = Outbox.objects.filter(pk=outbox.pk).values_list(
        "channel__is_active",
        "channel__disabled_reason",
        "conversation__identity__awaits_proof",
        "error",
    )
    is_active, disabled_reason, awaits_proof, error = facts.get()
    if awaits_proof:
        return _("the customer has not confirmed the address yet")
    if not is_active:
        return _("the channel is switched off")
    if disabled_reason:
        return _("the channel does not send (%(reason)s)") % {"reason": disabled_reason}
    if outbox.attempts:
        return error or _("the channel did not take it")
    return ""
