"""What the pickers of the reply box offer."""

from typing import NamedTuple

from django.db.models import Q

from helpdesk.access import Access, colleagues, visible_snippets
from helpdesk.models import Conversation, Staff
from helpdesk.services.snippets import text_for

LIMIT = 12


class SnippetOption(NamedTuple):
    """One prepared text, ready to insert."""

    shortcut: str
    title: str
    text: str


def snippets_for(
    access: Access, conversation: Conversation, staff: Staff, typed: str
) -> list[SnippetOption]:
    """Return the snippets that fit what was typed, those of the conversation's topic first."""
    rows = visible_snippets(access)
    for word in typed.split()[:3]:
        rows = rows.filter(
            Q(shortcut__icontains=word)
            | Q(title__icontains=word)
            | Q(title_en__icontains=word)
            | Q(text_zh__icontains=word)
            | Q(text_en__icontains=word)
        )
    found = sorted(
        rows.order_by("-use_count", "shortcut")[: LIMIT * 5],
        key=lambda row: row.topic_id is None or row.topic_id != conversation.topic_id,
    )
    organization = staff.organization.label
    return [
        SnippetOption(
            row.shortcut,
            row.title_en if conversation.language == "en" and row.title_en else row.title,
            text_for(row, conversation, staff, organization),
        )
        for row in found[:LIMIT]
    ]


def colleagues_for(access: Access, typed: str) -> list[Staff]:
    """Return colleagues whose name fits what was typed."""
    rows = colleagues(access).select_related("department", "presence").exclude(pk=access.staff_id)
    if typed:
        rows = rows.filter(
            Q(name__icontains=typed)
            | Q(name_en__icontains=typed)
            | Q(department__name__icontains=typed)
        )
    rows = rows.prefetch_related("focus_times")
    return list(rows.order_by("department__order", "name")[:LIMIT])
