from django.apps import AppConfig


class ChannelsConfig(AppConfig):
    name = "channels_app"

    def ready(self) -> None:
        from channels_app.demo import loading as demo  # noqa: PLC0415  (needs the models)
        from channels_app.registry import register_kinds  # noqa: PLC0415  (needs the models)

        register_kinds()
        demo.register()
