"""The permissions that roles are made of, each with one sentence.

A role's permission holds in the department where the role is granted and in every department below it.
The codenames are guardian's: `user.has_perm("helpdesk.conversation_view", department)` tells the same.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    Permissions = list[tuple[str, str | _StrPromise]]

CONVERSATION_VIEW = "conversation_view"
CONVERSATION_REPLY = "conversation_reply"
CONVERSATION_NOTE = "conversation_note"
CONVERSATION_TAKE = "conversation_take"
CONVERSATION_ASSIGN = "conversation_assign"
CONVERSATION_TRANSFER = "conversation_transfer"
CONVERSATION_RESOLVE = "conversation_resolve"
CONVERSATION_ESCALATE = "conversation_escalate"
CUSTOMER_VIEW = "customer_view"
CUSTOMER_CHANGE = "customer_change"
SNIPPET_CHANGE = "snippet_change"
BOARD_VIEW = "board_view"
ORGANIZATION_ADMINISTER = "organization_administer"

DEPARTMENT_PERMISSIONS: "Permissions" = [
    (CONVERSATION_VIEW, _("See conversations")),
    (CONVERSATION_REPLY, _("Answer customers")),
    (CONVERSATION_NOTE, _("Write internal notes and call colleagues in")),
    (CONVERSATION_TAKE, _("Take conversations from the queue")),
    (CONVERSATION_ASSIGN, _("Assign conversations to colleagues")),
    (CONVERSATION_TRANSFER, _("Hand conversations over")),
    (CONVERSATION_RESOLVE, _("Resolve, snooze and reopen conversations")),
    (CONVERSATION_ESCALATE, _("Escalate conversations")),
    (CUSTOMER_VIEW, _("See customers")),
    (CUSTOMER_CHANGE, _("Change customers")),
    (SNIPPET_CHANGE, _("Write snippets")),
    (BOARD_VIEW, _("See the live board")),
    (ORGANIZATION_ADMINISTER, _("Administer the organization")),
]

# Whoever may do the one may do the other too, in the same place.
IMPLIED = {CONVERSATION_REPLY: CONVERSATION_VIEW}


def complete(names: Iterable[str]) -> list[str]:
    """Return the permissions with those they imply: whoever answers also sees."""
    given = list(names)
    return given + sorted({IMPLIED[name] for name in given if name in IMPLIED} - set(given))


ROLE_GIVE = "role_give"
ROLE_PERMISSIONS: "Permissions" = [(ROLE_GIVE, _("Give this role to colleagues"))]

PATH_USE = "path_use"
PATH_CLAIM = "path_claim"
PATH_PERMISSIONS: "Permissions" = [
    (PATH_USE, _("Escalate along this path")),
    (PATH_CLAIM, _("Claim escalations on this path")),
]
