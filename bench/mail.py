"""What one mail costs from its bytes to the colleague who should answer it."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from uuid import uuid4

import psutil

from bench.table import Figure, middle

LIMIT_CPU_MS = 15.0
ROUNDS, MAILS = 3, 120
TOPICS = ("怎么退货？", "退款多久到账？", "快递到哪里了？", "左耳机没有声音了", "可以开发票吗？")


def measure() -> list[Figure]:
    """Take mails in and have them routed in this process, among 10,000 conversations."""
    from bench.measures import SMALL, services, temporary_home  # noqa: PLC0415  (imports us)

    with temporary_home() as home, services(home):
        from bench import company  # noqa: PLC0415  (needs loaded apps)

        organization_id = company.prepare_small()
        company.grow(organization_id, to=SMALL)
        _make_room(organization_id)
        _take_in(organization_id, 20)
        rounds = [_take_in(organization_id, MAILS) for _ in range(ROUNDS)]
    whole, reading = (middle(list(each)) for each in zip(*rounds, strict=True))
    return [
        Figure("inbound mail: read, threaded, stored, routed", whole, "CPU ms", LIMIT_CPU_MS),
        Figure("of it, reading in the process apart", reading, "CPU ms"),
    ]


def _take_in(organization_id: int, count: int) -> tuple[float, float]:
    """Return the CPU time of a mail in all, and of reading it; half of them answer the mail before."""
    from channels_app import processing  # noqa: PLC0415  (needs loaded apps)
    from routing import engine  # noqa: PLC0415

    mails = list(mails_of(count))
    apart, here = _reading_seconds(), time.process_time()
    for raw in mails:
        _store(organization_id, raw)
    processing.process_due()
    while engine.route(organization_id).placed:
        pass
    here = time.process_time() - here  # before looking at others, which takes time itself
    apart = _reading_seconds() - apart
    return 1000 * (apart + here) / count, 1000 * apart / count


def _store(organization_id: int, raw: bytes) -> None:
    from django.utils import timezone  # noqa: PLC0415  (needs loaded apps)

    from channels_app.protocol import RawRequest  # noqa: PLC0415
    from channels_app.registry import make_adapter  # noqa: PLC0415
    from channels_app.services import ingesting  # noqa: PLC0415
    from channels_app.services.doors import find_door  # noqa: PLC0415
    from helpdesk.models import Channel  # noqa: PLC0415
    from helpdesk.tenancy import organization_transaction  # noqa: PLC0415

    global _door
    if _door is None:
        with organization_transaction(organization_id):
            public_id = Channel.objects.filter(kind="mail").order_by("id")[0].public_id
        _door = find_door(public_id)
    adapter = make_adapter(_door.kind, _door.config)
    ingesting.store(_door, adapter.parse(RawRequest("POST", "", (), {}, raw, timezone.now())), raw)


_door: Any = None  # Any: a Door, once apps are loaded


def mails_of(count: int, *, address: str = "service@heguang.example") -> Iterator[bytes]:
    """Yield mails of some kilobytes with text and HTML, every second an answer to the one before."""
    before = ""
    for number in range(count):
        mail = EmailMessage()
        sender = f"customer-{uuid4().hex[:10]}" if number % 2 == 0 else before.partition(" ")[0]
        identity = f"<{uuid4().hex}@mail.example>"
        mail["From"] = f"Customer <{sender}@shop.example>"
        mail["To"], mail["Message-ID"] = address, identity
        mail["Subject"] = f"{TOPICS[number % len(TOPICS)]} {number}"
        mail["Date"] = format_datetime(_now())
        if number % 2:
            mail["In-Reply-To"] = mail["References"] = before.partition(" ")[2]
        before = f"{sender} {identity}"
        text = f"{TOPICS[number % len(TOPICS)]}\n\n" + "订单还没有到，请帮忙看一下。\n" * 12
        mail.set_content(f"{text}\n在 2026-11-20 10:00，客服 写道：\n" + "> 您好，请稍等。\n" * 30)
        mail.add_alternative(
            f"<div><p>{text}</p><table>{'<tr><td>a</td></tr>' * 20}</table></div>", "html"
        )
        yield mail.as_bytes()


def _now() -> datetime:
    return datetime.now(UTC)


def _make_room(organization_id: int) -> None:
    """Have everybody there, with room for all."""
    from django.utils import timezone  # noqa: PLC0415  (needs loaded apps)

    from helpdesk.models import Conversation, Presence, Staff, WorkingPeriod  # noqa: PLC0415
    from helpdesk.tenancy import organization_transaction  # noqa: PLC0415

    with organization_transaction(organization_id):
        WorkingPeriod.objects.all().delete()
        Staff.objects.update(capacity=Decimal(9000), languages=["zh", "en"])
        Presence.objects.update(status="online", lease_until=timezone.now().replace(year=2100))
        Conversation.objects.update(route_at=None)


def _reading_seconds() -> float:
    """Return what the processes that read mails have used so far."""
    children = psutil.Process().children(recursive=True)
    reading = [each for each in children if "channels_app.mails.reading.child" in each.cmdline()]
    return float(sum(each.cpu_times().user + each.cpu_times().system for each in reading))
