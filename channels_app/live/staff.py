"""The staff socket: small strict frames in, rendered fragments out."""

import logging
import time
from typing import Any

from channels_app.chat.frames import (
    FrameRefused,
    Rules,
    boolean,
    listed,
    number,
    read_frame,
)
from channels_app.live import groups, hints, staff_look, staff_view
from channels_app.live.database import DATABASE_AWAY, in_database
from channels_app.live.gate import FloodGate, is_own_origin
from channels_app.live.hints import Hint
from channels_app.live.hub import Hub, hub
from channels_app.live.sessions import reader_of, session_key
from channels_app.live.socket import Socket
from channels_app.live.staff_view import Reader
from helpdesk.errors import HelpdeskError, NotFound

logger = logging.getLogger(__name__)

_LAST = 2**53
MOST_ROWS = 500
# More than this since the browser was last heard: it reads too slowly and starts afresh.
MOST_UNHEARD_BYTES = 4 * 1024 * 1024
TYPING_SECONDS = 2.0
LIST_CHANGED = '<i data-refresh="list"></i>'


def _optional_id(value: Any) -> int | None:  # Any: whatever the frame carries
    return None if value is None else number(1, _LAST)(value)


def _mode(value: Any) -> str:  # Any: whatever the frame carries
    if value not in (None, "reply", "note"):
        raise FrameRefused("unknown_kind")
    return value or "reply"


def _ignored(value: Any) -> None:  # Any: what htmx adds by itself
    return None


SCHEMAS: dict[str, Rules] = {
    "open": {"conversation": _optional_id, "after": number(0, _LAST, default=0)},
    # `read` is when the server read the list, in ms since the epoch.
    "list": {
        "conversations": listed(number(1, _LAST), MOST_ROWS),
        "read": number(0, _LAST, default=0),
    },
    "seen": {"conversation": number(1, _LAST), "number": number(1, _LAST)},
    "typing": {"conversation": number(1, _LAST), "kind": _mode},
    "here": {"active": boolean},
    "board": {"shown": boolean},
}
for _rules in SCHEMAS.values():
    _rules["HEADERS"] = _ignored


