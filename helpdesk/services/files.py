"""Files that people send: checked by content, stored under a name that says nothing, given out on proof."""

import hashlib
import io
import os
import tempfile
import threading
import unicodedata
import uuid
import warnings
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _
from PIL import Image, UnidentifiedImageError

from helpdesk.errors import Invalid, NotFound, TooLarge, TooMany, UnsupportedFile
from helpdesk.models import Attachment
from helpdesk.registries import Sweep, sweeps
from helpdesk.services.identities import forget_silent
from helpdesk.tenancy import current_organization_id, organization_transaction

MOST_PIXELS = 50_000_000
# A file of millions of parts costs a hundred bytes of memory for each of its own. How often a picture may
# be read from before it is known, PNG more often, as its pixels come in parts too; how much of a JPEG may
# be other than pixels; how many parts and names others may have.
MOST_READS = 3_000
MOST_ABOUT_A_PICTURE = 8 * 2**20
MOST_PARTS = 2_000
MOST_NAMES = 10_000
# How many files of a process are looked at together; the others wait.
_turns = threading.BoundedSemaphore(2)
# How long a file waits for its message.
LOOSE_FOR = timedelta(days=1)
BATCH = 200
MOST_BATCHES = 50
# What may wait for its message: of one customer, and of all customers of an organization.
MOST_LOOSE = 40
MOST_LOOSE_OF_ALL = 5_000
MOST_LOOSE_BYTES_OF_ALL = 5 * 2**30
_IMAGES = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}
# What a file begins with -> what it is. Everything else must be an image, an office document or plain text.
_BEGINNINGS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF-", "application/pdf"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"ID3", "audio/mpeg"),
    # MPEG audio of the versions 1, 2 and 2.5, with and without a checksum.
    *((0, bytes((0xFF, second)), "audio/mpeg") for second in (0xFB, 0xFA, 0xF3, 0xF2, 0xE3, 0xE2)),
    (8, b"WAVEfmt ", "audio/wav"),
    (0, b"OggS", "audio/ogg"),
)
_OFFICE = {
    "word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt/": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
# Text that a browser might take for a page.
_MARKUP = ("<!", "<?", "<html", "<svg", "<script", "<body", "<head", "<iframe", "<xml", "<math")


@dataclass(frozen=True, slots=True)
class Checked:
    kind: Attachment.Kind
    mime: str
    width: int | None = None
    height: int | None = None


_UNKNOWN = Checked(Attachment.Kind.FILE, "application/octet-stream")


def store(
    data: bytes, name: str, *, identity_id: int | None = None, staff_id: int | None = None
) -> Attachment:
    """Keep an uploaded file until its message claims it; the scope is open.

    Raises Invalid for an empty one, TooLarge, UnsupportedFile; TooMany when too many of a customer wait.
    """
    if not data:
        raise Invalid(field="file")
    if len(data) > settings.ATTACHMENT_MAX_BYTES:
        raise TooLarge
    if identity_id is not None:
        _refuse_hoards(identity_id, len(data))
    with _turns:
        checked = check(data)
    public_id = uuid.uuid4()
    path = _path(current_organization_id(), public_id)
    write_whole(path, data)
    try:
        with organization_transaction():
            return Attachment.objects.create(
                public_id=public_id,
                identity_id=identity_id,
                staff_id=staff_id,
                kind=checked.kind,
                name=shown_name(name),
                mime=checked.mime,
                size_bytes=len(data),
                sha256=hashlib.sha256(data).hexdigest(),
                width=checked.width,
                height=checked.height,
            )
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def prepare(data: bytes, name: str, *, content_id: str = "") -> Attachment:
    """Keep a file that came with a message; returns its row, to be saved with the message.

    Nothing that a customer sent is refused: what is not of a known kind is marked unchecked. The scope
    is open; whoever fails to save the row calls `discard`.
    """
    try:
        with _turns:
            checked = check(data) if len(data) <= settings.ATTACHMENT_MAX_BYTES else _UNKNOWN
    except UnsupportedFile:
        checked = _UNKNOWN
    public_id = uuid.uuid4()
    write_whole(_path(current_organization_id(), public_id), data)
    return Attachment(
        organization_id=current_organization_id(),
        public_id=public_id,
        kind=checked.kind,
        name=shown_name(name),
        mime=checked.mime,
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        width=checked.width,
        height=checked.height,
        content_id=content_id[:200],
        is_unchecked=checked is _UNKNOWN,
    )


def discard(attachments: Iterable[Attachment]) -> None:
    """Remove files whose rows were not saved."""
    for each in attachments:
        _path(each.organization_id, each.public_id).unlink(missing_ok=True)


def path_of(attachment: Attachment) -> Path:
    """Return where the bytes are. Raises NotFound when they are gone."""
    path = _path(attachment.organization_id, attachment.public_id)
    if not path.is_file():
        raise NotFound
    return path


def forget_loose(now: datetime) -> int:
    """Delete files that no message has claimed for a day, and who only sent such; returns how many files."""
    forgotten = 0
    for _batch in range(MOST_BATCHES):
        count = _forget_some(now)
        forgotten += count
        if count < BATCH:
            break
    return forgotten


def check(data: bytes) -> Checked:
    """Return what the bytes are, whatever they are called. Raises UnsupportedFile."""
    picture = _picture(data)
    if picture is not None:
        return picture
    for offset, beginning, mime in _BEGINNINGS:
        if data[offset : offset + len(beginning)] == beginning:
            return Checked(Attachment.Kind.FILE, mime)
    if data.startswith(b"PK\x03\x04"):
        return Checked(Attachment.Kind.FILE, _office(data))
    if _is_plain_text(data):
        return Checked(Attachment.Kind.FILE, "text/plain")
    raise UnsupportedFile


def shown_name(name: str) -> str:
    """Return a name that is safe to show: one line, no path, no invisible or turning characters."""
    text = unicodedata.normalize("NFC", name.replace("\\", "/").rpartition("/")[2])
    text = "".join(
        each for each in text if unicodedata.category(each)[0] not in "CZ" or each == " "
    )
    text = " ".join(text.split()).strip(". ")
    if len(text) > 120:
        stem, dot, ending = text.rpartition(".")
        text = f"{stem[:100]}…{dot}{ending}" if dot and len(ending) <= 10 else text[:120]
    return text or "file"


def _loose() -> QuerySet[Attachment]:
    """Return the files that belong to no message and to no call."""
    return Attachment.objects.filter(message__isnull=True, call__isnull=True)


def _forget_some(now: datetime) -> int:
    with organization_transaction():
        loose = _loose().filter(created_at__lt=now - LOOSE_FOR)
        rows = list(loose.select_for_update(skip_locked=True).order_by("created_at")[:BATCH])
        for row in rows:
            _path(row.organization_id, row.public_id).unlink(missing_ok=True)
        Attachment.objects.filter(pk__in=[row.pk for row in rows]).delete()
        forget_silent({row.identity_id for row in rows if row.identity_id})
    return len(rows)


def _refuse_hoards(identity_id: int, size_bytes: int) -> None:
    with organization_transaction():
        found = (
            _loose()
            .filter(identity__isnull=False)
            .aggregate(
                count=Count("pk"),
                own=Count("pk", filter=Q(identity_id=identity_id)),
                size=Coalesce(Sum("size_bytes"), 0),
            )
        )
    if (
        found["own"] >= MOST_LOOSE
        or found["count"] >= MOST_LOOSE_OF_ALL
        or found["size"] + size_bytes > MOST_LOOSE_BYTES_OF_ALL
    ):
        raise TooMany(
            _("Too many files wait for their message. Send it first, or try again later."),
            retry_after_seconds=3600,
        )


def _path(organization_id: int, public_id: uuid.UUID) -> Path:
    return Path(settings.MEDIA_ROOT) / str(organization_id) / str(public_id)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that is there whole or not at all, also after the machine has failed."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(handle)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


class _Bounded(io.BytesIO):
    """A picture that is read from so often, and so much of it, before that is refused.

    Pillow asks for each part of a file on its own and keeps what it finds.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        is_png = data.startswith(b"\x89PNG")
        self.reads_left = MOST_READS + (len(data) // 1_000 if is_png else 0)
        self.bytes_left = MOST_ABOUT_A_PICTURE if data.startswith(b"\xff\xd8") else len(data) * 2

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes. Raises UnsupportedFile when that was asked too often."""
        found = super().read(size)
        self.reads_left -= 1
        self.bytes_left -= len(found)
        if self.reads_left < 0 or self.bytes_left < 0:
            raise UnsupportedFile
        return found


def _has_many_parts(data: bytes) -> bool:
    """Tell whether a WebP, which is read whole and by other code, has too many parts."""
    if data[:4] != b"RIFF":
        return False
    place = 12
    for _part in range(MOST_PARTS):
        place += 8 + int.from_bytes(data[place + 4 : place + 8], "little")
        place += place % 2
        if place >= len(data):
            return False
    return True


def _picture(data: bytes) -> Checked | None:
    if _has_many_parts(data):
        raise UnsupportedFile
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(_Bounded(data), formats=list(_IMAGES)) as image:
                width, height = image.size
                if width * height > MOST_PIXELS:
                    raise UnsupportedFile
                mime = _IMAGES[image.format or ""]
                image.verify()
    except UnidentifiedImageError:
        return None
    except UnsupportedFile:
        raise
    except Exception as error:  # a broken picture may raise nearly anything
        raise UnsupportedFile from error
    return Checked(Attachment.Kind.IMAGE, mime, width, height)


def _office(data: bytes) -> str:
    # What the end of the archive says of itself is as false as its sender likes; each name begins so.
    if data.count(b"PK\x01\x02") > MOST_NAMES:
        raise UnsupportedFile
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise UnsupportedFile from error
    if "[Content_Types].xml" in names:
        if any(name.lower().endswith("vbaproject.bin") for name in names):
            raise UnsupportedFile
        for folder, mime in _OFFICE.items():
            if any(name.startswith(folder) for name in names):
                return mime
    raise UnsupportedFile


def _is_plain_text(data: bytes) -> bool:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    if any(ord(each) < 32 and each not in "\t\n\r\f" for each in text[:100_000]):
        return False
    return not text[:4096].lstrip().lower().startswith(_MARKUP)


sweeps.register("loose_files", Sweep(run=forget_loose, every_seconds=600))
