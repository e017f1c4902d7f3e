"""Invitations by mail, the same words for everybody, whether the address has a user or not."""

import logging

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import send_mail
from django.db import transaction
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _

from helpdesk.models import Staff, User

logger = logging.getLogger(__name__)


def invite(staff: Staff) -> str:
    """Mail somebody where to begin, once the transaction has committed.

    Returns that address for the inviter to pass on, or nothing on installations where it goes by mail
    only: whoever holds a new person's link chooses the password.
    """
    link = f"{settings.PUBLIC_URL}{first_page(staff.user)}"
    # Names from before they had to be one line would fail as a header, after the commit.
    organization = " ".join(staff.organization.label.split())
    subject = _("Invitation to %(organization)s") % {"organization": organization}
    text = _("Open this link to join:\n\n%(link)s") % {"link": link}
    address, staff_id = staff.user.email, staff.pk

    def send() -> None:
        try:
            send_mail(subject, text, settings.DEFAULT_FROM_EMAIL, [address])
        except OSError:
            logger.warning("the invitation of staff %s could not be mailed", staff_id)

    transaction.on_commit(send)
    return link if settings.SHOW_INVITATION_LINKS else ""


def first_page(user: User) -> str:
    """Return the path where a person comes in: to choose a password once, or to sign in as always."""
    if user.has_usable_password():
        return reverse("portal:sign-in")
    user_id = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("portal:welcome", args=[user_id, default_token_generator.make_token(user)])
