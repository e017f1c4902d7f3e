"""What customers and other systems send in a soak, and a client that sends it until it is taken."""

import asyncio
import json
import random
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP

import httpx

from channels_app.signatures import signed_headers

PATIENCE_SECONDS = 600.0
SECRET = "whsec_c29ha3NvYWtzb2Frc29ha3NvYWtzb2Frc29hayE="


@dataclass(frozen=True)
class Item:
    """One event or mail: its key, who it is from, and its bytes."""

    key: str
    sender: str
    body: bytes


@dataclass
class Expected:
    """What must be there once everything has come."""

    texts: dict[str, str] = field(default_factory=dict)  # by the vendor's id of the message
    withdrawn: set[str] = field(default_factory=set)
    states: dict[str, str] = field(default_factory=dict)  # of replies, by our id of them


def message(number: int, sender: str, sequence: int, text: str = "") -> Item:
    data = {
        "id": f"m-{number}",
        "sender": {"id": sender, "name": f"顾客 {sender}"},
        "text": text or f"第 {sequence} 句，编号 {number}",
        "sequence": sequence,
    }
    return event(f"created-{number}", sender, "message.created", data)


def event(key: str, sender: str, kind: str, data: dict[str, object]) -> Item:
    body = json.dumps({"type": kind, "data": data}, ensure_ascii=False).encode()
    return Item(key, sender, body)


def mail(number: int, sender: str, *, answers: int | None = None, size: int = 0) -> Item:
    """Return one letter; some answer another one of the same person, some are large."""
    letter = EmailMessage(SMTP)
    letter["From"] = f"Customer <{sender}>"
    letter["To"] = "help@ours.example"
    letter["Subject"] = f"Order {number}"
    letter["Date"] = "Sun, 22 Nov 2026 08:00:00 +0800"
    letter["Message-ID"] = f"<mail-{number}@customers.example>"
    if answers is not None:
        letter["References"] = f"<mail-{answers}@customers.example>"
    letter.set_content(f"Where is parcel {number}?\n\n退货 {number}\n")
    if size:
        data = random.Random(number).randbytes(size)
        letter.add_attachment(data, maintype="application", subtype="pdf", filename="a.pdf")
    return Item(f"mail-{number}", sender, letter.as_bytes())


class Sender:
    """Posts signed calls, each again and again until it is acknowledged."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.tries = self.taken = 0

    async def deliver(self, items: Iterable[Item], repeats: int, seed: int) -> None:
        """Send every item `repeats` times, shuffled; one person's one after the other."""
        luck = random.Random(seed)
        lanes: dict[str, list[Item]] = defaultdict(list)
        for item in items:
            lanes[item.sender] += [item] * repeats
        for lane in lanes.values():
            luck.shuffle(lane)
        await self.run(list(lanes.values()))

    async def run(self, lanes: list[list[Item]]) -> None:
        limits = httpx.Limits(max_connections=16)
        async with httpx.AsyncClient(timeout=30, limits=limits, trust_env=False) as client:
            await asyncio.gather(*(self._lane(client, lane) for lane in lanes))

    async def _lane(self, client: httpx.AsyncClient, items: list[Item]) -> None:
        for item in items:
            await self._until_taken(client, item)

    async def _until_taken(self, client: httpx.AsyncClient, item: Item) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            now = datetime.now(UTC)
            signed = signed_headers(item.key, item.body, secrets=[SECRET], at=now)
            self.tries += 1
            try:
                answer = await client.post(self.url, content=item.body, headers=signed)
            except httpx.HTTPError:
                await asyncio.sleep(0.3)
                continue
            if answer.status_code == 200:
                self.taken += 1
                return
            assert answer.status_code in {502, 503}, answer.status_code
            await asyncio.sleep(0.3)
        raise AssertionError(f"{item.key} was never taken")
