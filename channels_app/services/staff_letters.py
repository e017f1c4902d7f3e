"""Colleagues answer by mail: with a token of theirs, an address that was proved, and a right that holds now."""

from channels_app.protocol import Event, Letter
from channels_app.services import staff_answers
from channels_app.services.outcomes import Files
from channels_app.services.reply_addresses import ReplyAddress
from helpdesk.errors import HelpdeskError
from helpdesk.models import Staff


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
    try:
        return staff_answers.write(
            staff,
            signed.conversation_id,
            is_note=signed.kind == "note",
            text=event.text,
            files=files,
            reference=reference,
        )
    except HelpdeskError:
        return None


def _is_theirs(staff: Staff, event: Event, letter: Letter) -> bool:
    written_by = event.sender.external_id if event.sender else ""
    return (
        letter.is_authentic is True
        and not letter.automatic
        and staff.user.is_active
        and written_by == staff.user.email.lower()
    )
