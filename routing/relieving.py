"""Somebody else stands behind a learner when the colleague who did has gone away; once for each case."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from helpdesk.models import Conversation, Mention, PresenceStatus
from helpdesk.services import backing, timeline
from helpdesk.services.practices import Practice
from helpdesk.tenancy import organization_transaction
from routing import learning, needs
from routing.deciding.team import Team
from routing.facts import facts
from routing.people import people
from routing.queued import Kind

# Whoever is back within this time stays; as the queue of the sweep says it.
AWAY_FOR = timedelta(minutes=1)
BATCH = 50


def relieve_due(now: datetime) -> int:
    """Have others stand behind those whose colleague went away; returns how many do."""
    with organization_transaction():
        gone = list(_gone(now).select_related("conversation")[:BATCH])
        standing = _standing_by([mention.conversation for mention in gone], now) if gone else {}
    return sum(_relieve(mention, standing[mention.conversation_id], now) for mention in gone)


def _gone(now: datetime) -> QuerySet[Mention]:
    """Return the accesses of those who have been away for a while and whom nobody relieved."""
    before = now - AWAY_FOR
    other = Mention.objects.filter(
        conversation_id=OuterRef("conversation_id"), behind_id=OuterRef("behind_id")
    ).exclude(pk=OuterRef("pk"))
    is_away = Q(staff__presence__status=PresenceStatus.AWAY, staff__presence__changed_at__lt=before)
    is_offline = Q(staff__presence__lease_until__isnull=True) | Q(
        staff__presence__lease_until__lt=before
    )
    return Mention.objects.filter(
        is_away | is_offline,
        ~Exists(other),
        behind_id=F("conversation__owner_id"),
        ended_at__isnull=True,
    ).order_by("id")


def _standing_by(
    conversations: Sequence[Conversation], now: datetime
) -> Mapping[int, Practice | None]:
    """Return for each conversation who could stand behind its owner."""
    known = facts()
    team = Team.of(people(known, now))
    return {
        one.pk: learning.standing_by(
            needs.need_of_kind(Kind(one.department_id, one.topic_id, "", None), known),
            team,
            known.rules,
            now,
        )
        for one in conversations
    }


def _relieve(mention: Mention, practice: Practice | None, now: datetime) -> bool:
    """Let somebody else stand behind the learner, where there is anybody and they still hold it."""
    if practice is None:
        return False
    with organization_transaction():
        conversation = timeline.lock(mention.conversation_id)
        if conversation.owner_id != mention.behind_id:
            return False
        is_relieved = backing.relieve(mention, conversation, practice, now)
        conversation.save()
    return is_relieved
