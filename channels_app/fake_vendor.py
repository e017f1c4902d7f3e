"""A vendor played on loopback: it takes our calls, makes signed ones itself, and fails when it is told to.

For trying a channel without an account, and for the tests of its adapter. Each adapter has its own in
`fake.py`, which adds only what is that vendor's.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import ClassVar, Self
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import httpx
from django.utils import timezone

from channels_app.protocol import ChannelConfig

MOST_CALLS = 1000
PATIENCE_SECONDS = 10.0
# One pixel.
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478"
    "9c6360606060000000050001a5f645400000000049454e44ae426082"
)
# Of a file that goes on and on.
ENDLESS_BYTES = 2_000_000


@dataclass(frozen=True, slots=True)
class Call:
    """One call that the vendor took."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]  # names in lower case
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What the vendor answers; `is_dropped` breaks the line after the call has arrived."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    is_dropped: bool = False


@dataclass(frozen=True, slots=True)
class Sealed:
    """A call as a vendor makes it; what proves it stands in its headers, its address or its body."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Greeting:
    """How a vendor tries an address before it uses it, and what it wants to read."""

    call: Sealed
    reply: bytes
    method: str = "GET"


class FakeVendor:
    """What all vendors have in common; a context manager that serves while it is entered.

    `took` hears of each call before it is answered.
    """

    # Settings of the channel that lead here, each with the path below our address.
    addresses: ClassVar[Mapping[str, str]] = {"base_url": ""}
    # Other settings, as a channel of this vendor would have them.
    facts: ClassVar[Mapping[str, object]] = {}
    # Secrets besides the one that signs, as a channel of this vendor would have them.
    named_secrets: ClassVar[Mapping[str, str]] = {}
    # Genuine calls that mean nothing to us.
    unknown: ClassVar[tuple[bytes, ...]] = ()
    # Whether it calls us; what does not is fetched.
    calls_us: ClassVar[bool] = True
    # Whether we call it to say something; where not, answers lie ready with us.
    is_called: ClassVar[bool] = True
    # Whether customers can be answered there.
    takes_answers: ClassVar[bool] = True
    # Whether its calls only say that there is something to fetch.
    only_hints: ClassVar[bool] = False
    # Whether a call that was signed long ago proves nothing any more.
    signs_time: ClassVar[bool] = False
    # Whether what it answers to a reply says anything besides its status.
    says_more: ClassVar[bool] = True
    # Its ways of saying no inside an answer whose status says yes.
    refusals: ClassVar[tuple[Answer, ...]] = ()
    # Whether it proves its calls by keys of its own, whatever secrets a channel has.
    has_keys: ClassVar[bool] = False
    # What its calls are.
    content_type: ClassVar[str] = "application/json"
    # Somebody who writes, and whom we answer.
    customer: ClassVar[str] = "customer-1"
    # Whether its customers write; others are heard.
    has_words: ClassVar[bool] = True

    def __init__(self, port: int = 0, took: Callable[[Call], None] | None = None) -> None:
        self.port = self._wanted_port = port
        self._took = took
        self.calls: deque[Call] = deque(maxlen=MOST_CALLS)
        self._failures: deque[Answer] = deque()
        self._reply_failures: deque[Answer] = deque()
        # Whether its files go on and on.
        self.endless_files = False

    # --- what each vendor has of its own ---------------------------------------------------------

    def message(self, reference: str, *, text: str = "怎么退货?") -> bytes:
        """Return a call that reports one message with this id."""
        raise NotImplementedError

    def sign(self, body: bytes, config: ChannelConfig, at: datetime) -> Mapping[str, str]:
        """Return the headers that prove a call."""
        raise NotImplementedError

    def seal(self, body: bytes, config: ChannelConfig, at: datetime) -> Sealed:
        """Return a call with what proves it, where that is more than headers: an encrypted body, a query."""
        return Sealed(body, self.sign(body, config, at))

    def tampered(self, call: Sealed) -> Sealed:
        """Return a call whose meaning somebody has changed on its way."""
        return replace(call, body=call.body + b" ")

    @property
    def vendor_keys(self) -> str:
        """The keys that prove its calls, as a channel keeps them; for vendors that have some."""
        return ""

    def forged(self, body: bytes, config: ChannelConfig, at: datetime) -> Sealed:
        """Return a call proved by a key that is none of its own; for vendors that have some."""
        raise NotImplementedError

    @property
    def reply_token(self) -> str:
        """What came with the words of its customer to answer them by, once it serves."""
        return ""

    def answer(self, call: Call) -> Answer:
        """Return what this vendor answers when all is well."""
        raise NotImplementedError

    def text_of(self, call: Call) -> str | None:
        """Return what we said to the customer in a call; None when it says nothing."""
        raise NotImplementedError

    def texts(self) -> list[str]:
        """Return what we said to customers, oldest first."""
        return [text for call in list(self.calls) if (text := self.text_of(call)) is not None]

    # --- what some have -------------------------------------------------------------------------

    def greeting(self, config: ChannelConfig, at: datetime) -> Greeting | None:
        """Return how it tries a new address; None where it does not."""
        return None

    def picture(self, reference: str, *, text: str = "") -> bytes | None:
        """Return a call that reports one picture, which lies with this vendor; None where it has none."""
        return None

    def edited(self, reference: str, *, text: str) -> bytes | None:
        """Return a call that reports another wording of a message; None where nobody can change one."""
        return None

    def withdrawn(self, reference: str) -> bytes | None:
        """Return a call that reports that a message was taken back; None where nobody can."""
        return None

    def reacted(self, reference: str, *, second: int, is_gone: bool = False) -> bytes | None:
        """Return a call that reports that the customer gives a message a thumb up, or takes it back.

        `second` says when: it counts from now. None where nobody can.
        """
        return None

    def receipts(self, call: Call) -> list[bytes]:
        """Return the calls that report how far what we said in a call has come, as far as it comes."""
        return []

    def begin(self) -> None:
        """Forget what was agreed the last time that this vendor served."""

    def has(self, reference: str, *, text: str = "怎么退货?") -> None:
        """Have a customer write something with this id that is fetched; for vendors that do not call us."""
        raise NotImplementedError

    # --- what all do -----------------------------------------------------------------------------

    @property
    def settings(self) -> dict[str, object]:
        """The settings that lead a channel here, once it serves."""
        here = f"http://127.0.0.1:{self.port}"
        return {**self.facts, **{name: f"{here}{path}" for name, path in self.addresses.items()}}

    def fail(self, *answers: Answer) -> None:
        """Answer the next calls with these, in their order."""
        self._failures.extend(answers)

    def fail_replies(self, *answers: Answer) -> None:
        """Answer the next calls that say something to the customer with these, in their order."""
        self._reply_failures.extend(answers)

    def recover(self) -> None:
        """Answer as usual again."""
        self._failures.clear()
        self._reply_failures.clear()

    def says(self, address: str, config: ChannelConfig, text: str) -> int:
        """Have the customer write something; returns the status that Everydesk answered with."""
        if not self.calls_us:
            self.has(uuid4().hex, text=text)
            return 200
        return self.post(address, config, self.message(uuid4().hex, text=text))

    def post(self, address: str, config: ChannelConfig, body: bytes) -> int:
        """Call the channel at this address, signed as the vendor does; returns the status."""
        sealed = self.seal(body, config, timezone.now())
        headers = {"content-type": self.content_type, **sealed.headers}
        with httpx.Client(trust_env=False, timeout=PATIENCE_SECONDS) as client:
            return client.post(
                address, content=sealed.body, headers=headers, params=sealed.query or None
            ).status_code

    def __enter__(self) -> Self:
        vendor = self
        self.calls.clear()
        self.recover()
        self.begin()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                vendor._serve(self)

            def do_POST(self) -> None:
                vendor._serve(self)

            def do_PUT(self) -> None:
                vendor._serve(self)

            def do_DELETE(self) -> None:
                vendor._serve(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self._wanted_port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        # Closed within as many seconds as it looks for that.
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        where = urlsplit(handler.path)
        call = Call(
            method=handler.command,
            path=where.path,
            query=dict(parse_qsl(where.query)),
            headers={name.lower(): value for name, value in handler.headers.items()},
            body=handler.rfile.read(int(handler.headers.get("content-length") or 0)),
        )
        self.calls.append(call)
        if self._took is not None:
            self._took(call)
        answer = self._failure(call) or self.answer(call)
        if self.endless_files and answer.body == PICTURE:
            answer = replace(answer, body=answer.body + bytes(ENDLESS_BYTES))
        if answer.is_dropped:
            handler.close_connection = True
            handler.connection.close()
            return
        handler.send_response(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(answer.body)))
        handler.end_headers()
        handler.wfile.write(answer.body)

    def _failure(self, call: Call) -> Answer | None:
        if self._failures:
            return self._failures.popleft()
        if self._reply_failures and self.text_of(call) is not None:
            return self._reply_failures.popleft()
        return None
