"""Visitors who follow a script: test customers anybody may ask for, and the demo's gentle traffic.

They come in by the widget's own door. A visitor holds one of a few slots (a CRM id, unique by constraint)
until the conversation is over, so that there are never more of them than slots.
"""

import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import uuid4

from django.conf import settings
from django.db import IntegrityError

from channels_app.demo.content import visitors
from channels_app.services import chatting, visiting
from channels_app.services.doors import Door, find_door
from helpdesk.access import Access, require
from helpdesk.errors import HelpdeskError, NotFound, TooMany
from helpdesk.models import (
    Channel,
    Conversation,
    Customer,
    Direction,
    Identity,
    Organization,
    Presence,
    Rating,
    Staff,
)
from helpdesk.permissions import ORGANIZATION_ADMINISTER
from helpdesk.registries import Sweep, sweeps
from helpdesk.tenancy import current_organization_id, organization_transaction

TEST_SLOTS = [f"test-visitor-{number}" for number in range(1, 4)]
TRAFFIC_SLOTS = [f"demo-visitor-{number}" for number in range(1, 6)]
EVERY_SECONDS = 5.0
# About one new visitor a minute while somebody is signed in.
BETWEEN_VISITORS = timedelta(seconds=45)
UNEVENNESS_SECONDS = 30
# A visitor reads and types before the next line, rates a while after the end, and does not wait for ever.
READING = timedelta(seconds=9)
RATING = timedelta(seconds=12)
PATIENCE = timedelta(minutes=12)
LONGEST = timedelta(minutes=40)


def send_test_customer(by: Access) -> int:
    """Let a scripted customer write over the organization's web chat; return the conversation's id.

    In the demo anybody may, elsewhere administrators. Raises NotFound, also without a web chat, and
    TooMany while all test customers are busy.
    """
    with organization_transaction():
        if not _is_demo():
            require(by, ORGANIZATION_ADMINISTER)
        reader = Staff.objects.select_related("user").get(pk=by.staff_id)
    language = "en" if reader.user.language.startswith("en") else "zh"
    return arrive(TEST_SLOTS, language=language)


def arrive(slots: list[str], *, language: str = "") -> int:
    """Let a visitor come in and write their first line; return the conversation's id."""
    with organization_transaction():
        door, slot = find_door(_channel().public_id), _free_slot(slots)
        name, number = _script(language)
        text = visitors()[name][number]
        visitor = visiting.recognise(door, language=text["language"])
        visitor = visiting.settle(replace(visitor, display_name=text["name"]))
        identity = Identity.objects.get(channel_id=door.channel_id, external_id=visitor.external_id)
        try:
            Customer.objects.filter(pk=identity.customer_id).update(external_id=slot)
        except IntegrityError:
            raise TooMany from None
        _remember(identity, script=[name, number], step=1)
        return _say(door, visitor, text["messages"][0])


@dataclass
class Traffic:
    """Moves every scripted visitor on, and lets new ones in where the demo is being looked at."""

    last_arrival: dict[int, datetime] = field(default_factory=dict)

    def run(self, now: datetime) -> int:
        """Do what the visitors of the organization in scope would do now; return how much it was."""
        done = 0
        for customer in _present_visitors():
            try:
                done += move_on(customer, now)
            except HelpdeskError:
                _leave(customer)
        if self._is_time(now):
            self.last_arrival[current_organization_id()] = now
            try:
                arrive(TRAFFIC_SLOTS)
            except (TooMany, NotFound):
                return done
            done += 1
        return done

    def _is_time(self, now: datetime) -> bool:
        if not (settings.IS_LOOPBACK and settings.DEMO_TRAFFIC) or not _is_watched(now):
            return False
        last = self.last_arrival.get(current_organization_id())
        uneven = timedelta(seconds=secrets.randbelow(UNEVENNESS_SECONDS))
        return last is None or now - last > BETWEEN_VISITORS + uneven


