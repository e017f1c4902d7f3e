"""What the apps above want administrators to see to: above their work, and on the overview."""

from collections.abc import Iterator

from django.urls import reverse

from helpdesk.registries import Notice, notices
from tests.factories import World
from tests.helpdesk.portal.conftest import Screen


def test_administrators_are_told_and_nobody_else(world: World, screen: Screen) -> None:
    page = reverse("organization_admin:helpdesk_topic_changelist")

    def told() -> Iterator[Notice]:
        yield Notice("a-thing", "Something <b>broke</b>", "Another serves.", page)

    with notices.registered("a thing", told):
        shown = screen("alice").get("/").content.decode()
        assert 'id="a-thing"' in shown
        assert "Something &lt;b&gt;broke&lt;/b&gt;" in shown
        assert f'href="{page}"' in shown
        overview = screen("alice").get("/admin/").content.decode()
        assert "Something &lt;b&gt;broke&lt;/b&gt;" in overview
        assert "All is well." not in overview
        for name in ("bob", "carol"):
            assert "a-thing" not in screen(name).get("/").content.decode()
    assert "a-thing" not in screen("alice").get("/").content.decode()
