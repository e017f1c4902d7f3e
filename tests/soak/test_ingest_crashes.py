"""Each step of what comes and of what leaves is cut by a kill at its worst moment, once and on purpose."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from django.utils import timezone

from channels_app.models import InboundEvent, MailboxCursor
from channels_app.signatures import signed_headers
from deploy import plan
from helpdesk.models import Channel, Delivery, Message, Outbox
from helpdesk.registries import invariant_checks
from helpdesk.services import organizations, receiving, replying
from helpdesk.services.identifying import Sender
from tests.deploy.stack import eventually
from tests.factories import World
from tests.mail_servers import imap_server, smtp_server
from tests.processes import environment
from tests.soak.peers import Peer
from tests.soak.traffic import SECRET, Item, mail, message
from tests.web_process import WebProcess

pytestmark = [pytest.mark.soak, pytest.mark.django_db(transaction=True)]

LOOPBACK = {"OUTGOING_ALLOWED_NETWORKS": "127.0.0.0/8"}


class PatientWebProcess(WebProcess):
    """One that may take its time to start, as all do while other soaks run."""

    def _is_well(self) -> bool:
        try:
            return super()._is_well()
        except TimeoutError:
            return False


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebProcess]:
    process = PatientWebProcess(tmp_path)
    process.environment |= {"EVERYDESK_HOME": str(tmp_path)}
    try:
        yield process
    finally:
        process.stop()
        process.listener.close()


def crashing(web: WebProcess, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start the web process so that it dies at this point."""
    sane = plan.web_processes

    def doomed(*values: object, **facts: object) -> object:
        (child,) = sane(*values, **facts)  # type: ignore[arg-type]  # as they came
        at = child.command.index("deploy.daphne")
        child.command = [
            *child.command[:at], "tests.soak.crashing", point, "web", *child.command[at + 1 :]
        ]  # fmt: skip
        return [child]

    with monkeypatch.context() as patch:
        patch.setattr(plan, "web_processes", doomed)
        web.start()


def post(web: WebProcess, channel: Channel, item: Item) -> int:
    """Return the status of the answer; 0 when the line was cut."""
    signed = signed_headers(item.key, item.body, secrets=[SECRET], at=datetime.now(UTC))
    url = f"{web.url}/channels/{channel.public_id}/"
    try:
        with httpx.Client(timeout=30, trust_env=False) as client:
            return client.post(url, content=item.body, headers=signed).status_code
    except httpx.TransportError:
        return 0


def opened(world: World, kind: str, **settings: object) -> Channel:
    with world.transaction():
        return organizations.open_channel(
            Channel(kind=kind, name=kind, secret=SECRET, settings=settings)
        )


def connector(*point: str) -> "subprocess.Popen[bytes]":
    program = ["-m", "tests.soak.crashing", *point, "connector"] if point else []
    command = [sys.executable, *(program or ["manage.py", "run_connector"])]
    return subprocess.Popen(command, env=environment() | LOOPBACK | {"EVERYDESK_HOME": HOME()})


def HOME() -> str:  # noqa: N802  (what the tests themselves use)
    return os.environ["EVERYDESK_HOME"]


def die_at(point: str) -> None:
    assert connector(point).wait(120) == -signal.SIGKILL


def later(world: World) -> None:
    """Let a minute or two pass, as far as leases know."""
    past = timezone.now() - timedelta(seconds=1)
    with world.transaction():
        InboundEvent.objects.filter(due_at__isnull=False).update(due_at=past)
        Outbox.objects.filter(due_at__isnull=False).update(due_at=past)
        MailboxCursor.objects.update(lease_until=None)


def go_on(world: World, is_done: object) -> None:
    """Start a connector that is well, until everything is done."""
    process = connector()
    try:
        eventually(is_done)  # type: ignore[arg-type]  # asked without arguments
    finally:
        process.terminate()
        process.wait(30)


def settled(world: World) -> bool:
    with world.transaction():
        return not InboundEvent.objects.filter(state__in=["new", "parked"]).exists()


def check_laws(world: World) -> None:
    with world.transaction():
        broken = [line for _n, check in invariant_checks.items() for line in check.violations()]
    assert broken == []


