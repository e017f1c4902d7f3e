"""A played WeCom."""

from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.utils.translation import override

from channels_app.adapters.wecom_kf.fake import Vendor


@pytest.fixture
def vendor(settings: LazySettings) -> Iterator[Vendor]:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with Vendor() as vendor, override("en"):
        yield vendor
