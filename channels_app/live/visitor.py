"""The visitor's socket: JSON frames of the widget or of an app in, what the visitor may see out."""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from channels_app import limits
from channels_app.chat import signing
from channels_app.chat.frames import Frame, FrameRefused, read_frame
from channels_app.chat.identity import CLOCK_SKEW_SECONDS, expires_at
from channels_app.live import groups, hints
from channels_app.live.database import DATABASE_AWAY, in_database
from channels_app.live.gate import FloodGate, caller_address, origin_of
from channels_app.live.hints import Hint
from channels_app.live.hub import Hub, hub
from channels_app.live.socket import Socket
from channels_app.protocol import BadSignature
from channels_app.services import chatting, showing, visiting, waiting
from channels_app.services.doors import APP, Door, find_chat, may_speak_from
from channels_app.services.visiting import Visitor, refusal_code
from helpdesk.errors import HelpdeskError, NotFound, TooMany

logger = logging.getLogger(__name__)

TYPING_SECONDS = 1.0
# How long a socket may stay that has not said whose it is.
HELLO_SECONDS = 20.0
# What may be said before anything else.
_FIRST = {"hello", "ping"}
# What writes to the database each time, and how often one socket may say it: nobody reads that fast.
_MARKS = {"ack", "seen", "rate", "end"}
MOST_MARKS_A_MINUTE = 240


