"""What the tests of merged and split conversations share: every row that tells of them, and doors to come by."""

from typing import Any

from helpdesk.models import (
    Attachment,
    Channel,
    Conversation,
    Entry,
    Letter,
    Message,
    Outbox,
    Staff,
)
from helpdesk.services.organizations import open_channel
from tests.factories import World

# What is only written, never taken away: byte for byte the same ever after.
HISTORY = (Entry, Message, Letter, Attachment, Outbox)
# What an undo adds: entries that tell of it, and a hint to the router.
GROWING = {"last_number", "route_at"}


def history(world: World) -> dict[str, dict[int, dict[str, Any]]]:
    """Return every row of what was said and happened, by table and id."""
    with world.transaction():
        return {
            table.__name__: {row.pk: vars_of(row) for row in table.objects.order_by("pk")}
            for table in HISTORY
        }


def kept(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Tell whether every row of before is there, and the same."""
    return all(after[table].get(pk) == row for table in before for pk, row in before[table].items())


def places(world: World) -> dict[int, dict[str, Any]]:
    """Return state, owner, queue, clocks and the rest of every conversation, by id."""
    with world.transaction():
        rows = Conversation.objects.order_by("pk")
        return {
            row.pk: {name: value for name, value in vars_of(row).items() if name not in GROWING}
            for row in rows
        }


def loads(world: World) -> dict[int, Any]:
    with world.transaction():
        return dict(Staff.objects.values_list("pk", "load"))


def vars_of(row: Any) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def open_door(world: World, name: str = "door", kind: str = "form") -> Channel:
    """Open a channel on which a customer may have several threads, and make it the one that is written to."""
    with world.transaction():
        world.channel = open_channel(Channel(kind=kind, name=name))
    return world.channel
