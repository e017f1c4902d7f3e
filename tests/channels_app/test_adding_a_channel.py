"""Whoever follows docs/adding-a-channel.md has a channel: one folder, one line, nothing else."""

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.test import Client

from channels_app import adapters, registry
from channels_app.services.doors import find_door
from helpdesk.admin.channel_forms import channel_form
from helpdesk.models import Message
from helpdesk.registries import channel_kinds
from helpdesk.services import replying
from tests.channels_app import (
    contract,
    contract_cases,
    test_every_adapter,
    test_every_call,
    test_every_file,
    test_every_reply,
)
from tests.channels_app.vendors import send_due
from tests.factories import World

KIND = "pigeon"
DOCS = Path(django_settings.BASE_DIR) / "docs"
BLOCK = re.compile(r"```python\n# channels_app/adapters/pigeon/(\w+\.py)\n(.*?)```", re.DOTALL)
# The words of the example stand in no catalogue.
NOT_HERE = {"test_its_guide_is_there_in_both_languages"}
SUITES = (test_every_adapter, test_every_call, test_every_file, test_every_reply)


def example(language: str = "") -> dict[str, str]:
    """Return the files that the page shows."""
    page = (DOCS / f"adding-a-channel{language}.md").read_text(encoding="utf-8")
    return dict(BLOCK.findall(page))


@pytest.fixture
def pigeon(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The folder of the page, and the line."""
    folder = tmp_path / KIND
    folder.mkdir()
    for name, text in example().items():
        (folder / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(adapters, "__path__", [*adapters.__path__, str(tmp_path)])
    monkeypatch.setitem(registry.FOLDERS, KIND, f"channels_app.adapters.{KIND}")
    known = dict(channel_kinds._items)
    registry.register_kinds()
    case = contract_cases._faked(KIND)
    monkeypatch.setitem(contract_cases.CASES, KIND, case)
    monkeypatch.setattr(contract, "KINDS", [*contract.KINDS, KIND])
    yield
    channel_kinds._items = known
    registry.adapter_class.cache_clear()
    for name in [each for each in sys.modules if f"adapters.{KIND}" in each]:
        del sys.modules[name]


def test_the_page_shows_the_same_code_in_both_languages() -> None:
    assert sorted(example()) == ["__init__.py", "adapter.py", "fake.py"]
    assert example() == example(".zh-CN")


@pytest.mark.usefixtures("pigeon", "contract_time")
def test_it_meets_the_contract_as_it_stands() -> None:
    met = 0
    for suite in SUITES:
        for name, check in vars(suite).items():
            is_check = name in contract.CHECKS and name not in NOT_HERE
            applies = is_check and KIND in contract.applicable(name)
            wanted = list(inspect.signature(check).parameters) if applies else []
            if wanted == ["kind"]:
                check(KIND)
                met += 1
    assert met >= 20


@pytest.mark.usefixtures("pigeon", "contract_time")
def test_it_is_connected_answered_and_stored_once(world: World, client: Client) -> None:
    test_every_call.test_the_same_call_again_is_stored_once_and_answered_alike(KIND, world, client)
    with world.transaction():
        conversation_id = Message.objects.get().conversation_id
    vendor = contract.vendor_of(KIND)
    with contract.connected(KIND, world):
        replying.reply(world.access("carol"), conversation_id, text="好的")
        assert send_due(world) == 1
        assert [vendor.text_of(call) for call in vendor.calls] == ["好的"]
    assert find_door(world.channel.public_id, kind=KIND).kind == KIND


@pytest.mark.usefixtures("pigeon")
def test_its_form_is_there() -> None:
    fields = channel_form(KIND, channel_kinds.get(KIND)).base_fields
    assert {"setting_secret", "setting_base_url"} <= set(fields)
    assert fields["setting_secret"].required
