"""REST: customers who are one, and those who may be."""

from typing import Any, ClassVar

from django.db.models import Q, QuerySet
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
from helpdesk.models import CustomerMerge, MergeSuggestion
from helpdesk.services import matching, merging
from helpdesk.tenancy import organization_transaction


class NewMergeSerializer(Strict):
    """The other customer, of whom this one gets everything."""

    customer = serializers.IntegerField(min_value=1)


class MergeSerializer(serializers.ModelSerializer[CustomerMerge]):
    """One customer whose everything went to another."""

    kept = serializers.IntegerField(source="kept_id", read_only=True)
    gone = serializers.IntegerField(source="gone_id", read_only=True)
    by = serializers.IntegerField(source="by_id", read_only=True, allow_null=True)
    evidence = serializers.ListField(child=serializers.DictField(), read_only=True)

    class Meta:
        model = CustomerMerge
        fields: ClassVar = ["id", "kept", "gone", "at", "by", "evidence", "undone_at"]
        read_only_fields = fields


class SuggestionSerializer(serializers.ModelSerializer[MergeSuggestion]):
    """Two customers who may be one, the older first."""

    first = serializers.IntegerField(source="first_id", read_only=True)
    second = serializers.IntegerField(source="second_id", read_only=True)
    state = serializers.ChoiceField(MergeSuggestion.State.choices, read_only=True)
    evidence = serializers.ListField(child=serializers.DictField(), read_only=True)

    class Meta:
        model = MergeSuggestion
        fields: ClassVar = ["id", "first", "second", "state", "evidence", "created_at"]
        read_only_fields = fields


class Merges(ListModelMixin, ApiView):
    """Merges of a customer with others, newest first, undone ones too."""

    model = CustomerMerge
    serializer_class = MergeSerializer
    scopes: ClassVar = {
        "list": "customers:read",
        "create": "customers:write",
        "destroy": "customers:write",
    }

    def rows(self) -> QuerySet[CustomerMerge]:
        found = access.customer(self.access, self.kwargs["customer_id"])
        return CustomerMerge.objects.filter(Q(kept=found) | Q(gone=found))

    @extend_schema(
        request=NewMergeSerializer, responses={201: MergeSerializer}, parameters=[IDEMPOTENCY]
    )
    def create(self, request: Request, customer_id: int) -> Response:
        """Let this customer have everything of another one."""
        given = NewMergeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        other_id = given.validated_data["customer"]
        return self.answer_once(lambda: self._merge(customer_id, other_id))

    @extend_schema(responses={200: MergeSerializer})
    def destroy(self, request: Request, customer_id: int, merge_id: int) -> Response:
        """Make two customers of one again."""
        with organization_transaction():
            if not self.rows().filter(pk=merge_id).exists():
                raise NotFound
        return Response(MergeSerializer(merging.undo(self.access, merge_id)).data)

    def _merge(self, customer_id: int, other_id: int) -> Any:
        told = [{"kind": "decided"}]
        made = merging.merge(self.access, customer_id, other_id, evidence=told)
        return MergeSerializer(made).data


class Suggestions(ListModelMixin, ApiView):
    """Who may be the same customer, for a person to decide, newest first."""

    model = MergeSuggestion
    serializer_class = SuggestionSerializer
    scopes: ClassVar = {
        "list": "customers:read",
        "create": "customers:write",
        "destroy": "customers:write",
    }

    def rows(self) -> QuerySet[MergeSuggestion]:
        return matching.open_suggestions(self.access)

    @extend_schema(request=None, responses={201: MergeSerializer}, parameters=[IDEMPOTENCY])
    def create(self, request: Request, suggestion_id: int) -> Response:
        """Merge the two."""
        return self.answer_once(
            lambda: MergeSerializer(matching.accept(self.access, suggestion_id)).data
        )

    @extend_schema(responses={200: SuggestionSerializer})
    def destroy(self, request: Request, suggestion_id: int) -> Response:
        """Keep the two apart for good."""
        return Response(SuggestionSerializer(matching.dismiss(self.access, suggestion_id)).data)
