"""What happens in the core reaches screens and the connector from here: hints, never queries."""

from typing import Any

from django.contrib.auth.signals import user_logged_out
from django.utils.translation import gettext_lazy

from channels_app import outgoing_events, polling  # noqa: F401  (register what tells and what is fetched)
from channels_app.delivery import wake_connector
from channels_app.leaving import sweeping  # noqa: F401  (registers what becomes due by time)
from channels_app.live import hints
from channels_app.live.hints import Hint
from channels_app.placing import wake_caller
from channels_app.services import mail_copies, staff_chats  # noqa: F401  (the same)
from channels_app.services.visiting import fingerprint
from helpdesk import events
from helpdesk.registries import audit_actions

RESENT = gettext_lazy("Dispatch sent again")
REPLAYED = gettext_lazy("Report read again")


def entry_added(event: events.EntryAdded) -> None:
    hints.publish(Hint("entry", event.organization_id, event.conversation_id, event.number))


def conversation_changed(event: events.ConversationChanged) -> None:
    hints.publish(Hint("changed", event.organization_id, event.conversation_id, event.number))


def conversation_moved(event: events.ConversationEvent) -> None:
    hints.publish(Hint("moved", event.organization_id, event.conversation_id, event.number))


def staff_mentioned(event: events.StaffMentioned) -> None:
    hints.publish(
        Hint(
            "behind" if event.is_behind else "mention",
            event.organization_id,
            event.conversation_id,
            event.number,
            staff_id=event.staff_id,
        )
    )


def delivery_changed(event: events.DeliveryChanged) -> None:
    hints.publish(Hint("delivery", event.organization_id, event.conversation_id, event.number))


def message_changed(event: events.MessageChanged) -> None:
    hints.publish(Hint("delivery", event.organization_id, event.conversation_id, event.number))


def call_changed(event: events.CallChanged) -> None:
    # Its entry looks different, and so does what its colleagues' screens say of running calls.
    hints.publish(Hint("delivery", event.organization_id, event.conversation_id, event.number))
    for staff_id in event.staff_ids:
        hints.publish(Hint("staff", event.organization_id, staff_id=staff_id))


def call_wanted(event: events.CallWanted) -> None:
    wake_caller()


def staff_changed(event: events.StaffChanged) -> None:
    hints.publish(Hint("staff", event.organization_id, staff_id=event.staff_id))


def access_changed(event: events.AccessChanged) -> None:
    hints.publish(Hint("access", event.organization_id, staff_id=event.staff_id))


def message_queued(event: events.MessageQueued) -> None:
    wake_connector()


def signed_out(request: Any, **kwargs: Any) -> None:  # Any: the signature of the signal
    session = getattr(request, "session", None)
    if session is not None and session.session_key:
        hints.publish(Hint("signed_out", session=fingerprint(session.session_key)))


def connect() -> None:
    """Subscribe to what the core tells, and say what our own actions are called in the trail."""
    audit_actions.register("dispatch.resent", RESENT)
    audit_actions.register("inbound.replayed", REPLAYED)
    events.subscribe(events.EntryAdded, entry_added)
    events.subscribe(events.ConversationChanged, conversation_changed)
    for moved in (
        events.ConversationQueued,
        events.ConversationAssigned,
        events.ConversationReleased,
        events.EscalationChanged,
        events.RatingGiven,
    ):
        events.subscribe(moved, conversation_moved)
    events.subscribe(events.StaffMentioned, staff_mentioned)
    events.subscribe(events.DeliveryChanged, delivery_changed)
    events.subscribe(events.MessageChanged, message_changed)
    events.subscribe(events.CallChanged, call_changed)
    events.subscribe(events.CallWanted, call_wanted)
    events.subscribe(events.StaffChanged, staff_changed)
    events.subscribe(events.AccessChanged, access_changed)
    events.subscribe(events.MessageQueued, message_queued)
    user_logged_out.connect(signed_out, dispatch_uid="channels_app.signed_out")
