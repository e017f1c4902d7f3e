"""Every page of the portal, for somebody who may see it."""

import pytest

from tests.factories import World
from tests.helpdesk.portal.conftest import Screen

PAGES = [
    "/",
    "/?view=departments",
    "/?view=mentions",
    "/?view=waiting",
    "/?view=all",
    "/?view=search&q=x",
    "/profile/",
    "/shortcuts/",
    "/search/",
    "/search/?q=x",
]


@pytest.mark.parametrize("path", PAGES)
def test_page_opens(world: World, screen: Screen, path: str) -> None:
    world.message()
    response = screen("carol").get(path)
    assert response.status_code == 200
    assert "<main" in response.content.decode()


def test_conversation_opens_with_its_timeline(world: World, screen: Screen) -> None:
    received = world.message("怎么退货?")
    response = screen("carol").get(f"/conversations/{received.conversation_id}/")
    page = response.content.decode()
    assert response.status_code == 200
    assert 'id="message-1"' in page
    assert "怎么退货?" in page
