"""What colleagues write outside of our screens becomes their reply or note, with the rights that they have now."""

from django.db import transaction

from channels_app.services.outcomes import Files, reference_of
from helpdesk.access import access_of
from helpdesk.errors import HelpdeskError
from helpdesk.models import Staff
from helpdesk.services import replying


def write(
    staff: Staff, conversation_id: int, *, is_note: bool, text: str, files: Files, reference: str
) -> int:
    """Keep what a colleague wrote; returns its entry's id. Raises HelpdeskError, and then nothing is kept."""
    act = replying.note if is_note else replying.reply
    try:
        with transaction.atomic():
            for file in files:
                file.staff = staff
                file.save(force_insert=True)
            written = act(
                access_of(staff),
                conversation_id,
                text=text,
                client_ref=reference_of(reference),
                attachment_ids=[str(file.public_id) for file in files],
            )
    except HelpdeskError:
        for file in files:
            file.staff = None
        raise
    return written.message_id
