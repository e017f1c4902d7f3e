"""Judges what customers write: language, topic and urgency of each message and of its conversation.

Runs again on every new message. A topic that a colleague has chosen is left alone.
"""

from datetime import datetime, timedelta

from django.utils import timezone

from helpdesk import events
from helpdesk.models import Conversation, Customer, Direction, Message, State
from helpdesk.services import timeline
from helpdesk.services.receiving import queue_of
from helpdesk.tenancy import organization_transaction
from helpdesk.text import language_of, tokens
from routing.classify import UNKNOWN, Verdict
from routing.facts import Facts
from routing.urgency import DEFAULT_BASE, follow, judge_urgency

BATCH = 64
# What waits is judged again, because waiting makes it more urgent.
AGE_AFTER = timedelta(minutes=5)
AGE_BATCH = 500
# A few words are not enough to say that the conversation has changed its language.
_SWITCH_TOKENS = 4
_RECENT = 3


def due(now: datetime, limit: int = BATCH) -> list[int]:
    """Return the ids of conversations to look at, longest due first."""
    rows = Conversation.objects.filter(route_at__lte=now).order_by("route_at", "id")
    return list(rows.values_list("id", flat=True)[:limit])


def judge(conversation_id: int, known: Facts, now: datetime) -> None:
    """Judge what is new in one conversation and mark it as looked at; does nothing the second time."""
    with organization_transaction():
        conversation = timeline.lock(conversation_id)
        if conversation.route_at is None or conversation.route_at > now:
            return
        before = _shown(conversation)
        if conversation.is_open:
            _judge_messages(conversation, known)
            _judge_urgency(conversation, known, now, is_new=before[0] is None)
            _move_to_department(conversation, known)
        conversation.route_at = None
        conversation.save()
        if _shown(conversation) != before:
            timeline.changed(conversation)


def _shown(conversation: Conversation) -> tuple[object, ...]:
    """Return what screens show of a judgement; the first is None until one was made."""
    is_judged = conversation.topic_id or conversation.language or None
    return (
        is_judged,
        conversation.topic_id,
        conversation.language,
        conversation.urgency,
        conversation.queue_id,
    )


def _judge_messages(conversation: Conversation, known: Facts) -> None:
    """Judge each new message by itself, then the conversation by the newest of them."""
    fresh = list(
        Message.objects.filter(
            conversation=conversation, direction=Direction.IN, urgency__isnull=True
        ).order_by("pk")
    )
    for message in fresh:
        message.language = language_of(message.text)
        verdict = known.index.judge(message.text)
        base = known.index.sources[verdict.topic_id].base_urgency if verdict.topic_id else None
        message.topic_id = verdict.topic_id
        message.urgency = judge_urgency(message.text, base=base or DEFAULT_BASE).score
        message.save(update_fields=["language", "topic", "urgency"])
        _follow_language(conversation, message)
        _follow_topic(conversation, verdict)
    if fresh and conversation.topic_id is None:
        _follow_topic(conversation, _judge_together(conversation, known))


def _judge_together(conversation: Conversation, known: Facts) -> Verdict:
    """Judge what the customer has lately written as one text: questions often come in pieces."""
    recent = Message.objects.filter(conversation=conversation, direction=Direction.IN)
    texts = list(recent.order_by("-pk").values_list("text", flat=True)[:_RECENT])
    whole = "\n".join([conversation.subject, *reversed(texts)]).strip()
    return known.index.judge(whole) if len(texts) > 1 or conversation.subject else UNKNOWN


def _follow_language(conversation: Conversation, message: Message) -> None:
    if not message.language or message.language == conversation.language:
        return
    is_enough = not conversation.language or len(tokens(message.text, 400)) >= _SWITCH_TOKENS
    if is_enough:
        conversation.language = message.language


def _follow_topic(conversation: Conversation, verdict: Verdict) -> None:
    """Take the newest topic that could be told; unknown never replaces a known one."""
    if conversation.topic_is_fixed or verdict.topic_id is None:
        return
    if verdict.topic_id == conversation.topic_id:
        conversation.topic_confidence = max(
            verdict.confidence, conversation.topic_confidence or 0.0
        )
    elif conversation.topic_id is None or verdict.confidence >= 0.5:
        conversation.topic_id = verdict.topic_id
        conversation.topic_confidence = verdict.confidence


def _judge_urgency(
    conversation: Conversation, known: Facts, now: datetime, *, is_new: bool
) -> None:
    newest = (
        Message.objects.filter(conversation=conversation, direction=Direction.IN)
        .order_by("-pk")
        .values_list("text", flat=True)
        .first()
    )
    if newest is None:
        return
    rule = known.rules.get(conversation.topic_id) if conversation.topic_id else None
    base = rule.base_urgency if rule else DEFAULT_BASE
    since = conversation.waiting_since or now
    judged = judge_urgency(
        newest,
        base=base,
        tier=Customer.objects.values_list("tier", flat=True).get(pk=conversation.customer_id),
        waited=max(now - since, timedelta(0)),
    )
    previous = base if is_new else conversation.urgency
    conversation.urgency = judged.score if is_new else follow(previous, judged, base=base)


def _move_to_department(conversation: Conversation, known: Facts) -> None:
    """Queue a new conversation where its topic is answered; what people have moved stays."""
    rule = known.rules.get(conversation.topic_id) if conversation.topic_id else None
    if rule is None or conversation.state != State.QUEUED or conversation.topic_is_fixed:
        return
    if rule.department_id == conversation.department_id or conversation.wanted_skill_id:
        return
    if conversation.assignments.exists() or conversation.transfers.exists():
        return
    conversation.department_id = rule.department_id
    conversation.queue = queue_of(rule.department_id)
    events.publish(
        events.ConversationQueued(
            conversation.organization_id, conversation.pk, conversation.last_number
        )
    )


def age_waiting(now: datetime | None = None) -> int:
    """Have the router judge again what has waited for some minutes; returns how many."""
    now = now or timezone.now()
    with organization_transaction():
        old = Conversation.objects.filter(
            queue__isnull=False, route_at__isnull=True, queued_at__lte=now - AGE_AFTER
        ).order_by("queued_at", "id")
        ids = list(old.values_list("id", flat=True)[:AGE_BATCH])
        return Conversation.objects.filter(pk__in=ids, route_at__isnull=True).update(route_at=now)
