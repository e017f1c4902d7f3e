"""What every kind of channel must do, generated from the registry: a new folder is tested at once."""

import importlib
from pathlib import Path

import pytest
from django.test import Client
from django.utils.translation import override

from channels_app import registry
from channels_app.leaving.parts import split
from channels_app.models import InboundEvent
from channels_app.protocol import Adapter
from helpdesk.models import Channel
from helpdesk.registries import channel_kinds
from tests.channels_app.contract import (
    CASES,
    CHECKS,
    CONFIG,
    KINDS,
    LEAST,
    adapter,
    check,
    is_fetched,
    is_not_called,
    is_not_played,
    pytest_generate_tests,
    signs_no_body,
)
from tests.factories import World

__all__ = ["pytest_generate_tests"]

SIZES = {
    "characters": len,
    "bytes": lambda text: len(text.encode()),
    "utf16": lambda text: len(text.encode("utf-16-le")) // 2,
}


def test_every_kind_has_a_contract_case() -> None:
    assert sorted(CASES) == KINDS


def test_an_unknown_kind_is_said_to_be_unknown() -> None:
    with pytest.raises(registry.UnknownKind):
        adapter("pigeon", CONFIG)


def test_a_kind_whose_calls_are_signed_is_held_by_many_checks() -> None:
    # Importing them is what adds them.
    for name in ("call", "reply", "file"):
        importlib.import_module(f"tests.channels_app.test_every_{name}")
    for kind in KINDS:
        reasons = {name: unless(kind) for name, unless in CHECKS.items()}
        for name, reason in reasons.items():
            if reason:
                print(f"{kind}: {name} does not apply: {reason}")
        if not (is_fetched(kind) or signs_no_body(kind) or is_not_called(kind)):
            assert list(reasons.values()).count("") >= LEAST, kind


@check()
def test_it_speaks_the_protocol_and_describes_itself(kind: str) -> None:
    assert isinstance(adapter(kind), Adapter)
    described = channel_kinds.get(kind)
    for language in ("en", "zh-hans"):
        with override(language):
            assert str(described.label)
            assert all(str(field.label) for field in described.settings)
            assert all(map(str, described.guide))


@check(is_not_played)
def test_its_guide_is_there_in_both_languages(kind: str) -> None:
    guide = channel_kinds.get(kind).guide
    with override("en"):
        english = [str(step) for step in guide]
    with override("zh-hans"):
        chinese = [str(step) for step in guide]
    assert english
    assert not set(english) & set(chinese)


@check()
def test_it_is_one_folder_that_knows_no_other(kind: str) -> None:
    folder = Path(importlib.import_module(registry.FOLDERS[kind]).__file__ or "").parent
    for path in folder.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        others = [f"adapters.{other}" for other in KINDS if other != kind]
        assert not [other for other in others if f"{other}." in text or f"{other} " in text]
        assert ".objects" not in text


@check()
def test_a_long_text_leaves_in_parts_that_fit_and_break_no_character(kind: str) -> None:
    limits = adapter(kind).capabilities
    size = SIZES[limits.text_unit]
    for word in ("👩‍👩‍👧‍👦", "退", "a", "é", "🇨🇳"):
        text = word * (limits.text_max // size(word) + 3)
        parts = split(text, limits.text_max, limits.text_unit)
        assert "".join(parts) == text
        assert all(size(part) <= limits.text_max for part in parts)
        assert all(part.startswith(word) and part.endswith(word) for part in parts)


def test_unknown_and_foreign_calls_are_turned_away(world: World, client: Client) -> None:
    with world.transaction():
        Channel.objects.update(secret="s")
    assert (
        client.post("/channels/unknown/", b"{}", content_type="application/json").status_code == 404
    )
    address = f"/channels/{world.channel.public_id}/"
    assert client.post(address, b"{}", content_type="application/json").status_code == 401
    assert client.put(address, b"{}").status_code == 405
    too_large = client.post(address, b"x" * (3 * 1024 * 1024 + 1), content_type="application/json")
    assert too_large.status_code == 413
    with world.transaction():
        assert not InboundEvent.objects.exists()
