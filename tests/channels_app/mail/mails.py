"""Mails that customers write, as their clients send them, and what was kept of them."""

from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP


@dataclass(frozen=True)
class Kept:
    """One event that was new to the store, and how it was given."""

    subject: str
    reason: str
    is_backlog: bool
    raw: bytes


KEPT: list[Kept] = []


def written(number: int | str = 1, text: str = "怎么退货?", **headers: str) -> bytes:
    """Return one mail as it travels."""
    mail = EmailMessage(SMTP)
    fields = {
        "From": "Ann <ann@shop.example>",
        "To": "help@ours.example",
        "Subject": f"退货 {number}",
        "Date": "Sun, 22 Nov 2026 08:00:00 +0800",
        "Message-ID": f"<{number}@shop.example>",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    for name, value in fields.items():
        mail[name] = value
    mail.set_content(text)
    return mail.as_bytes()
