"""Whoever gives a mail address proves it before anything is sent there: one fixed mail, one button.

The mail holds no word of what was posted, so a form is of no use for writing to strangers; and one a day
to a mailbox at most, so it is none for flooding them.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.urls import reverse

from channels_app.models import Dispatch
from channels_app.services.dispatching import (
    NOTIFICATION,
    automatic_allowed,
    dispatch,
    mailbox_of,
)
from helpdesk.bell import ring
from helpdesk.errors import NotFound
from helpdesk.models import (
    OPEN,
    AuditEntry,
    Channel,
    Conversation,
    Customer,
    Entry,
    Identity,
    Organization,
)
from helpdesk.services import audit, timeline
from helpdesk.tenancy import organization_scope, organization_transaction

VALID_FOR = timedelta(days=7)
LONGEST_TOKEN = 200
# Conversations of one address that are told of its proof.
MOST_CONVERSATIONS = 100
SUBJECT = {
    "zh": "请确认您的邮箱 · {organization}",
    "en": "Please confirm your mail address · {organization}",
}
TEXT = {
    "zh": (
        "您好，\n\n有人在{organization}的联系表单里留下了这个邮箱。请打开下面的链接并点击按钮，确认邮箱是您的，"
        "之后我们的回复就会发到这里：\n\n{link}\n\n"
        "链接 7 天内有效。如果不是您，请忽略这封邮件，我们不会再发任何内容。\n"
    ),
    "en": (
        "Hello,\n\nsomebody left this mail address in the contact form of {organization}. Please open the link"
        " below and press the button to confirm that it is yours; our answer then comes here:\n\n{link}\n\n"
        "The link is valid for 7 days. If it was not you, ignore this mail: we send nothing else.\n"
    ),
}
_SIGNER = signing.TimestampSigner(salt="everydesk.proof-of-address", sep=".")


@dataclass(frozen=True, slots=True)
class Pending:
    """An address that waits to be confirmed."""

    organization_id: int
    identity_id: int
    organization: Organization


def ask(channel: Channel, identity: Identity, *, now: datetime) -> None:
    """Have whoever is behind an address asked to confirm it, at most once a day; the transaction is open.

    An address that another form has proved is proved.
    """
    if _is_proved_elsewhere(channel, identity):
        identity.is_verified, identity.awaits_proof = True, False
        identity.save(update_fields=["is_verified", "awaits_proof"])
        return
    mailbox = channel.answers_by
    if mailbox is None or not mailbox.is_active:
        return
    address = identity.external_id
    if not automatic_allowed(address, now, kind=Dispatch.Kind.PROOF):
        return
    reader = hashlib.sha256(mailbox_of(address).encode()).hexdigest()[:32]
    dispatch(
        mailbox,
        Dispatch.Kind.PROOF,
        dedup_key=f"proof:{reader}:{now:%Y-%m-%d}",
        recipient=address,
        payload=_letter(identity),
    )


def token_of(identity: Identity) -> str:
    """Return what proves that somebody reads the mails of an identity's address."""
    return str(_SIGNER.sign_object([identity.organization_id, identity.pk]))


def pending(token: str) -> Pending:
    """Return what a token asks to confirm. Raises NotFound for a wrong, expired or used one alike."""
    organization_id, identity_id = _read(token)
    with organization_scope(organization_id), organization_transaction():
        return _pending(organization_id, identity_id)


def prove(token: str) -> Pending:
    """Take an address as its holder's own, once: what waits for it leaves, and colleagues see it.

    Raises NotFound as `pending` does.
    """
    organization_id, identity_id = _read(token)
    with organization_scope(organization_id), organization_transaction():
        found = _pending(organization_id, identity_id)
        address = Identity.objects.get(pk=identity_id).external_id
        # The same person on all forms. Who comes second finds none.
        waiting = Identity.objects.filter(external_id=address, awaits_proof=True).order_by("pk")
        proved = list(waiting.select_for_update())
        if identity_id not in {each.pk for each in proved}:
            raise NotFound
        ids = [each.pk for each in proved]
        Identity.objects.filter(pk__in=ids).update(is_verified=True, awaits_proof=False)
        customers = [each.customer_id for each in proved]
        Customer.objects.filter(pk__in=customers, email="").update(email=address)
        _tell(ids)
        ring(NOTIFICATION)
    return found


def _is_proved_elsewhere(channel: Channel, identity: Identity) -> bool:
    proved = Identity.objects.filter(
        external_id=identity.external_id, is_verified=True, channel__kind=channel.kind
    )
    return bool(proved.exists())


def _letter(identity: Identity) -> dict[str, str]:
    language = "en" if identity.customer.language.startswith("en") else "zh"
    organization = Organization.objects.get(pk=identity.organization_id)
    name = organization.name_en if language == "en" else ""
    words = {
        "organization": name or organization.name,
        "link": settings.PUBLIC_URL + reverse("channels:form-confirm", args=[token_of(identity)]),
    }
    return {
        "subject": SUBJECT[language].format(**words),
        "text": TEXT[language].format(**words),
    }


def _read(token: str) -> tuple[int, int]:
    try:
        value = _SIGNER.unsign_object(token[:LONGEST_TOKEN], max_age=VALID_FOR)
    except (signing.BadSignature, ValueError) as error:
        raise NotFound from error
    organization_id, identity_id = value
    return int(organization_id), int(identity_id)


def _pending(organization_id: int, identity_id: int) -> Pending:
    organization = Organization.objects.filter(pk=organization_id, is_active=True).first()
    waits = Identity.objects.filter(pk=identity_id, awaits_proof=True).exists()
    if organization is None or not waits:
        raise NotFound
    return Pending(organization_id, identity_id, organization)


def _tell(identity_ids: list[int]) -> None:
    """Say in the open conversations of these identities that their address is confirmed."""
    rows = Conversation.objects.filter(OPEN, identity__in=identity_ids).order_by("-pk")
    newest = sorted(rows.values_list("pk", flat=True)[:MOST_CONVERSATIONS])
    for pk in newest:
        conversation = timeline.lock(pk)
        timeline.add_entry(conversation, Entry.Kind.IDENTIFIED, by="mail")
        conversation.save(update_fields=["last_number"])
        audit.record("conversation.identified", conversation, actor=AuditEntry.Actor.CUSTOMER)
        timeline.changed(conversation)
