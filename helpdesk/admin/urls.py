"""Where both admin sites are found."""

from importlib import import_module

from django.urls import URLPattern, URLResolver, path
from django.utils.module_loading import autodiscover_modules

from helpdesk.admin.sites import organization_site, platform_site

SUBJECTS = [
    "organization",
    "topics",
    "roles",
    "staff",
    "escalation",
    "capacity",
    "channels",
    "message_templates",
    "tokens",
    "conversations",
    "trail",
    "platform",
]
for subject in SUBJECTS:
    import_module(f"helpdesk.admin.{subject}")
# The apps above register theirs in their own admin.py.
autodiscover_modules("admin")

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", organization_site.urls),
    path("platform/", platform_site.urls),
]
