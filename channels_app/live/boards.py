"""Tells the boards on screen that something on them changed: each then asks for its own parts."""

import asyncio

from channels_app.live.hub import Hub
from channels_app.live.staff import StaffSocket

# A busy minute costs a board one question a second.
APART_SECONDS = 1.0
CHANGED = '<i data-refresh="board"></i>'


def tell_boards(hub: Hub, organization_id: int) -> None:
    """Tell the boards of one organization at once, or as soon as a second has passed since the last time."""
    if organization_id in hub.telling_boards or not _boards(hub, organization_id):
        return
    hub.telling_boards.add(organization_id)
    hub.spawn(_tell(hub, organization_id))


async def _tell(hub: Hub, organization_id: int) -> None:
    loop = asyncio.get_running_loop()
    told_at = hub.boards_told_at.get(organization_id, loop.time() - APART_SECONDS)
    await asyncio.sleep(max(0.0, told_at + APART_SECONDS - loop.time()))
    # What happens from now on is told the next time.
    hub.telling_boards.discard(organization_id)
    hub.boards_told_at[organization_id] = loop.time()
    for socket in _boards(hub, organization_id):
        await socket.push(CHANGED)


def _boards(hub: Hub, organization_id: int) -> list[StaffSocket]:
    people = hub.staff.get(organization_id, {})
    return [socket for sockets in people.values() for socket in sockets if socket.shows_board]