class VisitorSocket(Socket):
    """One browser tab, or one app, of one visitor."""

    async def connect(self) -> None:
        self.hub: Hub = hub()
        self.door: Door | None = None
        self.visitor: Visitor | None = None
        self.conversation_id: int | None = None
        self.last_number = 0
        self.is_waiting = False
        # What the visitor was last told of where things stand.
        self.told: dict[str, Any] = {}  # Any: JSON of the widget
        # Any: the hub's indexes have keys of several kinds.
        self.keys: list[tuple[dict[Any, set[Any]], Any]] = []
        self.gate = FloodGate()
        self.marks = FloodGate(MOST_MARKS_A_MINUTE, limits.WINDOW_SECONDS)
        self.address = caller_address(self.scope)
        self._typed_at = 0.0
        self._is_typing_told = False
        # Ends the socket of one who does not say whose it is, and of an app when its identity ends.
        self._ending: asyncio.Task[None] | None = None
        public_id = self.scope["url_route"]["kwargs"]["public_id"]
        try:
            self.door = await in_database(find_chat, public_id)
        except NotFound:
            await self.accept()
            await self.close(groups.UNKNOWN_CHANNEL)
            return
        except DATABASE_AWAY:
            await self.accept()
            await self.tell(type="error", code="unavailable")
            await self.close(groups.COME_BACK)
            return
        if not may_speak_from(self.door, origin_of(self.scope)):
            await self.close(groups.ORIGIN_REFUSED)
            return
        await self.accept()
        if self.door.kind == APP and not await in_database(_is_signed, self.door, self.scope):
            await self.tell(type="error", code="signature_refused")
            await self.close(groups.IDENTITY_REFUSED)
            return
        self._ending = asyncio.create_task(self._wait_for_hello())

    async def _wait_for_hello(self) -> None:
        await asyncio.sleep(HELLO_SECONDS)
        await self.dismiss(groups.COME_BACK)

    async def _wait_for_identity(self, until: float) -> None:
        await asyncio.sleep(max(0.0, until - time.time()))
        await self.push(type="error", code="identity_expired")
        await self.dismiss(groups.IDENTITY_REFUSED)

    async def disconnect(self, code: int) -> None:
        self._stay()
        self.hub.remove_visitor(self)

    def _stay(self) -> None:
        if self._ending is not None:
            self._ending.cancel()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.door is None:
            return
        if self.gate.is_flooded():
            await self.tell(type="error", code="limited")
            await self.close(groups.TOO_FAST)
            return
        raw = text_data if text_data is not None else (bytes_data or b"")
        try:
            frame = read_frame(raw)
        except FrameRefused as refused:
            await self.tell(type="error", code=refused.code, field=refused.field)
            if refused.code == "too_large":
                await self.close(groups.TOO_LARGE)
            return
        await self._obey(frame, raw)

    async def _obey(self, frame: Frame, raw: str | bytes) -> None:
        reference = str(frame.values.get("client_ref", ""))
        try:
            if self.visitor is None and frame.type not in _FIRST:
                raise HelpdeskError
            if frame.type in _MARKS and self.marks.is_flooded():
                raise TooMany(retry_after_seconds=limits.WINDOW_SECONDS)
            await _ACTS[frame.type](self, frame.values, raw)
        except TooMany as error:
            wait = error.details.get("retry_after_seconds", limits.WINDOW_SECONDS)
            await self.refuse("limited", reference, retry_after=wait)
        except BadSignature as error:
            has_identity = bool(frame.values.get("identity"))
            await self.refuse(refusal_code(self._door(), error, has_identity), reference)
            await self.close(groups.IDENTITY_REFUSED)
        except HelpdeskError as error:
            await self.refuse(error.code, reference)
        except DATABASE_AWAY:
            await self.refuse("unavailable", reference, retry_after=3)
        except Exception:
            logger.exception("A visitor's frame failed: %s", frame.type)
            await self.refuse("failed", reference)

    async def refuse(self, code: str, client_ref: str, **details: object) -> None:
        """Answer a frame with why it was refused; the widget keeps what was typed."""
        reference = {"client_ref": client_ref} if client_ref else {}
        await self.tell(type="error", code=code, **reference, **details)

    async def tell(self, **frame: object) -> None:
        """Send one frame."""
        await self.send(json.dumps(frame, ensure_ascii=False, separators=(",", ":")))

    async def push(self, **frame: object) -> None:
        """Send a frame that the visitor did not ask for; one who leaves keeps nobody else from theirs."""
        try:
            await self.tell(**frame)
        except Exception:
            logger.exception("A visitor did not get what changed; the widget catches up by number")

    async def ask_to_catch_up(self) -> None:
        """Have the widget ask for what it missed."""
        await self.push(type="resync")

    # --- where the socket belongs -------------------------------------------------------------

    @property
    def organization_id(self) -> int:
        return self.door.organization_id if self.door else 0

    @property
    def identity_id(self) -> int | None:
        return self.visitor.identity_id if self.visitor else None

    @property
    def short_name(self) -> str:
        return self.visitor.short_name if self.visitor else ""

    @property
    def language(self) -> str:
        return self.visitor.language if self.visitor else "zh"

    def note(self, status: dict[str, Any]) -> None:
        """Remember what the visitor is told, and have a waiting one told again from time to time."""
        names = ("conversation", "state", "queue", "away", "staff", "rating")
        self.told = {name: status[name] for name in names}
        self.is_waiting = status["state"] == "queued"
        if self.is_waiting:
            self.hub.keep_telling_places(self.organization_id)

    async def tell_status(self, status: dict[str, Any], *, only_news: bool = False) -> None:
        """Tell where things stand; with `only_news` nothing while it is as the visitor knows it."""
        if status["conversation"] == self.told.get("conversation"):
            status = {**status, "queue": waiting.steady(self.told.get("queue"), status["queue"])}
        before = self.told
        self.note(status)
        if not only_news or self.told != before:
            await self.push(type="status", **status)

    def belong(self, visitor: Visitor, conversation_id: int | None) -> None:
        """Take over who the visitor is now and which conversation they are in."""
        self.visitor, self.conversation_id = visitor, conversation_id
        self.hub.index_visitor(self)

    async def part(self) -> None:
        """Leave a conversation that is another identity's now, and ask who the visitor is."""
        if self.visitor is not None:
            self.belong(self.visitor, None)
        await self.ask_to_catch_up()

    # --- what a visitor may do ----------------------------------------------------------------

    async def hello(self, values: dict[str, Any], raw: str | bytes) -> None:
        door = self._door()
        visitor, found = await in_database(_arrive, door, values, self.address)
        self._stay()
        if door.kind == APP:
            until = expires_at(values["identity"]) + CLOCK_SKEW_SECONDS
            self._ending = asyncio.create_task(self._wait_for_identity(until))
        self.belong(visitor, found.conversation_id)
        self.last_number = found.last_number
        self.note(found.body)
        token = {"token": visitor.new_token} if visitor.new_token else {}
        await self.tell(type="welcome", **token, last_number=found.last_number, **found.body)
        self.visitor = replace(visitor, new_token="")

    async def message(self, values: dict[str, Any], raw: str | bytes) -> None:
        visitor = self._visitor()
        said = await in_database(_say, self._door(), visitor, values, raw, self.address)
        if said.conversation_id != self.conversation_id or visitor.identity_id is None:
            self.belong(said.visitor, said.conversation_id)
            # What was told before this socket was known here is found by number.
            self.last_number = said.number - 1
            self.hub.hear(Hint("arrived", self.organization_id, said.conversation_id))
            hints.publish(
                Hint(
                    "joined",
                    self.organization_id,
                    conversation_id=said.conversation_id,
                    visitor=said.visitor.short_name,
                )
            )
        await self.tell(
            type="stored",
            client_ref=str(values["client_ref"]),
            conversation=said.conversation_id,
            number=said.number,
        )

    async def typing(self, values: dict[str, Any], raw: str | bytes) -> None:
        now, is_on = time.monotonic(), bool(values["on"])
        # There is nothing to end but what was told: no more ends than beginnings.
        is_news = now - self._typed_at >= TYPING_SECONDS if is_on else self._is_typing_told
        if self.conversation_id is None or not is_news:
            return
        if is_on:
            self._typed_at = now
        self._is_typing_told = is_on
        hints.publish(Hint("writing", self.organization_id, self.conversation_id, is_on=is_on))

    async def ack(self, values: dict[str, Any], raw: str | bytes) -> None:
        await self._of_conversation(chatting.acknowledge, values["number"])

    async def seen(self, values: dict[str, Any], raw: str | bytes) -> None:
        await self._of_conversation(chatting.see, values["number"])

    async def rate(self, values: dict[str, Any], raw: str | bytes) -> None:
        if self.conversation_id is None:
            raise NotFound
        await in_database(
            chatting.rate,
            self.organization_id,
            self.conversation_id,
            score=values["score"],
            reasons=values["tags"],
            comment=values["comment"],
        )
        await self._tell_status()

    async def end(self, values: dict[str, Any], raw: str | bytes) -> None:
        if self.conversation_id is None:
            raise NotFound
        await in_database(chatting.end, self.organization_id, self.conversation_id)

    async def leave_address(self, values: dict[str, Any], raw: str | bytes) -> None:
        visitor = await in_database(
            _leave_address, self._door(), self._visitor(), values["email"], self.address
        )
        self.belong(visitor, self.conversation_id)
        await self.tell(type="saved", email=visitor.email)

    async def speak(self, values: dict[str, Any], raw: str | bytes) -> None:
        self.visitor = replace(self._visitor(), language=values["language"])

    async def pong(self, values: dict[str, Any], raw: str | bytes) -> None:
        await self.tell(type="pong")

    async def _of_conversation(self, act: Callable[[int, int, int], None], number: int) -> None:
        if self.conversation_id is not None:
            await in_database(act, self.organization_id, self.conversation_id, number)

    async def _tell_status(self) -> None:
        if self.conversation_id is None:
            return
        asked = showing.Asked(
            self.conversation_id, self._door().public_id, {self.language}, wants_status=True
        )
        found = await in_database(showing.look, self.organization_id, [asked])
        for shown in found.values():
            await self.tell_status(shown.status[self.language])

    def _door(self) -> Door:
        if self.door is None:
            raise NotFound
        return self.door

    def _visitor(self) -> Visitor:
        if self.visitor is None:
            raise NotFound
        return self.visitor


