"""Who sent something, as the core knows customers."""

from channels_app.protocol import ContactIdentity
from helpdesk.errors import Invalid
from helpdesk.services.receiving import Sender


def sender_of(sender: ContactIdentity | None) -> Sender:
    """Return a sender as the core receives messages from. Raises Invalid without one."""
    if sender is None or not sender.external_id:
        raise Invalid(field="sender")
    known = {"email": sender.email, "phone": sender.phone}
    address = f"{sender.scope}:{sender.external_id}" if sender.scope else sender.external_id
    return Sender(
        external_id=address[:200],
        display_name=sender.display_name[:120],
        is_verified=sender.verified,
        awaits_proof=sender.needs_proof and not sender.verified,
        language=sender.locale[:8],
        # What nobody has proved stays out of the customer's facts.
        profile={name: value for name, value in known.items() if value and sender.verified},
    )
