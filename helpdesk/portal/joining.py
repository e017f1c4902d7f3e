"""Who takes part in a conversation by letter: decided on by a person."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from helpdesk.portal.dialogs import done
from helpdesk.portal.pages import access_of, staff_only
from helpdesk.services import participants


@require_POST
@staff_only
def approve(request: HttpRequest, participant_id: int) -> HttpResponse:
    """Let somebody take part."""
    found = participants.approve(access_of(request), participant_id)
    text = _("%(who)s takes part now") % {"who": found}
    return done(request, found.conversation_id, {"text": text, "icon": "users"})


@require_POST
@staff_only
def decline(request: HttpRequest, participant_id: int) -> HttpResponse:
    """Turn somebody away."""
    found = participants.decline(access_of(request), participant_id)
    text = _("%(who)s does not take part") % {"who": found}
    return done(request, found.conversation_id, {"text": text, "icon": "lock"})


@require_POST
@staff_only
def remove(request: HttpRequest, participant_id: int) -> HttpResponse:
    """Let somebody take part no longer."""
    found = participants.remove(access_of(request), participant_id)
    text = _("%(who)s takes part no longer") % {"who": found}
    return done(request, found.conversation_id, {"text": text, "icon": "lock"})