def _is_signed(door: Door, scope: dict[str, Any]) -> bool:  # Any: ASGI
    """Tell whether the opening of the socket is signed, where the channel asks for that."""
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
    }
    try:
        signing.verify(door, method="GET", path=scope["path"], headers=headers)
    except BadSignature:
        return False
    return True


def _arrive(door: Door, values: dict[str, Any], address: str) -> tuple[Visitor, chatting.Welcome]:
    who = values["token"][:64] or values["identity"][-64:] or address
    _spend("hello", limits.ARRIVALS, door, who, address)
    visitor = visiting.recognise(
        door,
        token=values["token"],
        identity=values["identity"],
        language=values["language"],
        page={"page": values["page"], "title": values["title"]},
    )
    claimed = values["conversation"]
    welcome = chatting.welcome(
        door,
        visitor,
        conversation_id=int(claimed) if claimed.isdecimal() else None,
        after=values["last_number"],
    )
    return visitor, welcome


def _leave_address(door: Door, visitor: Visitor, email: str, address: str) -> Visitor:
    _spend("address", limits.ADDRESSES, door, visitor.external_id, address)
    return chatting.leave_address(door, visitor, email)


def _spend(what: str, most: tuple[int, int], door: Door, who: str, address: str) -> None:
    limits.spend(
        what, most, who=visiting.fingerprint(who), address=address, public_id=door.public_id
    )


def _say(
    door: Door, visitor: Visitor, values: dict[str, Any], raw: str | bytes, address: str
) -> chatting.Said:
    _spend("message", limits.MESSAGES, door, visitor.external_id, address)
    return chatting.say(
        door,
        visitor,
        text=values["text"],
        client_ref=str(values["client_ref"]),
        files=[str(each) for each in values["attachments"]],
        raw=raw.encode() if isinstance(raw, str) else raw,
    )


_ACTS = {
    "hello": VisitorSocket.hello,
    "message": VisitorSocket.message,
    "typing": VisitorSocket.typing,
    "ack": VisitorSocket.ack,
    "seen": VisitorSocket.seen,
    "rate": VisitorSocket.rate,
    "end": VisitorSocket.end,
    "address": VisitorSocket.leave_address,
    "language": VisitorSocket.speak,
    "ping": VisitorSocket.pong,
}
