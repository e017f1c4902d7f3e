"""Rules that cannot hold: refused with the field, also when two administrators save at the same time."""

import re
from collections.abc import Sequence

from django.db import connection
from django.utils.translation import gettext as _

from helpdesk.errors import Invalid
from helpdesk.tenancy import current_organization_id
from routing.models import OverflowRule

PLACES = ("position", "minutes_from", "minutes_to", "opens_at", "link")
_LINK = re.compile(r"(?:https?://|mailto:)[^\s<>\"']+")
_COUNTED = (OverflowRule.Condition.LENGTH, OverflowRule.Condition.WAIT)


def check(rule: OverflowRule) -> None:
    """Raise Invalid with the field that cannot be; the transaction is open and ends with the saving.

    Whoever else checks a rule of the organization waits until then, and sees this one.
    """
    _check_times(rule)
    _check_action(rule)
    for field in ("text_zh", "text_en"):
        _check_text(rule, field)
    _lock()
    if rule.is_active and rule.action == OverflowRule.Action.MOVE and comes_round(rule):
        raise Invalid(
            _("This would lead back to a department that it came from."), field="to_department"
        )


def _check_times(rule: OverflowRule) -> None:
    is_after = rule.when == OverflowRule.When.AFTER
    if is_after and rule.after_seconds is None:
        raise Invalid(_("Say after how many seconds."), field="after_seconds")
    if not is_after and rule.after_seconds is not None:
        raise Invalid(_("Before queueing nobody has waited."), field="after_seconds")
    if rule.condition in _COUNTED and rule.threshold is None:
        raise Invalid(_("Say how many."), field="threshold")
    if rule.condition not in _COUNTED and rule.threshold is not None:
        raise Invalid(_("This condition has no number."), field="threshold")


def _check_action(rule: OverflowRule) -> None:
    is_move = rule.action == OverflowRule.Action.MOVE
    if is_move and rule.to_department_id is None:
        raise Invalid(_("Say where to."), field="to_department")
    if not is_move and rule.to_department_id is not None:
        raise Invalid(_("Only a move has a department."), field="to_department")
    if is_move and rule.to_department_id == rule.department_id:
        raise Invalid(_("It is there already."), field="to_department")
    if not is_move and not (rule.text_zh.strip() and rule.text_en.strip()):
        empty = "text_en" if rule.text_zh.strip() else "text_zh"
        raise Invalid(_("Customers read either language: write both."), field=empty)
    if rule.link and not _LINK.fullmatch(rule.link):
        raise Invalid(_("Begin with https:// or mailto:."), field="link")
    if rule.action == OverflowRule.Action.FORM and not rule.link:
        raise Invalid(_("Say where to."), field="link")


def _check_text(rule: OverflowRule, field: str) -> None:
    rest = getattr(rule, field)
    for name in PLACES:
        rest = rest.replace(f"{{{name}}}", "")
    if "{" in rest or "}" in rest:
        known = ", ".join(f"{{{name}}}" for name in PLACES)
        raise Invalid(_("Only these can be filled in: %(known)s.") % {"known": known}, field=field)


def comes_round(rule: OverflowRule, others: Sequence[OverflowRule] | None = None) -> bool:
    """Tell whether a conversation that the rule moves could be moved back by it and others."""
    if others is None:
        moves = OverflowRule.objects.filter(is_active=True, action=OverflowRule.Action.MOVE)
        others = list(moves.exclude(pk=rule.pk))
    to_visit = [(rule.to_department_id, rule.topic_id, rule.channel_id)]
    seen = set(to_visit)
    while to_visit:
        at, topic, channel = to_visit.pop()
        for other in others:
            if other.department_id not in (None, at) or other.to_department_id == at:
                continue
            if not _meet(topic, other.topic_id) or not _meet(channel, other.channel_id):
                continue
            if rule.department_id in (None, other.to_department_id):
                return True
            following = (
                other.to_department_id,
                topic or other.topic_id,
                channel or other.channel_id,
            )
            if following not in seen:
                seen.add(following)
                to_visit.append(following)
    return False


def _meet(one: int | None, other: int | None) -> bool:
    return one is None or other is None or one == other


def _lock() -> None:
    with connection.cursor() as cursor:
        key = f"everydesk.overflow {current_organization_id()}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])
