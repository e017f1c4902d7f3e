from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RoutingConfig(AppConfig):
    name = "routing"
    verbose_name = _("Routing")

    def ready(self) -> None:
        """Register what the core must know of routing."""
        from helpdesk.registries import scorers  # noqa: PLC0415  (apps are ready only now)
        from routing.scoring import BUILT_IN  # noqa: PLC0415

        for name, scorer in BUILT_IN.items():
            scorers.register(name, scorer)
