"""What is reported of phone calls: each is one entry of the timeline, which grows until the call ends.

Reports may come twice, late and in any order: what a call has been is kept, and it never comes back.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from helpdesk import events
from helpdesk.models import (
    Assignment,
    Call,
    Channel,
    Conversation,
    Direction,
    Entry,
    State,
)
from helpdesk.registries import Sweep, sweeps
from helpdesk.services import assignment, audit, timeline
from helpdesk.services.identifying import Sender, identify
from helpdesk.services.receiving import Arrival, receive_happening
from helpdesk.tenancy import organization_transaction

# A call is over when nothing is heard of it for so long: exchanges end calls themselves before.
LONGEST_RINGING = timedelta(minutes=30)
LONGEST_CALL = timedelta(hours=5)
MOST_STEPS = 60
MOST_TRANSCRIPT = 100_000
# Reasons of ours; others are the exchange's own words.
NOT_PICKED_UP, UNHEARD, TOO_LATE = "not_picked_up", "unheard", "too_late"
BATCH = 100

Leg = Literal["customer", "staff"]
Change = Literal["ringing", "answered", "held", "resumed", "unanswered", "ended"]


@dataclass(frozen=True)
class News:
    """What is reported of a call: what one end of it did."""

    call_id: str  # the exchange's name of the call
    leg: Leg
    change: Change
    at: datetime
    # The exchange's name of this end, and its count of reports.
    leg_id: str = ""
    sequence: int | None = None
    # Why it ended, as far as the exchange says.
    ending: str = ""
    # Our name of a call that we asked for.
    reference: str = ""
    staff_id: int | None = None
    customer_number: str = ""
    our_number: str = ""

    @property
    def key(self) -> list[Any]:  # Any: JSON values
        """Return what tells a report from others; the same again is no news."""
        count = self.sequence if self.change in {"held", "resumed"} else None
        return [self.leg, self.leg_id, self.change, count]


def hear(channel: Channel, news: News, sender: Sender | None = None) -> int | None:
    """Note what is reported of a call; returns its entry's id, None while nothing is known of the call.

    With a sender, a call that is new is one of theirs. The same report again changes nothing.
    """
    with organization_transaction():
        call = known_call(channel.pk, news.call_id, news.reference)
        if call is None and sender is not None:
            call = _begun(channel, news, sender)
        if call is None:
            return None
        if not _is_known(call, news):
            _note(call, news)
        return int(call.entry_id)


def known_call(channel_id: int, call_id: str, reference: str = "") -> Call | None:
    """Return a call by the exchange's name or by ours, its conversation locked; the transaction is open."""
    named = Q(provider_id=call_id) if call_id else Q(pk__in=[])
    if reference:
        named |= Q(public_id=reference)
    rows = Call.objects.filter(named, channel_id=channel_id).order_by("id")
    conversation_id = rows.values_list("conversation_id", flat=True).first()
    if conversation_id is None:
        return None
    conversation = timeline.lock(conversation_id)
    call: Call = rows.select_related("entry")[0]
    call.conversation = conversation
    if call_id and not call.provider_id:
        call.provider_id = call_id
        call.save(update_fields=["provider_id"])
    return call


def tell(call: Call) -> None:
    """Tell that a call went on."""
    conversation = call.conversation
    people = {conversation.owner_id, call.staff_id} - {None}
    events.publish(
        events.CallChanged(
            call.organization_id,
            conversation.pk,
            call.entry.number,
            staff_ids=tuple(sorted(people)),
        )
    )


def finish(call: Call, at: datetime, *, ending: str, reason: str = "") -> None:
    """End a call, with the ending that its own past or else `ending` says; its conversation is locked."""
    call.state = Call.State.ENDED
    call.ended_at, call.due_at = call.ended_at or max(at, call.began_at), None
    call.ending = _ending(call, ending)
    call.reason = reason[:300]
    call.save()
    conversation = call.conversation
    if call.ending == Call.Ending.COMPLETED:
        if conversation.state == State.OPEN and conversation.waiting_since is None:
            timeline.set_state(conversation, State.WAITING)
            conversation.save()
    elif call.ending == Call.Ending.MISSED and call.direction == Call.Direction.IN:
        with translation.override(call.channel.language):
            _show(conversation, _("Missed call"))
    audit.record("call.ended", call, ending=call.ending)
    timeline.changed(conversation)
    tell(call)


def _begun(channel: Channel, news: News, sender: Sender) -> Call:
    """Return the call of a customer, made with its entry."""
    try:
        with transaction.atomic():
            return _begin(channel, news, sender)
    except IntegrityError:
        found = known_call(channel.pk, news.call_id)
        if found is None:
            raise
        return found


