"""What a channel reports is stored before it is acknowledged: raw bytes and events in one transaction."""

import hashlib
import re
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone
from psycopg.types.json import Jsonb

from channels_app.event_json import to_json
from channels_app.models import InboundEvent
from channels_app.protocol import Event, RawRequest
from channels_app.services.doors import Door
from helpdesk.bell import ring
from helpdesk.registries import Sweep, sweeps
from helpdesk.services.files import write_whole
from helpdesk.tenancy import (
    current_organization_id,
    organization_scope,
    organization_transaction,
)

NOTIFICATION = "everydesk_inbound"
# Larger ones lie in a file beside the database, whose rows stay small.
MOST_RAW_IN_ROW = 512 * 1024
# A file without a row is left that long: its row may be on its way.
UNNAMED_FOR = timedelta(days=1)
# Each file is looked at once a day: a part of them at a time, by the first digit of their names.
PARTS = 16
PART_SECONDS = 24 * 3600 // PARTS
_BATCH = 200
LONGEST_KEY = 200
# What a call is read by again; signatures and tokens are not kept.
_KEPT_HEADERS = {"content-type", "webhook-id", "webhook-timestamp"}
_NAME = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def store(
    door: Door, events: Sequence[Event], raw: bytes, *, is_backlog: bool = False
) -> list[int]:
    """Keep a call and the events it reports; returns the ids of those that were not known yet.

    Everything is stored, or nothing. The caller may acknowledge the call afterwards.
    """
    now = timezone.now()
    rows = [_row(door, event, now, is_backlog=is_backlog) for event in events]
    return _keep(door, rows, raw)


def store_unreadable(door: Door, request: RawRequest, *, reason: str) -> list[int]:
    """Keep a call that is genuine and cannot be read, to be shown; the same bytes again are kept once."""
    now, raw = timezone.now(), request.body
    headers = {name: request.headers[name] for name in _KEPT_HEADERS & request.headers.keys()}
    row = InboundEvent(
        channel_id=door.channel_id,
        dedup_key=unreadable_key(raw),
        kind="unreadable",
        due_at=now,
        data={"headers": headers},
        reason=reason[:300],
        received_at=now,
    )
    return _keep(door, [row], raw)


def raw_of(event: InboundEvent) -> bytes:
    """Return the bytes that an event came with; the scope is open. Raises OSError when the file is gone."""
    holder: InboundEvent = event.raw_of or event
    if holder.raw_file is not None:
        return raw_path(holder).read_bytes()
    return bytes(holder.raw)


def stored_before(door: Door, event: Event) -> InboundEvent:
    """Return the event that came first under the same key; the scope is open."""
    with organization_transaction():
        rows = InboundEvent.objects.filter(channel_id=door.channel_id, dedup_key=key_of(event))
        found: InboundEvent = rows.defer("raw").select_related("entry").get()
    return found


def request_of(event: InboundEvent) -> RawRequest:
    """Return a stored call as an adapter parses it. Raises OSError when its file is gone."""
    return RawRequest(
        method="POST",
        url="",
        query=(),
        headers=event.data.get("headers", {}) if event.kind == "unreadable" else {},
        body=raw_of(event),
        received_at=event.received_at,
    )


def store_again(event: InboundEvent, events: Sequence[Event]) -> None:
    """Store what a call reports that could not be read before; its transaction is open."""
    now = timezone.now()
    rows = [
        InboundEvent(
            channel_id=event.channel_id,
            dedup_key=key_of(each),
            kind=each.kind,
            lane=lane_of(event.channel_id, each),
            due_at=now,
            received_at=event.received_at,
            size_bytes=event.size_bytes,
            raw_of=event,
            data=to_json(each),
        )
        for each in events
    ]
    InboundEvent.objects.bulk_create(rows, ignore_conflicts=True)


def raw_path(event: InboundEvent) -> Path:
    """Return where the bytes of a large one lie."""
    return Path(settings.MEDIA_ROOT) / str(event.organization_id) / "raw" / str(event.raw_file)


def forget_unnamed(now: datetime) -> int:
    """Delete raw files that no event names, of a sixteenth of all; returns how many. The scope is open."""
    folder = Path(settings.MEDIA_ROOT) / str(current_organization_id()) / "raw"
    part = f"{int(now.timestamp()) // PART_SECONDS % PARTS:x}"
    found = _old_files(folder, part, before=now - UNNAMED_FOR)
    forgotten = 0
    while batch := list(islice(found, _BATCH)):
        unnamed = _unnamed(batch)
        for path in unnamed:
            path.unlink(missing_ok=True)
        forgotten += len(unnamed)
    return forgotten


