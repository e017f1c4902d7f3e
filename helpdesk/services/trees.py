"""The rule of every tree: no node stands below itself."""

from typing import Any

from django.utils.translation import gettext as _

from helpdesk.errors import Invalid


def check_parent(node: Any, parent: Any) -> None:  # Any: a Department or a Topic
    """Raise Invalid when `parent` is the node itself or stands below it."""
    if parent is None or node.pk is None:
        return
    parents = dict(type(node).objects.values_list("id", "parent_id"))
    above: int | None = parent.pk
    seen: set[int] = set()
    while above is not None and above not in seen:
        if above == node.pk:
            raise Invalid(_("This would put it below itself."), field="parent")
        seen.add(above)
        above = parents.get(above)
