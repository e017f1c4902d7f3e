"""Two organizations with a row of everything that has an address, and everybody who might try to get at it."""

import base64
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any

from django.apps import apps
from django.test import Client
from django.utils import timezone

from channels_app.models import DeliveryAttempt, Device, Dispatch, InboundEvent
from channels_app.services import visiting
from channels_app.services.doors import find_door
from helpdesk.models import (
    Attachment,
    Call,
    Channel,
    Conversation,
    Customer,
    Entry,
    Identity,
    Letter,
    MergeSuggestion,
    Message,
    OrganizationModel,
    Participant,
)
from helpdesk.services import (
    assignment,
    escalation,
    grants,
    joining,
    merging,
    replying,
    time_off,
    timeline,
)
from helpdesk.services.api_tokens import SCOPES, issue_token
from routing.models import (
    Decision,
    Experiment,
    Offer,
    OverflowRule,
    Policy,
    Ring,
    TopicModel,
    Trial,
)
from tests.factories import World, make_world
from tests.helpdesk.admin.conftest import fill
from tests.security.addresses import Address

CANARY = "CANARY"
# Arguments that are no ids: a number within a conversation, a word, the rest of a path.
PLAIN = {
    "number": 1,
    "group_id": 1,
    "code": "not_found",
    "rest": "nonsense/",
    "url": "nonsense/",
    "app_label": "helpdesk",
    "token": "cwu1bk-0123456789abcdef0123456789abcdef",
}
ABSENT_ID = 999_999_999
_ADMIN_MODEL = re.compile(r"^/(?:admin|platform)/(\w+)/(\w+)/\{")


@dataclass
class Furnished:
    """An organization, the conversation that its support department holds, and its visitor's token."""

    world: World
    conversation_id: int
    visitor_token: str
    api_token: str

    def first(self, model: type[Any]) -> Any:
        """Return a row of the model; raises LookupError when the world lacks one."""
        if not issubclass(model, OrganizationModel):
            return self._global(model)
        with self.world.transaction():
            rows = model.objects.order_by("-pk")
            if model is Conversation:
                rows = rows.filter(pk=self.conversation_id)
            row = rows.first()
        if row is None:
            raise LookupError(f"no {model.__name__} in this world")
        return row

    def _global(self, model: type[Any]) -> Any:
        if model._meta.model_name == "organization":
            return self.world.organization
        if model._meta.model_name == "user":
            return self.world.carol.user
        row = model.objects.first()
        if row is None:
            row = model(pk=1)  # of the platform, which nobody here administers
        return row


def furnish(slug: str) -> Furnished:
    """Make an organization with a row of everything; its texts carry a canary."""
    world = make_world(slug)
    world.online("carol", "erin")
    fill(world)
    channel = world.channel
    door = find_door(channel.public_id, kind="webchat")
    visitor = visiting.recognise(door)
    received = world.message(f"{CANARY}-{slug} 怎么退货?", visitor=visitor.external_id)
    carol = world.access("carol")
    with world.transaction():
        Customer.objects.update(name=f"{CANARY}-{slug}-customer")
        assignment.take(carol, received.conversation_id)
        replying.note(
            carol,
            received.conversation_id,
            text=f"{CANARY}-{slug}-note",
            mention_ids=[world.erin.pk],
        )
        written = replying.reply(carol, received.conversation_id, text=f"{CANARY}-{slug}-reply")
        escalation.escalate(carol, received.conversation_id, reason=f"{CANARY}-{slug}")
        _attach(written.message_id, slug)
        InboundEvent.objects.create(
            channel=channel,
            dedup_key="one",
            raw=CANARY.encode(),
            size_bytes=len(CANARY),
            state=InboundEvent.State.QUARANTINED,
            reason=f"{CANARY}-{slug}",
            received_at=timezone.now(),
            entry_id=received.message_id,
        )
        _leave_by_letter(channel, written.message_id, slug)
        _call(channel, received.conversation_id, slug)
    _meet_twice(world, received.conversation_id, slug)
    handed = world.message("第二个问题", visitor="second").conversation_id
    with world.transaction():
        assignment.take(carol, handed)
        assignment.transfer(carol, handed, assignment.Target(department_id=world.sales.pk))
        _offer(world, handed)
        TopicModel.objects.create(number=1, content=b"", format=1, trained_at=timezone.now())
        Ring.objects.create(seconds=60)
        _experiment(world, slug)
        OverflowRule.objects.create(
            name=f"{CANARY}-{slug}", condition="closed", action="move", to_department=world.sales
        )
        Trial.objects.create(
            by=world.alice, rules={}, state="failed", error="died", asked_at=timezone.now()
        )
        token = issue_token(None, world.alice.pk, name=f"{CANARY}-{slug}", scopes=SCOPES)
    calendar = {"first_day": date(2100, 1, 1), "last_day": date(2100, 1, 2)}
    with world.transaction():
        time_off.enter_leave(carol, **calendar, note=f"{CANARY}-{slug}")
        time_off.enter_focus_time(carol, weekday=3, starts_at=time(14), ends_at=time(16))
    return Furnished(world, received.conversation_id, visitor.new_token, token)


