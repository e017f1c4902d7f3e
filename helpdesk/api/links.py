"""REST: conversations that were merged, and those that were split."""

from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from helpdesk import access
from helpdesk.api.description import IDEMPOTENCY
from helpdesk.api.serializers import Strict
from helpdesk.api.views import ApiView
from helpdesk.errors import NotFound
from helpdesk.models import ConversationLink
from helpdesk.services import joining, parting
from helpdesk.tenancy import organization_transaction

MOST_NUMBER = 2**31 - 1


class NewConversationMergeSerializer(Strict):
    """The other conversation, which goes on in this one."""

    conversation = serializers.IntegerField(min_value=1)


class NewSplitSerializer(Strict):
    """The messages that begin another conversation: by their numbers, and all from one on."""

    messages = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MOST_NUMBER),
        default=list,
        max_length=parting.MOST_SPLIT,
    )
    since = serializers.IntegerField(min_value=1, max_value=MOST_NUMBER, default=None)
    keep = serializers.BooleanField(
        default=False,
        help_text=_("Hold the new conversation yourself; else it waits in the queue."),
    )


class LinkSerializer(serializers.ModelSerializer[ConversationLink]):
    """One conversation that goes on in another: the whole of it, or some of its messages."""

    source = serializers.IntegerField(source="source_id", read_only=True)  # type: ignore[assignment]  # the field of this name
    target = serializers.IntegerField(source="target_id", read_only=True)
    by = serializers.IntegerField(source="by_id", read_only=True)
    kind = serializers.ChoiceField(ConversationLink.Kind.choices, read_only=True)
    messages = serializers.ListField(
        child=serializers.IntegerField(), source="numbers", read_only=True
    )

    class Meta:
        model = ConversationLink
        fields: ClassVar = ["id", "kind", "source", "target", "messages", "at", "by", "undone_at"]
        read_only_fields = fields


class Links(ListModelMixin, ApiView):
    """What a conversation was merged or split with, newest first, undone ones too."""

    model = ConversationLink
    serializer_class = LinkSerializer
    kind: ClassVar = ConversationLink.Kind.MERGE
    scopes: ClassVar = {
        "list": "conversations:read",
        "create": "conversations:write",
        "destroy": "conversations:write",
    }

    def rows(self) -> QuerySet[ConversationLink]:
        found = access.conversation(self.access, self.kwargs["conversation_id"])
        ends = Q(source=found) | Q(target=found)
        return ConversationLink.objects.filter(ends, kind=self.kind)

    def check_here(self, link_id: int) -> None:
        """Raise NotFound for what is not this conversation's."""
        with organization_transaction():
            if not self.rows().filter(pk=link_id).exists():
                raise NotFound


class ConversationMerges(Links):
    """Merges of a conversation with others, newest first, undone ones too."""

    @extend_schema(
        request=NewConversationMergeSerializer,
        responses={201: LinkSerializer},
        parameters=[IDEMPOTENCY],
    )
    def create(self, request: Request, conversation_id: int) -> Response:
        """Merge another conversation of the same customer into this one."""
        given = NewConversationMergeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        other_id = given.validated_data["conversation"]
        return self.answer_once(lambda: self._merge(conversation_id, other_id))

    @extend_schema(responses={200: LinkSerializer})
    def destroy(self, request: Request, conversation_id: int, link_id: int) -> Response:
        """Make two conversations of one again."""
        self.check_here(link_id)
        return Response(LinkSerializer(joining.undo(self.access, link_id)).data)

    def _merge(self, conversation_id: int, other_id: int) -> Any:
        return LinkSerializer(joining.merge(self.access, conversation_id, other_id)).data


class Splits(Links):
    """Conversations that were split off this one or that it was split off, newest first, undone ones too."""

    kind: ClassVar = ConversationLink.Kind.SPLIT

    @extend_schema(
        request=NewSplitSerializer, responses={201: LinkSerializer}, parameters=[IDEMPOTENCY]
    )
    def create(self, request: Request, conversation_id: int) -> Response:
        """Begin another conversation with some of the messages of this one."""
        given = NewSplitSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return self.answer_once(lambda: self._split(conversation_id, given.validated_data))

    @extend_schema(responses={200: LinkSerializer})
    def destroy(self, request: Request, conversation_id: int, link_id: int) -> Response:
        """Make one conversation of two again."""
        self.check_here(link_id)
        return Response(LinkSerializer(parting.undo(self.access, link_id)).data)

    def _split(self, conversation_id: int, given: dict[str, Any]) -> Any:  # Any: checked JSON
        made = parting.split(
            self.access,
            conversation_id,
            numbers=given["messages"],
            since=given["since"],
            keeps=given["keep"],
        )
        return LinkSerializer(made).data
