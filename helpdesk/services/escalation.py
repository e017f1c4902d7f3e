"""Climbing along escalation paths: start, climb by timer, claim, finish."""

from datetime import datetime

from django.utils import timezone

from helpdesk import events, permissions
from helpdesk.access import Access
from helpdesk.access import conversation as visible_conversation
from helpdesk.access import escalation as visible_escalation
from helpdesk.errors import Invalid, Refused, WrongState
from helpdesk.models import (
    Assignment,
    AuditEntry,
    Conversation,
    Department,
    Entry,
    Escalation,
    EscalationLevel,
    EscalationPath,
    EscalationStep,
    RoleGrant,
    Staff,
    Topic,
)
from helpdesk.registries import Sweep, sweeps
from helpdesk.services import audit, holding, timeline
from helpdesk.tenancy import organization_transaction
from helpdesk.trees import subtrees

# Each level makes the case more urgent.
URGENCY_PER_LEVEL = 15
BATCH = 100


def paths_for(conversation: Conversation) -> list[EscalationPath]:
    """Return the active paths that fit, the most particular first."""
    topics = subtrees(Topic.objects.values_list("id", "parent_id"))
    departments = subtrees(Department.objects.values_list("id", "parent_id"))
    fitting = [
        path
        for path in EscalationPath.objects.filter(is_active=True, levels__isnull=False).distinct()
        if (path.topic_id is None or conversation.topic_id in topics.get(path.topic_id, ()))
        and (
            path.department_id is None
            or conversation.department_id in departments.get(path.department_id, ())
        )
    ]
    return sorted(
        fitting, key=lambda path: (path.topic_id is None, path.department_id is None, path.pk)
    )


def escalate(
    by: Access, conversation_id: int, *, path_id: int | None = None, reason: str = ""
) -> Escalation:
    """Start a climb at the first level of a path; the path that fits best when none is named.

    While one is running, it climbs to its next level instead.
    Raises NotFound, Refused, Invalid when no path fits, WrongState.
    """
    with organization_transaction():
        conversation = visible_conversation(
            by, conversation_id, permissions.CONVERSATION_ESCALATE, lock=True
        )
        if not conversation.is_open:
            raise WrongState
        now = timezone.now()
        running = _running(conversation)
        if running:
            if not climb(running, conversation, now, by=by):
                raise WrongState
            return running
        return _start(by, conversation, _path(by, conversation, path_id), reason, now)


def _path(by: Access, conversation: Conversation, path_id: int | None) -> EscalationPath:
    fitting = paths_for(conversation)
    for path in fitting:
        if path_id in {None, path.pk}:
            return path
    if path_id and path_id in by.paths.get(permissions.PATH_USE, ()):
        named = EscalationPath.objects.filter(pk=path_id, is_active=True).first()
        if named is not None:
            return named
    raise Invalid(field="path")


def _start(
    by: Access, conversation: Conversation, path: EscalationPath, reason: str, now: datetime
) -> Escalation:
    level = path.levels.order_by("order").first()
    if level is None:
        raise Invalid(field="path")
    climbing = Escalation.objects.create(
        conversation=conversation,
        path=path,
        level=level,
        reason=reason[:300],
        by_id=by.staff_id,
        started_at=now,
        level_at=now,
        due_at=now + level.timer,
    )
    _enter(climbing, conversation, level, now, by)
    return climbing


def climb(
    climbing: Escalation, conversation: Conversation, now: datetime, *, by: Access | None = None
) -> bool:
    """Move to the next level, or record the breach at the top; tells whether it moved.

    The conversation's row must be locked and is saved.
    """
    EscalationStep.objects.filter(
        escalation=climbing, level_id=climbing.level_id, breached_at__isnull=True
    ).update(breached_at=None if by else now)
    following = _next_level(climbing)
    if following is None:
        if by is None:
            climbing.due_at, climbing.breached_at = None, now
            climbing.save()
            audit.record("escalation.breached", conversation, level=climbing.level_id)
            _tell(conversation)
        return False
    climbing.level = following
    climbing.path_id = following.path_id
    climbing.level_at = now
    climbing.due_at = now + following.timer
    climbing.state = Escalation.State.WAITING
    climbing.claimed_by = None
    climbing.save()
    _enter(climbing, conversation, following, now, by)
    return True


def climb_due(now: datetime) -> int:
    """Let the escalations whose timer has run out climb on; returns how many."""
    with organization_transaction():
        due = Escalation.objects.filter(due_at__lte=now).order_by("conversation_id")
        ids = list(due.values_list("id", "conversation_id")[:BATCH])
    done = 0
    for escalation_id, conversation_id in ids:
        with organization_transaction():
            conversation = timeline.lock(conversation_id)
            climbing = Escalation.objects.select_for_update().get(pk=escalation_id)
            if climbing.due_at is None or climbing.due_at > now:
                continue
            climb(climbing, conversation, now)
            done += 1
    return done


