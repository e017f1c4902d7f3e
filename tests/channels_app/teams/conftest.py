"""A played Microsoft Teams, and a picture to show."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.utils.translation import override

from channels_app.adapters.teams.fake import Vendor
from channels_app.protocol import Attachment


@pytest.fixture
def vendor(settings: LazySettings) -> Iterator[Vendor]:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with Vendor() as vendor, override("en"):
        yield vendor


@pytest.fixture
def picture(tmp_path: Path) -> Attachment:
    path = tmp_path / "stored"
    path.write_bytes(b"\x89PNG and more")
    url = "https://desk.example/a"
    return Attachment("image", filename="a.png", mime="image/png", size=13, path=str(path), url=url)
