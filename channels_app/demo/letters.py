"""The letters in the demo company's mailbox, taken in as any mail is."""

from pathlib import Path

from django.utils import timezone

from channels_app.processing import process_now
from channels_app.protocol import RawRequest
from channels_app.registry import make_adapter
from channels_app.services import ingesting
from channels_app.services.doors import find_door
from helpdesk.models import Channel, Conversation
from helpdesk.registries import DemoPart, demo_parts

FOLDER = Path(__file__).parent / "content" / "letters"


def load_letters(organization_id: int) -> None:
    """Take the letters in where there is a mailbox without any."""
    mailbox = Channel.objects.filter(kind="mail").order_by("id").first()
    if mailbox is None or Conversation.objects.filter(channel=mailbox).exists():
        return
    door = find_door(mailbox.public_id)
    adapter = make_adapter(door.kind, door.config)
    for path in sorted(FOLDER.glob("*.eml")):
        raw = path.read_bytes()
        events = adapter.parse(RawRequest("POST", "", (), {}, raw, timezone.now()))
        for event_id in ingesting.store(door, events, raw):
            process_now(event_id)


def register() -> None:
    """Offer the letters to the `demo` command, once there is a company."""
    demo_parts.register("letters", DemoPart(load=load_letters, order=20))
