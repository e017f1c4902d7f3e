"""A mailbox of the world, letters that came to it, and people who ask to take part."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from helpdesk.models import Channel, Conversation, Entry, Identity, Letter, Message, Participant
from helpdesk.registries import ChannelKind, channel_kinds
from helpdesk.services import organizations, receiving, timeline
from helpdesk.services.identifying import Sender
from helpdesk.services.receiving import Received
from tests.factories import World

ADDRESS = "service@shop.example"
ZHANG = "zhang@customer.example"
KIND = ChannelKind(
    label="Mail", icon="mail", is_chat=False, capabilities=frozenset({"attachments", "letters"})
)


@dataclass
class Mailbox:
    """What arrives at one address of ours."""

    world: World
    channel: Channel
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def receive(
        self,
        text: str = "怎么退货?",
        sender: str = ZHANG,
        *,
        name: str = "张三",
        subject: str = "退货",
        key: str = "",
        **facts: Any,
    ) -> Received:
        """Have somebody write a letter."""
        number = next(self._numbers)
        with self.world.transaction():
            received = receiving.receive(
                Channel.objects.get(pk=self.channel.pk),
                Sender(external_id=sender, display_name=name),
                text=text,
                client_ref=f"mail-{number}",
                subject=subject,
                thread_key=key,
            )
            facts.setdefault("to", [[ADDRESS, "Service"]])
            facts.setdefault("full_text", text)
            facts.setdefault("mail_id", f"in-{number}@customer.example")
            Letter.objects.create(
                message_id=received.message_id,
                subject=subject,
                sender_name=name,
                sender_address=sender,
                **facts,
            )
        return received

    def stranger(
        self, pk: int, address: str = "li@partner.example", text: str = "我也在", name: str = "李四"
    ) -> Participant:
        """Have somebody else write with the address of this conversation: it waits in one of its own."""
        side = self.receive(text, address, name=name, key=f"asks-{pk}")
        with self.world.transaction():
            conversation = timeline.lock(pk)
            asked = Participant.objects.create(
                conversation=conversation,
                address=address,
                name=name,
                state=Participant.State.WAITING,
                asked_in_id=side.conversation_id,
            )
            entry = timeline.next_entry(conversation, Entry.Kind.ASKED_TO_JOIN)
            entry.data = {
                "participant": asked.pk,
                "address": address,
                "name": name,
                "conversation": side.conversation_id,
            }
            timeline.append([entry])
            conversation.save()
        return asked

    def letter(self, message_id: int) -> Letter:
        with self.world.transaction():
            return Letter.objects.select_related("message__entry").get(pk=message_id)

    def messages(self, pk: int) -> list[Message]:
        with self.world.transaction():
            rows = Message.objects.filter(conversation_id=pk).order_by("entry__number")
            return list(rows.select_related("entry", "letter"))

    def identity(self, pk: int) -> Identity:
        with self.world.transaction():
            found: Identity = Conversation.objects.select_related("identity").get(pk=pk).identity
            return found


@contextmanager
def mailbox_in(world: World) -> Iterator[Mailbox]:
    """Open a mailbox, of a kind whose answers are letters."""
    with channel_kinds.registered("mail", KIND):
        with world.transaction():
            channel = organizations.open_channel(
                Channel(
                    kind="mail",
                    name="客服邮箱",
                    name_en="Service mail",
                    settings={
                        "address": ADDRESS,
                        "sender_name_zh": "小店客服",
                        "sender_name_en": "Shop service",
                    },
                )
            )
        yield Mailbox(world, channel)
