"""Letters that were made to do harm where they are shown: always the same ones for the same seed."""

import base64
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice

from tests import hostile_markup as markup
from tests.channels_app.mail import letters_made as made

MAILBOX = "service@shop.example"
SEED = 20260101
MUTATED = 90
# What would run says so where every page can be asked.
PWN = "alert(top.__pwn=window.__pwn=1)"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
NAMES = markup.lines(markup.NAMES)
SENDERS = markup.lines(markup.SENDERS)
FILE_NAMES = markup.lines(markup.FILE_NAMES)
# What files claim to be, and what they are.
FILES = {
    "image/svg+xml": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="PWN"/>',
    "image/png": b"<!doctype html><script>PWN</script>",
    "image/gif": b"GIF89a/*" + b"<script>PWN</script>" + b"*/=1;PWN",
    "image/jpeg": PIXEL,
    "text/html": b"<!doctype html><script>PWN</script><img src=http://HOST/file.png>",
    "application/xhtml+xml": b'<html xmlns="http://www.w3.org/1999/xhtml"><script>PWN</script></html>',
    "text/xml": b'<?xml-stylesheet href="http://HOST/x.xsl"?><x xmlns:h="http://www.w3.org/1999/xhtml"/>',
    "text/javascript": b"PWN",
    "text/css": b"@import url(http://HOST/file.css);",
    "text/plain": b"<script>PWN</script>",
    "text/calendar": b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:<script>PWN</script>\nEND:VEVENT\n",
    "application/pdf": b"%PDF-1.4\n1 0 obj<</S/JavaScript/JS(PWN)/OpenAction 1 0 R>>endobj\n%%EOF",
    "application/x-msdownload": b"MZ\x90\x00\x03",
    "multipart/x-mixed-replace;boundary=x": b"--x\nContent-Type: text/html\n\n<script>PWN</script>\n--x--",
    "message/rfc822": b"Subject: x\nContent-Type: text/html\n\n<script>PWN</script>",
    'text/html";x="': b"<script>PWN</script>",
    "application/octet-stream": b"\x89PNG\r\n\x1a\n<script>PWN</script>",
    "image/webp": b"RIFF\x00\x00\x00\x00WEBP<script>PWN</script>",
}
HEADERS = [
    b"Reply-To: <script>PWN</script> <reply@HOST>, victim@HOST",
    b'Cc: "\'><img src=x onerror=PWN>" <one@HOST>, two@HOST, <script>@HOST',
    b"To: " + MAILBOX.encode() + b', "Zoe\\"><svg onload=PWN>" <three@customer.example>',
    b"Cc: =?utf-8?B?WmXDqw0KQmNjOiB2aWN0aW1ASE9TVA==?= <folded@customer.example>",
    b'References: <a"><script>PWN</script>@x> <b@x\r\n Bcc: victim@HOST> ' + b"<c@x> " * 50,
    b"In-Reply-To: <x>\r\n\tSubject: forged <y@x>",
    b"Disposition-Notification-To: reader@HOST\nReturn-Receipt-To: reader@HOST",
    b"List-Unsubscribe: <http://HOST/unsubscribe>, <javascript:PWN>",
    b"Authentication-Results: shop.example; dmarc=pass header.from=HOST <script>PWN</script>",
    b"X-Face: <script>PWN</script>\nFace: PWN\nX-Image-URL: http://HOST/face.png",
    b"Auto-Submitted: auto-replied",
    b"Content-Location: http://HOST/\nContent-Base: http://HOST/",
]


@dataclass(frozen=True)
class HostileLetter:
    """One mail, and the word by which it is found wherever it is shown."""

    mark: str
    raw: bytes


def hostile_letters(host: str = "canary.example", seed: int = SEED) -> list[HostileLetter]:
    """Return all of them: each trap once or more, in every shape a mail has; they ask only `host`."""
    source = random.Random(seed)
    bodies = [*markup.BODIES, *islice(markup.mutated(source), MUTATED)]
    letters = []
    for number, body in enumerate(bodies):
        shape = SHAPES[number % len(SHAPES)]
        letters.append((number, shape(number, body, source)))
    numbers = count(len(bodies))
    letters += [(next(numbers), raw) for raw in _special(source)]
    return [HostileLetter(_mark(number), _armed(raw, number, host)) for number, raw in letters]


def sample(letters: list[HostileLetter], size: int, seed: int = SEED) -> list[HostileLetter]:
    """Return some of them, the same ones each time, from every part of the list."""
    source, step = random.Random(seed), len(letters) / size
    return [letters[int(at * step + source.random() * step)] for at in range(size)]


def linking(letters: list[HostileLetter]) -> HostileLetter:
    """Return one whose link leads to a page."""
    return next(letter for letter in letters if b"/ping-target" in letter.raw)


def again(letter: HostileLetter) -> HostileLetter:
    """Return the same letter once more, as an answer to itself."""
    mark = f"{letter.mark}-again"
    own = f"Message-ID: <{letter.mark}@h.example>".encode()
    fields = f"Message-ID: <{mark}@h.example>\nIn-Reply-To: <{letter.mark}@h.example>"
    return HostileLetter(mark, letter.raw.replace(own, fields.encode(), 1))


def _mark(number: int) -> str:
    return f"letter-{number:04}"


def _armed(raw: bytes, number: int, host: str) -> bytes:
    names = {b"PWN": PWN, b"HOST": f"t{number}.{host}", b"MARK": _mark(number)}
    for name, value in names.items():
        raw = raw.replace(name, value.encode())
    return raw


