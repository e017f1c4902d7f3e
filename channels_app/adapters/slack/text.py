"""Text as Slack writes it, and back: links and mentions in angle brackets, three characters escaped.

https://docs.slack.dev/messaging/formatting-message-text
"""

import re

_MARKED = re.compile(r"<([@#!A-Za-z][^<>\n]{0,4000})>")
_ESCAPES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


def plain(text: str) -> str:
    """Return what somebody reads of a text of theirs."""
    text = _MARKED.sub(lambda found: _shown(found[1]), text)
    for escaped, character in _ESCAPES:
        text = text.replace(escaped, character)
    return text


def escaped(text: str) -> str:
    """Return a text that Slack shows as it stands: no words of ours call a whole channel."""
    for escape, character in reversed(_ESCAPES):
        text = text.replace(character, escape)
    return text


def _shown(mark: str) -> str:
    target, _bar, label = mark.partition("|")
    if target.startswith("!date"):
        return label
    if target.startswith(("@", "#", "!")):
        name = label.lstrip("@#") or target[1:].removeprefix("subteam^")
        return f"{'#' if target[0] == '#' else '@'}{name}"
    target = target.removeprefix("mailto:").removeprefix("tel:")
    is_same = not label or target.rstrip("/").endswith(label.rstrip("/"))
    return target if is_same else f"{label} ({target})"
