"""Follows overflow rules: each once in an episode, before queueing or once a conversation has waited."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy

from helpdesk.models import Conversation, Entry, State
from helpdesk.services import audit, timeline
from helpdesk.services.announcing import announce
from helpdesk.services.lifecycle import move_to_department
from helpdesk.tenancy import organization_transaction
from routing.facts import Facts, facts
from routing.models import OverflowFiring, OverflowRule, OverflowWatch
from routing.overflow.wording import words_for
from routing.predicting.outlook import Outlook, outlook

logger = logging.getLogger(__name__)
# A condition that does not hold yet is looked at again after this time.
AGAIN_AFTER = timedelta(seconds=15)
BATCH = 200
# What the audit trail calls it.
AUDITED = {"overflow.followed": gettext_lazy("Overflow rule followed")}
When, Condition, Action = OverflowRule.When, OverflowRule.Condition, OverflowRule.Action


@dataclass(frozen=True, slots=True)
class Why:
    """Whether a condition holds, and the number by which it does."""

    holds: bool
    number: int = 0


def begin(conversation_ids: Sequence[int], known: Facts) -> None:
    """Look at the rules for conversations that have just been judged, and watch them from now on.

    Does nothing the second time in an episode, nor where there are no rules.
    """
    if not conversation_ids or not known.overflow_rules:
        return
    now = timezone.now()
    with organization_transaction():
        watched = OverflowWatch.objects.filter(conversation__in=conversation_ids)
        episodes = dict(watched.values_list("conversation_id", "episode"))
        rows = Conversation.objects.filter(pk__in=conversation_ids, state=State.QUEUED)
        queued = list(rows.order_by("pk"))
        new = [one for one in queued if episodes.get(one.pk) != one.episode]
        ready = _begin_watching(new, known, now)
        _watch_again([one for one in queued if one not in new], known, now)
    for conversation_id in ready:
        _follow(conversation_id, now, is_new=True)


def _begin_watching(new: Sequence[Conversation], known: Facts, now: datetime) -> list[int]:
    """Watch those for whom no rule applies yet, together; returns the others."""
    if not new:
        return []
    found, followed = outlook(new[-1].pk), _followed(new)
    ready = [
        one.pk for one in new if _next_rule(one, When.BEFORE, followed[one.pk], known, found, now)
    ]
    rest = [one for one in new if one.pk not in ready]
    OverflowWatch.objects.filter(conversation__in=rest).delete()
    OverflowWatch.objects.bulk_create(
        (
            OverflowWatch(
                conversation=one,
                episode=one.episode,
                due_at=_due_at(one, followed[one.pk], known, now),
            )
            for one in rest
        ),
        # Another router may have begun to watch it meanwhile.
        ignore_conflicts=True,
    )
    return ready


def _watch_again(queued: Sequence[Conversation], known: Facts, now: datetime) -> None:
    """Watch those again that nothing was left for, since somebody had them or no rule fitted then."""
    idle = OverflowWatch.objects.filter(conversation__in=queued, due_at__isnull=True)
    watches = list(idle.select_related("conversation"))
    followed = _followed([watch.conversation for watch in watches]) if watches else {}
    for watch in watches:
        watch.due_at = _due_at(watch.conversation, followed[watch.conversation_id], known, now)
    OverflowWatch.objects.bulk_update(watches, ["due_at"])


def follow_due(now: datetime) -> int:
    """Look at the rules again for whoever has waited long enough; returns how many were followed.

    Those for whom nothing holds are put off together, so that many who wait cost little.
    """
    with organization_transaction():
        due = OverflowWatch.objects.filter(due_at__lte=now).order_by("due_at", "pk")
        watches = list(due.select_related("conversation")[:BATCH])
        if not watches:
            return 0
        known, found = facts(), outlook()
        conversations = [watch.conversation for watch in watches]
        followed = _followed(conversations)
        ready = [
            one.pk
            for one in conversations
            if one.state == State.QUEUED
            and _next_rule(one, When.AFTER, followed[one.pk], known, found, now)
        ]
        rest = [watch for watch in watches if watch.conversation_id not in ready]
        for watch in rest:
            watch.due_at = _due_at(watch.conversation, followed[watch.conversation_id], known, now)
        OverflowWatch.objects.bulk_update(rest, ["due_at"])
    return sum(_follow(conversation_id, now, is_new=False) for conversation_id in ready)


def _follow(conversation_id: int, now: datetime, *, is_new: bool) -> int:
    """Follow the rules that apply to one conversation, in their order; one that fails keeps back no other."""
    try:
        with organization_transaction():
            return _follow_locked(timeline.lock(conversation_id), now, is_new=is_new)
    except Exception:
        logger.exception("overflow failed for conversation %s", conversation_id)
        with organization_transaction():
            watch = OverflowWatch.objects.filter(conversation_id=conversation_id)
            watch.update(due_at=now + 4 * AGAIN_AFTER)
        return 0


def _follow_locked(conversation: Conversation, now: datetime, *, is_new: bool) -> int:
    known, found = facts(), outlook(conversation.pk)
    count = 0
    if conversation.state == State.QUEUED:
        for when in (When.BEFORE, When.AFTER) if is_new else (When.AFTER,):
            followed = _followed([conversation])[conversation.pk]
            while rule := _next_rule(conversation, when, followed, known, found, now):
                _fire(rule, conversation, _holds(rule, conversation, found), found, now)
                followed = _followed([conversation])[conversation.pk]
                count += 1
    due_at = _due_at(conversation, _followed([conversation])[conversation.pk], known, now)
    OverflowWatch.objects.update_or_create(
        conversation=conversation, defaults={"episode": conversation.episode, "due_at": due_at}
    )
    return count


def _followed(conversations: Sequence[Conversation]) -> dict[int, list[OverflowFiring]]:
    """Return what was followed for each in its episode."""
    episodes = {one.pk: one.episode for one in conversations}
    found: dict[int, list[OverflowFiring]] = {pk: [] for pk in episodes}
    for row in OverflowFiring.objects.filter(conversation__in=episodes).order_by("pk"):
        if row.episode == episodes[row.conversation_id]:
            found[row.conversation_id].append(row)
    return found


def _next_rule(
    conversation: Conversation,
    when: OverflowRule.When,
    followed: Sequence[OverflowFiring],
    known: Facts,
    found: Outlook,
    now: datetime,
) -> OverflowRule | None:
    """Return the first rule that applies now and was not followed yet."""
    for rule in _open_rules(conversation, followed, known):
        has_waited = rule.when == When.BEFORE or now >= _ripe_at(rule, conversation, now)
        if rule.when == when and has_waited and _holds(rule, conversation, found).holds:
            return rule
    return None


def _open_rules(
    conversation: Conversation, followed: Sequence[OverflowFiring], known: Facts
) -> list[OverflowRule]:
    """Return the rules for such a conversation that may still be followed in this episode."""
    done = {row.rule_id for row in followed}
    # Nothing moves twice into a department, whatever the rules have become meanwhile.
    been = {conversation.department_id}.union(
        *({row.from_department_id, row.to_department_id} for row in followed)
    )
    return [
        rule
        for rule in known.overflow_rules
        if rule.pk not in done
        and rule.department_id in (None, conversation.department_id)
        and rule.topic_id in (None, conversation.topic_id)
        and rule.channel_id in (None, conversation.channel_id)
        and (rule.action != Action.MOVE or rule.to_department_id not in been)
    ]


def _ripe_at(rule: OverflowRule, conversation: Conversation, now: datetime) -> datetime:
    return (conversation.queued_at or now) + timedelta(seconds=rule.after_seconds or 0)


def _due_at(
    conversation: Conversation, followed: Sequence[OverflowFiring], known: Facts, now: datetime
) -> datetime | None:
    """Return when to look again; None while nothing is left to follow."""
    if conversation.state != State.QUEUED:
        return None
    times = [
        max(_ripe_at(rule, conversation, now), now + AGAIN_AFTER)
        for rule in _open_rules(conversation, followed, known)
        if rule.when == When.AFTER
    ]
    return min(times, default=None)


def _holds(rule: OverflowRule, conversation: Conversation, found: Outlook) -> Why:
    """Tell whether the condition of a rule holds for a conversation now."""
    department_id = conversation.department_id
    if rule.condition == Condition.CLOSED:
        return Why(found.is_closed(department_id))
    if rule.condition == Condition.LENGTH:
        # Itself does not count.
        others = found.lengths[department_id] - (conversation.pk in found.places)
        return Why(others >= (rule.threshold or 0), others)
    placed = found.place(conversation.pk)
    if placed is None:
        return Why(False)
    position, line = placed
    if rule.condition == Condition.NOBODY:
        return Why(not line.there.rows)
    wait = line.wait(position)
    minutes = int(wait[0].total_seconds() // 60) if wait else 0
    # Where nobody is, nobody knows how long; that is another condition.
    return Why(wait is not None and minutes >= (rule.threshold or 0), minutes)


def _fire(
    rule: OverflowRule, conversation: Conversation, why: Why, found: Outlook, now: datetime
) -> None:
    """Do what a rule says, once; the conversation is locked."""
    OverflowFiring.objects.create(
        conversation=conversation,
        rule=rule,
        episode=conversation.episode,
        action=rule.action,
        from_department_id=conversation.department_id,
        to_department_id=rule.to_department_id,
        at=now,
    )
    told: dict[str, Any] = {  # Any: small JSON facts
        "rule": rule.pk,
        "rule_name": rule.name,
        "does": rule.action,
        "condition": rule.condition,
        "number": why.number,
    }
    if rule.to_department_id:
        told["to_department"] = rule.to_department_id
    timeline.add_entry(conversation, Entry.Kind.OVERFLOWED, at=now, **told)
    text = words_for(rule, conversation, found)
    if text:
        announce(conversation, text)
    if rule.to_department_id:
        move_to_department(conversation, rule.to_department_id)
    conversation.save(update_fields=["last_number", "department", "queue"])
    audit.record("overflow.followed", conversation, **told)
    timeline.changed(conversation)