@pytest.mark.parametrize("kind", ["webhook", "mail"])
@pytest.mark.parametrize(
    ("point", "kept"), [("stored, not acknowledged", 1), ("bytes written, not committed", 0)]
)
def test_the_web_process_dies_before_it_answers(
    world: World, web: WebProcess, monkeypatch: pytest.MonkeyPatch, kind: str, point: str, kept: int
) -> None:
    channel = opened(world, kind, address="help@ours.example")
    item = (
        mail(1, "ann@customers.example", size=700_000) if kind == "mail" else message(1, "ann", 0)
    )
    crashing(web, point, monkeypatch)
    assert post(web, channel, item) == 0
    with world.transaction():
        assert InboundEvent.objects.count() == kept
    web.stop()
    web.start()
    assert [post(web, channel, item) for _again in range(2)] == [200, 200]
    with world.transaction():
        event = InboundEvent.objects.get()
        path = web.folder / "media" / str(world.organization.pk) / "raw" / str(event.raw_file)
        assert (path.read_bytes() if event.raw_file else bytes(event.raw)) == item.body
    print(f"soak: {point}: {kind}: kept {kept} before, 1 after the vendor's next try")


def test_the_connector_dies_while_an_event_becomes_a_message(world: World, web: WebProcess) -> None:
    channel = opened(world, "webhook")
    web.start()
    items = [message(at, "ann", at) for at in range(3)]
    assert [post(web, channel, item) for item in items] == [200] * 3
    die_at("become a message, not committed")
    with world.transaction():
        assert not Message.objects.exists()
    later(world)
    go_on(world, lambda: settled(world))
    with world.transaction():
        said = Message.objects.order_by("entry__number").values_list("provider_id", flat=True)
        assert list(said) == ["m-0", "m-1", "m-2"]
    check_laws(world)


def test_the_connector_dies_between_storing_mails_and_moving_the_cursor(world: World) -> None:
    with imap_server() as imap:
        imap.append(*(mail(at, "ann@customers.example").body for at in range(3)))
        channel = opened(
            world, "mail", address="help@ours.example", imap_host="127.0.0.1", imap_port=imap.port,
            imap_user=imap.user, imap_security="none", first_import="all",
        )  # fmt: skip
        with world.transaction():
            channel.secret = f'{{"imap_password": "{imap.password}"}}'
            channel.save()
        die_at("fetched and stored, cursor not moved")
        with world.transaction():
            assert InboundEvent.objects.count() == 3
            row = MailboxCursor.objects.get()
            assert row.past_uid < row.past_until
        later(world)

        def is_read() -> bool:
            with world.transaction():
                row = MailboxCursor.objects.get()
            return row.past_uid == row.past_until and settled(world)

        go_on(world, is_read)
    with world.transaction():
        assert (InboundEvent.objects.count(), Message.objects.count()) == (3, 3)
    check_laws(world)


@pytest.mark.parametrize("kind", ["webhook", "mail"])
def test_the_connector_dies_between_the_vendors_yes_and_our_note(world: World, kind: str) -> None:
    with Peer() as peer, smtp_server() as server:
        channel = opened(
            world, kind, callback_url=peer.url, address="help@ours.example",
            smtp_host="127.0.0.1", smtp_port=server.port, smtp_security="none",
        )  # fmt: skip
        with world.transaction():
            channel.hold_seconds = 0
            channel.secret = SECRET if kind == "webhook" else "{}"
            channel.save()
            sender = Sender(external_id="ann@customers.example")
            asked = receiving.receive(channel, sender, text="?", client_ref="1")
        replying.reply(world.access("carol"), asked.conversation_id, text="Here it is")
        later(world)
        die_at("taken by the vendor, not noted")
        later(world)
        go_on(world, lambda: reply(world).state not in {Delivery.QUEUED, Delivery.SENDING})
        row = reply(world)
        if kind == "webhook":
            assert [call.key for call in peer.calls] == [str(row.client_ref)] * 2
            assert row.state == Delivery.SENT
        else:
            assert len(server.received) == 1, "nobody knows, so nobody sends it twice"
            assert (row.state, bool(row.error)) == (Delivery.UNKNOWN, True)
        calls = len(peer.calls) + len(server.received)
    check_laws(world)
    print(f"soak: killed after the vendor's yes: {kind}: {calls} calls, then {row.state}")


def reply(world: World) -> Outbox:
    with world.transaction():
        found: Outbox = Outbox.objects.get()
        return found
