"""A colleague behind whoever is learning: the case stands among what they were called into.

It costs them no capacity, and it ends when the conversation does or somebody else holds it. Until then their
access is renewed, each time for so long as anybody may be given one.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import Greatest
from django.utils import timezone

from helpdesk import events
from helpdesk.access import access_of
from helpdesk.models import Assignment, Conversation, Entry, Mention, PresenceStatus, Staff
from helpdesk.registries import Sweep, sweeps
from helpdesk.services import audit, timeline
from helpdesk.services.mentions import LONGEST_ACCESS
from helpdesk.services.practices import Practice
from helpdesk.tenancy import organization_transaction

# Renewed with so much left, as the queue of the sweep says it: a desk may be closed for days.
RENEWED_WITH = LONGEST_ACCESS / 2
BATCH = 100


def choose(practice: Practice, conversation: Conversation) -> int | None:
    """Return the first of the colleagues who is there and may answer the conversation, if any."""
    rows = Staff.objects.filter(
        pk__in=practice.staff_ids,
        is_active=True,
        presence__status=PresenceStatus.ONLINE,
        presence__lease_until__gt=timezone.now(),
    ).only("id", "organization_id", "user_id", "permission_epoch", "is_active")
    there = {staff.pk: staff for staff in rows}
    able = (
        staff_id
        for staff_id in practice.staff_ids
        if staff_id in there
        and access_of(there[staff_id]).can_answer(conversation.department_id, conversation.topic_id)
    )
    return next(able, None)


def entry(
    conversation: Conversation, practice: Practice, *, staff_id: int, learner_id: int, at: datetime
) -> Entry:
    """Return the entry that tells who stands behind whom, to be appended in this transaction."""
    return timeline.next_entry(
        conversation,
        Entry.Kind.MENTIONED,
        at=at,
        staff=staff_id,
        learner=learner_id,
        skill=practice.skill_id,
    )


def relieve(before: Mention, conversation: Conversation, practice: Practice, now: datetime) -> bool:
    """Let another of these colleagues stand behind the owner, if one is there; the caller saves the conversation.

    The access of the one before runs out, unless somebody called them in.
    """
    others = tuple(each for each in practice.staff_ids if each != before.staff_id)
    staff_id = choose(Practice(practice.skill_id, others), conversation)
    if staff_id is None or before.behind_id is None:
        return False
    given = entry(conversation, practice, staff_id=staff_id, learner_id=before.behind_id, at=now)
    timeline.append([given])
    give_access([given])
    if before.by_id is None:
        Mention.objects.filter(pk=before.pk).update(access_until=now)
    else:
        Mention.objects.filter(pk=before.pk).update(behind=None)
    return True


def again(conversation: Conversation, learner_id: int, *, since: datetime) -> None:
    """Let whoever stood behind somebody at that time do so again, now that they have it back; it is saved.

    Even while away: somebody else follows as ever. Nobody does whose access was over before, or who may no longer
    answer the conversation.
    """
    told = Entry.objects.filter(
        conversation=conversation, kind=Entry.Kind.MENTIONED, data__learner=learner_id
    )
    last = told.order_by("-number").first()
    if last is None:
        return
    staff_id = last.data["staff"]
    given = Mention.objects.filter(conversation=conversation, staff_id=staff_id)
    stood = given.filter(behind_id=learner_id).select_related("staff").order_by("-id").first()
    if stood is None or min(stood.ended_at or stood.access_until, stood.access_until) < since:
        return
    if not access_of(stood.staff).can_answer(conversation.department_id, conversation.topic_id):
        return
    if not given.filter(ended_at__isnull=True).exists():
        # The same access goes on, so that it still counts as one.
        Mention.objects.filter(pk=stood.pk).update(ended_at=None)
    practice, now = Practice(last.data["skill"], (staff_id,)), timezone.now()
    anew = entry(conversation, practice, staff_id=staff_id, learner_id=learner_id, at=now)
    timeline.append([anew])
    give_access([anew])
    conversation.save(update_fields=["last_number"])


def give_access(entries: Sequence[Entry]) -> None:
    """Let those stand behind somebody of whom these entries tell, which are stored."""
    for one in entries:
        staff_id, learner_id = one.data["staff"], one.data["learner"]
        until = one.at + LONGEST_ACCESS
        running = Mention.objects.filter(
            conversation_id=one.conversation_id, staff_id=staff_id, ended_at__isnull=True
        )
        if not running.update(
            behind_id=learner_id,
            at=one.at,
            access_until=Greatest(F("access_until"), until),
            seen_at=None,
        ):
            Mention.objects.create(
                conversation_id=one.conversation_id,
                entry=one,
                staff_id=staff_id,
                behind_id=learner_id,
                at=one.at,
                access_until=until,
            )
        audit.record("conversation.backed", one.conversation, staff=staff_id, learner=learner_id)
        events.publish(
            events.StaffMentioned(
                one.organization_id,
                one.conversation_id,
                one.number,
                staff_id=staff_id,
                is_behind=True,
            )
        )


def turn() -> Exists:
    """Return whether the one behind whom the outer access stands holds the case as they did when it was given."""
    held = Assignment.objects.filter(
        conversation_id=OuterRef("conversation_id"),
        staff_id=OuterRef("behind_id"),
        ended_at__isnull=True,
        starts_at__lte=OuterRef("at"),
    )
    return Exists(held)


def renew_due(now: datetime) -> int:
    """Renew the accesses of those who still stand behind somebody; returns how many.

    What ran out or was let go stays over, and so does in the end the access of who may no longer answer.
    """
    with organization_transaction():
        due = list(
            _ending(now).order_by("access_until").values_list("conversation_id", flat=True)[:BATCH]
        )
    return sum(_renew(conversation_id, now) for conversation_id in dict.fromkeys(due))


def _ending(now: datetime) -> QuerySet[Mention]:
    return Mention.objects.filter(
        turn(),
        ended_at__isnull=True,
        access_until__gt=now,
        access_until__lt=now + RENEWED_WITH,
    )


def _renew(conversation_id: int, now: datetime) -> int:
    with organization_transaction():
        conversation = timeline.lock(conversation_id)
        ending = _ending(now).filter(conversation=conversation).select_related("staff", "entry")
        renewed = 0
        for mention in ending.order_by("id"):
            if not access_of(mention.staff).can_answer(
                conversation.department_id, conversation.topic_id
            ):
                continue
            # A call has its end: from then on they are here for the learner alone, and go with them.
            is_called = mention.entry.at + LONGEST_ACCESS > now
            Mention.objects.filter(pk=mention.pk).update(
                access_until=now + LONGEST_ACCESS, by_id=mention.by_id if is_called else None
            )
            audit.record(
                "conversation.backed",
                conversation,
                staff=mention.staff_id,
                learner=mention.behind_id,
            )
            renewed += 1
    return renewed


sweeps.register("backing", Sweep(run=renew_due, queue="backing", every_seconds=60))
