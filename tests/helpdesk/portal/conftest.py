"""People in front of their screens."""

from collections.abc import Callable

import pytest
from django.test import Client

from tests.factories import World

Screen = Callable[..., Client]


@pytest.fixture(autouse=True)
def _plain_static(settings: object) -> None:
    settings.STORAGES = {  # type: ignore[attr-defined]
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture
def screen(world: World) -> Screen:
    """Return a signed-in browser of somebody in the world."""

    def sign_in(name: str, in_world: World = world, *, htmx: bool = False) -> Client:
        headers = {"Accept-Language": "en", **({"HX-Request": "true"} if htmx else {})}
        client = Client(headers=headers)
        client.force_login(in_world.people[name].user)
        session = client.session
        session["organization_id"] = in_world.organization.pk
        session.save()
        return client

    return sign_in
