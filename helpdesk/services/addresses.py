"""Mail addresses and subjects as people write them: read, checked, on one line."""

import re
from email.utils import getaddresses

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.utils.translation import gettext as _

from helpdesk.errors import Invalid

Address = tuple[str, str]  # the address in lower case, its domain in ASCII, and the name beside it

MOST_ADDRESSES = 20
_LONGEST_LIST = 8_000
_LONGEST_NAME = 200
_SEPARATORS = str.maketrans({"，": ",", "；": ",", ";": ",", "、": ","})
_ANSWER = re.compile(
    r"^\s*(?:(?:re|fw|fwd|aw|wg|sv|回复|答复|转发)\s*(?:\[\d+\])?\s*[:：]\s*)+", re.I
)
# What would begin another header or another recipient, and what turns or hides text.
_UNSAFE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)
_is_mail = EmailValidator()


def read_addresses(text: str, *, field: str) -> list[Address]:
    """Return the addresses that somebody listed, divided by commas or semicolons.

    Raises Invalid for what is no address, for more than 20, and for control characters.
    """
    if not text.strip():
        return []
    if len(text) > _LONGEST_LIST:
        raise Invalid(_("That are too many addresses."), field=field, limit=MOST_ADDRESSES)
    if _UNSAFE.search(text):
        raise Invalid(_("An address must be on one line."), field=field)
    parts = [part for part in getaddresses([text.translate(_SEPARATORS)]) if any(part)]
    if len(parts) > MOST_ADDRESSES:
        raise Invalid(_("That are too many addresses."), field=field, limit=MOST_ADDRESSES)
    if not parts:
        raise Invalid(_("This is no list of mail addresses."), field=field)
    return [(read_address(address, field=field), name[:_LONGEST_NAME]) for name, address in parts]


def read_address(text: str, *, field: str) -> str:
    """Return one address, in lower case and with its domain in ASCII; raises Invalid when it is none."""
    address = text.strip().lower()
    local, _at, domain = address.rpartition("@")
    try:
        address = f"{local}@{domain.encode('idna').decode('ascii')}"
        local.encode("ascii")
        _is_mail(address)
    except (UnicodeError, ValidationError) as error:
        raise Invalid(
            _("“%(address)s” is no mail address.") % {"address": text.strip()[:80]}, field=field
        ) from error
    return address


def without_tag(address: str) -> str:
    """Return an address without what follows a plus sign, as our reply addresses carry it."""
    local, at, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}{at}{domain}"


def bare_subject(subject: str) -> str:
    """Return a subject without the words that mark answers."""
    return _ANSWER.sub("", subject).strip()


def one_line(text: str) -> str:
    """Return a text without line breaks, other controls and invisible characters."""
    return " ".join(_UNSAFE.sub(" ", text).split())
