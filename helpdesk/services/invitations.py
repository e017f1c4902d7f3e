"""Invitations by mail, the same words for everybody, whether the address has a user or not."""

import logging

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.utils.translation import gettext as _

from helpdesk.models import Staff

logger = logging.getLogger(__name__)


def send_later(staff: Staff, link: str) -> None:
    """Mail the link once the transaction has committed."""
    subject = _("Invitation to %(organization)s") % {"organization": staff.organization.label}
    text = _("Open this link to join:\n\n%(link)s") % {"link": link}
    address, staff_id = staff.user.email, staff.pk

    def send() -> None:
        try:
            send_mail(subject, text, settings.DEFAULT_FROM_EMAIL, [address])
        except OSError:
            logger.warning("the invitation of staff %s could not be mailed", staff_id)

    transaction.on_commit(send)
