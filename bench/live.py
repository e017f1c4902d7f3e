"""How fast and how cheaply changes reach open screens of a running installation."""

import asyncio
import json
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import redis
from websockets.asyncio.client import ClientConnection, connect

from bench.clients import AWAY, StaffClient, VisitorClient, channel_of
from bench.table import Figure, middle
from tests.deploy.stack import Stack, free_port
from tests.soak.stores import Store

VISITORS, SECONDS, ROUNDS = 20, 8, 3
SCREENS, BROADCASTS = 1000, 25
LIMIT_P95_MS, LIMIT_RATIO, LIMIT_KIB = 300, 4, 64
MARK = re.compile(rb"bench-[0-9a-f]{12}")
QUESTION = "怎么退货 "
COLLEAGUES = ("jia.chen", "zhiyuan.ma", "min.zhou")


class Running:
    """An installation whose web processes are measured; everything else is niced.

    The first one has the visitors, and the screen on which their messages are awaited. The second one
    has the thousand screens: what it spends is what a broadcast costs, from the hint to the bytes.
    """

    def __init__(self, own: Stack) -> None:
        ready: Any = own.ready_facts()  # Any: from JSON
        self.own = own
        _shared, self.url, self.screens_url = (str(each) for each in list(ready["web_urls"]))
        services = json.loads((own.home / "services.json").read_text())
        self.public_id = channel_of(self.url)
        redis.Redis.from_url(services["REDIS_URL"]).set(
            f"everydesk:rate:raised:{self.public_id}", "1", ex=900
        )
        self.web, self.screens = (
            _of(own.child("daphne", f"tcp:port={own.port + number}:")) for number in (1, 2)
        )
        for process in own.descendants():
            if process not in {self.web, self.screens}:
                process.nice(5)
        found = {one["login"].partition("@")[0]: one for one in ready["accounts"]}
        self.staff = [
            StaffClient(self.url, found[name]["login"], found[name]["password"])
            for name in COLLEAGUES
        ]

    def written_at(self, start: str) -> dict[str, float]:
        """Return when messages that start alike were written in the database, by their text."""
        statement = (
            "SELECT m.text, extract(epoch FROM e.at)::float8 FROM helpdesk_message m"
            " JOIN helpdesk_entry e ON e.id = m.entry_id WHERE starts_with(m.text, %s)"
        )
        with Store(self.own.home) as store:
            return {str(text): float(at) for text, at in store.rows(statement, start)}


def _of(process: psutil.Process | None) -> psutil.Process:
    assert process is not None
    return process


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def running(home: Path) -> Iterator[Running]:
    """Start an installation with the demo company and nobody but us in it."""
    own = Stack(home, DEMO="1", DEMO_TRAFFIC="0", LOG_LEVEL="WARNING", WEB_PROCESSES="2")
    own.start()
    try:
        own.await_ready()
        yield Running(own)
    finally:
        own.stop()


def measure(home: Path) -> list[Figure]:
    with running(home) as installation:
        return asyncio.run(_measure(installation))


async def _measure(installation: Running) -> list[Figure]:
    for one in installation.staff:
        await one.sign_in()
    rounds = [await delays_p95_ms(installation) for _ in range(ROUNDS)]
    stored, sent = (middle(list(each)) for each in zip(*rounds, strict=True))
    what = "written in the database -> bytes on the staff socket, 20 a second, p95"
    figures = [
        Figure(what, stored, "ms", LIMIT_P95_MS),
        Figure("sent by the widget -> bytes on the staff socket, p95", sent, "ms"),
    ]
    return figures + await broadcast_figures(installation)


# --- delay -------------------------------------------------------------------------------------


async def delays_p95_ms(installation: Running) -> tuple[float, float]:
    """Let twenty visitors write once a second; return 95th percentiles until a screen has it.

    The first counts from the entry's own time, which is before its commit; the second from the sending.
    """
    visitors = [VisitorClient(installation.url, installation.public_id) for _ in range(VISITORS)]
    sent: dict[str, float] = {}
    order: dict[str, list[str]] = defaultdict(list)
    seen: dict[str, float] = {}
    await asyncio.gather(*(visitor.say("你好") for visitor in visitors))
    screen = await installation.staff[0].screen(compression=None)
    await screen.send(_listed(visitors))
    watching = asyncio.create_task(_watch(screen, seen))

    async def write(visitor: VisitorClient, number: int) -> None:
        for _ in range(SECONDS):
            mark = f"bench-{uuid4().hex[:12]}"
            sent[mark] = time.time()
            order[str(number)].append(mark)
            await visitor.say(f"{QUESTION}{mark}")
            await asyncio.sleep(max(0.0, sent[mark] + 1 - time.time()))

    async def start(visitor: VisitorClient, number: int) -> None:
        await asyncio.sleep(number / VISITORS)
        await write(visitor, number)

    await asyncio.gather(*(start(one, number) for number, one in enumerate(visitors)))
    deadline = time.monotonic() + 10
    while any(marks[-1] not in seen for marks in order.values()) and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
    watching.cancel()
    await screen.close()
    for visitor in visitors:
        await visitor.close()
    # A row that was overtaken by the visitor's next message was shown with that one.
    for marks in order.values():
        for earlier, later in zip(reversed(marks[:-1]), reversed(marks[1:]), strict=True):
            seen[earlier] = min(seen.get(earlier, 1e12), seen.get(later, 1e12))
    written = installation.written_at(QUESTION)
    return _p95_ms(seen, {mark: written[QUESTION + mark] for mark in sent}), _p95_ms(seen, sent)


