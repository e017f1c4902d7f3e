"""Calls that colleagues ask for are placed from here: claimed once, the exchange asked outside any transaction."""

import logging

from django.db import connection
from django.utils import timezone

from channels_app.calls import recording
from channels_app.exchange import CallWish, PlacesCalls
from channels_app.protocol import SendError
from channels_app.registry import account_of, adapter_for
from channels_app.services import health
from helpdesk.errors import ChannelError
from helpdesk.models import Call
from helpdesk.services import dialling
from helpdesk.tenancy import due_organizations, organization_scope, organization_transaction

logger = logging.getLogger(__name__)

NOTIFICATION = "everydesk_calls"


def wake_caller() -> None:
    """Tell the connector that a call waits to be placed; it would find it within a second anyway."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [NOTIFICATION])


def place_due() -> int:
    """Place the calls that are wanted in all organizations; returns how many were tried."""
    tried = 0
    for organization_id in due_organizations("calls"):
        with organization_scope(organization_id):
            while wanted := dialling.take_wanted(timezone.now()):
                _place(wanted)
                tried += 1
    return tried


def _place(wanted: Call) -> None:
    reference = str(wanted.public_id)
    try:
        call_id = _placed(wanted, reference)
    except ChannelError as error:
        logger.warning("A call was not placed: %s", wanted.pk)
        dialling.not_placed(wanted.channel_id, reference, str(error.message))
        if isinstance(error, SendError) and error.kind == "auth":
            with organization_transaction():
                health.refused(
                    wanted.channel_id, is_probe=False, at_once=False, reason=str(error.message)
                )
        return
    except Exception as error:
        logger.exception("Placing a call failed: %s", wanted.pk)
        dialling.not_placed(wanted.channel_id, reference, type(error).__name__)
        return
    dialling.placed(wanted.channel_id, reference, call_id)


def _placed(wanted: Call, reference: str) -> str:
    adapter = adapter_for(wanted.channel)
    if not isinstance(adapter, PlacesCalls) or wanted.staff is None:
        raise ChannelError(permanent=True)
    wish = CallWish(
        reference=reference,
        colleague=wanted.staff.call_address,
        staff_id=wanted.staff.pk,
        customer_number=wanted.customer_number,
        language=wanted.channel.language,
    )
    with recording.calls_of(account_of(wanted.channel), recording.SEND):
        return adapter.place(wish)
