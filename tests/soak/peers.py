"""A real HTTP server in the part of another system: it takes what is posted to it, and remembers each call."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Call:
    """One call as it came, and how it was answered; 0 for a line that was cut."""

    key: str
    text: str
    to: str
    status: int
    at: float


# What to answer: a status, headers, and a body; or None to cut the line after taking the call.
Answer = tuple[int, dict[str, str], bytes] | None
TAKEN: Answer = (204, {}, b"")


@dataclass
class Peer:
    """The other system. `answer` decides about each call by its number and what it says."""

    answer: Callable[[int, dict[str, Any]], Answer] = lambda number, said: TAKEN
    clock: Callable[[], float] = time.monotonic
    calls: list[Call] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> "Peer":
        peer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = peer.taken(self.headers["webhook-id"], json.loads(body)["data"])
                if answer is None:
                    self.close_connection = True
                    self.connection.close()
                    return
                status, headers, said = answer
                self.send_response(status)
                for name, value in {"Content-Length": str(len(said)), **headers}.items():
                    if status != 204 or name != "Content-Length":
                        self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/"

    def taken(self, key: str, said: dict[str, Any]) -> Answer:
        with self._lock:
            answer = self.answer(len(self.calls), said)
            to = str(said.get("to", {}).get("id", ""))
            status = answer[0] if answer else 0
            self.calls.append(Call(key, str(said.get("text", "")), to, status, self.clock()))
        return answer
