"""Calls to customers, asked for by a colleague: the exchange rings the colleague first, then the customer."""

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk import events, permissions, phones
from helpdesk.access import Access
from helpdesk.access import conversation as visible_conversation
from helpdesk.errors import Refused, WrongState
from helpdesk.models import Call, Channel, Conversation, Entry, Staff, State
from helpdesk.registries import Sweep, calling_kinds, is_call, sweeps
from helpdesk.services import assignment, audit, calls, timeline
from helpdesk.tenancy import organization_transaction

# What could not be placed by then is not placed any more: nobody waits at the phone for so long.
PATIENCE = timedelta(minutes=1)


def call(by: Access, conversation_id: int) -> Call:
    """Have the customer of a conversation called; one that waits in a queue is taken first.

    Raises NotFound, Refused where there is no number or no phone, WrongState during another call.
    """
    with organization_transaction():
        conversation = visible_conversation(
            by, conversation_id, permissions.CONVERSATION_REPLY, lock=True
        )
        if not conversation.is_open:
            raise WrongState
        staff = Staff.objects.select_for_update(no_key=True).get(pk=by.staff_id)
        channel = _line_of(conversation)
        if channel is None:
            raise Refused(_("No channel is connected that calls go through."))
        number = _number_of(conversation, channel)
        _check(staff, number)
        if conversation.state == State.QUEUED:
            assignment.take_locked(by, conversation)
        made = _wanted(by, conversation, channel, number)
        audit.record("call.wanted", made, by)
    return made


def number_of(conversation: Conversation) -> str:
    """Return the number that the customer of a conversation can be called at now; empty when there is none."""
    if not conversation.customer.phone and not is_call(conversation.channel):
        return ""
    channel = _line_of(conversation)
    return _number_of(conversation, channel) if channel else ""


def take_wanted(now: datetime) -> Call | None:
    """Take the call that waits longest to be placed; nobody else gets it, and it is placed once at most.

    The scope is open.
    """
    with organization_transaction():
        rows = Call.objects.filter(
            state=Call.State.WANTED,
            due_at__lte=now,
            due_at__gt=now - PATIENCE,
            channel__is_active=True,
        )
        rows = rows.select_related("channel", "staff", "conversation", "entry")
        free = rows.select_for_update(of=("self",), skip_locked=True, no_key=True)
        wanted: Call | None = free.order_by("due_at", "id").first()
        if wanted is None:
            return None
        wanted.state, wanted.due_at = Call.State.RINGING, now + calls.LONGEST_RINGING
        wanted.save(update_fields=["state", "due_at"])
        calls.tell(wanted)
    return wanted


def placed(channel_id: int, reference: str, call_id: str) -> None:
    """Keep the exchange's name of a call that it has placed."""
    with organization_transaction():
        calls.known_call(channel_id, call_id, reference)


def not_placed(channel_id: int, reference: str, reason: str) -> None:
    """End a call that the exchange did not place, with its reason."""
    with organization_transaction():
        call = calls.known_call(channel_id, "", reference)
        if call is not None and not call.is_over:
            calls.finish(call, timezone.now(), ending=Call.Ending.FAILED, reason=reason)


def lapse(now: datetime) -> int:
    """Give up calls that could not be placed in time; returns how many."""
    with organization_transaction():
        late = Call.objects.filter(state=Call.State.WANTED, due_at__lte=now - PATIENCE)
        found = list(late.order_by("due_at").values_list("channel_id", "public_id")[: calls.BATCH])
    return sum(_lapse(channel_id, str(name), now) for channel_id, name in found)


def _lapse(channel_id: int, name: str, now: datetime) -> bool:
    with organization_transaction():
        wanted = calls.known_call(channel_id, "", name)
        if wanted is None or wanted.state != Call.State.WANTED:
            return False
        calls.finish(wanted, now, ending=Call.Ending.FAILED, reason=calls.TOO_LATE)
    return True


def _line_of(conversation: Conversation) -> Channel | None:
    """Return the channel that calls to this customer go through: their own, else the first there is."""
    own: Channel = conversation.channel
    if is_call(own) and own.is_active and not own.disabled_reason:
        return own
    lines = Channel.objects.filter(kind__in=calling_kinds(), is_active=True, disabled_reason="")
    return lines.order_by("id").first()


def _number_of(conversation: Conversation, line: Channel) -> str:
    if is_call(conversation.channel):
        return phones.e164(conversation.identity.external_id)
    region = str(line.settings.get("region") or "")
    return phones.e164(conversation.customer.phone, region.upper())


def _check(staff: Staff, number: str) -> None:
    if not number:
        raise Refused(_("There is no phone number of this customer that can be called."))
    if phones.is_costly(number):
        raise Refused(_("Calling this number costs more than a call."))
    if not staff.call_address:
        raise Refused(
            _("Enter your phone for calls in your profile first: it rings before the customer's.")
        )
    if Call.objects.filter(staff=staff).exclude(state=Call.State.ENDED).exists():
        raise WrongState(_("You are in a call already."))


def _wanted(by: Access, conversation: Conversation, channel: Channel, number: str) -> Call:
    now = timezone.now()
    entry = timeline.add_entry(conversation, Entry.Kind.CALL, at=now, actor_id=by.staff_id)
    conversation.save(update_fields=["last_number"])
    made = Call.objects.create(
        channel=channel,
        conversation=conversation,
        entry=entry,
        direction=Call.Direction.OUT,
        state=Call.State.WANTED,
        customer_number=number,
        staff_id=by.staff_id,
        began_at=now,
        due_at=now,
    )
    calls.tell(made)
    events.publish(events.CallWanted(conversation.organization_id, conversation.pk, entry.number))
    return made


sweeps.register("wanted_calls", Sweep(run=lapse, queue="calls", every_seconds=5))
