"""What REST shows and accepts; every field is named, and a body with any other is refused."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from helpdesk.models import (
    Attachment,
    Call,
    Conversation,
    Customer,
    Message,
    MessageTemplate,
    Priority,
    Staff,
    State,
    Topic,
)
from helpdesk.models.outbox import Delivery
from helpdesk.models.timeline import Direction

MAXIMUM_TEXT = 20_000
# Of what stands in the places of a template; its platform takes less.
MOST_VALUE, MOST_VALUES = 2048, 50


class Strict(serializers.Serializer[Any]):  # Any: whatever it reads
    """Refuses fields that it does not know or that may not be written, instead of dropping them."""

    def to_internal_value(self, data: Any) -> Any:  # Any: whatever was sent
        if isinstance(data, Mapping):
            writable = {name for name, field in self.fields.items() if not field.read_only}
            unknown = sorted(str(name)[:40] for name in set(data) - writable)
            if unknown:
                wrong = serializers.ErrorDetail(str(_("This field is not accepted.")), "unknown")
                raise serializers.ValidationError({name: [wrong] for name in unknown})
        return super().to_internal_value(data)


class NamedSerializer(serializers.Serializer[Any]):  # Any: anything with a label
    """A reference to something, with its name in the caller's language."""

    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(source="label", read_only=True)


class ChannelReferenceSerializer(serializers.Serializer[Any]):  # Any: a channel
    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(read_only=True)
    kind = serializers.CharField(read_only=True)


class ConversationSerializer(serializers.ModelSerializer[Conversation]):
    """A conversation without its messages."""

    state = serializers.ChoiceField(State.choices, read_only=True)
    priority = serializers.ChoiceField(Priority.choices, read_only=True)
    customer = NamedSerializer(read_only=True)
    channel = ChannelReferenceSerializer(read_only=True)
    topic = NamedSerializer(read_only=True, allow_null=True)
    department = NamedSerializer(read_only=True)
    queue = NamedSerializer(read_only=True, allow_null=True)
    owner = NamedSerializer(read_only=True, allow_null=True)
    updated_at = serializers.DateTimeField(read_only=True, allow_null=True)

    class Meta:
        model = Conversation
        fields: ClassVar = [
            "id",
            "state",
            "priority",
            "urgency",
            "subject",
            "language",
            "customer",
            "channel",
            "topic",
            "department",
            "queue",
            "owner",
            "episode",
            "last_number",
            "opened_at",
            "updated_at",
            "last_message_at",
            "waiting_since",
            "first_replied_at",
            "snoozed_until",
            "resolved_at",
            "closed_at",
        ]
        read_only_fields = fields


class AttachmentSerializer(serializers.ModelSerializer[Attachment]):
    """A file of a message."""

    id = serializers.UUIDField(source="public_id", read_only=True)

    class Meta:
        model = Attachment
        fields: ClassVar = ["id", "kind", "name", "mime", "size_bytes"]
        read_only_fields = fields


class MessageSerializer(serializers.ModelSerializer[Message]):
    """A message or note, known by its number in the conversation."""

    number = serializers.IntegerField(source="entry.number", read_only=True)
    at = serializers.DateTimeField(source="entry.at", read_only=True)
    author = NamedSerializer(source="entry.actor", read_only=True, allow_null=True)
    direction = serializers.ChoiceField(Direction.choices, read_only=True)
    delivery = serializers.SerializerMethodField()
    template = serializers.SerializerMethodField()
    attachments = AttachmentSerializer(many=True, read_only=True)

    class Meta:
        model = Message
        fields: ClassVar = [
            "number",
            "direction",
            "text",
            "language",
            "at",
            "author",
            "delivery",
            "template",
            "attachments",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(Delivery.choices, allow_null=True))
    def get_delivery(self, message: Message) -> str | None:
        """Return how far a reply has come; None for what is not sent out."""
        outbox = getattr(message, "outbox", None)
        return outbox.state if outbox else None

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_template(self, message: Message) -> str | None:
        """Return the name of the template that a reply is; None for what was written freely."""
        outbox = getattr(message, "outbox", None)
        return outbox.template["name"] if outbox and outbox.template else None


class PartSerializer(serializers.Serializer[Any]):  # Any: a part of a snippet
    """A piece of a text, and whether it is what was asked for."""

    text = serializers.CharField(read_only=True)
    is_hit = serializers.BooleanField(read_only=True)


class HitSerializer(serializers.Serializer[Any]):  # Any: a hit of a search
    """A message that was found, known by its conversation and its number there."""

    conversation = serializers.IntegerField(source="message.conversation_id", read_only=True)
    number = serializers.IntegerField(source="message.entry.number", read_only=True)
    at = serializers.DateTimeField(source="message.entry.at", read_only=True)
    direction = serializers.ChoiceField(
        Direction.choices, source="message.direction", read_only=True
    )
    author = NamedSerializer(source="message.entry.actor", read_only=True, allow_null=True)
    customer = NamedSerializer(source="message.conversation.customer", read_only=True)
    channel = ChannelReferenceSerializer(source="message.conversation.channel", read_only=True)
    snippet = PartSerializer(many=True, read_only=True)