def _begin(channel: Channel, news: News, sender: Sender) -> Call:
    with translation.override(channel.language):
        shown = _("Phone call")
    entry = receive_happening(
        identify(channel, sender), Arrival("", "", at=news.at), Entry.Kind.CALL, shown=shown
    )
    return Call.objects.create(
        channel=channel,
        conversation=entry.conversation,
        entry=entry,
        provider_id=news.call_id,
        direction=Call.Direction.IN,
        state=Call.State.RINGING,
        customer_number=news.customer_number,
        our_number=news.our_number,
        began_at=news.at,
        due_at=timezone.now() + LONGEST_RINGING,
    )


def _is_known(call: Call, news: News) -> bool:
    return any(step["key"] == news.key for step in call.steps)


def _note(call: Call, news: News) -> None:
    step = {"key": news.key, "at": news.at.isoformat(), "staff": news.staff_id}
    call.steps = [*call.steps, step][:MOST_STEPS]
    is_called = news.leg == call.called_leg
    match news.change:
        case "answered" if is_called:
            _answered(call, news)
        case "held" | "resumed":
            _held(call, news)
        case "unanswered":
            _unanswered(call, news, is_called=is_called)
        case "ended" if call.direction == Call.Direction.OUT or news.leg == "customer":
            _ended(call, news)
    call.save()
    tell(call)


def _answered(call: Call, news: News) -> None:
    is_first = call.answered_at is None
    call.answered_at = min(call.answered_at or news.at, news.at)
    call.staff_id = call.staff_id or news.staff_id or call.conversation.owner_id
    if call.is_over:
        # The report was late: what became of the call is another, and it stays over.
        call.ending = _ending(call, "")
    elif call.state != Call.State.HELD:
        call.state, call.due_at = Call.State.ANSWERED, timezone.now() + LONGEST_CALL
    if is_first:
        _served(call, news.at)


def _served(call: Call, at: datetime) -> None:
    """Let the customer's clocks stop: somebody talks to them."""
    conversation = call.conversation
    conversation.first_replied_at = conversation.first_replied_at or at
    if conversation.waiting_since is not None and conversation.waiting_since <= at:
        conversation.waiting_since = conversation.return_at = None
    conversation.save()
    audit.record("call.taken", call, staff=call.staff_id)
    timeline.changed(conversation)


def _held(call: Call, news: News) -> None:
    if call.is_over or call.answered_at is None:
        return
    count = -1 if news.sequence is None else news.sequence
    if news.sequence is not None and count <= call.held_sequence:
        return
    call.held_sequence = count
    call.state = Call.State.HELD if news.change == "held" else Call.State.ANSWERED


def _unanswered(call: Call, news: News, *, is_called: bool) -> None:
    """Let a call to a customer end, and a caller be given to somebody else."""
    if call.is_over or call.answered_at is not None:
        return
    if call.direction == Call.Direction.OUT:
        if is_called:
            finish(call, news.at, ending=news.ending or Call.Ending.MISSED)
        else:
            finish(call, news.at, ending=Call.Ending.FAILED, reason=NOT_PICKED_UP)
        return
    owner_id = call.conversation.owner_id
    if owner_id is not None and owner_id == news.staff_id:
        assignment.release(call.conversation, Assignment.Ending.UNANSWERED)


def _ended(call: Call, news: News) -> None:
    if not call.is_over:
        finish(call, news.at, ending=news.ending or Call.Ending.MISSED)


def _ending(call: Call, said: str) -> str:
    """Return how a call ended, whatever was heard first."""
    if call.answered_at is not None:
        return Call.Ending.COMPLETED
    if call.voicemail_id is not None:
        return Call.Ending.VOICEMAIL
    if said in {Call.Ending.BUSY, Call.Ending.FAILED}:
        return said
    return Call.Ending.MISSED


def _show(conversation: Conversation, text: str) -> None:
    conversation.last_text = timeline.preview(text)
    conversation.last_direction = Direction.IN
    conversation.save(update_fields=["last_text", "last_direction"])


def end_unheard(now: datetime) -> int:
    """End calls whose end was never reported; returns how many."""
    with organization_transaction():
        lapsed = Call.objects.filter(due_at__lte=now).exclude(state=Call.State.WANTED)
        found = list(lapsed.order_by("due_at").values_list("channel_id", "public_id")[:BATCH])
    return sum(_end_unheard(channel_id, str(name), now) for channel_id, name in found)


def _end_unheard(channel_id: int, name: str, now: datetime) -> bool:
    with organization_transaction():
        call = known_call(channel_id, "", name)
        if call is None or call.due_at is None or call.due_at > now:
            return False
        finish(call, now, ending=Call.Ending.FAILED, reason=UNHEARD)
    return True


sweeps.register("calls", Sweep(run=end_unheard, queue="calls", every_seconds=5))
