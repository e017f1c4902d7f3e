"""Not mine: its owner gives a conversation back with a reason, it goes to another, and models learn from it."""

from django.utils import timezone
from django.utils.translation import gettext_lazy

from helpdesk import permissions
from helpdesk.access import Access
from helpdesk.access import conversation as visible_conversation
from helpdesk.errors import Invalid, WrongState
from helpdesk.models import Assignment, Conversation
from helpdesk.services import audit, lifecycle, timeline
from helpdesk.services.assignment import release
from helpdesk.tenancy import organization_transaction
from routing.models import Decision, Objection

AUDITED = {"conversation.objected": gettext_lazy("Conversation said not to be theirs")}


def object_to(
    by: Access, conversation_id: int, reason: str, *, topic_id: int | None = None
) -> Conversation:
    """Put a conversation back with a reason: the engine never gives it to this person again.

    When it is about something else, `topic_id` says about what, if that is known; without it the topic is
    unknown again. Raises NotFound, Refused, Invalid, and WrongState for anybody but the owner.
    """
    if reason not in Objection.Reason.values:
        raise Invalid(field="reason")
    with organization_transaction():
        conversation = visible_conversation(
            by, conversation_id, permissions.CONVERSATION_REPLY, lock=True
        )
        if conversation.owner_id != by.staff_id or not conversation.is_open:
            raise WrongState
        was = conversation.topic_id
        is_topic = reason == Objection.Reason.TOPIC
        if is_topic and topic_id is not None and topic_id == was:
            raise Invalid(field="topic")
        if is_topic:
            conversation = lifecycle.set_topic(by, conversation_id, topic_id)
        Objection.objects.create(
            conversation=conversation,
            staff_id=by.staff_id,
            decision=_decision(conversation, by.staff_id),
            reason=reason,
            topic_id=was,
            right_topic_id=topic_id if is_topic else None,
            at=timezone.now(),
        )
        release(conversation, Assignment.Ending.OBJECTED, by=by)
        if conversation.topic and is_topic:
            lifecycle.move_to_department(conversation, conversation.topic.department_id)
            conversation.save()
        audit.record("conversation.objected", conversation, by, reason=reason, topic=was)
        timeline.changed(conversation)
    return conversation


def _decision(conversation: Conversation, staff_id: int) -> Decision | None:
    """Return the decision that gave it to its owner, if it was the engine."""
    given = Decision.objects.filter(conversation=conversation, staff_id=staff_id)
    return given.order_by("-id").first()
