"""REST: the phone calls of a conversation."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from helpdesk import access
from helpdesk.api.description import IDEMPOTENCY
from helpdesk.api.serializers import CallSerializer
from helpdesk.api.views import ApiView
from helpdesk.models import Call
from helpdesk.services import dialling


class Calls(ListModelMixin, ApiView):
    """Phone calls of one conversation, newest first."""

    model = Call
    serializer_class = CallSerializer
    scopes: ClassVar = {"list": "calls:read", "create": "calls:write"}

    def rows(self) -> QuerySet[Call]:
        conversation = access.conversation(self.access, self.kwargs["conversation_id"])
        return _shown().filter(conversation=conversation)

    @extend_schema(request=None, responses={201: CallSerializer}, parameters=[IDEMPOTENCY])
    def create(self, request: Request, conversation_id: int) -> Response:
        """Have the customer called: the phone of the token's person rings first, then the customer's."""
        return self.answer_once(lambda: self._call(conversation_id))

    def _call(self, conversation_id: int) -> Any:
        made = dialling.call(self.access, conversation_id)
        return CallSerializer(_shown().get(pk=made.pk)).data


def _shown() -> QuerySet[Call]:
    """Return calls with all that is shown of them; the caller has checked access."""
    return Call.objects.select_related("entry", "staff").prefetch_related("recordings")
