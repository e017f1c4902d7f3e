"""One customer behind every door: what is known of them, who is the same, and what they allow."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from helpdesk import permissions
from helpdesk.access import conversation as visible_conversation
from helpdesk.errors import NotFound, Refused
from helpdesk.models import Conversation, CustomerMerge
from helpdesk.portal.dialogs import Toast, attempt, done, form_of, show
from helpdesk.portal.forms import DialogForm
from helpdesk.portal.known import read_known
from helpdesk.portal.pages import (
    access_of,
    frame,
    is_fragment,
    seen_conversation,
    staff_only,
)
from helpdesk.reports.customer_search import find_customers
from helpdesk.services import consents, matching, merging
from helpdesk.services.assignment import UNDO_FOR
from helpdesk.tenancy import organization_transaction


class MergeForm(DialogForm):
    """Which other customer is the same; raises Refused for who may not change customers."""

    other = forms.IntegerField(
        error_messages={"required": gettext_lazy("Please choose a customer.")}
    )
    q = forms.CharField(required=False, max_length=80)

    def __init__(self, access: Any, conversation: Conversation, data: Any = None) -> None:
        super().__init__(access, conversation, data)
        if not access.allowed(permissions.CUSTOMER_CHANGE):
            raise Refused
        self.look_for(str(data.get("q", "")) if data else "")

    def look_for(self, wanted: str) -> None:
        """Show who fits."""
        self.wanted = wanted.replace("\x00", "").strip()[:80]
        self.found = find_customers(self.access, self.wanted, without=self.conversation.customer_id)


class ConsentForm(DialogForm):
    """For what, and whether they allow it; raises Refused for who may not change customers."""

    purpose = forms.CharField(max_length=consents.LONGEST_PURPOSE)
    said = forms.ChoiceField(choices=[("granted", ""), ("withdrawn", "")])
    note = forms.CharField(required=False, max_length=consents.LONGEST_NOTE)

    def __init__(self, access: Any, conversation: Conversation, data: Any = None) -> None:
        super().__init__(access, conversation, data)
        if not access.allowed(permissions.CUSTOMER_CHANGE):
            raise Refused


@require_GET
@staff_only
def known(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Show what is known of the customer beside a conversation."""
    found = seen_conversation(request, conversation_id)
    context = {"known": read_known(access_of(request), found)}
    template = "portal/fragments/known.html"
    if is_fragment(request):
        return render(request, template, context)
    return render(
        request, "portal/dialog_page.html", frame(request, "desk", dialog=template, **context)
    )


@require_http_methods(["GET", "POST"])
@staff_only
def merge(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Merge the customer with another one, who is looked for by name or address."""
    access = access_of(request)
    form = form_of(MergeForm, request, conversation_id)
    if request.method == "POST" and form.is_valid():
        kept_id, other_id = form.conversation.customer_id, form.cleaned_data["other"]
        told = [{"kind": "decided"}]
        made = attempt(form, lambda: merging.merge(access, kept_id, other_id, evidence=told))
        if made:
            return done(request, conversation_id, _merged(made, conversation_id))
    elif request.method == "GET":
        with organization_transaction():
            form.look_for(request.GET.get("q", ""))
    return show(request, conversation_id, "portal/dialogs/merge.html", form)


@require_POST
@staff_only
def undo(request: HttpRequest, conversation_id: int, merge_id: int) -> HttpResponse:
    """Make two customers of one again."""
    with organization_transaction():
        found = visible_conversation(access_of(request), conversation_id)
        if not CustomerMerge.objects.filter(pk=merge_id, kept_id=found.customer_id).exists():
            raise NotFound
    merging.undo(access_of(request), merge_id)
    return done(request, conversation_id, {"text": _("The merge is undone"), "icon": "undo"})


@require_POST
@staff_only
def accept(request: HttpRequest, conversation_id: int, suggestion_id: int) -> HttpResponse:
    """Merge two customers as suggested."""
    _see(request, conversation_id)
    made = matching.accept(access_of(request), suggestion_id)
    return done(request, conversation_id, _merged(made, conversation_id))


@require_POST
@staff_only
def dismiss(request: HttpRequest, conversation_id: int, suggestion_id: int) -> HttpResponse:
    """Keep two customers apart for good."""
    _see(request, conversation_id)
    matching.dismiss(access_of(request), suggestion_id)
    text = _("They stay two customers, and nobody is asked again")
    return done(request, conversation_id, {"text": text, "icon": "users"})


@require_http_methods(["GET", "POST"])
@staff_only
def consent(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Write down what the customer allows."""
    access = access_of(request)
    form = form_of(ConsentForm, request, conversation_id)
    if request.method == "POST" and form.is_valid():
        data, customer_id = form.cleaned_data, form.conversation.customer_id
        granted = data["said"] == "granted"
        if attempt(
            form,
            lambda: consents.record(
                access, customer_id, data["purpose"], is_granted=granted, note=data["note"]
            ),
        ):
            return done(request, conversation_id, {"text": _("Saved"), "icon": "check"})
    return show(request, conversation_id, "portal/dialogs/consent.html", form)


def _see(request: HttpRequest, conversation_id: int) -> None:
    with organization_transaction():
        visible_conversation(access_of(request), conversation_id)


def _merged(made: CustomerMerge, conversation_id: int) -> Toast:
    return {
        "text": _("Merged with %(name)s") % {"name": made.gone.label},
        "icon": "users",
        "undo_url": reverse("portal:undo-merge", args=[conversation_id, made.pk]),
        "undo_until": timezone.now() + UNDO_FOR,
    }
