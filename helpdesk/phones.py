"""Phone numbers as the whole world writes them, so that the same one is found however it was typed."""

import re

import phonenumbers

# The longest that is read; nobody's number is longer, whatever stands between its digits.
LONGEST = 60
_WHOLE = re.compile(r"\+[1-9]\d{7,14}")
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
