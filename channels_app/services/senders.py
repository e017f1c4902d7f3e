"""Who sent something, as the core knows customers."""

from channels_app.protocol import ContactIdentity
from helpdesk.errors import Invalid
from helpdesk.models import IdentityAlias
from helpdesk.phones import is_number
from helpdesk.services.aliases import Known
from helpdesk.services.identifying import Sender

Kind = IdentityAlias.Kind


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
        known=(*_names_of_the_account(sender), *names_of_the_person(sender)),
    )


def names_of_the_person(sender: ContactIdentity) -> tuple[Known, ...]:
    """Return what tells the same person wherever they write; verified only where the channel vouches for it."""
    told = (
        (Kind.UNION_ID, sender.union_id, sender.verified),
        (Kind.PHONE, sender.phone, _is_proved(sender, sender.phone_verified)),
        (Kind.MAIL, sender.email, _is_proved(sender, sender.email_verified)),
    )
    return tuple(Known(kind, value, proved) for kind, value, proved in told if value)


def _names_of_the_account(sender: ContactIdentity) -> tuple[Known, ...]:
    scope = f"{sender.scope}:" if sender.scope else ""
    return tuple(
        Known(
            Kind.NUMBER if is_number(each) else Kind.USER_ID,
            f"{scope}{each}"[:200],
            sender.verified,
            sender.scope[:100],
        )
        for each in sender.aliases
    )


def _is_proved(sender: ContactIdentity, said: bool | None) -> bool:
    return sender.verified if said is None else sender.verified and said
