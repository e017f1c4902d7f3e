"""Two web processes on one database: what happens through one is on the screens of both."""

import asyncio
import random
import re
import time
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from bench.clients import AWAY, StaffClient, VisitorClient, channel_of, pause
from tests.deploy.stack import Stack, free_port
from tests.soak.stores import Store, account, services_of
from tests.soak.test_faults import check_invariants

MESSAGES, VISITORS = 1000, 25
SCREENS_EACH = 2
ENTRY = re.compile(r'<li id="message-(\d+)"[^>]*data-conversation="(\d+)".*?</li>', re.DOTALL)
# Elements of one reader alone, and tokens.
PERSONAL = re.compile(r'csrfmiddlewaretoken" value="[^"]*"|\s+')


@pytest.mark.soak
def test_every_screen_ends_equal_to_a_fresh_load(home: Path) -> None:
    port = free_port()
    own = Stack(home, DEMO="1", DEMO_TRAFFIC="0", WEB_PROCESSES="2", PORT=str(port))
    own.start()
    try:
        own.await_ready()
        with Store(own.home) as store:
            store.make_room()
            asyncio.run(Evening(own).pass_by())
        check_invariants(own)
    finally:
        own.stop()


class Screen:
    """One staff screen on one conversation: a socket that is cut at random and catches up."""

    def __init__(self, staff: StaffClient, where: str, conversation_id: int) -> None:
        self.staff, self.where, self.conversation_id = staff, where, conversation_id
        self.entries: dict[int, str] = {}
        self.cuts = 0
        self.socket = None

    async def show(self, is_over: asyncio.Event) -> None:
        tries = 0
        while not is_over.is_set():
            try:
                async with await self.staff.screen(self.where) as socket:
                    self.socket = socket
                    await socket.send(
                        f'{{"type": "open", "conversation": {self.conversation_id},'
                        f' "after": {max(self.entries, default=0)}}}'
                    )
                    tries = 0
                    while not is_over.is_set():
                        with suppress(TimeoutError):
                            self.hear(str(await asyncio.wait_for(socket.recv(), 0.5)))
            except AWAY:
                tries += 1
                await pause(tries)

    def hear(self, text: str) -> None:
        for number, html in entries_in(text, self.conversation_id).items():
            self.entries[number] = html

    async def cut(self) -> None:
        if self.socket is not None:
            self.cuts += 1
            self.socket.transport.abort()


def entries_in(html: str, conversation_id: int) -> dict[int, str]:
    return {
        int(found[1]): PERSONAL.sub(" ", found[0])
        for found in ENTRY.finditer(html)
        if int(found[2]) == conversation_id
    }


class Evening:
    """A thousand messages, half through each process, and screens on both."""

    def __init__(self, own: Stack) -> None:
        ready = own.ready_facts()
        self.main, first, second = (str(url) for url in list(ready["web_urls"]))
        self.webs = (first, second)
        public_id = channel_of(self.main)
        redis.Redis.from_url(services_of(own.home)["REDIS_URL"]).set(
            f"everydesk:rate:raised:{public_id}", "1", ex=900
        )
        self.visitors = [VisitorClient(self.webs[n % 2], public_id) for n in range(VISITORS)]
        self.staff = StaffClient(self.main, *account(ready, "min.zhou"))
        self.screens: list[Screen] = []

    async def pass_by(self) -> None:
        await self.staff.sign_in()
        await asyncio.gather(*(visitor.say("你好，想退货") for visitor in self.visitors))
        for visitor in self.visitors:
            for web in self.webs * (SCREENS_EACH // 2):
                self.screens.append(Screen(self.staff, web, visitor.conversation))
        over = asyncio.Event()
        showing = [asyncio.create_task(screen.show(over)) for screen in self.screens]
        cutting = asyncio.create_task(self._cut())
        await asyncio.gather(*(self._write(visitor) for visitor in self.visitors))
        cutting.cancel()
        await self._until_equal()
        over.set()
        await asyncio.gather(*showing)
        for visitor in self.visitors:
            await visitor.close()
        cuts = sum(screen.cuts for screen in self.screens)
        print(f"soak: {MESSAGES} messages, {len(self.screens)} screens, {cuts} cuts: all equal")
        assert cuts > 100

    async def _write(self, visitor: VisitorClient) -> None:
        for number in range(MESSAGES // VISITORS - 1):
            await visitor.say(f"第 {number} 句")
            await asyncio.sleep(random.uniform(0, 0.6))

    async def _cut(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            await random.choice(self.screens).cut()

    async def _until_equal(self) -> None:
        deadline = time.monotonic() + 60
        different: list[str] = ["not looked"]
        while different and time.monotonic() < deadline:
            await asyncio.sleep(1)
            different = [
                found for screen in self.screens if (found := await self._difference(screen))
            ]
        assert different == [], different[0]

    async def _difference(self, screen: Screen) -> str:
        """Return the first entry in which the screen differs from a fresh load; empty for none."""
        page = await self.staff.http.get(f"/conversations/{screen.conversation_id}/")
        fresh = entries_in(page.text, screen.conversation_id)
        if not fresh:
            return f"conversation {screen.conversation_id} loads without entries"
        for number, html in fresh.items():
            if screen.entries.get(number) != html:
                held = screen.entries.get(number)
                return f"{screen.conversation_id}/{number}:\nheld  {held}\nfresh {html}"
        return ""
