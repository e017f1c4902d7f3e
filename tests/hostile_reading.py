"""What is done with hostile letters by whoever has to read them, and what may leave in answer to them."""

import email
import re
from collections import Counter
from collections.abc import Sequence
from email import policy

import httpx

from tests.hostile_letters import MAILBOX, HostileLetter
from tests.hostile_screens import Reader

# Every how many letters of a sample the dialogs and the search are opened.
RARELY = 20
PLACES = ("/board/", "/?view=mine", "/?view=all", "/profile/")
REPORTS = (
    "/admin/channels_app/deliveryattempt/",
    "/admin/channels_app/dispatch/",
    "/admin/helpdesk/customer/",
    "/admin/helpdesk/auditentry/",
)
HEADERS = {
    *("from", "to", "cc", "reply-to", "subject", "date", "message-id", "in-reply-to", "references"),
    *("mime-version", "content-type", "content-transfer-encoding", "auto-submitted"),
    *("x-auto-response-suppress", "x-everydesk-loop"),
}


def walk(
    reader: Reader,
    letters: Sequence[HostileLetter],
    places: Sequence[str] = (*PLACES, *REPORTS),
    *,
    rarely: int = RARELY,
) -> None:
    """Look at letters on every screen, and see that nothing has happened that they wanted."""
    reader.visit("/?view=all")
    for at, letter in enumerate(letters):
        reader.thread(letter.mark)
        reader.files(letter.mark)
        if at % rarely == 0:
            reader.dialogs(letter.mark)
            reader.found(letter.mark)
    for path in places:
        reader.visit(path)
    sink, asked = reader.desk.sink, reader.desk.pictures()
    assert reader.misdeeds == [], reader.misdeeds[:5]
    assert sink.leaked == [], sink.leaked[:3]
    foreign = {_even(each) for each in sink.fetched if each} - {_even(each) for each in asked}
    assert not foreign, sorted(foreign)[:5]
    assert reader.pictures
    assert reader.seen >= 2 * len(letters)


def _even(address: str) -> str:
    """Return an address as it goes over the wire."""
    try:
        return str(httpx.URL(address).copy_with(username="", password="")).lower()
    except httpx.InvalidURL:  # which nobody can ask for
        return address.lower()


def strange_headers(raw: bytes) -> list[str]:
    """Return what a mail of ours says in its header that we have not written there."""
    mail = email.message_from_bytes(raw, policy=policy.default)
    names = Counter(name.lower() for name in mail)
    strange = [f"{name} x {count}" for name, count in names.items() if count > 1]
    strange += [name for name in names if name not in HEADERS]
    strange += [str(defect) for defect in mail.defects]
    if [each.addr_spec for each in mail["from"].addresses] != [MAILBOX]:
        strange.append(str(mail["from"]))
    head = raw.partition(b"\n\n")[0].partition(b"\r\n\r\n")[0]
    strange += [
        line.decode("latin-1")
        for line in re.split(rb"\r?\n", head)
        if not re.match(rb"[ \t]+\S|[A-Za-z-]+:( |$)", line) or b"\r" in line
    ]
    for part in mail.walk():
        name = part.get_filename() or ""
        if re.search(r"[\x00-\x1f\x7f/\\]", name):
            strange.append(f"file {name}")
    return strange
