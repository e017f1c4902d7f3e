"""What was really decided lately, decided again from what each decision keeps, with other weights."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from helpdesk.tenancy import organization_transaction
from routing.models import Decision
from routing.recording import NotReplayable, replay

LOOK_BACK = timedelta(days=28)
MOST, BATCH, KEPT = 1000, 100, 20


def redecided(
    weights: Mapping[str, int], departments: Mapping[str, Any], now: datetime
) -> dict[str, Any]:  # Any: figures as JSON, and a filter of rows
    """Return how many of the newest decisions would go to somebody else by these weights, and the newest of those.

    Only those are asked whose own weights speak for whoever got it: the others were decided together with more
    than they keep. Who was not kept among the candidates cannot come forward.
    """
    counts = {"decided": 0, "replayed": 0, "different": 0}
    rows: list[dict[str, int]] = []
    last = None
    while counts["decided"] < MOST:
        with organization_transaction():
            found = Decision.objects.filter(
                at__gt=now - LOOK_BACK, staff__isnull=False, **departments
            ).order_by("-id")
            if last is not None:
                found = found.filter(pk__lt=last)
            batch = list(found[:BATCH])
        for decision in batch:
            counts["decided"] += 1
            other = _other(decision, weights)
            if other is None:
                continue
            counts["replayed"] += 1
            if other != decision.staff_id:
                counts["different"] += 1
                rows.append({"decision": decision.pk, "staff": other})
        if len(batch) < BATCH:
            break
        last = batch[-1].pk
    return {**counts, "rows": rows[:KEPT]}


def _other(decision: Decision, weights: Mapping[str, int]) -> int | None:
    """Return who would get it; None where that cannot be told."""
    try:
        before = replay(decision)
        if not before or before[0].person.id != decision.staff_id:
            return None
        return replay(decision, weights)[0].person.id
    except NotReplayable:
        return None
