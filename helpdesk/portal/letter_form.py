"""The fields of a letter in the reply box, as they are shown and as they come back."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import quote

from django.http import QueryDict
from django.utils import translation

from helpdesk.models import Conversation, Staff
from helpdesk.services import letters
from helpdesk.services.addresses import Address
from helpdesk.services.letters import Joined, LetterFields

# What has a meaning in a list of addresses, or may have one.
_MARKED = re.compile(r"[^\w .-]")
MOST_SUGGESTIONS = 8


@dataclass
class LetterForm:
    """What the reply box shows of the letter that is being written."""

    to: str
    to_shown: str
    cc: str
    subject: str
    quotes: bool
    signature: str
    # What would be quoted, and who has read it.
    quoted: str
    readers: str
    suggestions: list[str]
    chosen: tuple[str, ...] = ()
    is_open: bool = False

    @property
    def cc_count(self) -> int:
        return self.cc.count("@")

    def keep(self, fields: LetterFields) -> None:
        """Show what somebody had chosen when their letter was refused."""
        self.cc, self.subject, self.quotes = fields.cc, fields.subject, fields.quotes
        self.is_open = True


def letter_form_of(
    conversation: Conversation, staff: Staff, people: Iterable[Joined] | None
) -> LetterForm | None:
    """Return the fields of the next letter, with `people` under "cc"; None where replies are no letters."""
    if letters.mailbox_of(conversation) is None:
        return None
    draft = letters.draft_of(conversation, people)
    with translation.override(letters.language_of(conversation)):
        signature = letters.signature_of(staff)
        quoted = letters.quote_of(draft.quoted, staff, conversation)
    return LetterForm(
        to=draft.to[0],
        to_shown=_written(draft.to),
        cc=", ".join(_written(one) for one in draft.cc),
        subject=draft.subject,
        quotes=True,
        signature=signature,
        quoted=quoted,
        readers=" ".join(draft.readers),
        suggestions=[_written(one) for one in draft.suggestions[:MOST_SUGGESTIONS]],
    )


def fields_in(data: QueryDict) -> LetterFields | None:
    """Return the fields of a letter that was sent off; None for a reply without any."""
    if "letter_to" not in data:
        return None
    return LetterFields(
        to=_plain(data, "letter_to"),
        cc=", ".join(
            part.strip() for part in (_plain(data, "letter_cc"), *_more(data)) if part.strip()
        ),
        subject=_plain(data, "letter_subject"),
        quotes=data.get("letter_quotes") == "on",
    )


def _more(data: QueryDict) -> list[str]:
    return [one.replace("\x00", "") for one in data.getlist("letter_cc_more")[:MOST_SUGGESTIONS]]


def _plain(data: QueryDict, name: str) -> str:
    # The database keeps no NUL.
    return data.get(name, "").replace("\x00", "")


def _written(one: Address) -> str:
    """Return an address with its name so that it is read again as the same."""
    address, name = one
    shown = f'"{quote(name)}"' if _MARKED.search(name) else name
    return f"{shown} <{address}>" if name else address
