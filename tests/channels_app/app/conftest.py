"""An app of the organization."""

import pytest

from helpdesk.services import replying
from tests.channels_app.app.apps import App, open_app
from tests.delivering import deliver_due


@pytest.fixture
def app(world):
    return open_app(world)


@pytest.fixture
def fang(app):
    return App(app.public_id)


@pytest.fixture
def stranger(app):
    return App(app.public_id, "user-8")


@pytest.fixture
def talk(world, fang):
    """A conversation that a colleague has answered."""
    conversation = fang.says("Where is my parcel?").json()["conversation"]
    replying.reply(world.access("carol"), conversation, text="On its way")
    deliver_due()
    return conversation
