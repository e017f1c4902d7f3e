from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChannelsConfig(AppConfig):
    name = "channels_app"
    verbose_name = _("Channels")

    def ready(self) -> None:
        from channels_app import handlers, invariants, registry  # noqa: PLC0415  (they need the models)
        from channels_app.demo import decisions, letters, loading, visitors  # noqa: PLC0415  (they need the models)
        from channels_app.services import dispatching  # noqa: PLC0415  (as above)
        from helpdesk.registries import automatic_gates  # noqa: PLC0415  (as above)

        registry.register_kinds()
        automatic_gates.register("mailboxes", dispatching.may_write_automatically)
        handlers.connect()
        invariants.register()
        loading.register()
        letters.register()
        decisions.register()
        visitors.register()
