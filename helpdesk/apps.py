from importlib import import_module
from pkgutil import iter_modules

from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _


class HelpdeskConfig(AppConfig):
    name = "helpdesk"
    verbose_name = _("Customer service")

    def ready(self) -> None:
        """Load what registers itself: system checks, the sweeps of the services, invariants."""
        services = import_module("helpdesk.services")
        for module in iter_modules(services.__path__):
            import_module(f"helpdesk.services.{module.name}")
        import_module("helpdesk.invariants")
        import_module("helpdesk.checks")
        # The pages of these packages stand in the platform's administration under its own headings.
        apps.get_app_config("axes").verbose_name = _("Signing in")
        apps.get_app_config("django_celery_beat").verbose_name = _("Calendar")
