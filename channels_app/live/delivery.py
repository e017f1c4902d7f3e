"""Turns a batch of hints into what each socket of this process gets."""

import asyncio
import time

from channels_app.live.changes import Change, Work
from channels_app.live.groups import SIGNED_OUT
from channels_app.live.hints import Hint
from channels_app.live.hub import Hub
from channels_app.live.staff_delivery import deliver_to_staff, recheck
from channels_app.live.visitor_delivery import deliver_to_visitors
from channels_app.services.visiting import fingerprint


async def deliver(hub: Hub, batch: list[Hint]) -> None:
    """Work a batch off, each organization by itself."""
    works: dict[int, Work] = {}
    if any(hint.kind == "recheck" for hint in batch):
        await recheck(hub)
    for hint in batch:
        if hint.organization_id:
            work = works.setdefault(hint.organization_id, Work(hint.organization_id))
            note(hub, work, hint)
        elif hint.kind == "signed_out":
            await _sign_out(hub, hint.session)
    await asyncio.gather(*(_deliver_one(hub, work) for work in works.values()))


async def _deliver_one(hub: Hub, work: Work) -> None:
    await asyncio.gather(deliver_to_staff(hub, work), deliver_to_visitors(hub, work))


def note(hub: Hub, work: Work, hint: Hint) -> None:
    """Add one hint to the work of its organization."""
    key = (work.organization_id, hint.conversation_id)
    work.is_board_changed |= hint.kind in {"moved", "staff"}
    if hint.kind in {"entry", "changed", "moved", "delivery", "seen", "mention", "behind"}:
        hub.lately.note(key, time.time())
        _note_change(work.conversations[hint.conversation_id], hint)
    elif hint.kind == "staff":
        work.staff.add(hint.staff_id)
    elif hint.kind == "access":
        work.access.add(hint.staff_id)
    elif hint.kind == "viewers":
        if hub.viewers.hear_viewers(key, hint.process, hint.viewers):
            work.viewers.add(hint.conversation_id)
    elif hint.kind in {"writing", "noting"}:
        hub.viewers.hear_writing(key, hint.staff_id, is_on=hint.is_on)
        work.viewers.add(hint.conversation_id)
        if hint.kind == "writing":
            work.writing[hint.conversation_id][hint.staff_id] = hint.is_on
    elif hint.kind == "silent":
        work.viewers.add(hint.conversation_id)
    elif hint.kind == "arrived":
        work.arrived.add(hint.conversation_id)
    elif hint.kind == "joined":
        work.joined[hint.visitor] = hint.conversation_id
    elif hint.kind == "left":
        work.left.add(hint.staff_id)


def _note_change(change: Change, hint: Hint) -> None:
    change.number = max(change.number, hint.number)
    if hint.kind == "delivery":
        change.again.add(hint.number)
    elif hint.kind == "seen":
        change.is_seen = True
    elif hint.kind in {"moved", "changed"}:
        change.is_moved = True
    elif hint.kind == "mention":
        change.called.add(hint.staff_id)
    elif hint.kind == "behind":
        change.behind.add(hint.staff_id)


async def _sign_out(hub: Hub, session: str) -> None:
    for socket in hub.all_staff():
        if socket.reader is not None and fingerprint(socket.reader.session_key) == session:
            await socket.dismiss(SIGNED_OUT)
