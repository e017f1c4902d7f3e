"""What leaves, written as the plain values that an adapter sends."""

from collections.abc import Mapping
from typing import Any, Literal, cast

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from channels_app.leaving import pushes
from channels_app.models import Dispatch, InboundEvent
from channels_app.outbound import template_of
from channels_app.protocol import Address, ContactIdentity, OutboundLetter, OutboundMessage
from channels_app.protocol import Attachment as OutboundFile
from channels_app.services.files import path_of, visitor_key
from channels_app.services.reply_addresses import answers_to
from helpdesk.errors import HelpdeskError, NotFound
from helpdesk.models import Attachment, Channel, Conversation, Direction, Letter, Message, Outbox
from helpdesk.services import links


class Unwritable(HelpdeskError):
    """What should leave cannot be written, whoever tries again."""

    code = "unwritable"


def reply(row: Outbox) -> OutboundMessage:
    """Return a reply as it leaves. Raises Unwritable."""
    conversation, message = row.conversation, row.message
    letter: Letter | None = getattr(message, "letter", None)
    files = Attachment.objects.filter(message_id=message.pk).order_by("id")
    identity, asked = conversation.identity, _answered(message, conversation)
    answered = asked.provider_id if asked else ""
    return OutboundMessage(
        client_ref=str(row.client_ref),
        to=ContactIdentity(external_id=identity.external_id, display_name=identity.display_name),
        text=letter.full_text if letter and letter.full_text else message.text,
        html=letter.html if letter else "",
        thread_key=links.thread_of(conversation),
        subject=letter.subject if letter and letter.subject else conversation.subject,
        attachments=tuple(_file(each, conversation.channel) for each in files),
        reply_to=answered,
        reply_token=_reply_token(asked) if asked else "",
        letter=_letter(row, letter) if letter else None,
        template=template_of(row.template) if row.template else None,
        # Only the first of several parts is shown as an answer; some vendors want to know it for all.
        context={"author": _author(row), "sent_at": message.entry.at, "answered": answered},
    )


def dispatch(row: Dispatch) -> OutboundMessage:
    """Return what is no reply as it leaves."""
    payload: Mapping[str, Any] = row.payload  # Any: plain values, as `dispatching` stored them
    if row.kind == Dispatch.Kind.PUSH:
        return pushes.push(row)
    to = ContactIdentity(external_id=row.recipient, display_name=str(payload.get("name", "")))
    if row.kind == Dispatch.Kind.EVENT:
        return OutboundMessage(str(row.client_ref), to, "", context=dict(payload))
    return OutboundMessage(
        client_ref=str(row.client_ref),
        to=to,
        text=str(payload.get("text", "")),
        html=str(payload.get("html", "")),
        subject=str(payload.get("subject", "")),
        letter=OutboundLetter(
            mail_id=row.provider_id,
            references=tuple(payload.get("references", ())),
            to=((row.recipient, to.display_name),),
            sender_name=str(payload.get("sender_name", "")),
            reply_address=str(payload.get("reply_address", "")),
            is_automatic=True,
        ),
    )


def _author(row: Outbox) -> str:
    """Return the name under which the customer knows who wrote it."""
    with translation.override(row.channel.language):
        return row.message.entry.actor.label if row.message.entry.actor else ""


def _letter(row: Outbox, letter: Letter) -> OutboundLetter:
    return OutboundLetter(
        mail_id=letter.mail_id,
        references=tuple(letter.references),
        to=_addresses(letter.to),
        cc=_addresses(letter.cc),
        sender_name=letter.sender_name,
        reply_address=answers_to(row.channel, row.conversation_id, row.conversation.identity_id),
        is_automatic=bool(letter.automatic),
    )


def _addresses(rows: list[list[str]]) -> tuple[Address, ...]:
    return tuple((address, name) for address, name in rows)


def _answered(message: Message, conversation: Conversation) -> Message | None:
    """Return the customer's last message before this one that the vendor has a name for."""
    said = Message.objects.filter(links.said(conversation), direction=Direction.IN)
    before = said.filter(pk__lt=message.pk)
    found: Message | None = before.exclude(provider_id="").order_by("-pk").first()
    return found


def _reply_token(message: Message) -> str:
    """Return what the vendor gave with a message to answer it by; how long it is good, its adapter knows."""
    reported = InboundEvent.objects.filter(entry_id=message.pk, kind="message").order_by("-pk")
    data = reported.values_list("data", flat=True).first() or {}
    return str(data.get("reply_token", ""))


def _file(file: Attachment, channel: Channel) -> OutboundFile:
    try:
        path = path_of(file)
    except NotFound as gone:
        raise Unwritable(_("A file of it is gone.")) from gone
    address = reverse("channels:visitor-file", args=[channel.public_id, file.public_id])
    return OutboundFile(
        kind=cast(Literal["image", "file"], file.kind),
        filename=file.name,
        mime=file.mime,
        size=file.size_bytes,
        media_ref=str(file.public_id),
        url=f"{settings.PUBLIC_URL}{address}?key={visitor_key(file)}",
        sha256=file.sha256,
        path=str(path),
        content_id=file.content_id,
    )
