"""The rule of escalation paths: none leads back to itself."""

from django.utils.translation import gettext as _

from helpdesk.errors import Invalid
from helpdesk.models import EscalationPath


def check_next_path(path: EscalationPath, following: EscalationPath | None) -> None:
    """Raise Invalid when going on to `following` would come round to `path` again."""
    if following is None or path.pk is None:
        return
    nexts = dict(EscalationPath.objects.values_list("id", "next_path_id"))
    current: int | None = following.pk
    seen: set[int] = set()
    while current is not None and current not in seen:
        if current == path.pk:
            raise Invalid(_("This would lead back to the same path."), field="next_path")
        seen.add(current)
        current = nexts.get(current)
