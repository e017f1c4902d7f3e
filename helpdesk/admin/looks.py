"""How the two admin sites look: their names, their side bars, their links. Settings read it, so it knows no model."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse, reverse_lazy
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

Item = dict[str, Any]  # Any: Unfold's own shape
ORGANIZATION_SITE, PLATFORM_SITE = "organization_admin", "platform_admin"


def _language_action(request: HttpRequest) -> str:
    return reverse("portal:language")


def _organization_name(request: HttpRequest) -> str:
    staff = getattr(request, "staff", None)
    return staff.organization.label if staff else ""


def _is_among_users(request: HttpRequest) -> bool:
    """Tell whether the page is about users: that of the sessions has an address below theirs."""
    users = reverse(f"{PLATFORM_SITE}:helpdesk_user_changelist")
    sessions = reverse(f"{PLATFORM_SITE}:helpdesk_user_sessions")
    return request.path.startswith(users) and not request.path.startswith(sessions)


def _style(request: HttpRequest) -> str:
    return static("everydesk/admin.css")


def _favicon(request: HttpRequest) -> str:
    return static("everydesk/favicon.svg")


def _item(site: str, name: str, title: str | Promise, icon: str) -> Item:
    page = name if name == "index" else f"helpdesk_{name}_changelist"
    return {"title": title, "icon": icon, "link": reverse_lazy(f"{site}:{page}")}


def _looks(site: str, header: str | Promise, groups: list[Item]) -> Item:
    return {
        "SITE_TITLE": header,
        "SITE_HEADER": "Everydesk",
        "SITE_SUBHEADER": _organization_name if site == ORGANIZATION_SITE else header,
        "SITE_SYMBOL": "support_agent",
        "SITE_URL": None,
        "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _favicon}],
        "SHOW_HISTORY": site == ORGANIZATION_SITE,
        "SHOW_VIEW_ON_SITE": False,
        "SHOW_LANGUAGES": True,
        "SHOW_BACK_BUTTON": True,
        "LANGUAGES": {"action": _language_action, "navigation": []},
        "BORDER_RADIUS": "8px",
        "STYLES": [_style],
        "ACCOUNT": {
            "navigation": [
                {"title": _("Back to conversations"), "link": reverse_lazy("portal:workspace")},
                {"title": _("Change password"), "link": reverse_lazy(f"{site}:password_change")},
            ]
        },
        "SIDEBAR": {
            "show_search": True,
            "command_search": True,
            "show_all_applications": False,
            "navigation": groups,
        },
    }


def _organization(name: str, title: str | Promise, icon: str) -> Item:
    return _item(ORGANIZATION_SITE, name, title, icon)


def _platform(name: str, title: str | Promise, icon: str) -> Item:
    return _item(PLATFORM_SITE, name, title, icon)


ORGANIZATION = _looks(
    ORGANIZATION_SITE,
    _("Administration"),
    [
        {
            "title": "",
            "items": [
                _organization("index", _("Overview"), "dashboard"),
                {
                    "title": _("Back to conversations"),
                    "icon": "arrow_back",
                    "link": reverse_lazy("portal:workspace"),
                    "active": False,
                },
            ],
        },
        {
            "title": _("People"),
            "separator": True,
            "items": [
                _organization("staff", _("Staff"), "badge"),
                _organization("department", pgettext_lazy("all", "Departments"), "account_tree"),
                _organization("position", _("Positions"), "work"),
                _organization("skill", _("Skills"), "school"),
            ],
        },
        {
            "title": _("Rights"),
            "separator": True,
            "items": [
                _organization("role", _("Roles"), "shield_person"),
                _organization("rolegrant", _("Roles held"), "assignment_ind"),
                _organization("apitoken", _("API tokens"), "key"),
            ],
        },
        {
            "title": _("Answering"),
            "separator": True,
            "items": [
                _organization("topic", _("Topics"), "category"),
                _organization("snippet", _("Snippets"), "short_text"),
                _organization("queue", _("Queues"), "inbox"),
                _organization("escalationpath", _("Escalation paths"), "escalator"),
                _organization("channel", _("Channels"), "hub"),
                _organization("messagetemplate", _("Message templates"), "approval"),
                {
                    "title": _("Routing"),
                    "icon": "alt_route",
                    # Another app's page, known by its address only.
                    "link": reverse_lazy(f"{ORGANIZATION_SITE}:routing_policy_changelist"),
                },
                {
                    "title": _("Rings"),
                    "icon": "target",
                    "link": reverse_lazy(f"{ORGANIZATION_SITE}:routing_ring_changelist"),
                },
                _organization("kindload", _("Loads by kind"), "weight"),
                {
                    "title": _("Overflow"),
                    "icon": "low_priority",
                    "link": reverse_lazy(f"{ORGANIZATION_SITE}:routing_overflowrule_changelist"),
                },
                {
                    "title": _("Models of topics"),
                    "icon": "model_training",
                    "link": reverse_lazy(f"{ORGANIZATION_SITE}:routing_topicmodel_changelist"),
                },
            ],
        },
        {
            "title": _("Records"),
            "separator": True,
            "items": [
                _organization("customer", _("Customers"), "groups"),
                _organization("conversation", _("Conversations"), "forum"),
                {
                    "title": _("What channels reported"),
                    "icon": "move_to_inbox",
                    # Another app's page, known by its address only.
                    "link": reverse_lazy(
                        f"{ORGANIZATION_SITE}:channels_app_inboundevent_changelist"
                    ),
                },
                {
                    "title": _("What left through channels"),
                    "icon": "outbox",
                    "link": reverse_lazy(
                        f"{ORGANIZATION_SITE}:channels_app_deliveryattempt_changelist"
                    ),
                },
                {
                    "title": _("Mails and events of the system"),
                    "icon": "forward_to_inbox",
                    "link": reverse_lazy(f"{ORGANIZATION_SITE}:channels_app_dispatch_changelist"),
                },
                _organization("auditentry", _("Audit trail"), "history"),
                _organization("organization", _("Organization"), "apartment"),
            ],
        },
    ],
)

PLATFORM = _looks(
    PLATFORM_SITE,
    _("Platform"),
    [
        {
            "title": "",
            "items": [
                _platform("index", _("Overview"), "dashboard"),
                _platform("organization", _("Organizations"), "apartment"),
                _platform("platformauditentry", _("Audit trail"), "history"),
            ],
        },
        {
            "title": _("Signing in"),
            "separator": True,
            "items": [
                {**_platform("user", _("Users"), "person"), "active": _is_among_users},
                {
                    "title": _("Sessions"),
                    "icon": "devices",
                    "link": reverse_lazy(f"{PLATFORM_SITE}:helpdesk_user_sessions"),
                },
                {
                    "title": _("Failed sign-ins"),
                    "icon": "lock_reset",
                    "link": reverse_lazy(f"{PLATFORM_SITE}:axes_accessattempt_changelist"),
                },
            ],
        },
        {
            "title": _("Calendar"),
            "separator": True,
            "items": [
                {
                    "title": _("Periodic tasks"),
                    "icon": "event_repeat",
                    "link": reverse_lazy(
                        f"{PLATFORM_SITE}:django_celery_beat_periodictask_changelist"
                    ),
                },
                {
                    "title": _("Intervals"),
                    "icon": "timer",
                    "link": reverse_lazy(
                        f"{PLATFORM_SITE}:django_celery_beat_intervalschedule_changelist"
                    ),
                },
                {
                    "title": _("Times of day"),
                    "icon": "schedule",
                    "link": reverse_lazy(
                        f"{PLATFORM_SITE}:django_celery_beat_crontabschedule_changelist"
                    ),
                },
            ],
        },
    ],
)
