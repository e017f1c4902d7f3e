"""REST: conversations and their messages."""

from typing import Any, ClassVar

from django.db.models import F, OuterRef, QuerySet, Subquery
from drf_spectacular.utils import extend_schema
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from helpdesk import access, permissions
from helpdesk.api.description import IDEMPOTENCY
from helpdesk.api.filters import ConversationFilter, MessageFilter
from helpdesk.api.paging import PagesByNumber
from helpdesk.api.serializers import (
    ConversationSerializer,
    MessageSerializer,
    MessageTemplateSerializer,
    NewMessageSerializer,
)
from helpdesk.api.views import ApiView
from helpdesk.errors import NotFound
from helpdesk.models import Conversation, Direction, Entry, Message, MessageTemplate
from helpdesk.services import replying
from helpdesk.services.message_templates import Chosen, templates_of

SHOWN_WITH = ["customer", "channel", "topic", "department", "queue", "owner"]


class Conversations(ListModelMixin, RetrieveModelMixin, ApiView):
    """Conversations that the token's person may see, newest first."""

    model = Conversation
    serializer_class = ConversationSerializer
    filterset_class = ConversationFilter
    scopes: ClassVar = {"list": "conversations:read", "retrieve": "conversations:read"}

    def rows(self) -> QuerySet[Conversation]:
        newest = Entry.objects.filter(
            conversation_id=OuterRef("pk"), number=OuterRef("last_number")
        )
        rows = access.visible_conversations(self.access).select_related(*SHOWN_WITH)
        return rows.annotate(updated_at=Subquery(newest.values("at")[:1]))

    def get_object(self) -> Conversation:
        """Return the conversation; raises NotFound, absent or forbidden."""
        found = self.rows().filter(pk=self.kwargs["conversation_id"]).first()
        if found is None:
            raise NotFound
        return found


class Messages(ListModelMixin, ApiView):
    """Messages and notes of one conversation, oldest first."""

    model = Message
    serializer_class = MessageSerializer
    pagination_class = PagesByNumber
    filterset_class = MessageFilter
    scopes: ClassVar = {"list": "messages:read", "create": "messages:write"}

    def rows(self) -> QuerySet[Message]:
        conversation = access.conversation(self.access, self.kwargs["conversation_id"])
        return shown_messages(conversation.pk)

    @extend_schema(
        request=NewMessageSerializer,
        responses={201: MessageSerializer},
        parameters=[IDEMPOTENCY],
    )
    def create(self, request: Request, conversation_id: int) -> Response:
        """Answer the customer, or write an internal note.

        A template may be sent when the platform takes no other answer any more.
        """
        given = NewMessageSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return self.answer_once(lambda: self._write(conversation_id, given.validated_data))

    def _write(self, conversation_id: int, given: dict[str, Any]) -> Any:  # Any: checked JSON
        if "template" in given:
            chosen = Chosen(given["template"], given.get("parameters", ()))
            written = replying.reply(self.access, conversation_id, template=chosen)
        else:
            write = replying.reply if given["direction"] == Direction.OUT else replying.note
            written = write(self.access, conversation_id, text=given["text"])
        message = shown_messages(conversation_id).get(pk=written.message_id)
        return MessageSerializer(message).data


class MessageTemplates(ListModelMixin, ApiView):
    """Templates that can be sent in one conversation, newest first."""

    model = MessageTemplate
    serializer_class = MessageTemplateSerializer
    scopes: ClassVar = {"list": "messages:read"}

    def rows(self) -> QuerySet[MessageTemplate]:
        found = access.conversation(
            self.access, self.kwargs["conversation_id"], permissions.CONVERSATION_REPLY
        )
        return templates_of(found)


def shown_messages(conversation_id: int) -> QuerySet[Message]:
    """Return the conversation's messages with all that is shown of them; the caller has checked access."""
    return (
        Message.objects.filter(conversation_id=conversation_id)
        .select_related("entry__actor", "outbox")
        .prefetch_related("attachments")
        .annotate(number=F("entry__number"))
    )
