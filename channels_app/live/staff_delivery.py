"""Hands changed conversations to the staff sockets that may see them, and takes them from the others."""

from collections import defaultdict
from collections.abc import Iterable

from channels_app.live import groups, staff_view
from channels_app.live.boards import tell_boards
from channels_app.live.changes import Change, Work
from channels_app.live.database import in_database
from channels_app.live.hub import Hub
from channels_app.live.staff import StaffSocket
from channels_app.live.staff_view import Asked, Seen, Way
from helpdesk import fragments

MOST_ROWS = 1000


async def deliver_to_staff(hub: Hub, work: Work) -> None:
    """Send what changed in one organization to its staff here."""
    people = {
        staff_id: set(sockets)
        for staff_id, sockets in hub.staff.get(work.organization_id, {}).items()
    }
    if not people:
        return
    if work.access:
        await _renew_access(work, people)
    asked = [_asked(hub, work, people, each, change) for each, change in work.conversations.items()]
    if asked:
        for seen in await in_database(staff_view.look, work.organization_id, asked):
            await _show(hub, work.organization_id, people, seen)
    await _show_presence(work, people)
    await _show_viewers(hub, work)
    if work.is_board_changed:
        tell_boards(hub, work.organization_id)
    await _call_in(work, people)
    for staff_id in work.left & people.keys():
        reader = next((socket.reader for socket in people[staff_id] if socket.reader), None)
        if reader:
            await in_database(staff_view.sign, reader)


async def recheck(hub: Hub) -> None:
    """Ask again who may still be here: the backstop for a revocation whose hint was lost."""
    for organization_id in list(hub.staff):
        people = {
            staff_id: set(sockets) for staff_id, sockets in hub.staff[organization_id].items()
        }
        work = Work(organization_id)
        work.access.add(0)
        await _renew_access(work, people)


def _asked(
    hub: Hub, work: Work, people: dict[int, set[StaffSocket]], conversation_id: int, change: Change
) -> Asked:
    openers: dict[int, set[Way]] = defaultdict(set)
    numbers = []
    for socket in hub.openers.get((work.organization_id, conversation_id), ()):
        if socket.reader:
            openers[socket.staff_id].add(socket.reader.way)
            numbers.append(socket.last_number)
    return Asked(
        conversation_id=conversation_id,
        staff={staff_id: _ways(sockets) for staff_id, sockets in people.items()},
        openers=dict(openers),
        after=min(numbers, default=0),
        again=set(change.again),
        is_moved=change.is_moved,
    )


async def _show(
    hub: Hub, organization_id: int, people: dict[int, set[StaffSocket]], seen: Seen
) -> None:
    openers = hub.openers.get((organization_id, seen.conversation_id), set()).copy()
    shared = {
        way: ({"type": "websocket.send", "text": html}, len(html))
        for way, html in seen.rows.items()
    }
    for staff_id, sockets in people.items():
        if staff_id not in seen.audience:
            await _take_away(hub, sockets, seen.conversation_id)
            continue
        for socket in sockets:
            if socket.reader is None:
                continue
            if len(socket.rows) < MOST_ROWS:
                socket.rows.add(seen.conversation_id)
            message, size = shared[socket.reader.way]
            await socket.push_message(message, size)
            if socket in openers:
                await _show_thread(socket, seen)


async def _show_thread(socket: StaffSocket, seen: Seen) -> None:
    reader = socket.reader
    if reader is None or socket.thread != seen.conversation_id:
        return
    way = reader.way
    html = "".join(drawn[way] for _number, drawn in sorted(seen.entries.items()) if way in drawn)
    html += seen.facts.get(way, "") + seen.heads.get(socket.staff_id, {}).get(way, "")
    socket.last_number = max(socket.last_number, seen.last_number)
    await socket.push(html)


async def _take_away(hub: Hub, sockets: Iterable[StaffSocket], conversation_id: int) -> None:
    for socket in sockets:
        if socket.reader is None:
            continue
        if socket.thread == conversation_id:
            hub.open_thread(socket, None)
            await socket.push(
                staff_view.gone_thread(socket.reader, {"conversation": conversation_id})
            )
        elif conversation_id in socket.rows:
            await socket.push(fragments.removed_row(conversation_id))
        socket.rows.discard(conversation_id)


async def _renew_access(work: Work, people: dict[int, set[StaffSocket]]) -> None:
    """Take away what may no longer be seen, and have changed screens fetch their lists anew."""
    named = work.access & people.keys()
    chosen = people if 0 in work.access else {each: people[each] for each in named}
    shown = {
        staff_id: {each for socket in sockets for each in (*socket.rows, socket.thread) if each}
        for staff_id, sockets in chosen.items()
    }
    # A call into a conversation ends without a new epoch, so whoever is named is asked in any case.
    epochs = {
        staff_id: min(socket.reader.epoch for socket in sockets if socket.reader)
        for staff_id, sockets in chosen.items()
        if staff_id not in named
    }
    found = await in_database(staff_view.still_visible, work.organization_id, shown, epochs)
    for staff_id, sockets in chosen.items():
        access, lost = found.get(staff_id, (None, set()))
        for socket in list(sockets):
            if access is None or not access.is_active:
                await socket.close(groups.SIGNED_OUT)
                continue
            for conversation_id in lost:
                await _take_away(socket.hub, [socket], conversation_id)
            if socket.reader is not None and socket.reader.epoch != access.epoch:
                # The browser comes back within a second and fetches its lists anew.
                await socket.close(groups.COME_BACK)


async def _show_presence(work: Work, people: dict[int, set[StaffSocket]]) -> None:
    asked = {
        staff_id: {socket.reader.language for socket in people[staff_id] if socket.reader}
        for staff_id in work.staff & people.keys()
    }
    if not asked:
        return
    cards = await in_database(staff_view.presence_cards, work.organization_id, asked)
    for staff_id, drawn in cards.items():
        for socket in people[staff_id]:
            if socket.reader:
                await socket.push(drawn[socket.reader.language])


async def _show_viewers(hub: Hub, work: Work) -> None:
    for conversation_id in work.viewers:
        key = (work.organization_id, conversation_id)
        sockets = [socket for socket in hub.openers.get(key, ()) if socket.reader]
        if not sockets:
            continue
        there = set(hub.viewers.viewers(key)) | {socket.staff_id for socket in sockets}
        drawn = await in_database(
            staff_view.viewers,
            work.organization_id,
            conversation_id,
            there,
            hub.viewers.writing(key),
            {socket.reader.language for socket in sockets if socket.reader},
        )
        for socket in sockets:
            if socket.reader and socket.thread == conversation_id:
                await socket.push(drawn[socket.reader.language].get(socket.staff_id, ""))


async def _call_in(work: Work, people: dict[int, set[StaffSocket]]) -> None:
    for conversation_id, change in work.conversations.items():
        for staff_id in change.called & people.keys():
            for socket in people[staff_id]:
                if socket.reader and socket.thread != conversation_id:
                    await socket.push(staff_view.called_in(conversation_id, socket.reader.language))


def _ways(sockets: Iterable[StaffSocket]) -> set[Way]:
    return {socket.reader.way for socket in sockets if socket.reader}
