"""The versions of an organization's model of topics: which one is in use, and who changes that."""

from collections.abc import Iterator
from datetime import UTC, datetime

from django.db.models import Max
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk import permissions
from helpdesk.access import Access, require
from helpdesk.errors import NotFound, WrongState
from helpdesk.registries import Notice
from helpdesk.services import audit
from helpdesk.tenancy import organization_transaction
from routing.models import TopicModel, TopicTraining

KEPT = 10
# A row that is new is due.
AT_ONCE = datetime(2000, 1, 1, tzinfo=UTC)
AUDITED = {
    "topicmodel.used": gettext_lazy("Model of topics put into use"),
    "topicmodel.rejected": gettext_lazy("Model of topics rejected"),
    "topictraining.asked": gettext_lazy("Training of topics asked for"),
}
State, Reason = TopicModel.State, TopicModel.Reason


def training() -> TopicTraining:
    """Return the organization's row of trainings, locked: whoever changes versions holds it."""
    TopicTraining.objects.get_or_create(defaults={"due_at": AT_ONCE})
    locked: TopicTraining = TopicTraining.objects.select_for_update().get()
    return locked


def is_usable(model: TopicModel) -> bool:
    """Tell whether a version could be put into use."""
    return model.state != State.IN_USE and model.reason != Reason.UNREADABLE


def use(by: Access, model_id: int) -> TopicModel:
    """Put a version into use, an older one too: newer ones then wait until they are chosen.

    Raises NotFound for who may not administer, WrongState for one that cannot be loaded.
    """
    require(by, permissions.ORGANIZATION_ADMINISTER)
    with organization_transaction():
        row = training()
        model: TopicModel | None = TopicModel.objects.defer("content").filter(pk=model_id).first()
        if model is None:
            raise NotFound
        if model.reason == Reason.UNREADABLE:
            raise WrongState(_("This version cannot be loaded."))
        newest = TopicModel.objects.exclude(reason=Reason.UNREADABLE).aggregate(Max("number"))
        row.is_held = model.number < newest["number__max"]
        row.save(update_fields=["is_held"])
        if model.state != State.IN_USE:
            put_into_use(model, by)
    return model


def ask(by: Access) -> None:
    """Have a model trained now, whether or not there is something new. Raises NotFound."""
    require(by, permissions.ORGANIZATION_ADMINISTER)
    with organization_transaction():
        row = training()
        row.due_at = row.asked_at = timezone.now()
        row.save(update_fields=["due_at", "asked_at"])
        audit.record("topictraining.asked", row, by)


def put_into_use(model: TopicModel, by: Access | None = None) -> None:
    """Let a version serve in the place of the one that did; the caller holds the row of trainings."""
    before = TopicModel.objects.filter(state=State.IN_USE)
    numbers = list(before.values_list("number", flat=True))
    before.update(state=State.RETIRED)
    model.state, model.reason, model.details = State.IN_USE, "", ""
    model.used_since = timezone.now()
    model.save(update_fields=["state", "reason", "details", "used_since"])
    audit.record("topicmodel.used", model, by, number=model.number, before=numbers)


def reject(model: TopicModel, reason: TopicModel.Reason, details: str = "") -> None:
    """Mark a version as one that is not to serve."""
    model.state, model.reason, model.details = State.REJECTED, reason, details[:200]
    model.save(update_fields=["state", "reason", "details"])
    audit.record("topicmodel.rejected", model, number=model.number, reason=str(reason))


def prune() -> int:
    """Delete all but the newest versions and the one in use; returns how many went."""
    newest = TopicModel.objects.order_by("-number").values_list("pk", flat=True)[:KEPT]
    old = TopicModel.objects.exclude(state=State.IN_USE).exclude(pk__in=list(newest))
    return int(old.delete()[0])


def notices() -> Iterator[Notice]:
    """Yield what administrators must know: a version that cannot be loaded and has no successor yet."""
    rows = TopicModel.objects.order_by("-number").values_list("pk", "number", "state", "reason")
    for pk, number, state, reason in rows[:KEPT]:
        if state == State.IN_USE:
            return
        if reason == Reason.UNREADABLE:
            yield Notice(
                f"topic-model-{pk}",
                _("Version %(number)s of what topics are told by cannot be loaded")
                % {"number": number},
                _("The version before it serves, or keywords and examples alone."),
                reverse("organization_admin:routing_topicmodel_change", args=[pk]),
            )
            return
