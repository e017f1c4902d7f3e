"""The model in use of each organization, loaded once for each version."""

import logging

from django.utils import timezone

from helpdesk.tenancy import current_organization_id
from routing import versions
from routing.models import TopicModel
from routing.understanding.model import TopicModel as Model
from routing.understanding.storing import Unreadable, from_bytes

logger = logging.getLogger(__name__)
_KEPT = 50

_models: dict[int, tuple[int, Model]] = {}


def model_in_use() -> Model | None:
    """Return the model of the organization in scope; None while there is none.

    One that cannot be loaded is marked, the one last in use before it that can be serves in its place,
    and another is trained soon.
    """
    pk = TopicModel.objects.filter(state=versions.State.IN_USE).values_list("pk", flat=True).first()
    if pk is None:
        return None
    kept = _models.get(current_organization_id())
    if kept is not None and kept[0] == pk:
        return kept[1]
    try:
        return _keep(pk, load(pk))
    except Unreadable:
        logger.exception("cannot load the topic model %s", pk)
        return _fall_back()


def load(pk: int) -> Model:
    """Return a version's model; raises Unreadable."""
    content = TopicModel.objects.values_list("content", flat=True).get(pk=pk)
    return from_bytes(bytes(content))


def _keep(pk: int, model: Model) -> Model:
    if len(_models) >= _KEPT:
        _models.clear()
    _models[current_organization_id()] = (pk, model)
    return model


def _fall_back() -> Model | None:
    """Mark what cannot be loaded, up to a version that can be, and put that into use."""
    training = versions.training()
    # Another process may have seen to it while this one waited.
    rows = TopicModel.objects.defer("content")
    in_use = list(rows.filter(state=versions.State.IN_USE))
    for row in [*in_use, *rows.filter(state=versions.State.RETIRED).order_by("-used_since")]:
        try:
            model = load(row.pk)
        except Unreadable as error:
            versions.reject(row, versions.Reason.UNREADABLE, str(error))
            training.due_at = training.asked_at = timezone.now()
            training.is_held = False
            training.save(update_fields=["due_at", "asked_at", "is_held"])
            continue
        if row.state != versions.State.IN_USE:
            versions.put_into_use(row)
        return _keep(row.pk, model)
    return None
