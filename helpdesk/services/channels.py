"""Channels that no longer send: switched off for a reason, and tried again by an administrator."""

from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext as _

from helpdesk import events, permissions
from helpdesk.access import Access, require
from helpdesk.errors import NotFound, WrongState
from helpdesk.models import Channel, Conversation, Delivery, Outbox
from helpdesk.registries import Notice, notices
from helpdesk.services import audit
from helpdesk.tenancy import organization_transaction

# How many waiting replies are told that they wait longer; the others say so when they are next shown.
MOST_TOLD = 200
# Whose trouble is shown at once.
MOST_SHOWN = 5


def stopped_channels() -> list[Channel]:
    """Return channels in use that do not send; a few, by name."""
    rows = Channel.objects.filter(is_active=True).exclude(disabled_reason="").order_by("name")
    return list(rows.only("name", "name_en", "disabled_reason")[:MOST_SHOWN])


def reason_stopped(conversation: Conversation) -> str:
    """Return why nothing leaves to the customer of a conversation for now; empty while it does."""
    channel = conversation.channel.answers_by or conversation.channel
    if not channel.is_active:
        return _("the channel is switched off")
    return str(channel.disabled_reason)


def stopped() -> Iterator[Notice]:
    """Yield the channels in use that do not send, and why."""
    for channel in stopped_channels():
        yield Notice(
            f"stopped-{channel.pk}",
            _("%(name)s does not send") % {"name": channel.label},
            channel.disabled_reason,
            reverse("organization_admin:helpdesk_channel_change", args=[channel.pk]),
        )


def stop_sending(channel_id: int, reason: str) -> bool:
    """Switch sending through a channel off; what waits stays waiting. Returns False when it was off."""
    with organization_transaction():
        working = Channel.objects.filter(pk=channel_id, disabled_reason="")
        if not working.update(disabled_reason=reason[:300]):
            return False
        audit.record("channel.stopped", Channel(pk=channel_id), reason=reason[:300])
        _tell(channel_id)
    return True


def try_again(by: Access, channel_id: int) -> Channel:
    """Let a channel send again what waits. Raises NotFound for who may not administer."""
    require(by, permissions.ORGANIZATION_ADMINISTER)
    with organization_transaction():
        channel: Channel | None = Channel.objects.filter(pk=channel_id).first()
        if channel is None:
            raise NotFound
        stopped = Channel.objects.filter(pk=channel_id).exclude(disabled_reason="")
        if stopped.update(disabled_reason=""):
            audit.record("channel.tried_again", channel, by, reason=channel.disabled_reason)
            _tell(channel_id)
    channel.disabled_reason = ""
    return channel


def end_older_secret(by: Access, channel_id: int) -> None:
    """Let only the newest secret of a channel prove calls from now on.

    Raises NotFound for who may not administer, WrongState when there is no older one.
    """
    require(by, permissions.ORGANIZATION_ADMINISTER)
    with organization_transaction():
        channel: Channel | None = Channel.objects.select_for_update().filter(pk=channel_id).first()
        if channel is None:
            raise NotFound
        if not channel.previous_secret:
            raise WrongState
        channel.previous_secret = ""
        channel.save(update_fields=["previous_secret"])
        audit.record("channel.older_secret_ended", channel, by)


def _tell(channel_id: int) -> None:
    waiting = Outbox.objects.filter(channel_id=channel_id, state=Delivery.QUEUED)
    rows = waiting.order_by("-message_id").values_list(
        "organization_id", "conversation_id", "message__entry__number"
    )
    for organization_id, conversation_id, number in rows[:MOST_TOLD]:
        events.publish(events.DeliveryChanged(organization_id, conversation_id, number))


notices.register("stopped channels", stopped)
