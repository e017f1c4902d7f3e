"""Judges what customers write: language, topic and urgency of each message and of its conversation.

Runs again on every new message. A topic that a colleague has chosen is left alone.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from helpdesk import events
from helpdesk.models import (
    Assignment,
    Conversation,
    Customer,
    Direction,
    Message,
    Queue,
    State,
    Transfer,
)
from helpdesk.models.batches import update_each
from helpdesk.services import timeline
from helpdesk.services.receiving import queue_of
from helpdesk.tenancy import organization_transaction
from helpdesk.text import language_of, tokens
from routing.classify import UNKNOWN, Verdict
from routing.facts import Facts
from routing.models import OverflowFiring
from routing.urgency import DEFAULT_BASE, Urgency, follow, judge_urgency

BATCH = 64
# What waits is judged again, because waiting makes it more urgent.
AGE_AFTER = timedelta(minutes=5)
AGE_BATCH = 500
# A few words are not enough to say that the conversation has changed its language.
_SWITCH_TOKENS = 4
_RECENT = 3
# What a judgement changes of a conversation.
_JUDGED = (
    "language",
    "topic",
    "topic_confidence",
    "urgency",
    "department",
    "queue",
    "route_at",
)


def due(now: datetime, limit: int = BATCH) -> list[int]:
    """Return the ids of conversations to look at, longest due first."""
    rows = Conversation.objects.filter(route_at__lte=now).order_by("route_at", "id")
    return list(rows.values_list("id", flat=True)[:limit])


def judge(conversation_ids: Sequence[int], known: Facts, now: datetime) -> int:
    """Judge what is new in conversations and mark them as looked at; returns how many that were.

    Does nothing the second time; one that somebody else is at stays due.
    """
    with organization_transaction():
        due = Conversation.objects.filter(pk__in=conversation_ids, route_at__lte=now)
        rows = due.order_by("pk").select_for_update(no_key=True, skip_locked=True)
        conversations = list(rows)
        _judge_open([one for one in conversations if one.is_open], known, now)
        for conversation in conversations:
            conversation.route_at = None
        update_each(conversations, *_JUDGED)
    return len(conversations)


def pass_over(conversation_id: int) -> None:
    """Mark a conversation that cannot be judged as looked at: it is routed as it is."""
    with organization_transaction():
        Conversation.objects.filter(pk=conversation_id).update(route_at=None)


def _judge_open(conversations: Sequence[Conversation], known: Facts, now: datetime) -> None:
    before = {one.pk: _shown(one) for one in conversations}
    fresh = _fresh_messages(conversations)
    newest = _newest_texts(conversations, fresh)
    tiers = _tiers(conversations)
    for conversation in conversations:
        _judge_messages(conversation, fresh[conversation.pk], known)
        text = newest.get(conversation.pk)
        if text is not None:
            tier = tiers[conversation.customer_id]
            is_new = before[conversation.pk][0] is None
            judged = _urgency_of(conversation, text, known, now, tier=tier)
            _follow_urgency(conversation, judged, fresh[conversation.pk], known, is_new=is_new)
    update_each([one for found in fresh.values() for one in found], "language", "topic", "urgency")
    _move_to_departments(conversations, known)
    for conversation in conversations:
        if _shown(conversation) != before[conversation.pk]:
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


def _fresh_messages(conversations: Sequence[Conversation]) -> dict[int, list[Message]]:
    """Return the customers' messages that were not judged yet, oldest first, by conversation."""
    rows = Message.objects.filter(
        conversation__in=conversations, direction=Direction.IN, urgency__isnull=True
    )
    found: dict[int, list[Message]] = defaultdict(list)
    for message in rows.order_by("pk").select_related("entry"):
        found[message.conversation_id].append(message)
    return found


def _newest_texts(
    conversations: Sequence[Conversation], fresh: Mapping[int, Sequence[Message]]
) -> dict[int, str]:
    """Return what the customers have written last, by conversation."""
    found = {pk: messages[-1].text for pk, messages in fresh.items()}
    rest = [one.pk for one in conversations if one.pk not in found]
    if rest:
        rows = Message.objects.filter(conversation__in=rest, direction=Direction.IN)
        newest = rows.order_by("conversation", "-pk").distinct("conversation")
        found.update(newest.values_list("conversation", "text"))
    return found


