"""A setting that only one way of being connected needs is missed where that way is chosen, and only there."""

from collections.abc import Callable, Iterator

import pytest
from django.test import Client

from helpdesk.models import Channel, Staff, User
from helpdesk.registries import ChannelKind, SettingField, channel_kinds, secrets_by_name
from tests.factories import World

Browser = Callable[[User | Staff], Client]
ADD = "/admin/helpdesk/channel/add/?kind=pigeon"
PIGEON = ChannelKind(
    label="Pigeon",
    settings=(
        SettingField("way", "Way", kind="choice", choices=(("in", "In"), ("out", "Out"))),
        SettingField("secret", "Ring", kind="secret", required=True, needed_by=("way", "in")),
        SettingField("whistle", "Whistle", kind="secret", required=True, needed_by=("way", "out")),
        SettingField("loft", "Loft", required=True, needed_by=("way", "out")),
        SettingField("feather", "Feather", kind="secret", needed_by=("way", "in")),
    ),
)


@pytest.fixture(autouse=True)
def pigeon() -> Iterator[None]:
    with channel_kinds.registered("pigeon", PIGEON):
        yield


def sent(way: str, **settings: str) -> dict[str, object]:
    return {
        "name": "Pigeon", "queue": "", "language": "en", "hold_seconds": 0, "is_active": "on",
        "setting_way": way, **{f"setting_{name}": value for name, value in settings.items()},
    }  # fmt: skip


def missing(client: Client, address: str, data: dict[str, object]) -> set[str]:
    """Return the settings that a form which was sent misses; none where it was taken."""
    answer = client.post(address, data)
    if answer.status_code == 302:
        return set()
    return set(answer.context["adminform"].form.errors)


def test_the_chosen_way_alone_says_what_is_needed(world: World, browser: Browser) -> None:
    client = browser(world.alice)
    assert missing(client, ADD, sent("in", whistle="w")) == {"setting_secret"}
    assert missing(client, ADD, sent("out", secret="r")) == {"setting_whistle", "setting_loft"}
    assert missing(client, ADD, sent("up", secret="r")) == {"setting_way"}
    with world.transaction():
        assert not Channel.objects.filter(kind="pigeon").exists()
    assert missing(client, ADD, sent("out", whistle="w", loft="north")) == set()
    with world.transaction():
        made = Channel.objects.get(kind="pigeon")
    assert secrets_by_name(made.secret) == {"whistle": "w"}


def test_another_way_needs_what_is_not_stored_yet(world: World, browser: Browser) -> None:
    client = browser(world.alice)
    assert missing(client, ADD, sent("in", secret="r")) == set()
    with world.transaction():
        change = f"/admin/helpdesk/channel/{Channel.objects.get(kind='pigeon').pk}/change/"
    # What is stored need not be written again.
    assert missing(client, change, sent("in")) == set()
    assert missing(client, change, sent("out", loft="north")) == {"setting_whistle"}
    assert missing(client, change, sent("out", loft="north", whistle="w")) == set()
    assert missing(client, change, sent("in")) == set()


def test_the_browser_asks_for_none_of_them(world: World, browser: Browser) -> None:
    form = browser(world.alice).get(ADD).context["adminform"].form
    needed = [name for name in form.fields if name.startswith("setting_") and name != "setting_way"]
    assert len(needed) == 4
    assert not any(form.fields[name].required for name in needed)
