"""Files of ours as vendors take them: in a form of several parts."""

from collections.abc import Mapping
from pathlib import Path

import httpx
from django.utils.translation import gettext as _

from channels_app.protocol import Attachment, SendError


def bytes_of(file: Attachment) -> bytes:
    """Return what is in one of our own files. Raises SendError when it is gone."""
    try:
        return Path(file.path).read_bytes()
    except OSError as error:
        raise SendError(_("A file of it is gone."), kind="undeliverable") from error


def with_file(
    values: Mapping[str, str], name: str, file: Attachment
) -> tuple[bytes, dict[str, str]]:
    """Return a form with these values and the file in a field, and the headers that say so. Raises SendError."""
    content = (
        file.filename or "file",
        bytes_of(file),
        file.mime or "application/octet-stream",
    )
    # Never sent: it only writes the form.
    form = httpx.Request("POST", "https://form.invalid", data=dict(values), files={name: content})
    return form.read(), {"content-type": form.headers["content-type"]}