def _experiment(world: World, slug: str) -> None:
    """Have an experiment written down that has not begun."""
    Experiment.objects.create(
        name=f"{CANARY}-{slug}",
        slice_minutes=60,
        washout_minutes=10,
        slices=24,
        outcome_hours=2,
        primary="resolution",
        seed=1,
        opened_by=world.alice,
    )


def _call(channel: Channel, conversation_id: int, slug: str) -> None:
    """Have the customer called before, and their app known on one device."""
    conversation = Conversation.objects.select_for_update().get(pk=conversation_id)
    now = timezone.now()
    entry = timeline.add_entry(conversation, Entry.Kind.CALL, at=now)
    conversation.save(update_fields=["last_number"])
    Call.objects.create(
        channel=channel,
        conversation=conversation,
        entry=entry,
        direction="in",
        state="ended",
        ending="completed",
        customer_number=f"{CANARY}-{slug}",
        began_at=now,
        ended_at=now,
    )
    Device.objects.create(
        channel=channel,
        identity_id=conversation.identity_id,
        service="fcm",
        token=f"{CANARY}-{slug}",
        token_hash="0" * 64,
    )


def _meet_twice(world: World, conversation_id: int, slug: str) -> None:
    """Have the customer brought together with one other, and perhaps be a third; and two conversations merged."""
    with world.transaction():
        kept = Conversation.objects.get(pk=conversation_id).customer
        gone, third = (
            Customer.objects.create(name=f"{CANARY}-{slug}-{name}") for name in ("gone", "third")
        )
        for each in (gone, third):
            Identity.objects.create(
                customer=each, channel=world.channel, external_id=f"{slug}-{each.pk}"
            )
        merging.join(kept.pk, gone.pk, by=world.access("carol"), evidence=())
        MergeSuggestion.objects.create(first=kept, second=third, evidence=[])
        other = world.message("另一个渠道", visitor="another").conversation_id
        Conversation.objects.filter(pk=other).update(customer=kept)
        joining.merge(world.access("carol"), conversation_id, other)


def _attach(message_id: int, slug: str) -> None:
    Attachment.objects.create(
        message=Message.objects.get(pk=message_id),
        kind="file",
        name=f"{CANARY}-{slug}.txt",
        mime="text/plain",
        size_bytes=1,
        sha256="0" * 64,
    )


def _leave_by_letter(channel: Channel, message_id: int, slug: str) -> None:
    message = Message.objects.get(pk=message_id)
    Letter.objects.create(
        message=message,
        subject=f"{CANARY}-{slug}",
        sender_address=f"{CANARY}@{slug}.example",
        full_text=f"{CANARY}-{slug}",
        html=f"<p>{CANARY}-{slug}</p><img data-remote=0>",
        remote_pictures=["https://pictures.example/1.png"],
    )
    Participant.objects.create(
        conversation=message.conversation,
        address=f"{CANARY}@{slug}.example",
        state=Participant.State.WAITING,
    )
    sent = Dispatch.objects.create(
        kind=Dispatch.Kind.NOTICE,
        channel=channel,
        conversation=message.conversation,
        dedup_key="one",
        recipient=f"{CANARY}@{slug}.example",
        state="sent",
    )
    DeliveryAttempt.objects.create(
        at=timezone.now(),
        channel=channel,
        dispatch=sent,
        number=1,
        outcome="sent",
        milliseconds=1,
    )


