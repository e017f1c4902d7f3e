"""What REST lists can be narrowed by; anything else is refused."""

from datetime import UTC, datetime
from typing import Any, ClassVar

import django_filters
from django import forms
from django.db.models import Exists, OuterRef, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from helpdesk.models import (
    Conversation,
    Customer,
    Direction,
    Entry,
    Message,
    Priority,
    State,
)
from helpdesk.search.asking import LONGEST_QUERY

LARGEST_ID = 2**63 - 1


class IdField(forms.IntegerField):
    def __init__(self, **kwargs: Any) -> None:  # Any: Django's own signature
        super().__init__(min_value=1, max_value=LARGEST_ID, **kwargs)


@extend_schema_field(OpenApiTypes.INT)
class IdFilter(django_filters.Filter):  # type: ignore[misc]  # untyped package
    """Matches an id exactly; an id of somebody else's matches nothing, like one that does not exist."""

    field_class = IdField


@extend_schema_field(OpenApiTypes.INT)
class NumberFilter(django_filters.Filter):  # type: ignore[misc]  # untyped package
    """Matches whole numbers."""

    field_class = forms.IntegerField


class InstantField(django_filters.fields.IsoDateTimeField):  # type: ignore[misc]  # untyped package
    def clean(self, value: Any) -> datetime | None:  # Any: whatever the address says
        """Return the instant; raises ValidationError, also for one that no calendar of UTC holds."""
        instant: datetime | None = super().clean(value)
        try:
            return instant.astimezone(UTC) if instant else None
        except OverflowError as error:
            raise forms.ValidationError(self.error_messages["invalid"], "invalid") from error


@extend_schema_field(OpenApiTypes.DATETIME)
class InstantFilter(django_filters.Filter):  # type: ignore[misc]  # untyped package
    """Compares with an instant."""

    field_class = InstantField


class ConversationFilter(django_filters.FilterSet):  # type: ignore[misc]  # untyped package
    """Narrows conversations by where they stand and by when they last changed."""

    state = django_filters.MultipleChoiceFilter(choices=State.choices)
    priority = django_filters.MultipleChoiceFilter(choices=Priority.choices)
    owner = IdFilter(field_name="owner_id")
    topic = IdFilter(field_name="topic_id")
    department = IdFilter(field_name="department_id")
    customer = IdFilter(field_name="customer_id")
    channel = IdFilter(field_name="channel_id")
    updated_since = InstantFilter(method="changed_since")

    class Meta:
        model = Conversation
        fields: ClassVar[list[str]] = []

    def changed_since(self, rows: QuerySet[Conversation], name: str, value: Any) -> QuerySet[Any]:
        """Keep conversations whose newest entry is not older; Any: an aware instant."""
        newest = Entry.objects.filter(
            conversation_id=OuterRef("pk"), number=OuterRef("last_number"), at__gte=value
        )
        return rows.filter(Exists(newest))


class MessageFilter(django_filters.FilterSet):  # type: ignore[misc]  # untyped package
    """Narrows messages to those that follow a number."""

    after = NumberFilter(field_name="number", lookup_expr="gt")


class SearchFilter(django_filters.FilterSet):  # type: ignore[misc]  # untyped package
    """Says which messages are looked for: their words, and what they are narrowed to."""

    q = django_filters.CharFilter(required=True, max_length=LONGEST_QUERY)
    channel = IdFilter()
    state = django_filters.MultipleChoiceFilter(choices=State.choices)
    owner = IdFilter()
    department = IdFilter()
    customer = IdFilter()
    author = IdFilter()
    direction = django_filters.ChoiceFilter(choices=Direction.choices)
    since = InstantFilter()
    until = InstantFilter()

    class Meta:
        model = Message
        fields: ClassVar[list[str]] = []


class CustomerFilter(django_filters.FilterSet):  # type: ignore[misc]  # untyped package
    """Narrows customers by what other systems know them by."""

    external_id = django_filters.CharFilter()
    email = django_filters.CharFilter()
    phone = django_filters.CharFilter()
    tier = django_filters.MultipleChoiceFilter(choices=Customer.Tier.choices)
    updated_since = InstantFilter(field_name="updated_at", lookup_expr="gte")

    class Meta:
        model = Customer
        fields: ClassVar[list[str]] = []


class StaffFilter(django_filters.FilterSet):  # type: ignore[misc]  # untyped package
    """Narrows colleagues by where they work."""

    department = IdFilter(field_name="department_id")
