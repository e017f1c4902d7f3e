"""Calls and mails too large for a row lie in files, and no file stays behind that no row names."""

import os
import uuid
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from channels_app.models import InboundEvent
from channels_app.protocol import ContactIdentity, Event
from channels_app.services import ingesting
from channels_app.services.doors import find_door
from helpdesk.registries import sweeps
from helpdesk.tenancy import organization_scope

LARGE = b"x" * (ingesting.MOST_RAW_IN_ROW + 1)
ANN = ContactIdentity("ann")


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def door(world):
    return find_door(world.channel.public_id)


def keep(door, key="1", raw=LARGE):
    return ingesting.store(door, [Event("message", key, ANN, text="look")], raw)


def files(media):
    return {path.name for path in media.rglob("*") if path.is_file()}


def sweep_for_a_day(world, now):
    """Run the sweep as often as it runs in a day."""
    sweep = sweeps.get("raw_files")
    with organization_scope(world.organization.pk):
        return sum(
            sweep.run(now + timedelta(seconds=sweep.every_seconds * number))
            for number in range(int(24 * 3600 / sweep.every_seconds))
        )


def test_what_could_not_be_stored_leaves_no_file(world, door, media, monkeypatch):
    def away(*_args):
        raise OperationalError("away")

    with monkeypatch.context() as patch:
        patch.setattr(ingesting, "_insert", away)
        for _again in range(3):
            with pytest.raises(OperationalError):
                keep(door)
    assert files(media) == set()
    keep(door)
    assert len(files(media)) == 1


def test_what_came_before_leaves_no_second_file(world, door, media):
    keep(door)
    first = files(media)
    assert keep(door) == []
    assert files(media) == first


def test_files_without_a_row_are_deleted_after_a_day(world, door, media):
    for key in range(5):
        keep(door, str(key))
    with world.transaction():
        named = {str(each) for each in InboundEvent.objects.values_list("raw_file", flat=True)}
    folder = media / str(world.organization.pk) / "raw"
    for name in [str(uuid.uuid4()) for _each in range(5)] + ["tmpbroken"]:
        (folder / name).write_bytes(b"x")
    assert sweep_for_a_day(world, timezone.now()) == 0
    old = (timezone.now() - timedelta(days=1, minutes=1)).timestamp()
    for path in folder.iterdir():
        os.utime(path, (old, old))
    (folder / "f-new").write_bytes(b"x")
    assert sweep_for_a_day(world, timezone.now()) == 6
    assert files(media) == named | {"f-new"}


def test_other_files_are_left_alone(world, door, media):
    folder = media / str(world.organization.pk)
    folder.mkdir()
    name = str(uuid.uuid4())
    (folder / name).write_bytes(b"x")
    os.utime(folder / name, (0, 0))
    assert sweep_for_a_day(world, timezone.now()) == 0
    assert files(media) == {name}
