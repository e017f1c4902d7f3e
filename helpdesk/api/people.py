"""REST: customers, staff and topics."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from helpdesk import access
from helpdesk.api.description import IDEMPOTENCY
from helpdesk.api.filters import CustomerFilter, StaffFilter
from helpdesk.api.serializers import CustomerSerializer, StaffSerializer, TopicSerializer
from helpdesk.api.views import ApiView
from helpdesk.models import Customer, Staff, Topic
from helpdesk.services import customers


class Customers(ListModelMixin, RetrieveModelMixin, ApiView):
    """Customers that the token's person may see, newest first."""

    model = Customer
    serializer_class = CustomerSerializer
    filterset_class = CustomerFilter
    scopes: ClassVar = {
        "list": "customers:read",
        "retrieve": "customers:read",
        "create": "customers:write",
        "partial_update": "customers:write",
    }

    def rows(self) -> QuerySet[Customer]:
        return access.visible_customers(self.access)

    def get_object(self) -> Customer:
        """Return the customer; raises NotFound, absent or forbidden."""
        return access.customer(self.access, self.kwargs["customer_id"])

    @extend_schema(responses={201: CustomerSerializer}, parameters=[IDEMPOTENCY])
    def create(self, request: Request) -> Response:
        """Add a customer."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        return self.answer_once(lambda: self._add(given.validated_data))

    def partial_update(self, request: Request, customer_id: int) -> Response:
        """Change what is said of a customer; fields that are left out stay."""
        given = self.get_serializer(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        changed = customers.edit_customer(self.access, customer_id, **given.validated_data)
        return Response(CustomerSerializer(changed).data)

    def _add(self, given: dict[str, Any]) -> Any:
        return CustomerSerializer(customers.add_customer(self.access, **given)).data


class Colleagues(ListModelMixin, RetrieveModelMixin, ApiView):
    """The active staff of the organization."""

    model = Staff
    serializer_class = StaffSerializer
    filterset_class = StaffFilter
    scopes: ClassVar = {"list": "staff:read", "retrieve": "staff:read"}

    def rows(self) -> QuerySet[Staff]:
        return access.colleagues(self.access).select_related("department", "position")

    def get_object(self) -> Staff:
        """Return the colleague; raises NotFound."""
        return access.colleague(self.access, self.kwargs["staff_id"])


class Topics(ListModelMixin, ApiView):
    """The organization's kinds of questions."""

    model = Topic
    serializer_class = TopicSerializer
    scopes: ClassVar = {"list": "topics:read"}

    def rows(self) -> QuerySet[Topic]:
        return Topic.objects.all()
