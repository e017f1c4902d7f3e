"""What an overflow rule tells the customer, with what is known now filled in."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils import translation
from django.utils.translation import gettext as _

from helpdesk.models import Conversation, Organization
from helpdesk.services.letters import language_of
from routing.models import OverflowRule
from routing.predicting.outlook import Outlook
from routing.queueing import place_in


def words_for(rule: OverflowRule, conversation: Conversation, found: Outlook) -> str:
    """Return the text in the customer's language; empty where the rule has none.

    Where something that the text names is not known, such as a wait while nobody is there, a plain
    sentence takes its place: nothing is made up.
    """
    language = language_of(conversation)
    texts = (rule.text_zh, rule.text_en)
    text = next(filter(None, texts if language.startswith("zh") else texts[::-1]), "").strip()
    if not text:
        return ""
    with translation.override(language):
        for name, value in _known(rule, conversation, found).items():
            if f"{{{name}}}" not in text:
                continue
            if value is None:
                return _plain(rule)
            text = text.replace(f"{{{name}}}", value)
    return text


def _plain(rule: OverflowRule) -> str:
    said = _("We have received your message and answer as soon as we can.")
    return f"{said} {rule.link}".strip()


def _known(rule: OverflowRule, conversation: Conversation, found: Outlook) -> dict[str, str | None]:
    place = place_in(found, conversation)
    low, high = place.minutes
    return {
        "position": str(place.position),
        "minutes_from": None if low is None else str(low),
        "minutes_to": None if high is None else str(high),
        "opens_at": None if place.opens_at is None else _moment(place.opens_at, conversation),
        # Last, so that nothing in it is taken for one of the others.
        "link": rule.link,
    }


def _moment(at: datetime, conversation: Conversation) -> str:
    """Return a date and time by the organization's clock."""
    zone = Organization.objects.values_list("timezone", flat=True).get(
        pk=conversation.organization_id
    )
    return at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")
