"""Visitors at one channel, with nothing counted against them yet."""

import pytest

from channels_app import limits


@pytest.fixture(autouse=True)
def fresh_limits(monkeypatch):
    monkeypatch.setattr(limits, "_ask", _no_redis)
    limits._local.clear()


def _no_redis(command, *arguments):
    raise limits.redis.ConnectionError


@pytest.fixture
def public_id(world):
    return world.channel.public_id