def move_on(customer: Customer, now: datetime) -> bool:
    """Let a visitor answer, rate or leave when it is time for it; tell whether they did."""
    with organization_transaction():
        conversation = customer.conversations.order_by("-id").first()
        rated = Rating.objects.filter(conversation=conversation).exists()
    if conversation is None or rated:
        _leave(customer)
        return True
    if not conversation.is_open:
        return _rate(customer, conversation, now)
    last = conversation.last_message_at or conversation.opened_at
    if now - conversation.opened_at > LONGEST or now - last > PATIENCE:
        chatting.end(conversation.organization_id, conversation.pk)
        _leave(customer)
        return True
    if conversation.last_direction == Direction.OUT and now - last > READING:
        return _next_line(conversation)
    return False


def _next_line(conversation: Conversation) -> bool:
    """Write the next line of the script, or end the conversation after the last one."""
    with organization_transaction():
        identity = Identity.objects.get(pk=conversation.identity_id)
        script, step = identity.data["script"], identity.data["step"]
        lines = visitors()[script[0]][script[1]]["messages"]
        if step < len(lines):
            door = find_door(Channel.objects.get(pk=conversation.channel_id).public_id)
            visitor = visiting.Visitor(
                organization_id=door.organization_id,
                channel_id=door.channel_id,
                external_id=identity.external_id,
                language=visitors()[script[0]][script[1]]["language"],
                display_name=identity.display_name,
                identity_id=identity.pk,
            )
            _say(door, visitor, lines[step])
            _remember(identity, script=script, step=step + 1)
            return True
    chatting.end(conversation.organization_id, conversation.pk)
    return True


def _rate(customer: Customer, conversation: Conversation, now: datetime) -> bool:
    """Rate what was answered, a moment after it ended."""
    ended = conversation.resolved_at or conversation.closed_at or now
    if now - ended < RATING:
        return False
    if conversation.first_replied_at:
        score = secrets.choice([5, 5, 5, 4, 4, 3])
        reasons = ["fast"] if score > 3 else ["slow"]
        chatting.rate(
            conversation.organization_id, conversation.pk, score=score, reasons=reasons, comment=""
        )
    _leave(customer)
    return True


def _say(door: Door, visitor: visiting.Visitor, text: str) -> int:
    said = chatting.say(
        door, visitor, text=text, client_ref=str(uuid4()), files=[], raw=text.encode()
    )
    return said.conversation_id


def _remember(identity: Identity, *, script: list[object], step: int) -> None:
    identity.data = {**identity.data, "script": script, "step": step}
    identity.save(update_fields=["data"])


def _leave(customer: Customer) -> None:
    """Free the visitor's slot."""
    with organization_transaction():
        Customer.objects.filter(pk=customer.pk).update(external_id="")


def _present_visitors() -> list[Customer]:
    with organization_transaction():
        slots = [*TEST_SLOTS, *TRAFFIC_SLOTS]
        return list(Customer.objects.filter(external_id__in=slots).order_by("id"))


def _is_watched(now: datetime) -> bool:
    """Tell whether this is a demo organization in which somebody is signed in."""
    with organization_transaction():
        return _is_demo() and Presence.objects.filter(lease_until__gt=now).exists()


def _is_demo() -> bool:
    return Organization.objects.filter(pk=current_organization_id(), is_demo=True).exists()


def _free_slot(slots: list[str]) -> str:
    taken = Customer.objects.filter(external_id__in=slots).values_list("external_id", flat=True)
    free = sorted(set(slots) - set(taken))
    if not free:
        raise TooMany
    return free[0]


def _channel() -> Channel:
    channel = Channel.objects.filter(kind="webchat", is_active=True).order_by("id").first()
    if channel is None:
        raise NotFound
    return channel


def _script(language: str) -> tuple[str, int]:
    """Return the name and number of a script, in the language when one is asked for."""
    organization = Organization.objects.get(pk=current_organization_id())
    name = organization.slug if organization.slug in visitors() else "anybody"
    texts = visitors()[name]
    fitting = [number for number, text in enumerate(texts) if language in {"", text["language"]}]
    return name, secrets.choice(fitting)


def register() -> None:
    """Have the sweeper move the visitors on."""
    traffic = Traffic()
    sweeps.register("visitors", Sweep(run=traffic.run, every_seconds=EVERY_SECONDS))