class FoundSerializer(serializers.Serializer[Any]):  # Any: a page of hits
    """A page of hits, newest first."""

    next = serializers.URLField(read_only=True, allow_null=True)
    # Nothing had exactly these words; what is here differs in one letter of a longer one.
    is_near = serializers.BooleanField(read_only=True)
    results = HitSerializer(source="hits", many=True, read_only=True)


class CallSerializer(serializers.ModelSerializer[Call]):
    """A phone call of a conversation."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    number = serializers.IntegerField(source="entry.number", read_only=True)
    direction = serializers.ChoiceField(Call.Direction.choices, read_only=True)
    state = serializers.ChoiceField(Call.State.choices, read_only=True)
    ending = serializers.ChoiceField(Call.Ending.choices, read_only=True, allow_blank=True)
    staff = NamedSerializer(read_only=True, allow_null=True)
    recordings = AttachmentSerializer(many=True, read_only=True)

    class Meta:
        model = Call
        fields: ClassVar = [
            "id",
            "number",
            "direction",
            "state",
            "ending",
            "customer_number",
            "our_number",
            "staff",
            "began_at",
            "answered_at",
            "ended_at",
            "recordings",
            "transcript",
        ]
        read_only_fields = fields


class NewMessageSerializer(Strict):
    """A reply to the customer (`out`) or an internal note (`note`).

    A reply is a text, or a template with what stands in its places.
    """

    direction = serializers.ChoiceField(
        [(each.value, each.label) for each in (Direction.OUT, Direction.NOTE)]
    )
    text = serializers.CharField(max_length=MAXIMUM_TEXT, required=False)
    template = serializers.IntegerField(
        min_value=1, required=False, help_text=_("One of the conversation's templates.")
    )
    parameters = serializers.ListField(
        child=serializers.CharField(max_length=MOST_VALUE),
        max_length=MOST_VALUES,
        required=False,
        help_text=_("What stands in the places of the template, in their order."),
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what is neither a text nor a template, or both."""
        if "template" in attrs and attrs["direction"] != Direction.OUT:
            raise serializers.ValidationError(
                {"template": [_("A note is written in your own words.")]}
            )
        if "template" not in attrs and "text" not in attrs:
            missing = self.fields["text"].error_messages["required"]
            raise serializers.ValidationError({"text": [missing]})
        unwanted = "text" if "template" in attrs else "parameters"
        if unwanted in attrs:
            raise serializers.ValidationError({unwanted: [_("This field is not accepted.")]})
        return attrs


class PlaceSerializer(serializers.Serializer[Any]):  # Any: a place of a template
    """A place of a template, and what stands in it."""

    name = serializers.CharField(read_only=True)
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]  # the field of this name


class MessageTemplateSerializer(serializers.ModelSerializer[MessageTemplate]):
    """A text that the platform approved; its places are in the order of their values."""

    language = serializers.CharField(source="language_code", read_only=True)
    places = serializers.SerializerMethodField()

    class Meta:
        model = MessageTemplate
        fields: ClassVar = ["id", "name", "language", "text", "places"]
        read_only_fields = fields

    @extend_schema_field(PlaceSerializer(many=True))
    def get_places(self, template: MessageTemplate) -> list[dict[str, str]]:
        """Return the places in the order in which they are filled."""
        found = zip(template.places, template.labels, strict=True)
        return [{"name": name, "label": label} for name, label in found]


class CustomerSerializer(Strict, serializers.ModelSerializer[Customer]):
    """A customer."""

    tags = serializers.ListField(
        child=serializers.CharField(max_length=30), max_length=20, required=False
    )
    # The customer who has everything of this one by now.
    merged_into = serializers.IntegerField(source="merged_into_id", read_only=True, allow_null=True)

    class Meta:
        model = Customer
        fields: ClassVar = [
            "id",
            "name",
            "company",
            "email",
            "phone",
            "place",
            "language",
            "tier",
            "tags",
            "remark",
            "external_id",
            "merged_into",
            "created_at",
            "updated_at",
        ]
        read_only_fields: ClassVar = ["id", "merged_into", "created_at", "updated_at"]
        # The database decides: a look-up here would race, and cost a query.
        validators: ClassVar[list[Any]] = []


class StaffSerializer(serializers.ModelSerializer[Staff]):
    """A colleague, as colleagues know one another."""

    name = serializers.CharField(source="label", read_only=True)
    department = NamedSerializer(read_only=True)
    position = NamedSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Staff
        fields: ClassVar = [
            "id",
            "name",
            "department",
            "position",
            "languages",
            "place",
            "timezone",
            "capacity",
            "load",
        ]
        read_only_fields = fields


class TopicSerializer(serializers.ModelSerializer[Topic]):
    """A kind of question, from the organization's own tree."""

    name = serializers.CharField(source="label", read_only=True)
    parent_id = serializers.IntegerField(read_only=True, allow_null=True)

    class Meta:
        model = Topic
        fields: ClassVar = ["id", "parent_id", "name"]
        read_only_fields = fields