def _word(text: str, source: random.Random) -> bytes:
    """Return a text as a header carries it: encoded, or as bytes that no header may have."""
    if source.random() < 0.3:
        return text.replace("\r\n", " ").encode()
    # Marks are put in later, so that words of three letters stay whole in base64 too.
    armed = text.replace("PWN", PWN).encode()
    return b"=?utf-8?B?" + base64.b64encode(armed) + b"?="


def _header(number: int, source: random.Random, *fields: bytes) -> bytes:
    name = source.choice(NAMES)
    local = source.choice(SENDERS) if number % 4 == 0 else f"h{number}"
    subject = source.choice([*NAMES, *markup.BODIES])
    lines = [
        b"From: " + _word(name, source) + b" <" + f"{local}@h{number}.example>".encode(),
        b"To: " + MAILBOX.encode(),
        b"Subject: MARK " + _word(subject, source),
        b"Message-ID: <MARK@h.example>",
        b"MIME-Version: 1.0",
    ]
    if number % 3 == 0:
        lines.append(source.choice(HEADERS))
    return b"".join(line + b"\n" for line in (*lines, *fields))


def _html(body: str) -> bytes:
    return made.html(f"<html><body><p>MARK</p>{body}<p>after</p>")


def _only_html(number: int, body: str, source: random.Random) -> bytes:
    return _header(number, source) + _html(body)


def _with_text(number: int, body: str, source: random.Random) -> bytes:
    text = made.plain(f"MARK\n{body}\n\n-- \n{source.choice(NAMES)}")
    return made.posted("alternative", text, _html(body), header=_header(number, source))


def _with_picture(number: int, body: str, source: random.Random) -> bytes:
    shown = made.part("image/png", PIXEL, b"Content-ID: <picture>", b"Content-Disposition: inline")
    named = made.part(
        "image/png", PIXEL, b'Content-ID: <x" onerror="PWN>', b"Content-Disposition: inline"
    )
    traps = '<img src="cid:picture"><img src=\'cid:x" onerror="PWN\'>'
    return made.posted("related", _html(traps + body), shown, named, header=_header(number, source))


def _with_file(number: int, body: str, source: random.Random) -> bytes:
    mime, data = source.choice(list(FILES.items()))
    name = source.choice(FILE_NAMES).encode().replace(b'"', b'\\"')
    how = b'Content-Disposition: attachment; filename="' + name + b'"'
    file = made.part(mime, data.replace(b"PWN", PWN.encode()), how)
    return made.posted("mixed", _html(body), file, header=_header(number, source))


def _forwarded(number: int, body: str, source: random.Random) -> bytes:
    inner = _header(number + 10_000, source) + _html(body)
    outer = made.html("<p>MARK see below</p>")
    return made.posted("mixed", outer, made.forwarded(inner), header=_header(number, source))


SHAPES = (_only_html, _with_text, _with_picture, _with_file, _forwarded)


def _special(source: random.Random) -> Iterator[bytes]:
    """Yield letters whose trap is not in their HTML."""
    numbers = count(1_000)
    html = _html("<img src=x onerror=PWN><script>PWN</script><img src=http://HOST/p.png>")
    for charset in ("utf-7", "utf-16le", "iso-2022-jp", "hz-gb-2312", "x-user-defined", "gb18030"):
        kind = f"Content-Type: text/html; charset={charset}\n\n".encode()
        for data in (b"<p>MARK</p>+ADw-script+AD4-PWN+ADw-/script+AD4-\x1b$B<script>PWN</script>",
                     b"<p>MARK</p>\x81<img src=x onerror=PWN>~{<script>PWN</script>"):  # fmt: skip
            yield _header(next(numbers), source) + kind + data
    for name in source.sample(NAMES, 8):
        event = f"BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nSUMMARY:MARK {name}\nDTSTART:20260101T1000\n"
        event += (
            "LOCATION:http://HOST/room\nDESCRIPTION:<script>PWN</script>\nATTACH:http://HOST/a\n"
        )
        calendar = b"Content-Type: text/calendar; method=REQUEST\n\n" + event.encode()
        yield _header(next(numbers), source) + calendar + b"END:VEVENT\nEND:VCALENDAR\n"
        yield made.posted("alternative", html, calendar, header=_header(next(numbers), source))
    for name in source.sample(FILE_NAMES, 6):
        packed = made.winmail(
            (0x6900C, b"IPM\0"),
            (0x69003, made.properties((0x1013, b"<p>MARK</p><script>PWN</script>"))),
            (0x69002, b"\0" * 14),
            (0x6800F, FILES["image/svg+xml"]),
            (0x69005, made.properties((0x3707, name), (0x370E, "text/html"))),
        )
        file = made.part("application/ms-tnef", packed, b"Content-Disposition: attachment")
        yield made.posted("mixed", made.plain("MARK"), file, header=_header(next(numbers), source))
    for field in HEADERS:
        yield _header(next(numbers), source, field) + html
    for kind in (b"auto-replied", b"auto-generated"):
        yield _header(next(numbers), source, b"Auto-Submitted: " + kind) + html
    yield _header(next(numbers), source, b"Precedence: list\nList-Id: <script>PWN</script>") + html
    fields = b"Final-Recipient: rfc822; <script>PWN</script>@HOST\nAction: failed\nStatus: 5.1.1 <b>PWN\n"
    yield made.report(
        fields, made.forwarded(_header(next(numbers), source)), words=b"MARK <b>PWN\n"
    )
    yield _deep(source)


def _deep(source: random.Random) -> bytes:
    """Return one that is not read at all: its parts lie too deep in one another."""
    return made.nested(300).replace(made.HEADER, _header(2_000, source), 1)
