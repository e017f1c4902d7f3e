"""Whether somebody is there: a chosen status, vouched for by a lease that open screens renew."""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from helpdesk import events
from helpdesk.access import Access
from helpdesk.errors import Invalid
from helpdesk.models import Assignment, Letter, Presence, PresenceStatus, Staff, State
from helpdesk.models.people import MailCopies
from helpdesk.registries import Sweep, sweeps
from helpdesk.services import assignment, audit, timeline
from helpdesk.services.working_hours import Calendar, is_focused
from helpdesk.tenancy import current_organization_id, organization_transaction

# No sign for this long: the person has vanished.
LEASE = timedelta(seconds=90)
# After the last screen closed: time to reload a page.
GRACE = timedelta(seconds=20)
BATCH = 200


def sign(staff_id: int, lease: timedelta = LEASE) -> None:
    """Renew the lease of somebody whose screen is open; publishes only when it had ended."""
    now = timezone.now()
    with organization_transaction():
        renewed = Presence.objects.filter(staff_id=staff_id, lease_until__gt=now).update(
            lease_until=now + lease
        )
        if renewed:
            return
        Presence.objects.update_or_create(
            staff_id=staff_id,
            defaults={"lease_until": now + lease},
            create_defaults={
                "lease_until": now + lease,
                "status": PresenceStatus.ONLINE,
                "changed_at": now,
            },
        )
        _tell(staff_id)


def sign_off(staff_id: int, grace: timedelta = GRACE) -> None:
    """Let the lease end soon, because the last screen was closed; zero grace when signing out."""
    now = timezone.now()
    with organization_transaction():
        shortened = Presence.objects.filter(staff_id=staff_id, lease_until__gt=now + grace).update(
            lease_until=now + grace
        )
        if shortened:
            _tell(staff_id)


def set_status(by: Access, status: str) -> None:
    """Choose online, busy, focus or away; raises Invalid."""
    if status not in PresenceStatus.values:
        raise Invalid(field="status")
    now = timezone.now()
    with organization_transaction():
        presence, _made = Presence.objects.select_for_update().get_or_create(staff_id=by.staff_id)
        if presence.status == status:
            return
        before, presence.status, presence.changed_at = presence.status, PresenceStatus(status), now
        presence.save()
        audit.record("presence.changed", presence, by, before=before, status=status)
        _tell(by.staff_id)


def shown_status(staff: Staff, now: datetime) -> str:
    """Return the status that others see: away when the lease has ended, focus while focus time lasts.

    For many people, prefetch `focus_times`.
    """
    presence: Presence | None = getattr(staff, "presence", None)
    if presence is None or presence.lease_until is None or presence.lease_until <= now:
        return PresenceStatus.AWAY
    if presence.status != PresenceStatus.ONLINE:
        return str(presence.status)
    calendar = Calendar(staff.timezone, focus_times=list(staff.focus_times.all()))
    return PresenceStatus.FOCUS if is_focused(calendar, now) else PresenceStatus.ONLINE


def return_absent(now: datetime) -> int:
    """Put back the work of somebody who has vanished while the customer waits; returns how many.

    What waits for the customer stays with its owner until the customer writes again, and letters stay
    with whoever has them sent on: they are answered without a screen, and escalate when they are not.
    """
    with organization_transaction():
        absent = Presence.objects.filter(lease_until__lte=now).values("staff_id")
        letters = Letter.objects.filter(message__conversation_id=OuterRef("conversation_id"))
        held = Assignment.objects.filter(
            ended_at__isnull=True, staff_id__in=absent, conversation__state=State.OPEN
        ).exclude(Exists(letters), ~Q(staff__mail_copies=MailCopies.NEVER))
        ids = list(
            held.order_by("conversation_id").values_list("conversation_id", flat=True)[:BATCH]
        )
    returned = 0
    for conversation_id in ids:
        with organization_transaction():
            conversation = timeline.lock(conversation_id)
            if conversation.state != State.OPEN or conversation.owner_id is None:
                continue
            owner = Presence.objects.filter(staff_id=conversation.owner_id, lease_until__lte=now)
            if owner.exists():
                assignment.release(conversation, Assignment.Ending.VANISHED)
                returned += 1
    return returned


def _tell(staff_id: int) -> None:
    events.publish(events.StaffChanged(current_organization_id(), staff_id))


sweeps.register("absent", Sweep(run=return_absent, queue="absent", every_seconds=2))
