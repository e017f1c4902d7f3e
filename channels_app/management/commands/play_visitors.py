"""Sends the lines of a file to the demo company as visitors, and checks what became of them."""

import gzip
import itertools
import json
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from channels_app import limits
from channels_app.shop import demo_channel
from channels_app.visitor_player import Played, play
from helpdesk.models import Channel, Conversation, Message, State
from helpdesk.tenancy import organization_transaction

RAISED_SECONDS = 3600
ROUTING_SECONDS = 180.0
CHUNK = 1000


class Command(BaseCommand):
    help = (
        "Play the texts of FILE (.jsonl or .jsonl.gz, field text) as visitors of the demo company."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--visitors", type=int, default=50, help="how many at once")
        parser.add_argument("--limit", type=int, default=None, help="only so many lines")

    # Any: the options of argparse have no narrower type.
    def handle(self, *args: Any, **options: Any) -> None:
        channel = demo_channel()
        if channel is None:
            raise CommandError("There is no demo company here.")
        texts = list(itertools.islice(_texts(options["file"]), options["limit"]))
        limits.raise_for_loopback(channel.public_id, RAISED_SECONDS)
        try:
            played = play(texts, public_id=channel.public_id, visitors=options["visitors"])
        finally:
            limits.restore(channel.public_id)
        _wait_for_the_router(channel, played.sent)
        print(json.dumps(_result(channel, played)))


def _texts(path: Path) -> Iterator[str]:
    is_packed = path.suffix == ".gz"
    with (
        gzip.open(path, "rt", encoding="utf-8")
        if is_packed
        else path.open(encoding="utf-8") as lines
    ):
        for line in lines:
            text = str(json.loads(line).get("text", "")).strip() if line.strip() else ""
            if text:
                yield text


def _wait_for_the_router(channel: Channel, references: list[str]) -> None:
    """Give the engine time to look at everything that came in."""
    deadline = time.monotonic() + ROUTING_SECONDS
    while time.monotonic() < deadline:
        if not any(state == "unread" for state, _count in _states(channel, references).items()):
            return
        time.sleep(1)


def _states(channel: Channel, references: list[str]) -> Counter[str]:
    """Count what became of the messages: unread by the engine, queued, or routed to somebody."""
    found: Counter[str] = Counter()
    for start in range(0, len(references), CHUNK):
        with organization_transaction(channel.organization_id):
            rows = Message.objects.filter(client_ref__in=references[start : start + CHUNK])
            for state, urgency in rows.values_list("conversation__state", "urgency"):
                found["queued" if state == State.QUEUED else "routed"] += 1
                found["unread"] += int(state == State.QUEUED and urgency is None)
    return +found


def _result(channel: Channel, played: Played) -> dict[str, Any]:  # Any: numbers of two kinds
    times: Counter[str] = Counter()
    conversations: set[int] = set()
    for start in range(0, len(played.sent), CHUNK):
        chunk = played.sent[start : start + CHUNK]
        with organization_transaction(channel.organization_id):
            rows = Message.objects.filter(client_ref__in=chunk)
            for reference, conversation_id in rows.values_list("client_ref", "conversation_id"):
                times[reference] += 1
                conversations.add(conversation_id)
    states = _states(channel, played.sent)
    with organization_transaction(channel.organization_id):
        extra = _repeated_conversations(conversations)
    return {
        "sent": len(played.sent),
        "stored": len(times),
        "routed": states["routed"],
        "queued": states["queued"],
        "lost": len(set(played.sent) - times.keys()),
        "doubled": sum(count - 1 for count in times.values()) + extra,
        "p50_ms": played.milliseconds(50),
        "p95_ms": played.milliseconds(95),
    }


def _repeated_conversations(conversations: set[int]) -> int:
    """Count visitors who ended in more than one conversation."""
    owners: Counter[int] = Counter()
    ids = sorted(conversations)
    for start in range(0, len(ids), CHUNK):
        rows = Conversation.objects.filter(pk__in=ids[start : start + CHUNK])
        owners.update(rows.values_list("identity_id", flat=True))
    return sum(count - 1 for count in owners.values())