def _p95_ms(seen: dict[str, float], since: dict[str, float]) -> float:
    delays = sorted((seen.get(mark, 1e12) - at) * 1000 for mark, at in since.items())
    return delays[int(len(delays) * 0.95)]


def _listed(visitors: list[VisitorClient]) -> str:
    """Return the frame with which a page tells which rows it shows."""
    return json.dumps({"type": "list", "conversations": [one.conversation for one in visitors]})


async def _watch(screen: ClientConnection, seen: dict[str, float]) -> None:
    while True:
        text = await screen.recv(decode=False)
        now = time.time()
        for mark in MARK.findall(text):
            seen.setdefault(mark.decode(), now)


# --- broadcast ---------------------------------------------------------------------------------


class Audience:
    """A thousand sockets that note which marks they have heard."""

    def __init__(self) -> None:
        self.heard: dict[str, int] = defaultdict(int)
        self.bytes = 0
        # Everything that came, whatever it was about.
        self.frames = 0
        self.marks: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.sockets: list[ClientConnection] = []
        self.news = asyncio.Event()

    async def fill(self, open_socket: Callable[[int], Any]) -> None:
        gate = asyncio.Semaphore(20)

        async def one(number: int) -> None:
            async with gate:
                socket = await open_socket(number)
            self.sockets.append(socket)
            self.tasks.append(asyncio.create_task(self._listen(socket)))

        await asyncio.gather(*(one(number) for number in range(SCREENS)))

    async def _listen(self, socket: ClientConnection) -> None:
        with suppress(*AWAY):
            while True:
                text = await socket.recv(decode=False)
                self.frames += 1
                self.bytes += len(text)
                for mark in set(MARK.findall(text)):
                    self.heard[mark.decode()] += 1
                    if self.heard[mark.decode()] == SCREENS:
                        self.news.set()

    async def all_heard(self, mark: str, seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while self.heard[mark] < SCREENS and time.monotonic() < deadline:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.news.wait(), 0.2)
            self.news.clear()

    async def leave(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*(socket.close() for socket in self.sockets))


async def broadcast_figures(installation: Running) -> list[Figure]:
    """Broadcast in turns through the product and through a raw server; compare CPU per message."""
    before_kib = installation.screens.memory_info().rss / 1024
    screens, raw = Audience(), Audience()
    staff, where = installation.staff, installation.screens_url
    await screens.fill(lambda number: staff[number % len(staff)].screen(where, compression=None))
    await asyncio.sleep(3)
    idle_kib = (installation.screens.memory_info().rss / 1024 - before_kib) / SCREENS
    port = free_port()
    server = subprocess.Popen([sys.executable, "-m", "bench.raw", str(port)])
    try:
        address = f"ws://127.0.0.1:{port}/"
        await _answering(address)
        options: dict[str, Any] = {"compression": None, "proxy": None, "max_size": None}
        await raw.fill(lambda _: connect(address, **options))
        mouth = await connect(f"{address}say", **options)
        visitors = [
            VisitorClient(installation.url, installation.public_id) for _ in range(BROADCASTS)
        ]
        for visitor in visitors:
            await visitor.say("你好")
        await asyncio.gather(*(socket.send(_listed(visitors)) for socket in screens.sockets))
        ours, theirs = [], []
        process = psutil.Process(server.pid)
        for _ in range(ROUNDS):
            ours.append(await _through_product(installation, screens, visitors))
            size = screens.bytes // screens.frames
            theirs.append(await _through_raw(mouth, raw, process, size))
        await mouth.close()
    finally:
        server.terminate()
        server.wait()
    for visitor in visitors:
        await visitor.close()
    await screens.leave()
    heard = min(screens.heard[mark] for mark in screens.marks)
    frames = screens.frames / len(screens.marks) / SCREENS
    return [
        Figure("raw websockets broadcast to 1,000 sockets, CPU per message", middle(theirs), "us"),
        Figure("broadcast to 1,000 staff sockets, CPU per message", middle(ours), "us"),
        Figure(
            "broadcast to 1,000 staff sockets against raw", middle(ours) / middle(theirs), "x",
            LIMIT_RATIO,
        ),
        Figure("sockets that heard the least heard broadcast", heard, "", SCREENS, is_at_least=True),
        Figure("frames on each of them per customer message", frames, ""),
        Figure("idle staff socket", idle_kib, "KiB", LIMIT_KIB),
    ]  # fmt: skip


async def _through_product(
    installation: Running, screens: Audience, visitors: list[VisitorClient]
) -> float:
    """Return microseconds of the process with the screens per frame sent.

    Asking who may see the conversation and rendering it are included; storing is the other process's.
    """
    started, before = cpu_seconds(installation.screens), screens.frames
    for visitor in visitors:
        mark = f"bench-{uuid4().hex[:12]}"
        screens.marks.append(mark)
        await visitor.say(QUESTION + mark)
        await screens.all_heard(mark)
    spent = cpu_seconds(installation.screens) - started
    return spent / (screens.frames - before) * 1e6


async def _through_raw(
    mouth: ClientConnection, raw: Audience, process: psutil.Process, size: int
) -> float:
    started = cpu_seconds(process)
    for _ in range(BROADCASTS):
        mark = f"bench-{uuid4().hex[:12]}"
        await mouth.send(mark + "x" * max(0, size - len(mark)))
        await raw.all_heard(mark)
    return (cpu_seconds(process) - started) / (BROADCASTS * SCREENS) * 1e6


async def _answering(address: str) -> None:
    for _ in range(100):
        try:
            async with await connect(address, proxy=None):
                return
        except AWAY:
            await asyncio.sleep(0.1)
    raise TimeoutError(address)
