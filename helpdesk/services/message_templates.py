"""Answers in words that a platform approved before: which there are, and what stands in their places.

They may leave at any time, also when the platform takes no other answer.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from helpdesk.errors import Invalid
from helpdesk.models import Conversation, MessageTemplate
from helpdesk.places import fill, has_stray_braces, is_number, places_in
from helpdesk.registries import TemplateRules
from helpdesk.services import limits

# A platform approves some hundreds at most; this many are offered.
MOST_OFFERED = 200
# What no value may hold: it would begin another line, or the database keeps none of it.
_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which template an answer is, and the values of its places in their order."""

    template_id: int
    values: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Filled:
    """A template with its values: the text as the customer reads it, and what the vendor is told."""

    text: str
    name: str
    language_code: str
    values: Sequence[tuple[str, str]]

    def as_json(self) -> dict[str, object]:
        """Return what leaves, as it is kept with the answer."""
        return {
            "name": self.name,
            "language": self.language_code,
            "values": [list(each) for each in self.values],
        }


def templates_of(conversation: Conversation) -> QuerySet[MessageTemplate]:
    """Return the active templates of a conversation's channel; none where its platform has none."""
    rows = MessageTemplate.objects.order_by("name", "language_code", "pk")
    if limits.limits_of(conversation).templates is None:
        return rows.none()
    return rows.filter(channel_id=conversation.channel_id, is_active=True)


def write(conversation: Conversation, chosen: Chosen) -> Filled:
    """Return a template with its values; raises Invalid, which names what is wrong."""
    rules = limits.limits_of(conversation).templates
    found = templates_of(conversation).filter(pk=chosen.template_id).first()
    if found is None or rules is None:
        raise Invalid(_("Choose an active template of this channel."), field="template")
    names, values = found.places, [value.strip() for value in chosen.values]
    if len(values) != len(names):
        reason = _("The template has %(places)s places; %(count)s values were given.")
        raise Invalid(reason % {"places": len(names), "count": len(values)}, field="parameters")
    for label, value in zip(found.labels, values, strict=True):
        fault = fault_of_value(value, rules)
        if fault:
            raise Invalid(f"{label}: {fault}", field="parameters")
    pairs = list(zip(names, values, strict=True))
    text = fill(found.text, dict(pairs))
    if len(text) > rules.text_max:
        reason = _("The filled text has %(count)s characters; at most %(most)s are taken.")
        raise Invalid(reason % {"count": len(text), "most": rules.text_max}, field="parameters")
    return Filled(text, found.name, found.language_code, pairs)


def fault_of_value(value: str, rules: TemplateRules) -> str:
    """Return why the platform would not take a value; empty when it does."""
    if not value.strip():
        return _("Fill in this place.")
    if _BREAKS.search(value):
        return _("Line breaks and tabs are not taken here.")
    if " " * (rules.spaces_max + 1) in value:
        return _("At most %(number)s spaces in a row are taken.") % {"number": rules.spaces_max}
    return ""


def fault_of_text(text: str, rules: TemplateRules) -> str:
    """Return what is wrong with an approved text and its places; empty when it can be sent."""
    if len(text) > rules.text_max:
        reason = _("The text has %(count)s characters; at most %(most)s are taken.")
        return reason % {"count": len(text), "most": rules.text_max}
    if has_stray_braces(text):
        return _("Write every place as two braces, a number and two braces: {{1}}.")
    names = places_in(text)
    wrong = next((name for name in names if not is_number(name)), None)
    if wrong is not None:
        return _("{{%(name)s}} is no place: places are numbered {{1}}, {{2}} and so on.") % {
            "name": wrong[:40]
        }
    if len(names) > rules.places_max:
        reason = _("There are %(count)s places; at most %(most)s are taken.")
        return reason % {"count": len(names), "most": rules.places_max}
    for number, name in enumerate(names, 1):
        if int(name) != number:
            return _("{{%(number)s}} is missing: places are numbered without gaps.") % {
                "number": number
            }
    return ""
