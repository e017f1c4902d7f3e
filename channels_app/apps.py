from django.apps import AppConfig


class ChannelsConfig(AppConfig):
    name = "channels_app"

    def ready(self) -> None:
        from channels_app import handlers, registry  # noqa: PLC0415  (they need the models)
        from channels_app.demo import decisions, loading, visitors  # noqa: PLC0415  (they need the models)

        registry.register_kinds()
        handlers.connect()
        loading.register()
        decisions.register()
        visitors.register()