def _offer(world: World, conversation_id: int) -> None:
    now = timezone.now()
    policy = Policy.objects.get_or_create(department=None)[0]
    made = Decision.objects.create(
        conversation_id=conversation_id,
        staff=world.erin,
        outcome="offered",
        at=now,
        policy=policy,
        data={
            "engine": 2,
            "need": {"department": world.sales.pk, "urgency": 20},
            "weights": [],
            "usual": 0.0,
            "ranked": [],
            "excluded": {},
            "people": 0,
        },
    )
    Offer.objects.create(
        conversation_id=conversation_id,
        staff=world.erin,
        decision=made,
        made_at=now,
        due_at=now + timedelta(minutes=5),
    )


# --- arguments ---------------------------------------------------------------------------------


def model_of(address: Address, argument: str) -> type[Any] | None:
    """Return which model an argument of an address names; None when it names none."""
    if argument in {"object_id", "object_pk"}:
        found = _ADMIN_MODEL.match(address.path)
        return apps.get_model(found.group(1), found.group(2)) if found else Customer
    if argument == "public_id":
        return Attachment if address.name == "portal:attachment" else Channel
    named = {
        "file_id": "attachment",
        "event_id": "inboundevent",
        "link_id": "conversationlink",
        "merge_id": "customermerge",
        "suggestion_id": "mergesuggestion",
        "template_id": "messagetemplate",
    }
    name = named.get(argument, argument.removesuffix("_id"))
    for app in ("helpdesk", "routing", "channels_app", "contenttypes"):
        with_name = {
            model._meta.model_name: model for model in apps.get_app_config(app).get_models()
        }
        if name.replace("_", "") in with_name:
            return with_name[name.replace("_", "")]
    return None


def value_of(address: Address, argument: str, place: Furnished | None) -> object:
    """Return what an argument is filled with: an id of that organization, or an absent one.

    Raises LookupError for an argument that nobody knows how to fill.
    """
    model = model_of(address, argument)
    if argument in PLAIN and (model is None or argument == "group_id"):
        return PLAIN[argument]
    if model is None:
        raise LookupError(f"{address.path}: {argument}")
    if model._meta.app_label == "contenttypes":
        return model.objects.get_for_model(Customer).pk
    row = place.first(model) if place else None
    if argument in {"public_id", "file_id"}:
        return row.public_id if row else _absent_like(model)
    if address.name == "portal:welcome":
        number = row.pk if row else ABSENT_ID
        return base64.urlsafe_b64encode(str(number).encode()).decode().rstrip("=")
    return row.pk if row else ABSENT_ID


def _absent_like(model: type[Any]) -> object:
    return uuid.uuid4() if model is Attachment else uuid.uuid4().hex


# --- principals --------------------------------------------------------------------------------


def browser_of(world: World, name: str) -> Client:
    """Return a browser in which somebody of the world is signed in."""
    client = Client(headers={"accept-language": "en"})
    client.force_login(world.people[name].user, "django.contrib.auth.backends.ModelBackend")
    session = client.session
    session["organization_id"] = world.organization.pk
    session.save()
    return client


def anonymous() -> Client:
    return Client(headers={"accept-language": "en"})


def bearer(token: str) -> Client:
    return Client(headers={"accept-language": "en", "authorization": f"Bearer {token}"})


def deactivated(world: World) -> Client:
    """Return the browser of somebody who was signed in when they left."""
    client = browser_of(world, "dave")
    with world.transaction():
        grants.deactivate(world.dave)
    return client


Principal = Callable[[Furnished, Furnished], Client]
# Everybody who has no business in the second organization, made from (own, other).
STRANGERS: dict[str, Principal] = {
    "anonymous": lambda own, other: anonymous(),
    "visitor of another organization": lambda own, other: bearer(own.visitor_token),
    "visitor": lambda own, other: bearer(other.visitor_token),
    "agent of another organization": lambda own, other: browser_of(own.world, "carol"),
    "administrator of another organization": lambda own, other: browser_of(own.world, "alice"),
    "API token of another organization": lambda own, other: bearer(own.api_token),
    "deactivated member": lambda own, other: deactivated(other.world),
}
# Who works there, and still may not see what support holds.
INSIDERS: dict[str, Principal] = {
    "colleague without roles": lambda own, other: browser_of(other.world, "frank"),
    "colleague of another department": lambda own, other: browser_of(other.world, "gina"),
}


def newest_number(place: Furnished) -> int:
    """Return the number of the newest entry of its conversation."""
    with place.world.transaction():
        return Entry.objects.filter(conversation_id=place.conversation_id).count()
