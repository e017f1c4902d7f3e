"""Every process is killed twice and Valkey flushed once while customers write: nothing is lost."""

import asyncio
import itertools
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import redis

from bench.clients import StaffClient, VisitorClient, channel_of
from tests.deploy.stack import PROJECT, Stack, clean_environment
from tests.soak.stores import Store, account, services_of

MESSAGES, VISITORS = 500, 100
PROCESSES = {
    "web": ("daphne",),
    "router": ("run_router",),
    "sweeper": ("run_sweeps",),
    "connector": ("run_connector",),
    "worker": ("celery", "worker"),
    "beat": ("celery", "beat"),
    "postgres": ("bin/postgres",),
    "valkey": ("valkey-server",),
}
ROUNDS = 2
RECOVERY_SECONDS = 60.0
QUESTIONS = ("怎么退货？", "退款多久到账？", "快递到哪里了？", "左耳机没有声音了", "可以开发票吗？")


@pytest.mark.soak
def test_messages_survive_the_death_of_every_process(home: Path) -> None:
    own = Stack(home, DEMO="1", DEMO_TRAFFIC="0")
    own.start()
    try:
        own.await_ready()
        with Store(own.home) as store:
            store.make_room()
            day = Day(own, store)
            asyncio.run(day.pass_by())
            day.check()
        check_invariants(own)
    finally:
        own.stop()


class Day:
    """Visitors who write, staff who answer, and a hand that kills."""

    def __init__(self, own: Stack, store: Store) -> None:
        self.own, self.store = own, store
        ready = own.ready_facts()
        self.url = str(ready["url"])
        self.public_id = channel_of(self.url)
        self.visitors = [VisitorClient(self.url, self.public_id) for _ in range(VISITORS)]
        self.staff = [
            StaffClient(self.url, *account(ready, name))
            for name in ("jia.chen", "zhiyuan.ma", "min.zhou", "xiaolan.lin", "yue.tang")
        ]
        self.is_over = False
        self.last_fault_at = 0.0
        self.seconds = 0.0

    async def pass_by(self) -> None:
        for one in self.staff:
            await one.sign_in()
            await one.go_online()
        answering = [asyncio.create_task(self._answer(one)) for one in self.staff]
        sitting = [asyncio.create_task(one.stay(lambda: self.is_over)) for one in self.staff]
        writing = asyncio.gather(*(self._write(one) for one in self.visitors))
        await asyncio.to_thread(self._break_everything)
        await writing
        await self._until_answered()
        self.is_over = True
        await asyncio.gather(*answering, *sitting)
        for visitor in self.visitors:
            await visitor.close()

    def check(self) -> None:
        references = {ref for visitor in self.visitors for ref in visitor.stored}
        assert len(references) == MESSAGES
        assert self.store.stored(references) == MESSAGES, "each exactly once"
        assert self.store.unfinished(references) == {}
        print(f"soak: answered {self.seconds:.0f} s after the last fault")
        assert self.seconds <= RECOVERY_SECONDS

    async def _write(self, visitor: VisitorClient) -> None:
        for _ in range(MESSAGES // VISITORS):
            await visitor.say(random.choice(QUESTIONS))
            pause_until = time.monotonic() + random.uniform(5, 40)
            # After the last fault nobody waits any longer: the clock of the recovery runs.
            while time.monotonic() < pause_until and not self.last_fault_at:
                await asyncio.sleep(0.5)

    async def _answer(self, one: StaffClient) -> None:
        numbers = itertools.count(1)
        while not self.is_over:
            try:
                for conversation_id in await one.to_answer():
                    reference = f"{one.login}-{next(numbers)}"
                    await one.reply(conversation_id, "您好，已经为您处理。", reference)
            except (httpx.HTTPError, OSError):
                pass
            await asyncio.sleep(0.5)

    def _break_everything(self) -> None:
        for round_number in range(ROUNDS):
            for name, words in random.sample(list(PROCESSES.items()), len(PROCESSES)):
                self.own.kill(*words)
                print(f"soak: killed {name}", flush=True)
            if round_number == 0:
                redis.Redis.from_url(services_of(self.own.home)["REDIS_URL"]).flushall()
                print("soak: flushed valkey", flush=True)
        self.last_fault_at = time.monotonic()

    async def _until_answered(self) -> None:
        references = {ref for visitor in self.visitors for ref in visitor.stored}
        deadline = time.monotonic() + 2 * RECOVERY_SECONDS
        left: dict[str, Any] = {"not asked": 1}
        while left and time.monotonic() < deadline:
            await asyncio.sleep(0.5)
            try:
                left = await asyncio.to_thread(self.store.unfinished, references)
            except psycopg.OperationalError:
                self.store.connect()
        self.seconds = time.monotonic() - self.last_fault_at
        if left:
            print(f"soak: unfinished {left}")


def check_invariants(own: Stack) -> None:
    command = [sys.executable, "manage.py", "check_invariants"]
    done = subprocess.run(
        command, cwd=PROJECT, env=clean_environment(own.home), capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    print(done.stdout[-3000:])
    assert done.returncode == 0, done.stdout + done.stderr
