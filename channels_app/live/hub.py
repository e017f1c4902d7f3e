"""The sockets of this process, and the one subscription through which it hears what changed.

Hints carry ids only. What comes in while a batch is being worked on is worked on together afterwards,
so a burst costs a few queries and not some for each hint. The hub listens for its own pulse: when the
subscription is deaf, screens are asked to catch up every few seconds until it is back.
"""

import asyncio
import logging
import math
import sys
import time
from collections import defaultdict
from collections.abc import Coroutine
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer

from channels_app.live import hints
from channels_app.live.groups import LIVE, RESTARTING, VISITOR_RESTARTING
from channels_app.live.hints import Hint
from channels_app.live.lately import Lately
from channels_app.live.viewers import Viewers
from channels_app.live.waiters import Waiter, Waiters

if TYPE_CHECKING:
    from channels_app.live.staff import StaffSocket
    from channels_app.live.visitor import VisitorSocket

logger = logging.getLogger(__name__)
S = TypeVar("S")

GATHER_SECONDS = 0.02
GOODBYE_SECONDS = 0.3
PULSE_SECONDS = 5.0
DEAF_AFTER_SECONDS = 12.0
RECHECK_SECONDS = 60.0
# How old what waiting visitors know of their wait may become.
REMIND_SECONDS = 15.0

Key = tuple[int, int]