def _tiers(conversations: Sequence[Conversation]) -> dict[int, str]:
    """Return how important each customer is."""
    ids = {one.customer_id for one in conversations}
    return dict(Customer.objects.filter(pk__in=ids).values_list("pk", "tier"))


def _judge_messages(conversation: Conversation, fresh: Sequence[Message], known: Facts) -> None:
    """Judge each new message by itself, then the conversation by the newest of them."""
    for message in fresh:
        message.language = language_of(message.text)
        verdict = known.index.judge(message.text)
        base = known.index.sources[verdict.topic_id].base_urgency if verdict.topic_id else None
        message.topic_id = verdict.topic_id
        message.urgency = judge_urgency(message.text, base=base or DEFAULT_BASE).score
        _follow_language(conversation, message)
        _follow_topic(conversation, verdict)
    # The first message has been judged already when it came without a subject.
    is_more = conversation.last_number > 1 or bool(conversation.subject)
    if fresh and is_more and conversation.topic_id is None:
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


def _urgency_of(
    conversation: Conversation, newest: str, known: Facts, now: datetime, *, tier: str
) -> Urgency:
    since = conversation.waiting_since or now
    waited = max(now - since, timedelta(0))
    return judge_urgency(newest, base=_base(conversation, known), tier=tier, waited=waited)


def _base(conversation: Conversation, known: Facts) -> int:
    rule = known.rules.get(conversation.topic_id) if conversation.topic_id else None
    return rule.base_urgency if rule else DEFAULT_BASE


def _follow_urgency(
    conversation: Conversation,
    judged: Urgency,
    fresh: Sequence[Message],
    known: Facts,
    *,
    is_new: bool,
) -> None:
    """Let the urgency follow what was written; before our answer it only rises."""
    highest = max([judged.score, *(message.urgency or 0 for message in fresh)])
    if is_new:
        conversation.urgency = highest
    elif _was_answered(conversation, fresh):
        fallen = follow(conversation.urgency, judged, base=_base(conversation, known))
        conversation.urgency = max(fallen, highest if len(fresh) > 1 else 0)
    else:
        conversation.urgency = max(conversation.urgency, highest)


def _was_answered(conversation: Conversation, fresh: Sequence[Message]) -> bool:
    """Tell whether the customer waits only since the first of these messages."""
    since = conversation.waiting_since
    return bool(fresh) and since is not None and fresh[0].entry.at <= since


def _move_to_departments(conversations: Sequence[Conversation], known: Facts) -> None:
    """Queue new conversations where their topics are answered; what people have moved stays."""
    elsewhere = {one: wanted for one in conversations if (wanted := _elsewhere(one, known))}
    if not elsewhere:
        return
    ids = [conversation.pk for conversation in elsewhere]
    moved: set[int] = set()
    by_rules = OverflowFiring.objects.filter(to_department__isnull=False)
    for moves in (Assignment.objects.all(), Transfer.objects.all(), by_rules):
        rows = moves.filter(conversation__in=ids)
        moved.update(rows.values_list("conversation", flat=True))
    queues: dict[int, Queue] = {}
    for conversation, department_id in elsewhere.items():
        if conversation.pk in moved:
            continue
        if department_id not in queues:
            queues[department_id] = queue_of(department_id)
        conversation.department_id = department_id
        conversation.queue = queues[department_id]
        events.publish(
            events.ConversationQueued(
                conversation.organization_id, conversation.pk, conversation.last_number
            )
        )


def _elsewhere(conversation: Conversation, known: Facts) -> int | None:
    """Return the department that answers the topic, unless the conversation is there or was put elsewhere."""
    rule = known.rules.get(conversation.topic_id) if conversation.topic_id else None
    if rule is None or conversation.state != State.QUEUED or conversation.topic_is_fixed:
        return None
    if rule.department_id == conversation.department_id or conversation.wanted_skill_id:
        return None
    return rule.department_id


def age_waiting(now: datetime | None = None) -> int:
    """Have the router judge again what has waited for some minutes; returns how many."""
    now = now or timezone.now()
    with organization_transaction():
        old = Conversation.objects.filter(
            queue__isnull=False, route_at__isnull=True, queued_at__lte=now - AGE_AFTER
        ).order_by("queued_at", "id")
        ids = list(old.values_list("id", flat=True)[:AGE_BATCH])
        return Conversation.objects.filter(pk__in=ids, route_at__isnull=True).update(route_at=now)
