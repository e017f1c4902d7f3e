"""Hands changed conversations to the staff sockets that may see them, and takes them from the others."""

from collections import defaultdict
from collections.abc import Iterable

from channels_app.live import groups, staff_view
from channels_app.live.boards import tell_boards
from channels_app.live.changes import Change, Work
from channels_app.live.database import for_delivery, in_database
from channels_app.live.hub import Hub
from channels_app.live.post import Post
from channels_app.live.staff import StaffSocket
from channels_app.live.staff_look import Answer, Asked, Question, Seen, Watched, look
from channels_app.live.staff_view import Way
from helpdesk import fragments
from helpdesk.services import sessions

MOST_ROWS = 1000
# What stands beside a thread is personal: each screen asks for its own.
CONTEXT_CHANGED = '<i data-refresh="context"></i>'

# Who is called in, and no longer is: the list of that is personal too.
CALLS_CHANGED = "<i data-calls-changed></i>"

# The sockets of each connected member of staff.
People = dict[int, set[StaffSocket]]


async def deliver_to_staff(hub: Hub, work: Work) -> None:
    """Send what changed in one organization to its staff here."""
    people = _people(hub, work.organization_id)
    if not people:
        return
    if work.access:
        await _renew_access(work, people)
    post = Post()
    question = _question(hub, work, people)
    if question:
        answer = await for_delivery(look, work.organization_id, question)
        _show(hub, work, people, answer, post)
    _call_in(work, people, post)
    await post.send()
    if work.is_board_changed:
        tell_boards(hub, work.organization_id)
    for staff_id in work.left & people.keys():
        reader = next((socket.reader for socket in people[staff_id] if socket.reader), None)
        if reader:
            await in_database(staff_view.sign, reader)


async def recheck(hub: Hub) -> None:
    """Ask again who may still be here: the backstop for a revocation whose hint was lost."""
    await _show_out(hub)
    for organization_id in list(hub.staff):
        work = Work(organization_id)
        work.access.add(0)
        await _renew_access(work, _people(hub, organization_id))


async def _show_out(hub: Hub) -> None:
    """Close the screens whose session is over: signed out, or run out."""
    screens = [(socket, socket.reader.session_key) for socket in hub.all_staff() if socket.reader]
    if not screens:
        return
    running = await for_delivery(sessions.running, {key for _socket, key in screens})
    for socket, key in screens:
        if key not in running:
            await socket.dismiss(groups.SIGNED_OUT)


def _people(hub: Hub, organization_id: int) -> People:
    connected = hub.staff.get(organization_id, {})
    return {staff_id: set(sockets) for staff_id, sockets in connected.items()}


# --- what is asked ------------------------------------------------------------------------------


def _question(hub: Hub, work: Work, people: People) -> Question:
    ways = {staff_id: _ways(sockets) for staff_id, sockets in people.items()}
    return Question(
        conversations=[
            _asked(hub, work, ways, conversation_id, change)
            for conversation_id, change in work.conversations.items()
        ],
        presence={
            staff_id: {language for language, _zone in ways[staff_id]}
            for staff_id in work.staff & people.keys()
        },
        watched=[each for each in (_watched(hub, work, one) for one in work.viewers) if each.staff],
    )


def _asked(
    hub: Hub, work: Work, ways: dict[int, set[Way]], conversation_id: int, change: Change
) -> Asked:
    openers: dict[int, set[Way]] = defaultdict(set)
    numbers = []
    for socket in hub.openers.get((work.organization_id, conversation_id), ()):
        if socket.reader:
            openers[socket.staff_id].add(socket.reader.way)
            numbers.append(socket.last_number)
    return Asked(
        conversation_id=conversation_id,
        staff=ways,
        openers=dict(openers),
        after=min(numbers, default=0),
        again=set(change.again),
        is_moved=change.is_moved,
    )


def _watched(hub: Hub, work: Work, conversation_id: int) -> Watched:
    key = (work.organization_id, conversation_id)
    here = {socket.staff_id for socket in hub.openers.get(key, ())}
    languages = {socket.reader.language for socket in hub.openers.get(key, ()) if socket.reader}
    there = here | hub.viewers.viewers(key) if here else set()
    return Watched(conversation_id, there, hub.viewers.writing(key), languages)


