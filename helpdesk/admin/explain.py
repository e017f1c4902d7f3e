"""The page "What can she do here, and why?" for any member of staff."""

import re
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from helpdesk.access import Access, access_of
from helpdesk.admin.trees import walk
from helpdesk.models import Conversation, Department, Staff, Topic
from helpdesk.reports import rights

NUMBER = re.compile(r"^\s*(?:C-)?(\d{1,18})\s*$", re.IGNORECASE)


def explain_view(site: Any, request: HttpRequest, staff_id: int) -> HttpResponse:
    """Show the person's rights by place, and what may be done with one conversation."""
    staff = Staff.objects.select_related("department", "position").filter(pk=staff_id).first()
    if staff is None:
        raise Http404
    access = access_of(staff)
    departments = walk(Department.objects.all())
    context = {
        **site.each_context(request),
        "title": _("What can %(name)s do here, and why?") % {"name": staff.label},
        "opts": Staff._meta,
        "original": staff,
        "staff": staff,
        "places": rights.places(staff, departments),
        "roles": rights.objects(staff, "role"),
        "paths": rights.objects(staff, "path"),
        "topics": rights.answers(
            access, walk(Topic.objects.all()), [d for d, _depth in departments]
        ),
        **_about(request.GET.get("conversation", ""), staff, access),
    }
    return TemplateResponse(request, "admin/explain.html", context)


def _about(number: str, staff: Staff, access: Access) -> dict[str, Any]:
    found = NUMBER.match(number)
    conversation = (
        Conversation.objects.select_related("department", "topic", "owner")
        .filter(pk=int(found[1]))
        .first()
        if found
        else None
    )
    if conversation is None:
        return {"number": number[:20], "is_unknown": bool(number.strip())}
    return {
        "number": str(conversation),
        "conversation": conversation,
        "verdicts": list(rights.verdicts(staff, access, conversation)),
        "may_answer": access.can_answer(conversation.department_id, conversation.topic_id),
    }
