"""What an exchange that asks what to do with a phone call is told: how the call stands, and who is to be rung."""

from django.db.models import Q

from channels_app.exchange import CallStanding
from channels_app.services.doors import Door
from helpdesk.models import Call
from helpdesk.tenancy import organization_scope, organization_transaction


def of_call(door: Door, call_id: str, reference: str = "") -> CallStanding:
    """Return how a call stands; one that is not known yet waits."""
    with organization_scope(door.organization_id), organization_transaction():
        call = _call(door.channel_id, call_id, reference)
        if call is None:
            return CallStanding(language=door.language)
        address, staff_id = _ring(call)
    return CallStanding(
        language=door.language,
        is_over=call.is_over,
        ring=address,
        staff_id=staff_id,
        customer_number=call.customer_number if call.direction == Call.Direction.OUT else "",
    )


def _call(channel_id: int, call_id: str, reference: str) -> Call | None:
    named = Q(provider_id=call_id) if call_id else Q(pk__in=[])
    if reference:
        named |= Q(public_id=reference)
    rows = Call.objects.filter(named, channel_id=channel_id).select_related("conversation__owner")
    return rows.order_by("id").first()


def _ring(call: Call) -> tuple[str, int | None]:
    """Return where the owner of the caller's conversation is rung, unless they did not pick up before."""
    owner = call.conversation.owner
    if call.is_over or call.direction != Call.Direction.IN or owner is None:
        return "", None
    if not owner.is_active or not owner.call_address or owner.pk in _rung(call):
        return "", None
    return str(owner.call_address), int(owner.pk)


def _rung(call: Call) -> set[int]:
    """Return who was rung in vain."""
    return {step["staff"] for step in call.steps if step["key"][2] == "unanswered"}
