"""Colleagues answer by mail: with a token of theirs, an address that was proved, and a right that holds now."""

from django.db import transaction

from channels_app.protocol import Event, Letter
from channels_app.services.outcomes import Files, reference_of
from channels_app.services.reply_addresses import ReplyAddress
from helpdesk.access import access_of
from helpdesk.errors import HelpdeskError
from helpdesk.models import Staff
from helpdesk.services import replying


def answer(
    signed: ReplyAddress, event: Event, letter: Letter, files: Files, reference: str
) -> int | None:
    """Keep what a colleague wrote as their reply or note; returns its entry's id, None when they may not.

    A letter that nobody proved, of another address, of somebody who left or may not do this here any
    more, or that no person wrote, is not a colleague's.
    """
    rows = Staff.objects.select_related("user").filter(pk=signed.person_id, is_active=True)
    staff = rows.first()
    if staff is None or not _is_theirs(staff, event, letter):
        return None
    write = replying.note if signed.kind == "note" else replying.reply
    try:
        with transaction.atomic():
            for file in files:
                file.staff = staff
                file.save(force_insert=True)
            written = write(
                access_of(staff),
                signed.conversation_id,
                text=event.text,
                client_ref=reference_of(reference),
                attachment_ids=[str(file.public_id) for file in files],
            )
    except HelpdeskError:
        for file in files:
            file.staff = None
        return None
    return written.message_id


def _is_theirs(staff: Staff, event: Event, letter: Letter) -> bool:
    written_by = event.sender.external_id if event.sender else ""
    return (
        letter.is_authentic is True
        and not letter.automatic
        and staff.user.is_active
        and written_by == staff.user.email.lower()
    )
