"""The rings of each topic as the engine reads them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from helpdesk.models import Department
from helpdesk.trees import subtrees
from routing.deciding import demands
from routing.models import Ring

Rings = Mapping[int | None, Sequence[demands.Ring]]


def read_rings(parents: Mapping[int, int | None]) -> Rings:
    """Return the rings of every topic that has some or stands below one that has, given each topic's parent.

    None holds for all others.
    """
    own: dict[int | None, list[demands.Ring]] = defaultdict(list)
    rows = list(Ring.objects.order_by("number"))
    below = subtrees(Department.objects.values_list("id", "parent_id")) if rows else {}
    for row in rows:
        own[row.topic_id].append(as_read(row, below))
    found: dict[int | None, Sequence[demands.Ring]] = dict(own)
    for topic_id in parents if own else ():
        nearest = _nearest(topic_id, parents, own)
        if nearest is not None:
            found[topic_id] = own[nearest]
    return found


def as_read(row: Ring, below: Mapping[int, set[int]]) -> demands.Ring:
    """Return a ring as the engine reads it, given the departments below each."""
    return demands.Ring(
        number=row.number,
        seconds=float(row.seconds),
        skills=row.demand,
        departments=frozenset(below.get(row.department_id, ()))
        if row.department_id
        else frozenset(),
        places=frozenset(place.casefold() for place in row.places),
        most_load_percent=row.most_load_percent,
    )


def _nearest(
    topic_id: int, parents: Mapping[int, int | None], own: Mapping[int | None, object]
) -> int | None:
    """Return the topic itself or the nearest above it that has rings."""
    at: int | None = topic_id
    for _step in range(len(parents)):
        if at is None or at in own:
            return at
        at = parents.get(at)
    return None
