"""Conversations that become one or two: dialogs, what was said before in its place, and undoing."""

from typing import Any

from django import forms
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from helpdesk import permissions
from helpdesk.access import check_may, visible_conversations
from helpdesk.access import conversation as visible_conversation
from helpdesk.errors import NotFound
from helpdesk.models import Conversation, ConversationLink, Entry
from helpdesk.portal.dialogs import Toast, attempt, done, form_of, show
from helpdesk.portal.forms import DialogForm
from helpdesk.portal.pages import access_of, frame, is_fragment, staff_only
from helpdesk.portal.timeline import entries_of, lines_of
from helpdesk.services import joining, links, parting
from helpdesk.services.assignment import UNDO_FOR
from helpdesk.tenancy import organization_transaction

Kind = ConversationLink.Kind
MOST_OTHERS = 20
MOST_MESSAGES = 60
MOST_HISTORY = 200
UNDO = {Kind.MERGE: joining.undo, Kind.SPLIT: parting.undo}


class JoinForm(DialogForm):
    """Which other conversation of the customer is about the same; raises Refused for who may not answer here."""

    other = forms.IntegerField(
        error_messages={"required": gettext_lazy("Please choose a conversation.")}
    )

    def __init__(self, access: Any, conversation: Conversation, data: Any = None) -> None:
        super().__init__(access, conversation, data)
        check_may(access, conversation, permissions.CONVERSATION_REPLY)
        merged = links.standing(Kind.MERGE).filter(source=OuterRef("pk"))
        rows = visible_conversations(access).filter(
            ~Exists(merged), customer_id=conversation.customer_id
        )
        rows = rows.exclude(pk=conversation.pk).select_related("channel", "owner")
        self.found = [
            one
            for one in rows.order_by("-pk")[:MOST_OTHERS]
            if access.may(permissions.CONVERSATION_RESOLVE, one)
        ]


class SplitForm(DialogForm):
    """Which messages are about another matter, and who takes it up; raises Refused for who may not answer here."""

    messages = forms.TypedMultipleChoiceField(
        coerce=int, error_messages={"required": gettext_lazy("Please choose messages.")}
    )
    keep = forms.BooleanField(required=False)

    def __init__(self, access: Any, conversation: Conversation, data: Any = None) -> None:
        super().__init__(access, conversation, data)
        check_may(access, conversation, permissions.CONVERSATION_REPLY)
        rows = Entry.objects.filter(conversation=conversation, kind=Entry.Kind.MESSAGE)
        numbers = list(rows.order_by("-number").values_list("number", flat=True)[:MOST_MESSAGES])
        entries = _lines(conversation, min(numbers, default=1), set(numbers))
        self.shown = [line for line in entries if not line["part"]]
        choices = [(line["number"], line["number"]) for line in self.shown]
        self.fields["messages"].choices = choices  # type: ignore[attr-defined]  # a field of choices


@require_http_methods(["GET", "POST"])
@staff_only
def merge(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Merge another conversation of the customer into this one."""
    access = access_of(request)
    form = form_of(JoinForm, request, conversation_id)
    if request.method == "POST" and form.is_valid():
        other_id = form.cleaned_data["other"]
        made = attempt(form, lambda: joining.merge(access, conversation_id, other_id))
        if made:
            text = _("C-%(other)s goes on here") % {"other": made.source_id}
            return done(request, conversation_id, _toast(made, text, "merge", conversation_id))
    return show(request, conversation_id, "portal/dialogs/join.html", form)


@require_http_methods(["GET", "POST"])
@staff_only
def split(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Begin another conversation with some of the messages."""
    access = access_of(request)
    form = form_of(SplitForm, request, conversation_id)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        made = attempt(
            form,
            lambda: parting.split(
                access, conversation_id, numbers=data["messages"], keeps=data["keep"]
            ),
        )
        if made:
            text = _("They go on in C-%(other)s") % {"other": made.target_id}
            return done(request, conversation_id, _toast(made, text, "split", conversation_id))
    return show(request, conversation_id, "portal/dialogs/split.html", form)


@require_POST
@staff_only
def undo(request: HttpRequest, conversation_id: int, link_id: int) -> HttpResponse:
    """Make of one conversation two again, or of two one."""
    with organization_transaction():
        found = visible_conversation(access_of(request), conversation_id)
        link = _link(found, link_id)
    UNDO[Kind(link.kind)](access_of(request), link_id)
    return done(request, conversation_id, {"text": _("It is undone"), "icon": "undo"})


@require_GET
@staff_only
def history(request: HttpRequest, conversation_id: int, link_id: int) -> HttpResponse:
    """Show what was said before in another conversation, which goes on in this one."""
    access, template = access_of(request), "portal/fragments/history.html"
    found = visible_conversation(access, conversation_id)
    link = _link(found, link_id)
    if link.target_id != found.pk:
        raise NotFound
    context: dict[str, Any] = {"link": link, "is_hidden": not _may_read(request, link)}
    if not context["is_hidden"]:
        source = link.source
        first = source.last_number - MOST_HISTORY + 1 if link.kind == Kind.MERGE else 1
        context["lines"] = _lines(source, max(1, first), set(link.numbers) or None)
        context["is_cut"] = link.kind == Kind.MERGE and first > 1
        context["may_undo"] = not link.undone_at and _may_undo(request, found, link)
    if is_fragment(request):
        return render(request, template, context)
    return render(
        request, "portal/dialog_page.html", frame(request, "desk", dialog=template, **context)
    )


def _link(found: Conversation, link_id: int) -> ConversationLink:
    """Return a link of a conversation; raises NotFound."""
    ends: QuerySet[ConversationLink] = found.continues.all() | found.continued_by.all()
    link = ends.filter(pk=link_id).first()
    if link is None:
        raise NotFound
    return link


def _may_read(request: HttpRequest, link: ConversationLink) -> bool:
    """Tell whether the person may see what was said: messages split off, or what they may see at the other end."""
    rows = ConversationLink.objects.filter(pk=link.pk, undone_at__isnull=True)
    if link.kind == Kind.SPLIT:
        return rows.exists()
    seen = visible_conversations(access_of(request)).filter(pk=link.source_id)
    return links.of_one_customer(rows).exists() and seen.exists()


def _may_undo(request: HttpRequest, found: Conversation, link: ConversationLink) -> bool:
    """Tell whether the service would; it decides."""
    access = access_of(request)
    is_merge = link.kind == Kind.MERGE
    stays, goes = (found, link.source) if is_merge else (link.source, found)
    may_end = joining.needs_no_right(access, link, stays, goes) or access.may(
        permissions.CONVERSATION_RESOLVE, goes
    )
    return may_end and access.may(permissions.CONVERSATION_REPLY, stays)


def _lines(conversation: Conversation, first: int, numbers: set[int] | None) -> list[Any]:
    entries = entries_of(conversation.pk, after=first - 1, up_to=conversation.last_number)
    if numbers is not None:
        entries = entries.filter(number__in=numbers)
    # Nobody decides here who takes part there.
    return list(lines_of(list(entries), conversation.customer.label, waiting=frozenset()))


def _toast(link: ConversationLink, text: str, icon: str, conversation_id: int) -> Toast:
    return {
        "text": text,
        "icon": icon,
        "undo_url": reverse("portal:undo-link", args=[conversation_id, link.pk]),
        "undo_until": timezone.now() + UNDO_FOR,
    }
