"""What a delivery report says: by its format (RFC 3464), and by its words where it has none."""

import re

from ..letter import Bounce, Mailbox
from . import addresses, charsets, cleaning, fields
from .automatic import is_machine
from .headers import Headers, read_headers
from .tree import Budget, Node, read_tree

MOST_RECIPIENTS = 50
MOST_IDS = 10
LONGEST_REASON = 300
_LOOKED_AT = 20_000
_MOST_REPORT = 64 * 1024

_REPORTS = ("message/delivery-status", "message/global-delivery-status")
_ORIGINALS = ("message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers")
_SUBJECT = re.compile(
    r"退信|退件|投递失败|发送失败|未能送达|无法送达|无法投递|未送达|无法传递|延迟通知|延遲|undeliver|not deliver"
    r"|could not be delivered|delivery (?:status|failure|failed|problem|has failed|incomplete|delayed|notification)"
    r"|failure notice|returned mail|returned to sender|mail delivery|mail failure|delivery report|bounce"
    r"|non remis|unzustellbar|rejected",
    re.IGNORECASE,
)
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?<![\d.])([45])[0-5]\d(?=[ -])")
_MESSAGE_ID = re.compile(r"(?im)^[ \t>]{0,20}message-id[ \t]{0,5}:[ \t]{0,5}(<[^<>\s]{1,900}>)")
_RECIPIENT = re.compile(r"<([^<>\s@]{1,64}@[^<>\s@]{1,190})>")
_BARE_RECIPIENT = re.compile(r"(?<![\w.+-])([\w.+-]{1,64}@[\w-]{1,100}(?:\.[\w-]{1,60}){1,5})")
_KIND = re.compile(r"^\s{0,20}[\w-]{1,20}\s{0,20};")
_DELAYED = re.compile(
    r"delay|still being retried|will (?:be retried|keep trying|retry)|temporar|延迟|延遲|暂时|重试",
    re.IGNORECASE,
)
# Lines that tell why, the surest first.
_TELLING = (
    re.compile(r"\b[45]\d\d[ -]|\b[45]\.\d{1,3}\.\d{1,3}\b"),
    re.compile(
        r"原因|不存在|拒|已满|said:|reason|unknown|full|refused|no such|not found", re.IGNORECASE
    ),
    re.compile(r"失败|failed|undeliver|无法", re.IGNORECASE),
)


def read_bounce(root: Node, *, subject: str, sender: Mailbox, text: str) -> Bounce | None:
    """Return what the mail reports of another that was not delivered; None for all other mails."""
    report = next((node for node in root.walk() if node.mime in _REPORTS), None)
    groups = _groups(report) if report is not None else []
    failed = root.headers.all("x-failed-recipients")
    if _is_success(groups):
        return None
    is_report = report is not None and (root.mime == "multipart/report" or is_machine(sender))
    by_words = is_machine(sender) and (failed or _SUBJECT.search(subject) is not None)
    if not is_report and not by_words:
        return None
    words = text[:_LOOKED_AT]
    status = _first_of(groups, "status") or _found(_STATUS, words)
    return Bounce(
        message_ids=_message_ids(root, text),
        recipients=_recipients(groups, failed, words),
        status=status,
        reason=_reason(groups, words, subject),
        is_permanent=_is_permanent(groups, status, words, subject),
    )


def _groups(report: Node) -> list[Headers]:
    """Return the fields of each recipient that the report speaks of."""
    data = report.data(_MOST_REPORT)
    groups: list[Headers] = []
    at = 0
    while at < len(data) and len(groups) < MOST_RECIPIENTS:
        headers, after = read_headers(data, at, len(data))
        if any(headers.all(name) for name in ("final-recipient", "action", "status")):
            groups.append(headers)
        at = max(after, at + 1)
    return groups


def _is_success(groups: list[Headers]) -> bool:
    actions = {group.token("action") for group in groups} - {""}
    return bool(actions) and not actions & {"failed", "delayed"}


def _first_of(groups: list[Headers], name: str) -> str:
    values = (_found(_STATUS, group.text(name, 200)) for group in _worst_first(groups))
    return next((value for value in values if value), "")


def _worst_first(groups: list[Headers]) -> list[Headers]:
    return sorted(groups, key=lambda group: group.token("action") != "failed")


def _found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[1] if match is not None else ""


def _message_ids(root: Node, text: str) -> tuple[str, ...]:
    """Return the ids of the mail that came back: as it is attached, as quoted, as answered to."""
    found: dict[str, None] = {}
    for node in root.walk():
        if node.mime in _ORIGINALS and node is not root:
            headers = read_tree(node.data(_MOST_REPORT), Budget(nodes=1)).headers
            found[fields.message_id(headers)] = None
    if not any(found):
        quoted = _MESSAGE_ID.findall(text)[:MOST_IDS]
        found.update(dict.fromkeys(fields.ids([word.encode() for word in quoted])))
    if not any(found):
        answered = root.headers.all("in-reply-to") + root.headers.all("references")
        found.update(dict.fromkeys(fields.ids(answered)))
    found.pop("", None)
    return tuple(found)[-MOST_IDS:]


def _recipients(groups: list[Headers], failed: list[bytes], words: str) -> tuple[str, ...]:
    named = [
        group.first(name).rpartition(b";")[2]
        for group in _worst_first(groups)
        for name in ("final-recipient", "original-recipient")
    ]
    boxes = addresses.read_mailboxes((named + failed)[: 2 * MOST_RECIPIENTS])
    found = dict.fromkeys(box.address for box in boxes if box.address)
    if not found:
        written = (_RECIPIENT.findall(words) or _BARE_RECIPIENT.findall(words))[:1]
        found = dict.fromkeys(addresses.clean_address(word) for word in written)
        found.pop("", None)
    return tuple(found)[:MOST_RECIPIENTS]


def _reason(groups: list[Headers], words: str, subject: str) -> str:
    for group in _worst_first(groups):
        said = charsets.decode(group.first("diagnostic-code")[:4_000])
        if reason := cleaning.one_line(_KIND.sub("", said), LONGEST_REASON):
            return reason
    lines = [line[:1_000] for line in words.splitlines()]
    for telling in _TELLING:
        if line := next((line for line in lines if telling.search(line)), ""):
            return cleaning.one_line(line, LONGEST_REASON)
    return cleaning.one_line(subject, LONGEST_REASON)


def _is_permanent(groups: list[Headers], status: str, words: str, subject: str) -> bool:
    actions = {group.token("action") for group in groups}
    if "failed" in actions:
        return True
    if "delayed" in actions or status.startswith("4"):
        return False
    if status.startswith("5") or _found(_CODE, words) == "5":
        return True
    return not _DELAYED.search(subject) and not _DELAYED.search(words[:2_000])
