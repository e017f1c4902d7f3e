"""Hands visitors what they may see of their own conversation, and their place in the queue."""

import asyncio
from collections.abc import Iterable

from channels_app.live import staff_view
from channels_app.live.changes import Change, Work
from channels_app.live.database import for_delivery
from channels_app.live.hub import Hub
from channels_app.live.visitor import VisitorSocket
from channels_app.services.showing import Asked, Shown, look

# How often the places of all who wait are told anew when the queue moves.
PLACES_SECONDS = 2.0


async def deliver_to_visitors(hub: Hub, work: Work) -> None:
    """Send what changed in one organization to its visitors here."""
    _wake(hub, work)
    for visitor, conversation_id in work.joined.items():
        await _join(hub, work.organization_id, visitor, conversation_id)
    changes = dict(work.conversations)
    for conversation_id in work.arrived - changes.keys():
        changes[conversation_id] = Change(is_moved=True)
    await _show(hub, work.organization_id, changes)
    for conversation_id, writers in work.writing.items():
        await _show_writing(hub, work.organization_id, conversation_id, writers)
    if any(change.is_moved for change in work.conversations.values()):
        _tell_places_soon(hub, work.organization_id)


def _wake(hub: Hub, work: Work) -> None:
    """Have those who wait for an answer look for themselves."""
    changed: set[int | str] = {*work.conversations, *work.arrived, *work.joined}
    for what in changed:
        for waiter in hub.waiters.of(work.organization_id, what):
            waiter.wake()


async def _join(hub: Hub, organization_id: int, visitor: str, conversation_id: int) -> None:
    """Let the visitor's other tabs know that there is a conversation now."""
    for socket in list(hub.tabs.get((organization_id, visitor), ())):
        if socket.conversation_id != conversation_id:
            await socket.ask_to_catch_up()


# A question, and the sockets that it is asked for: whoever enters later is told anew.
Asking = list[tuple[Asked, list[VisitorSocket]]]


async def _show(hub: Hub, organization_id: int, changes: dict[int, Change]) -> None:
    asking = _asking(hub, organization_id, changes)
    for asked, sockets in asking:
        change = changes[asked.conversation_id]
        asked.after = min(socket.last_number for socket in sockets)
        asked.again, asked.wants_status = change.again, change.is_moved
    found = await _look(organization_id, asking)
    for asked, sockets in asking:
        shown = found.get(asked.conversation_id)
        if shown is not None:
            for socket in await _still_theirs(asked, shown, sockets):
                await _tell(socket, changes[asked.conversation_id], shown)


def _asking(hub: Hub, organization_id: int, conversation_ids: Iterable[int]) -> Asking:
    """Return a question for each conversation that visitors have open here."""
    asking = []
    for conversation_id in conversation_ids:
        sockets = list(hub.visitors.get((organization_id, conversation_id), ()))
        door = next((socket.door for socket in sockets if socket.door), None)
        if door is not None:
            languages = {socket.language for socket in sockets}
            asking.append((Asked(conversation_id, door.public_id, languages), sockets))
    return asking


async def _look(organization_id: int, asking: Asking) -> dict[int, Shown]:
    if not asking:
        return {}
    return await for_delivery(look, organization_id, [asked for asked, _sockets in asking])


async def _still_theirs(
    asked: Asked, shown: Shown, sockets: list[VisitorSocket]
) -> list[VisitorSocket]:
    """Return the sockets whose conversation it still is; a tab that has not signed in with it leaves it."""
    there = [each for each in sockets if each.conversation_id == asked.conversation_id]
    for socket in there:
        if socket.identity_id != shown.identity_id:
            await socket.part()
    return [each for each in there if each.identity_id == shown.identity_id]


async def _tell(socket: VisitorSocket, change: Change, shown: Shown) -> None:
    for entry in shown.entries.get(socket.language, ()):
        if entry["number"] > socket.last_number or entry["number"] in change.again:
            await socket.push(type="entry", entry=entry)
    if socket.language in shown.entries:
        socket.last_number = max(socket.last_number, shown.last_number)
    if change.is_seen:
        await socket.push(type="read", number=shown.seen_number)
    await _tell_status(socket, shown)


async def _tell_status(socket: VisitorSocket, shown: Shown) -> None:
    status = shown.status.get(socket.language)
    if status is not None:
        await socket.tell_status(status)


async def _show_writing(
    hub: Hub, organization_id: int, conversation_id: int, writers: dict[int, bool]
) -> None:
    sockets = list(hub.visitors.get((organization_id, conversation_id), ()))
    waiters = hub.waiters.of(organization_id, conversation_id)
    colleagues = {staff_id: is_on for staff_id, is_on in writers.items() if staff_id}
    if not (sockets or waiters) or not colleagues:
        return
    names = await for_delivery(staff_view.names_of, organization_id, colleagues)
    for staff_id, is_on in colleagues.items():
        for socket in sockets:
            name = names.get(staff_id, {}).get(socket.language, "")
            await socket.push(type="typing", name=name, on=is_on)
        for waiter in waiters:
            waiter.writing = {"name": names.get(staff_id, {}).get(waiter.language, ""), "on": is_on}
            waiter.wake()


def _tell_places_soon(hub: Hub, organization_id: int) -> None:
    if organization_id in hub.telling_places:
        return
    hub.telling_places.add(organization_id)
    hub.spawn(_tell_places_once(hub, organization_id))


async def _tell_places_once(hub: Hub, organization_id: int) -> None:
    await asyncio.sleep(PLACES_SECONDS)
    hub.telling_places.discard(organization_id)
    await tell_places(hub, organization_id)


async def tell_places(hub: Hub, organization_id: int) -> bool:
    """Tell everybody who waits here what is new of their place; returns whether anybody does."""
    waiting = [
        conversation_id
        for (owner, conversation_id), sockets in list(hub.visitors.items())
        if owner == organization_id and any(socket.is_waiting for socket in sockets)
    ]
    asking = _asking(hub, organization_id, waiting)
    for asked, _sockets in asking:
        asked.wants_status = True
    found = await _look(organization_id, asking)
    for asked, sockets in asking:
        shown = found.get(asked.conversation_id)
        if shown is not None:
            for socket in await _still_theirs(asked, shown, sockets):
                status = shown.status.get(socket.language)
                if status is not None:
                    await socket.tell_status(status, only_news=True)
    return bool(waiting)
