"""Prepared texts with their variables filled in."""

import re

from django.db.models import F

from helpdesk.access import Access, visible_snippets
from helpdesk.errors import NotFound
from helpdesk.models import Conversation, Snippet, Staff

VARIABLE = re.compile(r"\{(customer|company|staff|department|organization|number|channel)\}")


def text_for(snippet: Snippet, conversation: Conversation, staff: Staff, organization: str) -> str:
    """Return the snippet in the customer's language, its variables filled in; unknown ones stay."""
    english = conversation.language == "en"
    text = (snippet.text_en or snippet.text_zh) if english else (snippet.text_zh or snippet.text_en)
    values = {
        "customer": conversation.customer.name,
        "company": conversation.customer.company,
        "staff": (staff.name_en or staff.name) if english else staff.name,
        "department": staff.department.name_en or staff.department.name
        if english
        else staff.department.name,
        "organization": organization,
        "number": str(conversation),
        "channel": conversation.channel.name,
    }
    return VARIABLE.sub(lambda match: values[match[1]], text)


def use(by: Access, snippet_id: int) -> Snippet:
    """Return a snippet and count its use; raises NotFound."""
    snippet = visible_snippets(by).filter(pk=snippet_id).first()
    if snippet is None:
        raise NotFound
    Snippet.objects.filter(pk=snippet.pk).update(use_count=F("use_count") + 1)
    return snippet
