"""Forms and their pages, with static files as they lie in the tree."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.channels_app.form.forms_sent import letter_kind


@pytest.fixture(autouse=True)
def plain_files(settings: Any) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture(autouse=True)
def letters() -> Iterator[None]:
    """Let there be mailboxes that answer."""
    with letter_kind():
        yield
