"""Answering with an approved text: choose one, fill in its places, send it."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import uuid4

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from helpdesk import permissions
from helpdesk.access import conversation as visible_conversation
from helpdesk.errors import NotFound
from helpdesk.models import Conversation, MessageTemplate
from helpdesk.places import Piece, pieces_of
from helpdesk.portal.dialogs import attempt, done, show
from helpdesk.portal.forms import DialogForm
from helpdesk.portal.pages import access_of, staff_only
from helpdesk.registries import TemplateRules
from helpdesk.services import limits, replying
from helpdesk.services.message_templates import (
    MOST_OFFERED,
    Chosen,
    fault_of_value,
    templates_of,
)
from helpdesk.tenancy import organization_transaction


class Place(NamedTuple):
    """What is typed for one place of a text."""

    name: str
    label: str
    field: Any  # Any: a bound field of the form
    # Whether it is the one to fill in next.
    is_next: bool


class ChoiceForm(DialogForm):
    """Which approved text; the ways on are addresses, so there is nothing to fill in."""

    def __init__(self, access: Any, conversation: Conversation, data: Any = None) -> None:
        super().__init__(access, conversation, data)
        self.found = list(templates_of(conversation)[:MOST_OFFERED])


class ValuesForm(DialogForm):
    """What stands in each place of one approved text."""

    client_key = forms.CharField(required=False, max_length=64)

    def __init__(
        self,
        access: Any,
        conversation: Conversation,
        data: Any,
        template: MessageTemplate,
        rules: TemplateRules,
    ) -> None:
        super().__init__(access, conversation, data)
        self.template, self.rules = template, rules
        self.new_key = uuid4().hex
        for number, _name in enumerate(template.places):
            self.fields[_field(number)] = _ValueField(rules)

    @property
    def places(self) -> list[Place]:
        """Return what is to be filled in, in its order."""
        names = [_field(number) for number in range(len(self.template.places))]
        next_name = next((name for name in names if name in self.errors), "".join(names[:1]))
        found = zip(self.template.places, self.template.labels, names, strict=True)
        return [Place(place, label, self[name], name == next_name) for place, label, name in found]

    @property
    def pieces(self) -> Sequence[Piece]:
        """Return the text as it would leave now, with its places where nothing is typed yet."""
        typed = {place.name: str(place.field.value() or "").strip() for place in self.places}
        return [
            piece._replace(text=typed.get(piece.place) or piece.text)
            for piece in pieces_of(self.template.text)
        ]

    @property
    def chosen(self) -> Chosen:
        """Return the template with its values, once the form is valid."""
        numbers = range(len(self.template.places))
        return Chosen(self.template.pk, [self.cleaned_data[_field(each)] for each in numbers])


class _ValueField(forms.CharField):
    """A value as the platform takes it."""

    def __init__(self, rules: TemplateRules) -> None:
        message = gettext_lazy("Fill in this place.")
        super().__init__(max_length=rules.text_max, error_messages={"required": message})
        self.rules = rules

    def validate(self, value: str) -> None:
        super().validate(value)
        fault = fault_of_value(value, self.rules)
        if fault:
            raise forms.ValidationError(fault)


@require_GET
@staff_only
def choose(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Show the approved texts of the conversation's channel."""
    with organization_transaction():
        access = access_of(request)
        found = visible_conversation(access, conversation_id, permissions.CONVERSATION_REPLY)
        form = ChoiceForm(access, found)
    return show(request, conversation_id, "portal/dialogs/templates.html", form)


@require_http_methods(["GET", "POST"])
@staff_only
def send(request: HttpRequest, conversation_id: int, template_id: int) -> HttpResponse:
    """Fill in the places of one approved text and send it."""
    form = _values_form(request, conversation_id, template_id)
    if request.method == "POST" and form.is_valid():
        sent = attempt(
            form,
            lambda: replying.reply(
                access_of(request),
                conversation_id,
                template=form.chosen,
                client_ref=form.cleaned_data["client_key"],
            ),
        )
        if sent:
            return done(
                request, conversation_id, {"text": _("The template is sent"), "icon": "send"}
            )
    return show(request, conversation_id, "portal/dialogs/template.html", form)


def _values_form(request: HttpRequest, conversation_id: int, template_id: int) -> ValuesForm:
    """Return the form of a template that can be sent in the conversation; raises NotFound."""
    with organization_transaction():
        access = access_of(request)
        found = visible_conversation(access, conversation_id, permissions.CONVERSATION_REPLY)
        template = templates_of(found).filter(pk=template_id).first()
        rules = limits.limits_of(found).templates
        if template is None or rules is None:
            raise NotFound
        data = request.POST if request.method == "POST" else None
        return ValuesForm(access, found, data, template, rules)


def _field(number: int) -> str:
    return f"value_{number}"