class StaffSocket(Socket):
    """One open screen of one member of staff."""

    async def connect(self) -> None:
        self.hub: Hub = hub()
        self.reader: Reader | None = None
        self.thread: int | None = None
        self.last_number = 0
        self.rows: set[int] = set()
        self.is_list_renewed = False
        self.shows_board = False
        self.gate = FloodGate()
        self.unheard_bytes = 0
        self._typed_at = 0.0
        if not is_own_origin(self.scope):
            await self.close(groups.ORIGIN_REFUSED)
            return
        await self.accept()
        try:
            self.reader = await in_database(reader_of, session_key(self.scope))
        except NotFound:
            await self.close(groups.SIGNED_OUT)
        except DATABASE_AWAY:
            await self.close(groups.COME_BACK)
        else:
            self.hub.add_staff(self)

    async def disconnect(self, code: int) -> None:
        if self.reader is None or not self.hub.remove_staff(self):
            return
        try:
            await in_database(staff_view.leave, self.reader)
        except DATABASE_AWAY:
            return  # the lease ends by itself
        # Another process may still have a screen of this person: it renews the lease at once.
        hints.publish(Hint("left", self.organization_id, staff_id=self.staff_id))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.reader is None:
            return
        if self.gate.is_flooded():
            await self.close(groups.TOO_FAST)
            return
        self.unheard_bytes = 0
        try:
            frame = read_frame(text_data if text_data is not None else (bytes_data or b""), SCHEMAS)
            await _ACTS[frame.type](self, frame.values)
        except FrameRefused as refused:
            # Nobody reads it; our own pages never send such a frame.
            if refused.code == "too_large":
                await self.close(groups.TOO_LARGE)
        except NotFound:
            gone = frame.values.get("conversation")
            await self.push(staff_view.gone_thread(self.reader, gone) if gone else "")
        except HelpdeskError:
            logger.info("A staff frame was refused: %s", frame.type)
        except DATABASE_AWAY:
            await self.close(groups.COME_BACK)

    async def push(self, text: str) -> None:
        """Send fragments; a browser that has not answered for long is sent away to start afresh."""
        if text:
            await self.push_message({"type": "websocket.send", "text": text})

    async def push_message(self, message: dict[str, str]) -> None:
        """Send a message that many sockets may share."""
        self.unheard_bytes += len(message["text"])
        if self.unheard_bytes > MOST_UNHEARD_BYTES:
            self.unheard_bytes = 0
            await self.close(groups.COME_BACK)
            return
        await self.base_send(message)

    async def ask_to_catch_up(self) -> None:
        """Send the entries that the open thread lacks, whatever has become of it."""
        try:
            await self._send_missing(self.last_number)
        except DATABASE_AWAY:
            await self.close(groups.COME_BACK)

    async def renew_list(self) -> None:
        """Have the screen fetch its list anew."""
        await self.push(LIST_CHANGED)

    @property
    def organization_id(self) -> int:
        return self.reader.organization_id if self.reader else 0

    @property
    def staff_id(self) -> int:
        return self.reader.staff_id if self.reader else 0

    # --- what a screen says -------------------------------------------------------------------

    async def open(self, values: dict[str, Any]) -> None:
        wanted = values["conversation"]
        if self.reader is None:
            return
        if wanted != self.thread:
            self.hub.open_thread(self, None)
            if wanted is not None:
                # Its readers are shown who else reads it: only who may see it may be among them.
                await in_database(staff_view.check_visible, self.reader, wanted)
                self.hub.open_thread(self, wanted)
        if wanted is not None:
            self.last_number = values["after"]
            await self._send_missing(values["after"])

    async def list(self, values: dict[str, Any]) -> None:
        self.rows = set(values["conversations"])
        if self.reader is None or not values["read"]:
            return
        changed = self.hub.lately.changed(self.organization_id, values["read"] / 1000)
        if changed:
            rows = await in_database(staff_look.rows, self.reader, changed)
            self.rows |= rows.keys()
            await self.push("".join(rows.values()))
        elif changed is None and not self.is_list_renewed:
            # Once: a page whose clock is another's would ask for ever.
            self.is_list_renewed = True
            await self.renew_list()

    async def seen(self, values: dict[str, Any]) -> None:
        if self.reader is None or values["conversation"] != self.thread:
            return
        if await in_database(staff_view.see, self.reader, values["conversation"], values["number"]):
            hints.publish(Hint("seen", self.organization_id, values["conversation"]))

    async def typing(self, values: dict[str, Any]) -> None:
        now = time.monotonic()
        if values["conversation"] != self.thread or now - self._typed_at < TYPING_SECONDS:
            return
        self._typed_at = now
        hints.publish(
            Hint(
                "writing" if values["kind"] == "reply" else "noting",
                self.organization_id,
                values["conversation"],
                staff_id=self.staff_id,
                is_on=True,
            )
        )

    async def here(self, values: dict[str, Any]) -> None:
        if self.reader is None:
            return
        if values["active"]:
            await in_database(staff_view.sign, self.reader)
        if self.thread is not None:
            self.hub.tell_viewers((self.organization_id, self.thread))
            await self._send_missing(self.last_number)

    async def board(self, values: dict[str, Any]) -> None:
        """Note that the board is on this screen, for who may see one; a lost right closes the socket."""
        if self.reader is None:
            return
        self.shows_board = values["shown"] and await in_database(
            staff_view.may_see_board, self.reader
        )

    async def _send_missing(self, after: int) -> None:
        """Catch up by number: entries up to the newest there is when the question is asked."""
        if self.reader is None or self.thread is None:
            return
        thread = self.thread
        try:
            found = await in_database(staff_view.missing, self.reader, thread, after)
        except NotFound:
            self.hub.open_thread(self, None)
            await self.push(staff_view.gone_thread(self.reader, thread))
            return
        if self.thread == thread:
            self.last_number = max(self.last_number, found.last_number)
            await self.push(found.html)


_ACTS = {
    "open": StaffSocket.open,
    "list": StaffSocket.list,
    "seen": StaffSocket.seen,
    "typing": StaffSocket.typing,
    "here": StaffSocket.here,
    "board": StaffSocket.board,
}
