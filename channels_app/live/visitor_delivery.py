"""Hands visitors what they may see of their own conversation, and their place in the queue."""

import asyncio

from channels_app.live import staff_view
from channels_app.live.changes import Change, Work
from channels_app.live.database import in_database
from channels_app.live.hub import Hub
from channels_app.live.visitor import VisitorSocket
from channels_app.services import chatting
from helpdesk.errors import NotFound

# How often the places of all who wait are told anew when the queue moves.
PLACES_SECONDS = 2.0


async def deliver_to_visitors(hub: Hub, work: Work) -> None:
    """Send what changed in one organization to its visitors here."""
    for identity_id, conversation_id in work.joined.items():
        await _join(hub, work.organization_id, identity_id, conversation_id)
    for conversation_id, change in work.conversations.items():
        sockets = list(hub.visitors.get((work.organization_id, conversation_id), ()))
        if sockets:
            await _show(sockets, conversation_id, change)
    for conversation_id in work.arrived - work.conversations.keys():
        sockets = list(hub.visitors.get((work.organization_id, conversation_id), ()))
        if sockets:
            await _show(sockets, conversation_id, Change(is_moved=True))
    for conversation_id, writers in work.writing.items():
        await _show_writing(hub, work.organization_id, conversation_id, writers)
    if any(change.is_moved for change in work.conversations.values()):
        _tell_places_soon(hub, work.organization_id)


async def _join(hub: Hub, organization_id: int, identity_id: int, conversation_id: int) -> None:
    """Let the visitor's other tabs know that there is a conversation now."""
    for socket in list(hub.identities.get((organization_id, identity_id), ())):
        if socket.conversation_id != conversation_id:
            await socket.ask_to_catch_up()


async def _show(sockets: list[VisitorSocket], conversation_id: int, change: Change) -> None:
    organization_id, door = sockets[0].organization_id, sockets[0].door
    if door is None:
        return
    try:
        found = await in_database(
            chatting.drawn_after,
            organization_id,
            conversation_id,
            min(socket.last_number for socket in sockets),
            again=change.again,
            public_id=door.public_id,
            languages={socket.language for socket in sockets},
        )
    except NotFound:
        return
    for socket in sockets:
        for entry in found.entries.get(socket.language, ()):
            if entry["number"] > socket.last_number or entry["number"] in change.again:
                await socket.tell(type="entry", entry=entry)
        socket.last_number = max(socket.last_number, found.last_number)
        if change.is_seen:
            await socket.tell(type="read", number=found.seen_number)
    if change.is_moved:
        await _tell_status(sockets, conversation_id)


async def _tell_status(sockets: list[VisitorSocket], conversation_id: int) -> None:
    for language in {socket.language for socket in sockets}:
        status = await in_database(
            chatting.status_of, sockets[0].organization_id, conversation_id, language
        )
        for socket in sockets:
            if socket.language == language and socket.conversation_id == conversation_id:
                socket.is_waiting = status["state"] == "queued"
                await socket.tell(type="status", **status)


async def _show_writing(
    hub: Hub, organization_id: int, conversation_id: int, writers: dict[int, bool]
) -> None:
    sockets = list(hub.visitors.get((organization_id, conversation_id), ()))
    colleagues = {staff_id: is_on for staff_id, is_on in writers.items() if staff_id}
    if not sockets or not colleagues:
        return
    names = await in_database(staff_view.names_of, organization_id, colleagues)
    for staff_id, is_on in colleagues.items():
        for socket in sockets:
            name = names.get(staff_id, {}).get(socket.language, "")
            await socket.tell(type="typing", name=name, on=is_on)


def _tell_places_soon(hub: Hub, organization_id: int) -> None:
    if organization_id in hub.telling_places:
        return
    hub.telling_places.add(organization_id)
    hub.spawn(_tell_places(hub, organization_id))


async def _tell_places(hub: Hub, organization_id: int) -> None:
    await asyncio.sleep(PLACES_SECONDS)
    hub.telling_places.discard(organization_id)
    waiting = [
        (conversation_id, list(sockets))
        for (owner, conversation_id), sockets in list(hub.visitors.items())
        if owner == organization_id and any(socket.is_waiting for socket in sockets)
    ]
    for conversation_id, sockets in waiting:
        await _tell_status(sockets, conversation_id)
