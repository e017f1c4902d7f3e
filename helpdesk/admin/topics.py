"""Topics with their examples, and snippets."""

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from helpdesk.admin.base import ScopedAdmin, ScopedInline
from helpdesk.admin.fields import WordsField
from helpdesk.admin.sites import organization_site
from helpdesk.admin.trees import TreeAdmin, TreeForm
from helpdesk.models import Snippet, Topic, TopicExample
from helpdesk.services import grants


class TopicForm(TreeForm):
    """Keywords as words between commas."""

    keywords = WordsField(
        label=_("Keywords"),
        help_text=_("In both languages, separated by commas."),
    )

    def clean(self) -> dict[str, Any]:  # Any: Django's own signature
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("needs_exam") and not data.get("skill"):
            self.add_error("skill", _("An exam is of a skill: choose one."))
        return data


class ExampleInline(ScopedInline):
    """Questions as customers ask them."""

    model = TopicExample
    fields = ("language", "text")


@admin.register(Topic, site=organization_site)
class TopicAdmin(TreeAdmin):
    """The tree of question types."""

    form = TopicForm
    list_display = ("tree_name", "name_en", "department", "skill", "examples_count", "is_active")
    list_select_related = ("department", "skill")
    list_filter = ("department", "skill", "is_active")
    search_fields = ("name", "name_en")
    audited = ("name", "name_en", "parent_id", "is_active")
    inlines = (ExampleInline,)
    fieldsets = (
        (None, {"fields": (("name", "name_en"), "parent", "department", "description")}),
        (_("Who may answer"), {"fields": (("skill", "minimum_level"), "needs_exam")}),
        (_("How it is recognised"), {"fields": ("keywords",)}),
        (_("More"), {"fields": (("base_urgency", "order"), "is_active")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Topic]:
        rows = super().get_queryset(request).annotate(example_number=Count("examples"))
        return cast(QuerySet[Topic], rows)

    @admin.display(description=_("examples"))
    def examples_count(self, obj: Any) -> int:
        return int(obj.example_number)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save it; who may answer what changes with its place in the tree."""
        super().save_model(request, obj, form, change)
        if not change or {"parent", "skill", "needs_exam"} & set(form.changed_data):
            grants.refresh()


class SnippetForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable when it runs
    """Tags as words between commas."""

    tags = WordsField(label=_("Tags"), max_words=10, max_word_length=30)


@admin.register(Snippet, site=organization_site)
class SnippetAdmin(ScopedAdmin):
    """Prepared texts in both languages."""

    form = SnippetForm
    list_display = (
        "shortcut",
        "title",
        "title_en",
        "department",
        "topic",
        "use_count",
        "is_active",
    )
    list_select_related = ("department", "topic")
    list_filter = ("department", "topic", "is_active")
    search_fields = ("shortcut", "title", "title_en", "text_zh", "text_en")
    audited = ("shortcut", "title", "is_active")
    fieldsets = (
        (None, {"fields": ("shortcut", ("title", "title_en"))}),
        (
            _("Text"),
            {
                "fields": ("text_zh", "text_en"),
                "description": _(
                    "Variables: {customer}, {company}, {staff}, {department}, "
                    "{organization}, {number}, {channel}."
                ),
            },
        ),
        (_("Where it is offered"), {"fields": ("department", "topic", "tags", "is_active")}),
    )
