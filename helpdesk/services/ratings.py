"""What customers thought of an episode: one rating each."""

from collections.abc import Iterable

from django.utils import timezone

from helpdesk import events
from helpdesk.errors import Invalid, WrongState
from helpdesk.models import Assignment, AuditEntry, Conversation, Entry, Rating, State
from helpdesk.services import audit, timeline
from helpdesk.tenancy import organization_transaction

REASONS = frozenset({"fast", "clear", "friendly", "solved", "slow", "unclear", "unsolved"})


def rate(
    conversation_id: int, *, score: int, reasons: Iterable[str] = (), comment: str = ""
) -> Rating:
    """Store the customer's rating of the newest episode; the caller has proved who the customer is.

    Raises Invalid, WrongState when the episode has not ended or was rated already, NotFound.
    """
    chosen = sorted(set(reasons))
    if isinstance(score, bool) or score not in {1, 2, 3, 4, 5} or not REASONS.issuperset(chosen):
        raise Invalid(field="score")
    with organization_transaction():
        conversation = timeline.lock(conversation_id)
        if conversation.state not in {State.RESOLVED, State.CLOSED}:
            raise WrongState
        rating = _store(conversation, score, chosen, comment[:1000])
        timeline.add_entry(conversation, Entry.Kind.RATED, at=rating.at, score=score)
        conversation.save()
        audit.record(
            "conversation.rated", conversation, actor=AuditEntry.Actor.CUSTOMER, score=score
        )
        events.publish(
            events.RatingGiven(
                conversation.organization_id, conversation.pk, conversation.last_number
            )
        )
    return rating


def _store(conversation: Conversation, score: int, reasons: list[str], comment: str) -> Rating:
    # Asked first: a statement that fails stands in the database's log. The conversation is locked.
    if Rating.objects.filter(conversation=conversation, episode=conversation.episode).exists():
        raise WrongState
    return Rating.objects.create(
        conversation=conversation,
        episode=conversation.episode,
        staff_id=_last_owner(conversation),
        score=score,
        reasons=reasons,
        comment=comment,
        at=timezone.now(),
    )


def _last_owner(conversation: Conversation) -> int | None:
    held = Assignment.objects.filter(conversation=conversation, episode=conversation.episode)
    return held.order_by("-id").values_list("staff_id", flat=True).first()
