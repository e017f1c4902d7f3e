"""What evidence says of a skill, in the reader's words."""

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from helpdesk.models import StaffSkill
from routing.deciding.evidence import Evidence, counted
from routing.models import SkillEvidence


def lately(stated: float, evidence: Evidence) -> str:
    """Return the level that counts, as "lately 3.4"."""
    return _("lately %(level)s") % {"level": level(stated, evidence)}


def level(stated: float, evidence: Evidence) -> str:
    """Return the level that counts, as "3.4"."""
    return _tenths(counted(stated, evidence.change))


def figures(evidence: Evidence) -> str:
    """Return what stands behind it: conversations, how many were resolved, stars, the exam."""
    told = []
    if evidence.conversations:
        told.append(
            ngettext("%(count)s conversation", "%(count)s conversations", evidence.conversations)
            % {"count": evidence.conversations}
        )
    if evidence.resolved is not None and evidence.expected is not None:
        told.append(
            _("%(share)s %% resolved (expected: %(expected)s %%)")
            % {"share": _percent(evidence.resolved), "expected": _percent(evidence.expected)}
        )
    if evidence.stars is not None:
        told.append(_("%(stars)s stars") % {"stars": _tenths(evidence.stars)})
    if evidence.exam_percent is not None:
        told.append(_("exam %(percent)s %%") % {"percent": evidence.exam_percent})
    return _(", ").join(told)


def notes(staff_id: int) -> dict[int, str]:
    """Return what is lately known of each skill of one person, for a column that says "lately".

    Nothing of a level that was stated anew: it counts alone until the next night.
    """
    stated = dict(StaffSkill.objects.filter(staff_id=staff_id).values_list("skill_id", "level"))
    rows = SkillEvidence.objects.filter(staff_id=staff_id).order_by("id")
    return {
        row.skill_id: f"{level(row.level, row.plain)}{_(': ')}{figures(row.plain)}"
        for row in rows
        if stated.get(row.skill_id) == row.level
    }


def _percent(share: float) -> int:
    return round(100 * share)


def _tenths(value: float) -> str:
    return formats.number_format(round(value, 1), 1, use_l10n=True)
