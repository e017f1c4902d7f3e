"""What leaves and is no reply: acknowledgements, proofs, notices and events, each once, and not too many."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from channels_app.models import Dispatch
from helpdesk import permissions
from helpdesk.access import Access, require
from helpdesk.errors import NotFound, WrongState
from helpdesk.models import Channel, Conversation, Delivery
from helpdesk.services import audit
from helpdesk.services.letters import is_lettered
from helpdesk.tenancy import current_organization_id, organization_transaction

NOTIFICATION = "everydesk_outbox"
DAY = timedelta(days=1)
# Mails that no person wrote, to one mailbox in a day; about one conversation there is one.
MOST_AUTOMATIC = 3
MOST_PROOFS = 1
AUTOMATIC = (Dispatch.Kind.ACKNOWLEDGEMENT, Dispatch.Kind.PROOF)
_GMAIL = ("gmail.com", "googlemail.com")
AGAIN = (Delivery.FAILED, Delivery.UNKNOWN)


def dispatch(
    channel: Channel,
    kind: Dispatch.Kind,
    *,
    dedup_key: str,
    recipient: str = "",
    payload: Mapping[str, Any],  # Any: plain JSON values
    conversation_id: int | None = None,
    service: str = "",
    wait: timedelta = timedelta(),
) -> Dispatch | None:
    """Have something leave once the caller's transaction commits; None when the key was used before.

    It leaves after `wait`, through a push service where one is named.
    An event's payload has `type`, `data` and `sent_at`; a mail's has `subject`, `text`, and what
    `leaving.writing` reads. A mail's id is made and kept here, before it leaves.
    """
    is_mail = kind not in {Dispatch.Kind.EVENT, Dispatch.Kind.PUSH}
    made = Dispatch(
        channel=channel,
        dedup_key=dedup_key,
        kind=kind,
        conversation_id=conversation_id,
        recipient=recipient.lower(),
        recipient_mailbox=mailbox_of(recipient),
        payload=dict(payload),
        provider_id=_mail_id(channel, payload) if is_mail else "",
        due_at=timezone.now() + wait,
        service=service,
    )
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError:
        if not Dispatch.objects.filter(channel=channel, dedup_key=dedup_key).exists():
            raise
        return None
    _ring()
    return made


def automatic_allowed(
    recipient: str, now: datetime, *, kind: Dispatch.Kind = Dispatch.Kind.ACKNOWLEDGEMENT
) -> bool:
    """Tell whether one more mail that no person wrote may go to an address, however it is spelled.

    Whoever else asks for the same waits until the caller's transaction ends, and then counts its mail.
    """
    mailbox = mailbox_of(recipient)
    _lock(mailbox)
    to_mailbox = Dispatch.objects.filter(
        kind__in=AUTOMATIC, created_at__gt=now - DAY, recipient_mailbox=mailbox
    )
    if to_mailbox.count() >= MOST_AUTOMATIC:
        return False
    is_proof = kind == Dispatch.Kind.PROOF
    return not is_proof or to_mailbox.filter(kind=kind).count() < MOST_PROOFS


def may_write_automatically(conversation: Conversation) -> bool:
    """Tell whether something automatic may be written to a conversation's customer, where that is a letter."""
    if not is_lettered(conversation.channel):
        return True
    address = str(conversation.identity.external_id)
    return "@" not in address or automatic_allowed(address, timezone.now())


def mailbox_of(address: str) -> str:
    """Return what all spellings of an address have in common that end in one mailbox."""
    local, at, domain = address.lower().rpartition("@")
    local = local.partition("+")[0] or local
    if domain in _GMAIL:
        # https://support.google.com/mail/answer/7436150
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}{at}{domain}"


def send_again(by: Access, dispatch_id: int) -> None:
    """Send a dispatch again that failed or whose fate is not known; raises NotFound, WrongState."""
    require(by, permissions.ORGANIZATION_ADMINISTER)
    with organization_transaction():
        row = Dispatch.objects.select_for_update().filter(pk=dispatch_id).first()
        if row is None:
            raise NotFound
        if row.state not in AGAIN:
            raise WrongState
        Dispatch.objects.filter(pk=row.pk).update(
            state=Delivery.QUEUED,
            attempts=0,
            error="",
            error_code="",
            due_at=timezone.now(),
            settled_at=None,
        )
        audit.record("dispatch.resent", row, by, kind=row.kind)
        _ring()


def _mail_id(channel: Channel, payload: Mapping[str, Any]) -> str:  # Any: plain JSON values
    """Return the id of a mail without angle brackets; of the sender's domain, as mail servers expect."""
    if payload.get("mail_id"):
        return str(payload["mail_id"])[:250]
    domain = str(channel.settings.get("address", "")).rpartition("@")[2]
    return f"{uuid4().hex}@{domain or urlsplit(settings.PUBLIC_URL).hostname}"


def _ring() -> None:
    # Heard when the transaction commits.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [NOTIFICATION])


def _lock(mailbox: str) -> None:
    with connection.cursor() as cursor:
        key = f"everydesk.automatic {current_organization_id()} {mailbox}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])
