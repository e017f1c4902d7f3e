"""A form, the mailbox that answers it, and people who fill it in."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine
from django.http import HttpResponse
from django.test import Client

from channels_app.processing import process_due
from helpdesk.models import Channel
from helpdesk.registries import ChannelKind, channel_kinds
from helpdesk.services import organizations
from tests.factories import World

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
LETTERS = ChannelKind(
    label="Mail", icon="mail", is_chat=False, capabilities=frozenset({"letters", "attachments"})
)
TICKET = re.compile(r'name="ticket" value="([^"]+)"')
FILLED = {
    "name": "王芳",
    "email": "fang@shop.example",
    "subject": "包裹",
    "text": "我的包裹在哪里？",
}


@contextmanager
def letter_kind() -> Iterator[None]:
    """Let there be a kind of channel that carries letters, whichever else there is."""
    with channel_kinds.registered("mail", LETTERS):
        yield


def open_form(world: World, *, name: str = "官网联系表单", **settings: Any) -> Channel:
    """Connect a form, answered by a mailbox of its own."""
    with world.transaction():
        mailbox = organizations.open_channel(
            Channel(kind="mail", name=f"{name}的邮箱", settings={"address": "service@desk.example"})
        )
        return organizations.open_channel(
            Channel(kind="form", name=name, settings=settings, answers_by=mailbox)
        )


class Person:
    """Somebody in front of a form: opens it, takes a while, posts."""

    def __init__(self, channel: Channel, *, at: datetime = NOW, **headers: str) -> None:
        self.client = Client(headers={"accept-language": "zh-CN", **headers})
        self.address = f"/forms/{channel.public_id}/"
        self.at = at
        self.ticket = ""

    def opens(self, query: str = "") -> HttpResponse:
        with time_machine.travel(self.at, tick=False):
            page: Any = self.client.get(self.address + query)
        self.ticket = TICKET.search(page.content.decode()).group(1)  # type: ignore[union-attr]
        return page

    def posts(
        self, *, after: timedelta = timedelta(seconds=20), query: str = "", **fields: Any
    ) -> Any:
        """Post what is filled in, with the page that was opened before or now."""
        if not self.ticket:
            self.opens(query)
        values = {**FILLED, "ticket": self.ticket, **fields}
        with time_machine.travel(self.at + after, tick=False):
            return self.client.post(self.address + query, values)


def work() -> None:
    """Have what was posted become messages."""
    process_due()
