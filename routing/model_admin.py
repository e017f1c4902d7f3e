"""The page of the trained models: versions with their figures, which one serves, and "train now"."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from helpdesk.admin.base import ReadOnlyAdmin, access_of
from helpdesk.admin.sites import organization_site
from helpdesk.errors import WrongState
from routing import versions
from routing.lessons import LEAST_EACH, LEAST_TOGETHER
from routing.models import TopicModel, TopicTraining

Outcome = TopicTraining.Outcome


@admin.register(TopicModel, site=organization_site)
class TopicModelAdmin(ReadOnlyAdmin):
    """What topics are told by, version by version."""

    found_by_search = False
    list_display = ("version", "state", "learned", "tells", "trained_at", "used_since")
    list_display_links = ("version",)
    fields = ("state", "why", "learned", "tells", "changes", "trained_at", "used_since", "format")
    readonly_fields = fields
    list_before_template = "routing/models_before.html"
    change_form_outer_before_template = "routing/model_before.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[TopicModel]:
        rows: QuerySet[TopicModel] = super().get_queryset(request).defer("content")
        return rows

    @admin.display(description=gettext_lazy("version"), ordering="number")
    def version(self, obj: TopicModel) -> str:
        return str(obj)

    @admin.display(description=gettext_lazy("learned from"))
    def learned(self, obj: TopicModel) -> str:
        examples = obj.figures.get("examples", 0)
        told = ngettext(
            "%(count)s text about %(topics)s topics",
            "%(count)s texts about %(topics)s topics",
            examples,
        )
        return told % {"count": examples, "topics": obj.figures.get("topics", 0)}

    @admin.display(description=gettext_lazy("of texts it was not taught"))
    def tells(self, obj: TopicModel) -> str:
        figures = obj.figures
        if "accuracy" not in figures:
            return "-"
        return _("%(right)s %% of %(count)s told rightly, confidence off by %(off)s points") % {
            "right": _percent(figures["accuracy"]),
            "count": figures["held_back"],
            "off": _percent(figures["calibration_error"]),
        }

    @admin.display(description=gettext_lazy("against the one before it"))
    def changes(self, obj: TopicModel) -> str:
        figures = obj.figures
        if "gains" not in figures:
            return "-"
        return _("%(before)s %% told rightly before; %(gains)s gained, %(losses)s lost") % {
            "before": _percent(figures["accuracy_before"]),
            "gains": figures["gains"],
            "losses": figures["losses"],
        }

    @admin.display(description=gettext_lazy("reason"))
    def why(self, obj: TopicModel) -> str:
        reason = obj.get_reason_display() if obj.reason else "-"
        return f"{reason}: {obj.details}" if obj.details else reason

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        training = TopicTraining.objects.first()
        told = {"training": training, "lines": _lines(training)}
        response: HttpResponse = super().changelist_view(request, {**(extra_context or {}), **told})
        return response

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        model = self.get_object(request, object_id)
        is_usable = model is not None and versions.is_usable(model)
        response: HttpResponse = super().change_view(
            request, object_id, form_url, {**(extra_context or {}), "is_usable": is_usable}
        )
        return response

    def get_urls(self) -> list[URLPattern]:
        urls: list[URLPattern] = super().get_urls()
        use = self.admin_site.admin_view(self.use)
        train = self.admin_site.admin_view(self.train)
        return [
            path("<int:topic_model_id>/use/", use, name="routing_topicmodel_use"),
            path("train/", train, name="routing_topicmodel_train"),
            *urls,
        ]

    def use(self, request: HttpRequest, topic_model_id: int) -> HttpResponse:
        """Put a version into use."""
        if request.method != "POST":
            raise Http404
        try:
            model = versions.use(access_of(request), topic_model_id)
        except WrongState as error:
            messages.error(request, str(error.message))
        else:
            messages.success(request, _("%(version)s is in use.") % {"version": model})
        return self._back()

    def train(self, request: HttpRequest) -> HttpResponse:
        """Have a model trained now."""
        if request.method != "POST":
            raise Http404
        versions.ask(access_of(request))
        messages.success(request, _("A training begins within a minute."))
        return self._back()

    def _back(self) -> HttpResponseRedirect:
        name = "admin:routing_topicmodel_changelist"
        return HttpResponseRedirect(reverse(name, current_app=self.admin_site.name))


def _lines(training: TopicTraining | None) -> list[str]:
    """Return what came of the last training, in sentences."""
    lines = [_outcome(training.outcome if training else "")]
    if training and training.is_held:
        lines.append(_("An older version was chosen: newer ones wait until you choose them."))
    return lines


def _outcome(outcome: str) -> str:
    too_few = _(
        "There is too little to learn from: at least two topics need %(each)s texts each, and "
        "%(together)s together. Until then topics are told by keywords and examples alone."
    )
    said = {
        Outcome.TRAINED: _("The last training is done."),
        Outcome.TOO_FEW: too_few % {"each": LEAST_EACH, "together": LEAST_TOGETHER},
        Outcome.TOO_SLOW: _("The last training took too long. The next is tried in a day."),
        Outcome.FAILED: _("The last training failed. The log says why."),
    }
    return said[Outcome(outcome)] if outcome else _("Nothing has been trained yet.")


def _percent(share: float) -> str:
    return f"{share * 100:.1f}"
