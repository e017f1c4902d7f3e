"""A push as it leaves: written at the last moment, when it is known whether it is needed at all."""

from datetime import timedelta

from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels_app.models import Device, Dispatch
from channels_app.outbound import Push
from channels_app.protocol import ContactIdentity, OutboundMessage
from helpdesk.errors import HelpdeskError
from helpdesk.models import Delivery, Organization, Outbox

# Afterwards nobody wants to hear of it.
GOOD_FOR = timedelta(hours=1)
MOST_TEXT = 200
LANGUAGES = {"zh": "zh-hans", "en": "en"}


class Needless(HelpdeskError):
    """What should leave has become needless; the message says why."""

    code = "needless"


def push(row: Dispatch) -> OutboundMessage:
    """Return a push about a reply that no screen has shown. Raises Needless."""
    device = Device.objects.filter(pk=row.payload["device"]).first()
    if device is None:
        raise Needless(gettext_lazy("The device is no longer there."))
    replies = Outbox.objects.select_related("message__entry", "channel")
    reply = replies.filter(pk=row.payload["message"], state=Delivery.SENT).first()
    if reply is None:
        raise Needless(gettext_lazy("It was shown in the app before."))
    if row.created_at < timezone.now() - GOOD_FOR:
        raise Needless(gettext_lazy("It is too late for it."))
    organization = Organization.objects.get(pk=row.organization_id)
    with translation.override(LANGUAGES[device.language]):
        text = _("You have a new message.")
    # Whoever passes by reads a locked screen, and the service reads everything.
    if reply.channel.settings.get("push_text") is True and reply.message.text:
        text = reply.message.text[:MOST_TEXT]
    is_english = device.language == "en" and organization.name_en
    told = Push(
        service=device.service,
        token=device.token,
        language=device.language,
        app_version=device.app_version,
        title=organization.name_en if is_english else organization.name,
        text=text,
        conversation_id=reply.conversation_id,
        number=reply.message.entry.number,
    )
    return OutboundMessage(str(row.client_ref), ContactIdentity(row.recipient), "", push=told)
