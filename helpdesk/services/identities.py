"""Identities change hands when an anonymous visitor signs in, and go when their holder never said anything."""

from collections.abc import Iterable
from datetime import timedelta

from django.db import IntegrityError
from django.db.models import Exists, F, OuterRef, Q

from helpdesk.models import (
    OPEN,
    Attachment,
    AuditEntry,
    Channel,
    Conversation,
    Customer,
    Entry,
    Identity,
    State,
)
from helpdesk.services import audit, matching, timeline
from helpdesk.services.identifying import Sender, identify
from helpdesk.tenancy import organization_transaction


def take_along(anonymous: Identity, channel: Channel, sender: Sender) -> int | None:
    """Give what the anonymous identity has open to the verified sender; return its id, None for nothing.

    The caller has proof of both: the anonymous token, and a signature for the sender. Somebody who is
    in a conversation already keeps that one, and the anonymous one stays where it is. The second time
    there is nothing left to give.
    """
    if not sender.is_verified or anonymous.is_verified or anonymous.channel_id != channel.pk:
        return None
    try:
        with organization_transaction():
            return _take_along(anonymous, channel, sender)
    except IntegrityError:
        return None  # the sender has just opened one


def forget_silent(identity_ids: Iterable[int]) -> int:
    """Delete customers who never wrote, left nothing and whom nobody touched; return how many.

    Only those behind the given identities; the transaction is open.
    """
    said = Conversation.objects.filter(identity=OuterRef("pk"))
    left = Attachment.objects.filter(identity=OuterRef("pk"))
    silent = (
        Identity.objects.filter(~Exists(said), ~Exists(left), pk__in=list(identity_ids))
        .exclude(data__has_key="email")
        .select_for_update(skip_locked=True)
        .values_list("customer_id", flat=True)
    )
    asked = Conversation.objects.filter(customer=OuterRef("pk"))
    others = Identity.objects.filter(customer=OuterRef("pk")).exclude(pk__in=list(identity_ids))
    forgotten = Customer.objects.filter(
        ~Exists(asked),
        ~Exists(others),
        pk__in=list(silent),
        external_id="",
        updated_at__lte=F("created_at") + timedelta(seconds=1),
    )
    count = forgotten.count()
    forgotten.delete()
    return count


def _take_along(anonymous: Identity, channel: Channel, sender: Sender) -> int | None:
    theirs = Conversation.objects.filter(OPEN, identity=anonymous)
    if not theirs.exists():
        return None
    # Before any conversation is locked: bringing customers together locks theirs.
    identity = identify(channel, sender)
    moved = move_open(anonymous, identity)
    if moved is not None:
        _keep_address(anonymous, identity)
    if Conversation.objects.filter(identity=anonymous).exists():
        # Who had this browser before may have been somebody else.
        evidence = {"kind": "browser", "value": ""}
        matching.suggest(anonymous.customer_id, identity.customer_id, evidence)
    return moved


def move_open(former: Identity, identity: Identity) -> int | None:
    """Let what one identity has open go on with another; return its id, None where the other has its own.

    The transaction is open.
    """
    theirs = Conversation.objects.filter(OPEN, identity=former)
    conversation = theirs.select_for_update(no_key=True).order_by("-id").first()
    if conversation is None:
        return None
    own = Conversation.objects.exclude(state=State.CLOSED).filter(
        identity=identity, thread_key=conversation.thread_key
    )
    # A newer one that is over would be reopened, and not this one.
    if own.filter(OPEN | Q(pk__gt=conversation.pk)).exists():
        return None
    conversation.identity, conversation.customer = identity, identity.customer
    timeline.add_entry(conversation, Entry.Kind.IDENTIFIED)
    conversation.save()
    Attachment.objects.filter(identity=former, message__isnull=True).update(identity=identity)
    audit.record("conversation.identified", conversation, actor=AuditEntry.Actor.CUSTOMER)
    timeline.changed(conversation)
    return conversation.pk


def _keep_address(anonymous: Identity, identity: Identity) -> None:
    """Keep where an answer may go while the visitor is away."""
    email = anonymous.data.get("email")
    if email and not identity.data.get("email"):
        identity.data = {**identity.data, "email": email}
        identity.save(update_fields=["data"])
