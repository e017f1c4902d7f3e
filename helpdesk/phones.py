"""Phone numbers as the whole world writes them, so that the same one is found however it was typed."""

import re

import phonenumbers
from phonenumbers import PhoneNumberType

# The longest that is read; nobody's number is longer, whatever stands between its digits.
LONGEST = 60
_WHOLE = re.compile(r"\+[1-9]\d{7,14}")
_SIP = re.compile(r"sips?:[A-Za-z0-9._~+%-]{1,60}@[A-Za-z0-9.:-]{1,55}")
# Numbers that cost whoever calls them: a stranger could leave one to be called back at.
_COSTLY = {PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST}
_NUMBER = re.compile(r"\+?\d{6,15}")


def e164(text: str, country: str = "") -> str:
    """Return a number as `+8613812345678`, read as in `country` without its prefix; empty when it is none."""
    text = text.strip()
    if len(text) > LONGEST:
        return ""
    try:
        found = phonenumbers.parse(text, country or None)
    except phonenumbers.NumberParseException:
        return ""
    written = phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164)
    # Vendors also know numbers by which their countries cannot be called any more: those stay as they are.
    is_number = phonenumbers.is_possible_number(found) or _WHOLE.fullmatch(text) is not None
    return written if is_number and found.extension is None else ""


def is_number(address: str) -> bool:
    """Tell whether an address on a channel is a phone number, rather than an id that the vendor gave out."""
    return _NUMBER.fullmatch(address.rpartition(":")[2]) is not None


def is_costly(number: str) -> bool:
    """Tell whether calling a number, written as `e164` does, costs more than a call."""
    try:
        found = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.number_type(found) in _COSTLY


def call_address(text: str) -> str:
    """Return where a colleague is called: a number, or an address of an exchange; empty when it is neither."""
    text = text.strip()
    return text if _SIP.fullmatch(text) else e164(text)
