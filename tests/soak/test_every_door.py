"""Every vendor says everything three times, in any order, while processes die: each message is there once."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from django.conf import LazySettings
from django.utils import timezone

from channels_app.fake_vendor import FakeVendor
from channels_app.protocol import ChannelConfig
from tests.channels_app import contract, contract_cases
from tests.soak.installation import Installation, Storm, drained
from tests.soak.stores import Store

SEED = 2027
MESSAGES, REPEATS, LINES = 40, 3, 12
PATIENCE_SECONDS, RECOVERY_SECONDS = 600.0, 240.0
KINDS = [kind for kind in contract.CALLING if contract_cases.CASES[kind].vendor]

_OPEN = "SELECT count(*) FROM channels_app_inboundevent WHERE state IN ('new', 'parked')"
_PROCESSED = "SELECT count(*) FROM channels_app_inboundevent WHERE processed_at IS NOT NULL"
_TEXTS = """
    SELECT channel.kind, message.text FROM helpdesk_message message
    JOIN helpdesk_conversation conversation ON conversation.id = message.conversation_id
    JOIN helpdesk_channel channel ON channel.id = conversation.channel_id
    WHERE message.direction = 'in'"""


@dataclass
class Doors:
    """An installation with a channel of every kind, whose vendors are played here."""

    own: Installation
    store: Store
    vendors: dict[str, FakeVendor]
    configs: dict[str, ChannelConfig]
    taken: int = 0
    tries: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def installed(home: Path) -> Iterator[Doors]:
    own = Installation(home)
    own.start()
    try:
        own.await_ready()
        with ExitStack() as stack:
            vendors = {kind: stack.enter_context(contract.vendor_of(kind)) for kind in KINDS}
            keys = own.furnish("found", [_channel(kind, vendors[kind]) for kind in KINDS])
            configs = {
                kind: contract.config_of(
                    kind, public_id=keys[kind], settings=vendors[kind].settings
                )
                for kind in KINDS
            }
            store = stack.enter_context(Store(own.home))
            yield Doors(own, store, vendors, configs)
    finally:
        own.stop()


def _channel(kind: str, vendor: FakeVendor) -> dict[str, object]:
    secret = contract.stored_secret(kind)
    return {"kind": kind, "name": kind, "secret": secret, "settings": vendor.settings}


@pytest.mark.soak
def test_what_every_vendor_says_three_times_under_kills_is_there_once(
    home: Path, settings: LazySettings
) -> None:
    with installed(home) as doors:
        # Some sign the address.
        settings.PUBLIC_URL = doors.own.url
        calls = [
            (kind, doors.vendors[kind].message(contract.reference(number), text=said(kind, number)))
            for kind in KINDS
            for number in range(MESSAGES)
        ] * REPEATS
        random.Random(SEED).shuffle(calls)
        with Store(doors.own.home) as counting:
            done = {
                "web": lambda: doors.taken,
                "connector": lambda: int(counting.rows(_PROCESSED)[0][0]),
            }
            with Storm(doors.own, SEED, done) as storm, ThreadPoolExecutor(LINES) as pool:
                list(pool.map(lambda call: until_taken(doors, *call), calls))
        drained(doors.store, _OPEN, RECOVERY_SECONDS)
        wanted = Counter(
            (kind, heard(doors, kind, said(kind, number)))
            for kind in KINDS
            for number in range(MESSAGES)
        )
        deadline = time.monotonic() + RECOVERY_SECONDS
        while (found := texts(doors)) != wanted and time.monotonic() < deadline:
            time.sleep(1)
        assert found == wanted
        doors.own.check_invariants()
        print(
            f"{len(KINDS)} kinds, {len(calls)} deliveries in {doors.tries} tries; killed {dict(storm.killed)};"
            f" {found.total()} messages, each once"
        )


def said(kind: str, number: int) -> str:
    return f"{kind} 第 {number} 句"


def heard(doors: Doors, kind: str, text: str) -> str:
    """Return what there is of a text to compare: nothing where the customer leaves a sound."""
    return text if doors.vendors[kind].has_words else ""


def texts(doors: Doors) -> Counter[tuple[str, str]]:
    return Counter((kind, heard(doors, kind, text)) for kind, text in doors.store.rows(_TEXTS))


def until_taken(doors: Doors, kind: str, body: bytes) -> None:
    """Call again and again, signed anew as vendors do, until the call is acknowledged."""
    url = f"{doors.own.url}/channels/{doors.configs[kind].public_id}/"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        call = doors.vendors[kind].seal(body, doors.configs[kind], timezone.now())
        headers = {"content-type": doors.vendors[kind].content_type, **call.headers}
        try:
            answer = httpx.post(
                url, content=call.body, headers=headers, params=call.query or None, timeout=30
            )
            status = answer.status_code
        except httpx.HTTPError:
            status = 0
        with doors.lock:
            doors.tries += 1
            doors.taken += status == 200
        if status == 200:
            return
        assert status in {0, 502, 503}, f"{kind}: {status}"
        time.sleep(0.3)
    raise AssertionError(f"{kind}: never taken")
