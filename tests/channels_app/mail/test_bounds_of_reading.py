"""Mails made to cost much are refused or read within two seconds of CPU and 256 MiB, all of them."""

from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from channels_app.mails.reading.bounded import (
    CPU_SECONDS,
    MEMORY_BYTES,
    Reader,
    Unreadable,
    Usage,
)
from channels_app.mails.reading.bounds import refuse
from tests.channels_app.mail.bombs import BOMBS
from tests.channels_app.mail.letters_made import letter


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    with Reader() as made:
        made.read(letter())
        yield made


def test_there_are_forty_ideas_at_least():
    assert len(BOMBS) >= 40


@pytest.mark.parametrize("idea", BOMBS)
def test_costly_mail_is_refused_or_read_within_its_share(reader, idea):
    raw = BOMBS[idea]()
    before = reader.usage
    expected = refuse(raw)
    # Nothing may run out of time or memory: what is not refused at sight is read.
    with nullcontext() if expected is None else pytest.raises(Unreadable, match=expected):
        reader.read(raw)
    spent, peak = _spent(before, reader.usage)
    assert spent <= CPU_SECONDS
    assert peak <= MEMORY_BYTES
    assert reader.read(letter()).text == "Where is my order?"


def _spent(before: Usage, after: Usage) -> tuple[float, int]:
    return after.cpu_seconds - before.cpu_seconds, after.peak_bytes