def _old_files(folder: Path, part: str, *, before: datetime) -> Iterator[Path]:
    """Yield the files whose turn it is, and those whose writing was broken off."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if not path.name.startswith((part, tempfile.gettempprefix())):
            continue
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < before.timestamp():
                yield path


def _unnamed(paths: Sequence[Path]) -> list[Path]:
    names = [path.name for path in paths if _NAME.fullmatch(path.name)]
    with organization_transaction():
        named = InboundEvent.objects.filter(raw_file__in=names).order_by()
        known = {str(name) for name in named.values_list("raw_file", flat=True)}
    return [path for path in paths if path.name not in known]


def lane_of(channel_id: int, event: Event) -> str:
    """Return what events are ordered by: who wrote, and in which thread."""
    if event.sender is None:
        return ""
    thread = f"{channel_id}\n{event.sender.scope}\n{event.sender.external_id}\n{event.thread_key}"
    return hashlib.sha256(thread.encode()).hexdigest()[:32]


def _row(door: Door, event: Event, now: datetime, *, is_backlog: bool) -> InboundEvent:
    return InboundEvent(
        channel_id=door.channel_id,
        dedup_key=key_of(event),
        kind=event.kind,
        lane=lane_of(door.channel_id, event),
        is_backlog=is_backlog,
        due_at=now,
        received_at=now,
        data=_data(event),
    )


def _data(event: Event) -> dict[str, Any]:  # Any: plain JSON values
    if event.kind != "raw":
        return to_json(event)
    # What is read behind says all of it in its raw bytes, unless they could not be had.
    return {**event.data, "error": event.error} if event.error else {}


def unreadable_key(raw: bytes) -> str:
    """Return the key under which a call that cannot be read is stored."""
    return f"unreadable:{hashlib.sha256(raw).hexdigest()}"


def key_of(event: Event) -> str:
    """Return the key under which an event is stored, of one sender: nobody keeps another's out with a guess."""
    who = ""
    if event.sender is not None and event.kind != "raw":
        name = f"{event.sender.scope}\n{event.sender.external_id}"
        who = hashlib.sha256(name.encode()).hexdigest()
    key = f"{who}:{event.dedup_key}"
    return key if len(key) <= LONGEST_KEY else hashlib.sha256(key.encode()).hexdigest()


def _keep(door: Door, rows: list[InboundEvent], raw: bytes) -> list[int]:
    """Insert what is not there yet; the first of a call carries its bytes, the others point to it."""
    if not rows:
        return []
    first = rows[0]
    with organization_scope(door.organization_id), organization_transaction():
        if len(raw) > MOST_RAW_IN_ROW:
            first.organization_id, first.raw_file = door.organization_id, uuid.uuid4()
            write_whole(raw_path(first), raw)
        else:
            first.raw = raw
        try:
            return _keep_rows(door, rows, len(raw))
        except BaseException:
            # When the commit fails, nobody knows whether a row names the file: it stays, for the sweep.
            _unlink(first)
            raise


def _keep_rows(door: Door, rows: list[InboundEvent], size_bytes: int) -> list[int]:
    first = rows[0]
    made = _insert(door, rows, size_bytes)
    if not made or made[0][1] != first.dedup_key:
        _move_raw(door, first, [pk for pk, _ in made])
    elif len(made) > 1:
        others = [pk for pk, _ in made[1:]]
        InboundEvent.objects.filter(pk__in=others).update(raw_of=made[0][0])
    if made:
        ring(NOTIFICATION)
    return [pk for pk, _ in made]


def _move_raw(door: Door, first: InboundEvent, made: list[int]) -> None:
    """Give the bytes to the first event that is new, when the first of the call was known."""
    if not made:
        _unlink(first)
        return
    holder, *others = made
    InboundEvent.objects.filter(pk=holder).update(raw=first.raw, raw_file=first.raw_file)
    InboundEvent.objects.filter(pk__in=others).update(raw_of=holder)


def _unlink(event: InboundEvent) -> None:
    if event.raw_file is not None:
        raw_path(event).unlink(missing_ok=True)


_INSERT = """
INSERT INTO channels_app_inboundevent (organization_id, channel_id, dedup_key, kind, state, lane,
  is_backlog, attempts, interruptions, due_at, fence, data, raw, raw_file, size_bytes, reason, received_at)
VALUES {places} ON CONFLICT DO NOTHING RETURNING id, dedup_key
"""
_PLACE = "(%s, %s, %s, %s, 'new', %s, %s, 0, 0, %s, 0, %s, %s, %s, %s, %s, %s)"


def _insert(door: Door, rows: list[InboundEvent], size_bytes: int) -> list[tuple[int, str]]:
    """Insert the rows, also against others who insert the same now; returns those that were new."""
    values: list[Any] = []  # Any: of the columns' types
    for row in rows:
        values += [door.organization_id, door.channel_id, row.dedup_key, row.kind, row.lane]
        values += [row.is_backlog, row.due_at, Jsonb(row.data), bytes(row.raw), row.raw_file]
        values += [size_bytes, row.reason, row.received_at]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT.format(places=", ".join([_PLACE] * len(rows))), values)
        return sorted((int(pk), str(key)) for pk, key in cursor.fetchall())


sweeps.register("raw_files", Sweep(run=forget_unnamed, every_seconds=PART_SECONDS))