def _ways(sockets: Iterable[StaffSocket]) -> set[Way]:
    return {socket.reader.way for socket in sockets if socket.reader}


# --- what is shown ------------------------------------------------------------------------------


def _show(hub: Hub, work: Work, people: People, answer: Answer, post: Post) -> None:
    for seen in answer.conversations:
        openers = hub.openers.get((work.organization_id, seen.conversation_id), set()).copy()
        for staff_id, sockets in people.items():
            if staff_id in seen.audience:
                _show_row(sockets, seen, post)
            else:
                _take_away(hub, sockets, seen.conversation_id, post)
        for socket in openers:
            _show_thread(socket, seen, post)
    for staff_id, cards in answer.presence.items():
        for socket in people[staff_id]:
            if socket.reader:
                post.add(socket, cards.get(socket.reader.language, ""))
    for conversation_id, drawn in answer.watched.items():
        for socket in hub.openers.get((work.organization_id, conversation_id), ()):
            if socket.reader:
                mine = drawn.get(socket.reader.language, {}).get(socket.staff_id, "")
                post.add(socket, mine)


def _show_row(sockets: Iterable[StaffSocket], seen: Seen, post: Post) -> None:
    for socket in sockets:
        if socket.reader is None:
            continue
        if len(socket.rows) < MOST_ROWS:
            socket.rows.add(seen.conversation_id)
        post.add(socket, seen.rows.get(socket.reader.way, ""))


def _show_thread(socket: StaffSocket, seen: Seen, post: Post) -> None:
    reader = socket.reader
    if reader is None or socket.thread != seen.conversation_id:
        return
    if reader.staff_id not in seen.audience:
        return  # entered after the question was asked
    if socket.last_number < seen.after:
        # Opened the thread after the question was asked: nothing may come before what it lacks.
        socket.hub.spawn(socket.ask_to_catch_up())
        return
    way = reader.way
    for _number, drawn in sorted(seen.entries.items()):
        post.add(socket, drawn.get(way, ""))
    post.add(socket, seen.facts.get(way, ""))
    post.add(socket, seen.heads.get(reader.staff_id, {}).get(way, ""))
    if seen.is_context_changed:
        post.add(socket, CONTEXT_CHANGED)
    socket.last_number = max(socket.last_number, seen.last_number)


def _take_away(hub: Hub, sockets: Iterable[StaffSocket], conversation_id: int, post: Post) -> None:
    for socket in sockets:
        if socket.reader is None:
            continue
        if socket.thread == conversation_id:
            hub.open_thread(socket, None)
            post.add(socket, staff_view.gone_thread(socket.reader, conversation_id))
        elif conversation_id in socket.rows:
            post.add(socket, fragments.removed_row(conversation_id))
        socket.rows.discard(conversation_id)


def _call_in(work: Work, people: People, post: Post) -> None:
    for conversation_id, change in work.conversations.items():
        for staff_id in (change.called | change.behind) & people.keys():
            is_behind = staff_id not in change.called
            for socket in people[staff_id]:
                post.add(socket, CALLS_CHANGED)
                if socket.reader and socket.thread != conversation_id:
                    language = socket.reader.language
                    notice = staff_view.called_in(conversation_id, language, is_behind=is_behind)
                    post.add(socket, notice)


# --- who may still see it -----------------------------------------------------------------------


async def _renew_access(work: Work, people: People) -> None:
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
    found = await for_delivery(staff_view.still_visible, work.organization_id, shown, epochs)
    post, leaving = Post(), []
    for staff_id, sockets in chosen.items():
        access, lost = found.get(staff_id, (None, set()))
        for socket in list(sockets):
            if access is None or not access.is_active:
                leaving.append((socket, groups.SIGNED_OUT))
                continue
            for conversation_id in lost:
                _take_away(socket.hub, [socket], conversation_id, post)
            if staff_id in named:
                post.add(socket, CALLS_CHANGED)
            if socket.reader is not None and socket.reader.epoch != access.epoch:
                # The browser comes back within a second and fetches its lists anew.
                leaving.append((socket, groups.COME_BACK))
    await post.send()
    for socket, code in leaving:
        await socket.dismiss(code)
