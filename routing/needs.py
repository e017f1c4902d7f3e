"""What waiting conversations ask of whoever answers them."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    Avg,
    Exists,
    Max,
    OuterRef,
    Q,
    QuerySet,
)

from helpdesk.models import Assignment, Conversation, Rating, State
from helpdesk.registries import live_kinds
from helpdesk.services.loads import kinds_of
from routing.candidates import Need, Past
from routing.facts import Facts
from routing.models import Objection, Offer
from routing.queued import Kind

# Whoever let an offer expire is asked again after this time, when nobody else could be found.
ASK_AGAIN_AFTER = timedelta(minutes=2)
DECLINED_FOR = timedelta(days=1)
PUT_BACK_FOR = timedelta(minutes=30)
# What is read of a conversation to know what it asks for.
_READ = (
    *("customer_id", "customer__place", "channel_id", "channel__kind"),
    *("department_id", "topic_id", "wanted_skill_id", "language"),
    *("urgency", "waiting_since", "queued_at", "episode", "escalated_to_id"),
)


def waiting() -> QuerySet[Conversation]:
    """Return the conversations that wait for an owner and are before nobody: most urgent, then oldest."""
    pending = Offer.objects.filter(conversation_id=OuterRef("pk"), state=Offer.State.PENDING)
    return Conversation.objects.filter(
        ~Exists(pending), queue__isnull=False, route_at__isnull=True
    ).order_by("-urgency", "queued_at", "id")


def read(rows: QuerySet[Conversation]) -> QuerySet[Conversation]:
    """Return the same conversations with as much as `needs` looks at, in one query."""
    return rows.select_related("customer", "channel").only(*_READ)


def need_of_kind(kind: Kind, known: Facts) -> Need:
    """Return what a conversation of this kind asks for."""
    return Need(
        conversation_id=0,
        department_id=kind.department_id,
        topic_id=kind.topic_id,
        skills=_skills(kind.topic_id, kind.wanted_skill_id, known),
        language=kind.language,
        certificate=_certificate(kind.topic_id, known),
        is_special=kind.wanted_skill_id is not None,
        **_weighing(kind.channel_kind, known, is_answered=kind.is_answered),
    )


def _weighing(kind: str, known: Facts, *, is_answered: bool) -> dict[str, Any]:
    """Return what a need of a kind of channel weighs. Any: fields of a need."""
    state = State.WAITING if is_answered else State.OPEN
    weight = known.loads.weights(kind).of(state)
    if known.loads.is_plain:
        return {"weight": weight}
    rule = known.loads.kinds.get(kind)
    fills = bool(rule and rule.fills and state == State.OPEN)
    return {"weight": weight, "kind": kind, "fills": fills}


def _certificate(topic_id: int | None, known: Facts) -> int | None:
    rule = known.rules.get(topic_id) if topic_id else None
    return rule.skill_id if rule and rule.needs_exam else None


def _skills(topic_id: int | None, skill_id: int | None, known: Facts) -> dict[int, int]:
    rule = known.rules.get(topic_id) if topic_id else None
    wanted = {rule.skill_id: rule.minimum_level} if rule and rule.skill_id else {}
    if skill_id:
        wanted[skill_id] = max(wanted.get(skill_id, 0), 0)
    return wanted


def needs(conversations: Sequence[Conversation], known: Facts, now: datetime) -> list[Need]:
    """Return the needs in the order given, with what customers and staff have had with each other."""
    if not conversations:
        return []
    pasts = _pasts({conversation.customer_id for conversation in conversations})
    refusals = _refusals(conversations, now)
    channel_kinds = (
        {} if known.loads.is_plain else kinds_of(one.channel_id for one in conversations)
    )
    live = live_kinds()
    return [
        Need(
            conversation_id=conversation.pk,
            department_id=conversation.department_id,
            topic_id=conversation.topic_id,
            skills=_skills(conversation.topic_id, conversation.wanted_skill_id, known),
            certificate=_certificate(conversation.topic_id, known),
            language=conversation.language,
            place=conversation.customer.place,
            **_weighing(
                channel_kinds.get(conversation.channel_id, ""),
                known,
                is_answered=conversation.waiting_since is None,
            ),
            pasts=pasts.get(conversation.customer_id, {}),
            declined_by=frozenset(refusals.get(conversation.pk, ())),
            urgency=conversation.urgency,
            waiting_since=conversation.waiting_since or conversation.queued_at,
            queued_at=conversation.queued_at,
            is_live=conversation.channel.kind in live,
            episode=conversation.episode,
            is_special=bool(conversation.escalated_to_id or conversation.wanted_skill_id),
        )
        for conversation in conversations
    ]


def _pasts(customer_ids: set[int]) -> dict[int, dict[int, Past]]:
    """Return customer -> staff -> past, for staff who have served the customer."""
    stars: dict[tuple[int, int], float] = {
        (customer_id, staff_id): average
        for customer_id, staff_id, average in Rating.objects.filter(
            conversation__customer_id__in=customer_ids, staff__isnull=False
        )
        .order_by()
        .values_list("conversation__customer_id", "staff_id")
        .annotate(Avg("score"))
    }
    served = (
        Assignment.objects.filter(conversation__customer_id__in=customer_ids)
        .exclude(ending__in=[Assignment.Ending.VANISHED, Assignment.Ending.UNDONE])
        .order_by()
        .values_list("conversation__customer_id", "staff_id")
        .annotate(Max("starts_at"))
    )
    found: dict[int, dict[int, Past]] = defaultdict(dict)
    for customer_id, staff_id, last_at in served:
        found[customer_id][staff_id] = Past(last_at, stars.get((customer_id, staff_id)))
    return found


def _refusals(conversations: Sequence[Conversation], now: datetime) -> dict[int, set[int]]:
    """Return conversation -> staff who objected, declined it or put it back lately, or just let it pass."""
    rows = Offer.objects.filter(
        Q(state=Offer.State.DECLINED, answered_at__gt=now - DECLINED_FOR)
        | Q(state=Offer.State.EXPIRED, answered_at__gt=now - ASK_AGAIN_AFTER),
        conversation_id__in=[conversation.pk for conversation in conversations],
    )
    ids = [conversation.pk for conversation in conversations]
    ended = Assignment.objects.filter(
        Q(ending=Assignment.Ending.RETURNED, ended_at__gt=now - PUT_BACK_FOR)
        | Q(ending=Assignment.Ending.UNANSWERED, ended_at__gt=now - ASK_AGAIN_AFTER),
        conversation_id__in=ids,
    )
    found: dict[int, set[int]] = defaultdict(set)
    objections = Objection.objects.filter(conversation_id__in=ids)
    for refused in (rows, ended, objections):
        for conversation_id, staff_id in refused.order_by().values_list(
            "conversation_id", "staff_id"
        ):
            found[conversation_id].add(staff_id)
    return found
