"""Real mails, many of them broken on purpose: every file is read, or is said to be no mail."""

import os
from email import message_from_bytes
from functools import cache
from pathlib import Path

import pytest

from channels_app.mails.reading.bounded import Reader
from channels_app.mails.reading.head import is_mail, read_head
from tests.channels_app.mail.test_reading_any_bytes import assert_sound

FOLDERS = ("mails/cpython", "mails/flanker", "mails/mikel_mail", "webhooks/email")
# Of the files that end like mails, these begin with no field of one.
POOR = ("LICENSE", "README", ".json", ".raw", ".png", ".wav", ".gif", ".jpg")


@cache
def files() -> list[Path]:
    root = Path(os.environ["EVERYDESK_CORPUS"])
    found = [
        path for folder in FOLDERS for path in sorted((root / folder).rglob("*")) if path.is_file()
    ]
    assert len(found) > 100
    return found


@pytest.mark.corpus
def test_every_mail_is_read_and_its_text_is_not_lost():
    with Reader() as reader:
        for path in files():
            raw = path.read_bytes()
            if not is_mail(raw):
                continue
            mail = reader.read(raw)
            assert_sound(mail)
            assert mail.text or not _has_text(raw), path
            assert read_head(raw).message_id == mail.message_id


def _has_text(raw: bytes) -> bool:
    """Say, as Python's own parser sees it, whether the mail has a text that is not blank."""
    parts = [part for part in message_from_bytes(raw).walk() if not part.is_multipart()]
    texts = [
        part.get_payload(decode=True)
        for part in parts
        if part.get_content_type() in ("text/plain", "text/html") and not part.get_filename()
    ]
    return any(text.strip() and b"<" not in text for text in texts)


@pytest.mark.corpus
def test_files_that_are_no_mails_are_told():
    for path in files():
        raw = path.read_bytes()
        if path.suffix == ".eml":
            assert is_mail(raw), path
        if path.name.endswith(POOR):
            assert not is_mail(raw), path
