"""Lists of calls that begin empty, in a real Redis."""

from collections.abc import Iterator

import pytest

from tests.channels_app.calls.log import forget


@pytest.fixture(autouse=True)
def empty_lists() -> Iterator[None]:
    forget()
    yield
    forget()
