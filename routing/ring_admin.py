"""The page of rings: who is asked first about a topic, in words."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from helpdesk.admin.base import ScopedAdmin
from helpdesk.admin.fields import WordsField
from helpdesk.admin.sites import organization_site
from helpdesk.models import Department, Skill
from helpdesk.trees import subtrees
from routing import demand_text
from routing.deciding.demands import as_json
from routing.deciding.rings import inside
from routing.deciding.team import Team
from routing.facts import facts
from routing.kept_rings import as_read
from routing.models import Ring
from routing.people import people


class RingForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable when it runs
    """What a ring asks for; skills as a sentence."""

    skills = forms.CharField(
        label=_("Skills"),
        required=False,
        max_length=demand_text.MOST_CHARACTERS,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text=_(
            "Such as: Refunds >= 3 and (English or Spanish >= 2) and not Trainee. "
            "A name with spaces stands in double quotes."
        ),
    )
    places = WordsField(
        label=_("Places"), max_words=20, max_word_length=60, help_text=_("Any of these.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.demand is not None:
            names = dict(Skill.objects.values_list("pk", "name"))
            self.initial["skills"] = demand_text.write(self.instance.demand, names)

    def clean_skills(self) -> dict[str, Any]:  # Any: the tree as JSON
        text = self.cleaned_data["skills"]
        if not text.strip():
            return {}
        names = {name.casefold(): pk for pk, name in Skill.objects.values_list("pk", "name")}
        try:
            return dict(as_json(demand_text.read(text, names)))
        except demand_text.Unreadable as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:  # Any: Django's own signature
        data: dict[str, Any] = super().clean() or self.cleaned_data
        asked = [data.get(name) for name in ("skills", "department", "places")]
        if not any(asked) and data.get("most_load_percent") is None and not self.errors:
            self.add_error("skills", _("A ring that asks for nothing keeps nobody out."))
        return data


@admin.register(Ring, site=organization_site)
class RingAdmin(ScopedAdmin):
    """Rings of each topic, in the order in which they open."""

    form = RingForm
    found_by_search = False
    list_display = ("topic_name", "number", "seconds", "asks", "people_now")
    list_display_links = ("topic_name", "number")
    list_select_related = ("topic", "department")
    list_filter = ("topic",)
    audited = ("topic_id", "number", "seconds")
    fieldsets = (
        (None, {"fields": ("topic", ("number", "seconds"))}),
        (_("Who is asked"), {"fields": ("skills", "department", "places", "most_load_percent")}),
    )

    @admin.display(description=_("topic"), ordering="topic")
    def topic_name(self, obj: Ring) -> str:
        return obj.topic.label if obj.topic else str(_("all other topics"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Ring]:
        rows: QuerySet[Ring] = super().get_queryset(request).order_by("topic", "number")
        return rows

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the list; names and people are read once for all its rows."""
        changes = super().get_changelist_instance(request)
        names = dict(Skill.objects.values_list("pk", "name"))
        below = subtrees(Department.objects.values_list("id", "parent_id"))
        team = Team.of(people(facts(), timezone.now()))
        for row in changes.result_list:
            row.words = _words(row, names)
            row.inside = int(inside(team, as_read(row, below)).sum())
        return changes

    @admin.display(description=_("who is asked"))
    def asks(self, obj: Any) -> str:
        return str(obj.words)

    @admin.display(description=_("people inside now"))
    def people_now(self, obj: Any) -> int:
        return int(obj.inside)


def _words(ring: Ring, names: Mapping[int, str]) -> str:
    """Return what a ring asks for as people write it."""
    told = [demand_text.write(ring.demand, names)] if ring.demand else []
    if ring.department:
        told.append(ring.department.label)
    told += ring.places
    if ring.most_load_percent is not None:
        told.append(_("load at most %(percent)s %%") % {"percent": ring.most_load_percent})
    return "; ".join(told)
