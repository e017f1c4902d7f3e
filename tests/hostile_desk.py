"""A company to which hostile letters come: its mailbox, its real web process, and what its staff answer."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test import override_settings
from django.utils import timezone

from channels_app.models import InboundEvent
from channels_app.processing import process_due
from channels_app.protocol import RawRequest
from channels_app.registry import make_adapter
from channels_app.services import ingesting
from channels_app.services.doors import find_door
from channels_app.services.mail_copies import send_copies
from helpdesk.access import conversation as visible_conversation
from helpdesk.models import Attachment, Channel, Letter, Staff
from helpdesk.portal.letter_form import letter_form_of
from helpdesk.services import assignment, organizations, replying
from helpdesk.services.letters import LetterFields
from helpdesk.tenancy import organization_scope, organization_transaction
from tests.channels_app.sockets import signed_in
from tests.delivering import deliver_due
from tests.factories import World, make_world
from tests.hostile_letters import MAILBOX, HostileLetter
from tests.sinks import RESOLVER, Sink, sink
from tests.web_process import WebProcess

T = TypeVar("T")


@dataclass
class Desk:
    """Database work is done in a thread of its own: a browser's driver keeps a loop in the first one."""

    world: World
    mailbox: Channel
    web: WebProcess
    sink: Sink
    cookie: str
    thread: ThreadPoolExecutor
    # By mark: what has come, and where it stands.
    conversations: dict[str, int] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)

    def do(self, work: Callable[[], T]) -> T:
        """Return what the work does for the organization."""

        def scoped() -> T:
            with organization_scope(self.world.organization.pk):
                return work()

        return self.thread.submit(scoped).result()

    def receive(self, letters: Sequence[HostileLetter]) -> None:
        """Have letters come in, as a mailbox takes them."""
        self.do(lambda: self._receive(letters))

    def _receive(self, letters: Sequence[HostileLetter]) -> None:
        door = find_door(self.mailbox.public_id)
        for letter in letters:
            request = RawRequest("POST", "", (), {}, letter.raw, timezone.now())
            events = make_adapter(door.kind, door.config).parse(request)
            (self.events[letter.mark],) = ingesting.store(door, events, letter.raw)
        process_due()
        with organization_transaction():
            rows = InboundEvent.objects.select_related("entry").in_bulk(self.events.values())
        for mark, event_id in self.events.items():
            row = rows[event_id]
            assert row.entry is not None, (mark, row.state, row.reason)
            self.conversations[mark] = row.entry.conversation_id

    def answer(self, mark: str) -> bool:
        """Answer a letter as the reply box suggests it, to everybody it names, and call a colleague in.

        Returns whether its sender has an address.
        """
        return self.do(lambda: self._answer(self.conversations[mark]))

    def _answer(self, pk: int) -> bool:
        access = self.world.access("alice")
        assignment.take(access, pk)
        with organization_transaction():
            form = letter_form_of(
                visible_conversation(access, pk), Staff.objects.get(pk=access.staff_id), None
            )
        assert form is not None
        if not form.to:
            return False
        fields = LetterFields(
            to=form.to,
            cc=", ".join(part for part in (form.cc, *form.suggestions) if part),
            subject=form.subject,
        )
        replying.reply(access, pk, text="We look into it.", letter=fields)
        replying.note(access, pk, text="@Bob please", mention_ids=[self.world.bob.pk])
        return True

    def send(self) -> list[bytes]:
        """Have everything leave, copies to colleagues too; returns the mails."""
        folder = Path(settings.HOME) / "mail" / self.mailbox.public_id

        def work() -> list[bytes]:
            send_copies(timezone.now())
            deliver_due()
            return [path.read_bytes() for path in sorted(folder.glob("*.eml"))]

        return self.do(work)

    def letter(self, mark: str) -> Letter | None:
        """Return what is kept of a letter; None for what could not be read."""

        def work() -> Letter | None:
            with organization_transaction():
                rows = Letter.objects.filter(message__conversation_id=self.conversations[mark])
                return rows.order_by("message_id").first()

        return self.do(work)

    def files(self, mark: str) -> list[Attachment]:
        """Return the files that came with a letter."""

        def work() -> list[Attachment]:
            with organization_transaction():
                rows = Attachment.objects.filter(message__conversation_id=self.conversations[mark])
                return list(rows.order_by("id"))

        return self.do(work)

    def pictures(self) -> set[str]:
        """Return the addresses of all pictures of letters that lie elsewhere."""

        def work() -> set[str]:
            with organization_transaction():
                rows = Letter.objects.values_list("remote_pictures", flat=True)
                return {str(address) for listed in rows for address in listed}

        return self.do(work)


@contextmanager
def hostile_desk(folder: Path) -> Iterator[Desk]:
    """Open the company for business; the database is unblocked."""
    call_command("collectstatic", interactive=False, verbosity=0, link=True)
    # Files lie where the web process looks for them.
    together = override_settings(MEDIA_ROOT=Path(settings.HOME) / "media")
    with together, sink() as opened, ThreadPoolExecutor(1) as thread:
        (folder / "sitecustomize.py").write_text(RESOLVER)
        web = WebProcess(folder)
        web.environment |= {
            "PYTHONPATH": str(folder),
            "OUTGOING_ALLOWED_NETWORKS": "127.0.0.0/8",
            "ALLOWED_HOSTS": "127.0.0.1",
        }
        try:
            world, mailbox, cookie = thread.submit(_company).result()
            web.start()
            yield Desk(world, mailbox, web, opened, cookie, thread)
        finally:
            web.stop()
            web.listener.close()
            thread.submit(connections.close_all).result()


def _company() -> tuple[World, Channel, str]:
    world = make_world("hostile")
    with world.transaction():
        Staff.objects.update(capacity=999)
        Staff.objects.filter(pk__in=[world.alice.pk, world.bob.pk]).update(mail_copies="always")
        mailbox = organizations.open_channel(
            Channel(
                kind="mail",
                name="邮箱",
                settings={
                    "address": MAILBOX,
                    "outgoing": "folder",
                    "plus_addressing": True,
                    "rate_per_minute": 6000,
                },
            )
        )
    return world, mailbox, signed_in(world, "alice")
