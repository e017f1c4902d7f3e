"""Departments and topics as trees: their order, their depth, and no circles."""

from collections.abc import Iterable
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db.models import Case, IntegerField, Model, QuerySet, Value, When
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from helpdesk.admin.base import ScopedAdmin
from helpdesk.errors import Invalid
from helpdesk.services.trees import check_parent

INDENT = "\u2003"


def walk(nodes: Iterable[Any]) -> list[tuple[Any, int]]:
    """Return the nodes of a tree, each after its parent, with its depth; keeps the order among siblings."""
    children: dict[int | None, list[Any]] = {}
    for node in nodes:
        children.setdefault(node.parent_id, []).append(node)
    found: list[tuple[Any, int]] = []
    waiting = [(node, 0) for node in reversed(children.get(None, []))]
    while waiting:
        node, depth = waiting.pop()
        found.append((node, depth))
        waiting += [(child, depth + 1) for child in reversed(children.get(node.pk, []))]
    return found


class TreeForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable when it runs
    """Refuses a parent that stands below the node itself."""

    def clean_parent(self) -> Model | None:
        parent: Model | None = self.cleaned_data["parent"]
        try:
            check_parent(self.instance, parent)
        except Invalid as error:
            raise forms.ValidationError(str(error.message)) from error
        return parent


class TreeAdmin(ScopedAdmin):
    """A list in the order of the tree, each node indented below its parent."""

    form = TreeForm
    list_per_page = 500
    ordering = ()
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        ordered = walk(self.model._default_manager.only("id", "parent", "name"))
        places = [When(pk=node.pk, then=Value(place)) for place, (node, _) in enumerate(ordered)]
        depths = [When(pk=node.pk, then=Value(depth)) for node, depth in ordered if depth]
        if not places:
            return cast(QuerySet[Any], rows.annotate(tree_depth=Value(0)))
        placed = rows.annotate(
            tree_place=Case(*places, default=len(places), output_field=IntegerField()),
            tree_depth=Case(*depths, default=0, output_field=IntegerField()),
        )
        return cast(QuerySet[Any], placed.order_by("tree_place"))

    @admin.display(description=_("name"))
    def tree_name(self, obj: Any) -> str:
        return str(INDENT * 2 * obj.tree_depth + obj.label)
