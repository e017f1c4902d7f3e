"""An invitation in a few lines, for a mail that says nothing else."""

import re
from datetime import datetime

_FOLD = re.compile(r"\r?\n[ \t]")
_PROPERTY = re.compile(r"(?m)^([A-Z-]{1,40})((?:;[^:\r\n]{0,500})?):([^\r\n]{0,4000})")
_SHOWN = ("SUMMARY", "DTSTART", "DTEND", "LOCATION", "DESCRIPTION")
_INSTANT = re.compile(r"(\d{8})(?:T(\d{4})\d{0,2}(Z?))?")
_ZONE = re.compile(r"TZID=\"?([^;:\"]{1,60})")
_ESCAPES = {"\\n": "\n", "\\N": "\n", "\\,": ",", "\\;": ";", "\\\\": "\\"}
_ESCAPED = re.compile(r"\\[nN,;\\]")


def summary(calendar: str) -> str:
    """Return what the first event is about, when and where, without a word of our own."""
    _, begin, event = _FOLD.sub("", calendar[:100_000]).partition("BEGIN:VEVENT")
    said: dict[str, str] = {}
    for match in _PROPERTY.finditer(event.partition("END:VEVENT")[0] if begin else calendar):
        if match[1] in _SHOWN:
            said.setdefault(match[1], _shown(match[1], match[2], match[3]))
    when = " – ".join(said[name] for name in ("DTSTART", "DTEND") if said.get(name))
    lines = [said.get("SUMMARY", ""), when, said.get("LOCATION", ""), said.get("DESCRIPTION", "")]
    return "\n".join(line for line in lines if line.strip())


def _shown(name: str, parameters: str, value: str) -> str:
    if not name.startswith("DT"):
        return _ESCAPED.sub(lambda match: _ESCAPES[match.group()], value).strip()
    match = _INSTANT.fullmatch(value.strip())
    if match is None:
        return ""
    day, minute, is_utc = match[1], match[2] or "", match[3]
    try:
        when = datetime.strptime(day + (minute or "0000"), "%Y%m%d%H%M")  # noqa: DTZ007  (shown as written)
    except ValueError:
        return ""
    zone = _ZONE.search(parameters)
    place = "UTC" if is_utc else zone[1] if zone else ""
    return f"{when:%Y-%m-%d %H:%M} {place}".strip() if minute else f"{when:%Y-%m-%d}"