def claim(by: Access, escalation_id: int) -> Escalation:
    """Claim an escalation: its clock stops and the conversation is the claimer's.

    Above capacity, if it must be: the claim is recorded as the override.
    Raises NotFound, Refused when not of the level's audience, WrongState when it is claimed already.
    """
    with organization_transaction():
        climbing = visible_escalation(by, escalation_id, lock=True)
        conversation = timeline.lock(climbing.conversation_id)
        if climbing.state != Escalation.State.WAITING:
            raise WrongState
        if not may_claim(by, climbing):
            raise Refused
        now = timezone.now()
        climbing.state = Escalation.State.CLAIMED
        climbing.claimed_by_id = by.staff_id
        climbing.due_at = None
        climbing.save()
        timeline.add_entry(
            conversation,
            Entry.Kind.ESCALATION_CLAIMED,
            at=now,
            actor_id=by.staff_id,
            level=climbing.level_id,
        )
        if conversation.owner_id != by.staff_id:
            holding.lock_handover(conversation, by.staff_id)
            timeline.end_assignment(conversation, Assignment.Ending.TRANSFERRED, now)
            conversation.department_id = climbing.level.department_id
            holding.give(
                conversation, by.staff_id, Assignment.Mode.CLAIM, by=by, override_reason="claim"
            )
        conversation.save()
        audit.record("escalation.claimed", conversation, by, level=climbing.level_id)
        _tell(conversation)
    return climbing


def may_claim(by: Access, climbing: Escalation) -> bool:
    """Tell whether the person belongs to the audience of the escalation's level."""
    level = climbing.level
    if climbing.path_id in by.paths.get(permissions.PATH_CLAIM, ()):
        return level.department_id in by.allowed(permissions.CONVERSATION_REPLY)
    if level.department_id not in by.allowed(permissions.CONVERSATION_REPLY):
        return False
    return level.role_id is None or _holds(by.staff_id, level.role_id)


def audience(level: EscalationLevel) -> list[int]:
    """Return the ids of the active staff whom a level asks."""
    people = Staff.objects.filter(is_active=True, department_id=level.department_id)
    if level.role_id:
        people = people.filter(role_grants__role_id=level.role_id)
    return list(people.order_by("id").values_list("id", flat=True).distinct()[:200])


def cancel(by: Access, escalation_id: int) -> None:
    """End an escalation without a result, by who runs the board; raises NotFound, Refused."""
    with organization_transaction():
        climbing = visible_escalation(by, escalation_id, lock=True)
        conversation = timeline.lock(climbing.conversation_id)
        if conversation.department_id not in by.allowed(permissions.BOARD_VIEW):
            raise Refused
        _end(climbing, conversation, Escalation.State.CANCELLED, timezone.now(), by)
        conversation.save()


def finish(
    conversation: Conversation,
    now: datetime,
    *,
    by: Access | None = None,
    actor: AuditEntry.Actor | None = None,
) -> None:
    """End a running escalation because its conversation is resolved; the caller locks and saves."""
    running = _running(conversation)
    if running:
        _end(running, conversation, Escalation.State.RESOLVED, now, by, actor)


def check_cycles(path: EscalationPath) -> None:
    """Raise Invalid when following `next_path` from this path comes back to it."""
    seen, following = {path.pk}, path.next_path
    while following is not None:
        if following.pk in seen:
            raise Invalid(field="next_path")
        seen.add(following.pk)
        following = following.next_path


def _end(
    climbing: Escalation,
    conversation: Conversation,
    state: Escalation.State,
    now: datetime,
    by: Access | None,
    actor: AuditEntry.Actor | None = None,
) -> None:
    climbing.state, climbing.ended_at, climbing.due_at = state, now, None
    climbing.save()
    conversation.escalated_to = None
    timeline.add_entry(
        conversation,
        Entry.Kind.ESCALATION_ENDED,
        at=now,
        actor_id=by.staff_id if by else None,
        state=state,
    )
    audit.record("escalation.ended", conversation, by, actor=actor, state=state)
    _tell(conversation)


def _enter(
    climbing: Escalation,
    conversation: Conversation,
    level: EscalationLevel,
    now: datetime,
    by: Access | None,
) -> None:
    EscalationStep.objects.get_or_create(
        escalation=climbing,
        level=level,
        defaults={"entered_at": now, "due_at": climbing.due_at or now},
    )
    conversation.escalated_to_id = level.department_id
    conversation.urgency = min(100, conversation.urgency + URGENCY_PER_LEVEL)
    timeline.add_entry(
        conversation,
        Entry.Kind.ESCALATED,
        at=now,
        actor_id=by.staff_id if by else None,
        level=level.pk,
        order=level.order,
        reason=climbing.reason,
    )
    conversation.save()
    audit.record("conversation.escalated", conversation, by, path=level.path_id, level=level.pk)
    _tell(conversation)


def _next_level(climbing: Escalation) -> EscalationLevel | None:
    above = (
        EscalationLevel.objects.filter(path_id=climbing.path_id, order__gt=climbing.level.order)
        .order_by("order")
        .first()
    )
    if above is None and climbing.path.next_path_id:
        above = (
            EscalationLevel.objects.filter(path_id=climbing.path.next_path_id)
            .order_by("order")
            .first()
        )
    return above


def _running(conversation: Conversation) -> Escalation | None:
    rows = Escalation.objects.select_for_update(of=("self",)).select_related("level", "path")
    return rows.filter(conversation=conversation, ended_at__isnull=True).first()


def _holds(staff_id: int, role_id: int) -> bool:
    return RoleGrant.objects.filter(staff_id=staff_id, role_id=role_id).exists()


def _tell(conversation: Conversation) -> None:
    events.publish(
        events.EscalationChanged(
            conversation.organization_id, conversation.pk, conversation.last_number
        )
    )


sweeps.register("escalations", Sweep(run=climb_due, queue="escalation"))