class Hub:
    """What one event loop knows of its sockets."""

    def __init__(self) -> None:
        self.process = uuid4().hex
        self.staff: dict[int, dict[int, set[StaffSocket]]] = defaultdict(dict)
        self.openers: dict[Key, set[StaffSocket]] = defaultdict(set)
        self.visitors: dict[Key, set[VisitorSocket]] = defaultdict(set)
        # The tabs of each visitor who has said hello, also of one who has not written yet.
        self.tabs: dict[tuple[int, str], set[VisitorSocket]] = defaultdict(set)
        # Apps that have no socket and wait for an answer.
        self.waiters = Waiters()
        self.viewers = Viewers(self.process)
        # Complete from when the subscription stands; of the time before it nothing is known.
        self.lately = Lately(math.inf)
        # Organizations whose waiting visitors will soon be told their places.
        self.telling_places: set[int] = set()
        # Organizations with visitors who wait here: these are told again every some seconds.
        self.has_waiting: set[int] = set()
        # Organizations whose boards will soon be told, and when they last were.
        self.telling_boards: set[int] = set()
        self.boards_told_at: dict[int, float] = {}
        self._waiting: list[Hint] = []
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._heard_at = 0.0

    def add_staff(self, socket: "StaffSocket") -> None:
        self.staff[socket.organization_id].setdefault(socket.staff_id, set()).add(socket)

    def remove_staff(self, socket: "StaffSocket") -> bool:
        """Forget a socket; tells whether it was the person's last one in this process."""
        self.open_thread(socket, None)
        people = self.staff[socket.organization_id]
        sockets = people.get(socket.staff_id, set())
        sockets.discard(socket)
        if not sockets:
            people.pop(socket.staff_id, None)
        return not sockets

    def open_thread(self, socket: "StaffSocket", conversation_id: int | None) -> None:
        """Note which thread is on a screen, and tell the other processes who looks at it."""
        before, socket.thread = socket.thread, conversation_id
        if before == conversation_id:
            return
        if before is not None:
            _drop(self.openers, (socket.organization_id, before), socket)
            self.tell_viewers((socket.organization_id, before))
        if conversation_id is not None:
            key = (socket.organization_id, conversation_id)
            self.openers[key].add(socket)
            self.tell_viewers(key)

    def tell_viewers(self, key: Key) -> None:
        """Tell all processes who of this one looks at a conversation."""
        there = tuple(sorted({socket.staff_id for socket in self.openers.get(key, ())}))
        hints.publish(
            Hint("viewers", key[0], conversation_id=key[1], process=self.process, viewers=there)
        )

    def index_visitor(self, socket: "VisitorSocket") -> None:
        """Note where a visitor's socket belongs now; call again when that changes."""
        self.remove_visitor(socket)
        organization_id = socket.organization_id
        if socket.conversation_id is not None:
            socket.keys.append((self.visitors, (organization_id, socket.conversation_id)))
        if socket.short_name:
            socket.keys.append((self.tabs, (organization_id, socket.short_name)))
        for index, key in socket.keys:
            index[key].add(socket)

    def remove_visitor(self, socket: "VisitorSocket") -> None:
        for index, key in socket.keys:
            _drop(index, key, socket)
        socket.keys.clear()

    def all_staff(self) -> "list[StaffSocket]":
        return [
            socket
            for people in list(self.staff.values())
            for sockets in list(people.values())
            for socket in sockets
        ]

    def all_visitors(self) -> "list[VisitorSocket]":
        return [socket for sockets in list(self.tabs.values()) for socket in list(sockets)]

    # --- the subscription ------------------------------------------------------------------------

    def start(self) -> None:
        for work in (self._listen, self._deliver, self._pulse):
            self.spawn(work())
        _close_at_shutdown(self)

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        """Run work beside the sockets; kept until it ends."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def keep_telling_places(self, organization_id: int) -> None:
        """Tell the places of all who wait here again and again, until nobody does."""
        if organization_id not in self.has_waiting:
            self.has_waiting.add(organization_id)
            self.spawn(self._keep_telling_places(organization_id))

    async def _keep_telling_places(self, organization_id: int) -> None:
        from channels_app.live.visitor_delivery import tell_places  # noqa: PLC0415  (as below)

        is_waited = True
        while is_waited:
            await asyncio.sleep(REMIND_SECONDS)
            try:
                is_waited = await tell_places(self, organization_id)
            except Exception:
                logger.exception("Visitors were not told their places")
        self.has_waiting.discard(organization_id)

    def hear(self, hint: Hint) -> None:
        """Take a hint up for the next batch."""
        if hint.kind == "pulse":
            if hint.process == self.process:
                self._heard_at = asyncio.get_running_loop().time()
            return
        self._waiting.append(hint)
        self._news.set()

    async def _listen(self) -> None:
        layer = get_channel_layer()
        while True:
            try:
                channel = await layer.new_channel()
                await layer.group_add(LIVE, channel)
                self.lately = Lately(time.time())
                while True:
                    for hint in hints.read(await layer.receive(channel)):
                        self.hear(hint)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                logger.warning("The subscription broke: %s", type(error).__name__)
                await asyncio.sleep(1)

    async def _deliver(self) -> None:
        from channels_app.live.delivery import deliver  # noqa: PLC0415  (it imports this module)

        while True:
            await self._news.wait()
            # One commit publishes several hints: they cost one question and one message together.
            await asyncio.sleep(GATHER_SECONDS)
            self._news.clear()
            batch, self._waiting = self._waiting, []
            try:
                await deliver(self, batch)
            except Exception:
                logger.exception("A batch of hints was not delivered")

    async def _pulse(self) -> None:
        loop = asyncio.get_running_loop()
        self._heard_at = checked_at = loop.time()
        was_deaf = False
        while True:
            hints.publish(Hint("pulse", process=self.process))
            await asyncio.sleep(PULSE_SECONDS)
            is_deaf = loop.time() - self._heard_at > DEAF_AFTER_SECONDS
            if is_deaf or was_deaf:
                await self._catch_up()
            if was_deaf and not is_deaf:
                await self._renew_lists()
            was_deaf = is_deaf
            for organization_id, conversation_id in self.viewers.expired():
                self.hear(Hint("silent", organization_id, conversation_id))
            if loop.time() - checked_at > RECHECK_SECONDS:
                checked_at = loop.time()
                self.hear(Hint("recheck"))

    async def _catch_up(self) -> None:
        for socket in self.all_staff():
            await socket.ask_to_catch_up()
        for visitor in self.all_visitors():
            await visitor.ask_to_catch_up()
        self.waiters.everybody(Waiter.wake)

    async def _renew_lists(self) -> None:
        for socket in self.all_staff():
            await socket.renew_list()

    async def close_all(self) -> None:
        """Send everybody away with the code that makes them come back, spread out."""
        for socket in self.all_staff():
            await socket.dismiss(RESTARTING)
        for visitor in self.all_visitors():
            await visitor.dismiss(VISITOR_RESTARTING)
        self.waiters.everybody(Waiter.release)
        # The server ends connections once this is done, whatever they have still to write.
        await asyncio.sleep(GOODBYE_SECONDS)


def _drop(index: dict[Key, set[S]], key: Key, socket: S) -> None:
    sockets = index.get(key)
    if sockets is not None:
        sockets.discard(socket)
        if not sockets:
            del index[key]


_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()


def hub() -> Hub:
    """Return the hub of the running event loop; made and started on first use."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
        _hubs[loop].start()
    return _hubs[loop]


def _close_at_shutdown(made: Hub) -> None:
    """Say goodbye before the server goes, where the server is Twisted's."""
    reactor = sys.modules.get("twisted.internet.reactor")
    if reactor is None or not getattr(reactor, "running", False):
        return
    from twisted.internet.defer import Deferred  # noqa: PLC0415  (only where Daphne runs)

    reactor.addSystemEventTrigger(
        "before", "shutdown", lambda: Deferred.fromFuture(asyncio.ensure_future(made.close_all()))
    )
