"""How the tests are dealt to their workers."""

import os

import pytest


@pytest.mark.xdist_group("together")
def test_a_group_stays_on_one_worker(request: pytest.FixtureRequest) -> None:
    """The scheduler goes by the group in a test's name: what shares an installation shares a worker."""
    is_dealt = "PYTEST_XDIST_WORKER" in os.environ
    assert request.node.nodeid.endswith("@together") == is_dealt
