"""Address fields to mailboxes, in one pass whatever is in them (RFC 5322, and mails as they are)."""

import re
from dataclasses import dataclass, field
from unicodedata import normalize

from ..letter import Mailbox
from . import charsets, cleaning, encoded_words

MOST_MAILBOXES = 500
LONGEST_ADDRESS = 254
LONGEST_NAME = 200

_TOKEN = re.compile(encoded_words.ENCODED_WORD + rb'|\\.|["(),:;<>]', re.DOTALL)
_ADDRESS = re.compile(r"[^\s@<>\"(),:;\\\[\]]{1,64}@[^\s@<>\"(),:;\\]{1,190}")
_DOMAIN = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-fx.:ipv]{2,60}\]")
_UNQUOTED = re.compile(rb"\\(.)", re.DOTALL)


def read_mailboxes(values: list[bytes], charset: str = "") -> tuple[Mailbox, ...]:
    """Return the mailboxes of address fields, in order; groups are their members.

    What has no address is left out, unless nothing has one: then the names remain.
    """
    found = [box for value in values for box in _Scanner(charset).scan(value)]
    with_address = [box for box in found if box.address]
    return tuple((with_address or found)[:MOST_MAILBOXES])


def clean_address(written: str) -> str:
    """Return the address in lower case with its domain in ASCII; empty where it is none."""
    text = cleaning.one_line(written, 2 * LONGEST_ADDRESS)
    match = _ADDRESS.fullmatch(text.lower())
    # Nor is it one from whose midst a letter had to be taken.
    if match is None or text not in written or not _stays_itself(text):
        return ""
    local, _, domain = match.group().partition("@")
    domain = ascii_domain(domain)
    address = f"{local}@{domain}"
    return address if domain and len(address) <= LONGEST_ADDRESS else ""


def ascii_domain(written: str) -> str:
    """Return the domain in lower case and ASCII; empty where it is none, or only looks like one.

    IDNA makes plain letters of others and leaves some out: what it changes so is no name of a domain.
    """
    domain = normalize("NFC", written.lower()).rstrip(".")
    if not domain.isascii():
        try:
            encoded = domain.encode("idna")
            is_itself = _stays_itself(written) and encoded.decode("idna") == domain
        except UnicodeError:
            return ""
        domain = encoded.decode("ascii") if is_itself else ""
    return domain if _DOMAIN.fullmatch(domain) and ".." not in domain else ""


def _stays_itself(text: str) -> bool:
    """Say whether no letter beyond ASCII becomes one of ASCII in lower case, as the sign for kelvin does."""
    ascii_letters = text.encode("ascii", "ignore")
    return ascii_letters.lower() == text.lower().encode("ascii", "ignore")


@dataclass
class _Scanner:
    """Cuts an address field at the commas that are outside of quotes, comments and brackets."""

    charset: str
    name: list[bytes] = field(default_factory=list)
    comment: list[bytes] = field(default_factory=list)
    address: list[bytes] = field(default_factory=list)
    is_quoted: bool = False
    is_bracketed: bool = False
    depth: int = 0

    def scan(self, value: bytes) -> list[Mailbox]:
        boxes: list[Mailbox] = []
        at = 0
        for match in _TOKEN.finditer(value):
            self._keep(value[at : match.start()])
            at = match.end()
            token = match.group()
            if len(token) > 1 or not self._is_mark(token):
                self._keep(token)
            elif token in b",;" and self._finish(boxes):
                break
            elif token == b":":
                self._forget()
        self._keep(value[at:])
        self._finish(boxes)
        return boxes

    def _is_mark(self, token: bytes) -> bool:
        """Follow quotes, comments and brackets; say whether the token ends a mailbox or names a group."""
        if token == b'"' and not self.depth:
            self.is_quoted = not self.is_quoted
            return True
        if self.is_quoted:
            return False
        if token in b"()":
            self.depth = self.depth + 1 if token == b"(" else max(0, self.depth - 1)
            return True
        if self.depth:
            return False
        if token in b"<>":
            self.is_bracketed = token == b"<"
            if self.is_bracketed:
                self.address.clear()
            return True
        return not self.is_bracketed

    def _keep(self, piece: bytes) -> None:
        if self.depth:
            self.comment.append(piece)
        elif self.is_bracketed:
            self.address.append(piece)
        else:
            self.name.append(piece)

    def _finish(self, boxes: list[Mailbox]) -> bool:
        """Add what was read, if it is anything; say whether there are enough."""
        name, comment = b"".join(self.name).strip(), b"".join(self.comment).strip()
        written = b"".join(self.address).strip()
        self._forget()
        whole = name
        if not written and b"@" in name:
            written, name = _bare(name)
        address = clean_address(charsets.decode(_route_cut(written[:1_000])))
        shown = self._shown(name if address else whole) or self._shown(comment)
        if address or shown:
            boxes.append(Mailbox(address, "" if shown.lower() == address else shown))
        return len(boxes) >= MOST_MAILBOXES

    def _shown(self, name: bytes) -> str:
        name = _UNQUOTED.sub(rb"\1", name[:4_096])
        return cleaning.one_line(encoded_words.decoded(name, self.charset), LONGEST_NAME)

    def _forget(self) -> None:
        for pieces in (self.name, self.comment, self.address):
            pieces.clear()
        self.is_bracketed = False


def _bare(name: bytes) -> tuple[bytes, bytes]:
    """Return the word with the @ and the rest, where no brackets say which is the address."""
    words = name[:2_000].split()
    word = next((word for word in words if b"@" in word), b"")
    return word.strip(b"<>,;"), b" ".join(other for other in words if other is not word)


def _route_cut(written: bytes) -> bytes:
    """Return the address without spaces and an old source route before it."""
    plain = written.replace(b" ", b"").replace(b"\t", b"")
    if plain.startswith(b"@") and b":" in plain:
        return plain.rpartition(b":")[2]
    return plain.removeprefix(b"mailto:")
