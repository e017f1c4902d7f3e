"""The forms in which mail programs announce what they quote or forward."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["reply", "forward"]

HEADER_LINES = 5  # "On ... wrote:" is wrapped over a few lines at most
REPEATED_FIELDS = 4  # copies, blind copies, where to answer
BLOCK_LINES = 24  # a long list of recipients is wrapped too
# Invisible characters go, emphasis goes, full-width letters and signs become the plain ones.
_PLAIN: dict[int, int | str | None] = {
    **dict.fromkeys(map(ord, "\u200b\u200e\u200f\u202a\u202c\ufeff*")),
    **{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)},
    0x00A0: " ",
    0x3000: " ",
}

_RULE = re.compile(r"[-_=*—–─━]{3,}")
_FRAME = " \t-_=*—–─━>~"
_ORIGINAL = re.compile(
    r"original(?: message| mail)?|reply message|replied message|"
    r"原始邮件|原邮件|原始信息|原始訊息|原始郵件|原郵件|原文|邮件原文|回复的原邮件|回复的邮件|回覆的郵件|"
    r"来自.{1,40}的邮件|"
    r"urspr(?:ü|ue?)ngliche nachricht|originalnachricht|antwort nachricht|oprindelig meddelelse|"
    r"original ?meddelande|ursprungligt meddelande|opprinnelig melding|alkuperäinen viesti|"
    r"message d['’]origine|message original|mensaje original|mensagem original|messaggio originale|"
    r"oorspronkelijk bericht|исходное сообщение|пересылаемое сообщение|oryginalna wiadomość|"
    r"wiadomość oryginalna|původní zpráva|元のメッセージ|원본 메시지|원본 메일",
    re.IGNORECASE,
)
_FORWARDED = re.compile(
    r"forwarded (?:message|mail|by .{1,60})|fwd message|"
    r"转发邮件信息|转发的邮件|转发的原邮件|转发邮件|转发信息|轉寄郵件|轉寄的郵件|轉寄者.{0,60}|轉寄訊息|"
    r"weitergeleitete nachricht|message transféré|mensaje reenviado|mensagem encaminhada|"
    r"messaggio inoltrato|doorgestuurd bericht|пересланное сообщение|"
    r"przekazana wiadomość|vidarebefordrat meddelande|転送メッセージ|전달된 메시지",
    re.IGNORECASE,
)
_BEGINS_FORWARD = re.compile(
    r"(?:begin forwarded message|inizio messaggio inoltrato|début du message réexpédié|"
    r"début du message transféré|anfang der weitergeleiteten nachricht|inicio del mensaje reenviado|"
    r"início da mensagem reencaminhada|begin doorgestuurd bericht|начало переадресованного сообщения|"
    r"(?:以下|下面)?是?被?(?:开始)?转发的(?:邮件|信息)|開始轉寄郵件|以下是轉寄的郵件)\s*:",
    re.IGNORECASE,
)

_FIELDS = {
    "from": (
        "from|reply-to|发件人|发信人|寄件者|寄件人|發件人|von|de|da|van|fra|från|od|от кого|"
        "от|差出人|보낸 사람|lähettäjä"
    ),
    "date": (
        "sent|date|发送时间|发送日期|发件时间|时间|日期|傳送時間|寄件日期|寄件時間|發送時間|"
        "傳送日期|時間|gesendet|datum|envoyé|"
        "date d['’]envoi|message du|enviado(?: el)?|fecha|data|inviato|verzonden|sendt|skickat|"
        "wysłano|дата|отправлено|送信日時|보낸 날짜|lähetetty"
    ),
    "to": (
        "to|cc|bcc|收件人|收件者|收信人|抄送|密送|副本|an|à|a|para|aan|til|till|do|кому|копия|"
        "copie à|kopie|kopia|宛先|받는 사람|vastaanottaja"
    ),
    "subject": (
        "subject|主题|主旨|主題|标题|betreff|objet|sujet|asunto|assunto|oggetto|onderwerp|"
        "emne|ämne|temat|тема|件名|제목|aihe"
    ),
}
_FIELD = re.compile(
    "(?:^|(?<=[\\s;>,]))(?:"
    + "|".join(f"(?P<{kind}>{names})" for kind, names in _FIELDS.items())
    + r")[ *]{0,3}:",
    re.IGNORECASE,
)
_SPACED_CHINESE = re.compile(r"^([主抄密日时主题]) +([题送期间])")
_TABLE_ROW = re.compile(r"^\| *([^|]{1,12}?) *\|")

_VERB = re.compile(
    r"写道|寫道|写信|书写|wrote|writes|sent|schrieb|schreef|a écrit|escribió|escreveu|ha scritto|skrev|"
    r"napisała?|написала?|пишет|kirjoitti|írta|napsala?|yazdı|さんは書きました|作成|작성|님이|"
    r"geschreven|geschrieben",
    re.IGNORECASE,
)
_VERB_LAST = re.compile(
    r"(?:写道|寫道|wrote|writes|sent|schrieb|schreef|écrit|escribió|escreveu|scritto|skrev|napisała?|"
    r"написала?|пишет|kirjoitti|írta|napsala?|yazdı|작성|geschreven|geschrieben)[ \"”]{0,2}:?[-—\s]{0,12}$",
    re.IGNORECASE,
)
_OPENS = re.compile(
    r"[-—\s]{0,12}(?:(?:on|at|le|am|il|el|em|op|den|dnia|w dniu|in data|na|dne|vào|pada)\s|[在于於]\s?\d|在\s)",
    re.IGNORECASE,
)
_YEAR = r"(?:19|20)\d\d"
_DATE = re.compile(
    rf"\b{_YEAR}\b|{_YEAR}[年년]|\d{{1,2}}[./-]\d{{1,2}}[./-]\d{{2,4}}|\d{{1,2}}月\d{{1,2}}日"
    r"|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.? \d|"
    r"\b\d{1,2}\.? (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)",
    re.IGNORECASE,
)
_TIME = re.compile(r"\d{1,2}[:.h]\d\d|\d{1,2}[点點时時]")
_HAS_ADDRESS = re.compile(r"\S@\S")
_ONLY_ADDRESS_WROTE = re.compile(
    r"[<(\[]\s?\S+@\S+\s?[>)\]]\s*(?:wrote|写道|寫道)\s*:$", re.IGNORECASE
)


@dataclass(frozen=True)
class Announcement:
    """Where the lines that announce a quotation begin and end, and what they announce."""

    start: int
    end: int
    kind: Kind


def plain(line: str) -> str:
    """Return the line as it is compared: without invisible characters, emphasis and outer space."""
    if line.isascii():
        return line.replace("*", "").strip()
    return line.translate(_PLAIN).strip()


def is_quoted(line: str) -> bool:
    """Tell whether the line carries the mark of a quotation."""
    return line.startswith(">") and not line.startswith(">=")


def announcement_at(
    lines: Sequence[str], at: int, fields: dict[int, frozenset[str]]
) -> Announcement | None:
    """Return what the lines, already plain, announce from there on.

    The fields of the lines are remembered between calls, for blocks of them overlap.
    """
    line = lines[at]
    if not line:
        return None
    framed = line.strip(_FRAME)
    is_framed = len(line) - len(framed) >= 4 and len(line) < 200
    if (is_framed and _FORWARDED.fullmatch(framed)) or _BEGINS_FORWARD.fullmatch(line):
        return Announcement(at, at + 1, "forward")
    if is_framed and _ORIGINAL.fullmatch(framed.rstrip(":").rstrip()):
        return Announcement(at, at + 1, "reply")
    return _attribution(lines, at) or _block(lines, at, fields)


def _attribution(lines: Sequence[str], at: int) -> Announcement | None:
    """Find "On ... wrote:" that begins here, be it wrapped over several lines."""
    if not _may_open(lines, at):
        return None
    joined = ""
    for end in range(at, min(at + HEADER_LINES, len(lines))):
        if not lines[end]:
            return None
        # A later line that opens one by itself has the better claim.
        if end > at and _opens_with_date(lines[end]):
            return None
        joined = f"{joined} {lines[end]}".lstrip() if joined else lines[end]
        if len(joined) > 600:
            return None
        if _is_attribution(joined, before_quote=_quote_follows(lines, end + 1)):
            return Announcement(at, end + 1, "reply")
    return None


def _opens_with_date(line: str) -> bool:
    # In Chinese the date follows the name: it opens nothing there.
    return not line.startswith(("于", "於")) and bool(_OPENS.match(line) and _DATE.search(line))


def _may_open(lines: Sequence[str], at: int) -> bool:
    line = lines[at]
    if _OPENS.match(line) or _ONLY_ADDRESS_WROTE.search(line[-200:]):
        return True
    if line.startswith("--") and _VERB_LAST.search(line[-40:]):
        return True
    if _DATE.search(line[:160]):
        return True
    # Gmail in Chinese puts the name and the address first: the date may stand on the next line.
    following = lines[at + 1] if at + 1 < len(lines) else ""
    return "<" in line and _opens_after_address(f"{line} {following}")


def _opens_after_address(text: str) -> bool:
    _, _, rest = text[:300].partition(">")
    return rest.lstrip().startswith(("于", "於", "在"))


def _is_attribution(text: str, *, before_quote: bool) -> bool:
    if _ONLY_ADDRESS_WROTE.search(text[-200:]):
        return True
    last, is_said = text[-1], bool(_VERB_LAST.search(text[-40:]))
    if not is_said and last not in ":>":
        return False
    if is_said and text.startswith("--") and text.endswith("--"):
        return True
    has_date, has_time = bool(_DATE.search(text)), bool(_TIME.search(text))
    has_address = bool(_HAS_ADDRESS.search(text))
    if not has_date and not (has_time and has_address):
        return False
    if not (has_time or has_address or before_quote):
        return False
    if is_said:
        is_certain = last in ":-—" or has_address or before_quote
        return is_certain and (last not in "-—" or text.startswith("--"))
    if last == ":":
        is_named = bool(_VERB.search(text)) and bool(_OPENS.match(text))
        return is_named or before_quote or (has_address and text[-2:-1] in (">", ")"))
    return last == ">" and has_address and before_quote


def _quote_follows(lines: Sequence[str], at: int) -> bool:
    for line in lines[at : at + 3]:
        if line:
            return is_quoted(line)
    return False


def _block(lines: Sequence[str], at: int, fields: dict[int, frozenset[str]]) -> Announcement | None:
    """Find From, Sent, To and Subject that begin here, or the rule and the title above them."""
    start = at
    while at < len(lines) and at - start < 4 and _is_ornament(lines[at]):
        at += 1
    block = _Block(end=at, is_ruled=at > start)
    for index in range(at, min(at + BLOCK_LINES, len(lines))):
        if index not in fields:
            fields[index] = _fields(lines[index])
        if index == at and not fields[index] & {"from", "date", "to"}:
            return None
        if not block.takes(lines[index], fields[index], index):
            break
    return Announcement(start, block.end, "reply") if block.is_convincing() else None


@dataclass
class _Block:
    """The fields of a letter's head, as far as they were read."""

    end: int
    is_ruled: bool
    kinds: frozenset[str] = frozenset()
    has_address: bool = False
    has_moment: bool = False
    repeated: int = 0
    strangers: int = 0

    def takes(self, line: str, found: frozenset[str], index: int) -> bool:
        """Read one more line and tell whether the head may go on after it."""
        if found:
            self.repeated += found <= self.kinds
            self.kinds |= found
            self.end, self.strangers = index + 1, 0
            self.has_address |= "@" in line
            self.has_moment |= "date" in found and bool(_DATE.search(line) and _TIME.search(line))
            return self.repeated <= REPEATED_FIELDS
        self.strangers += 1
        self.has_address |= self.strangers == 1 and line.startswith("<") and "@" in line
        # One blank line between two fields is the work of a converter; a wrapped list has none.
        return self.strangers <= (3 if line else 1) and "subject" not in self.kinds

    def is_convincing(self) -> bool:
        """Tell a letter's head from "From: Beijing, To: Shanghai, Date: 5 May", which is a journey."""
        is_certain = self.is_ruled or self.has_moment
        if "from" not in self.kinds:
            is_dated = len(self.kinds) >= 2 and "date" in self.kinds
            return is_dated and self.has_address and is_certain
        is_named = self.has_address or "subject" in self.kinds
        return is_named and (len(self.kinds) >= 3 or (len(self.kinds) == 2 and is_certain))


def _is_ornament(line: str) -> bool:
    """Tell whether the line may stand above a block: a rule, or a title between dashes."""
    if not line or _RULE.fullmatch(line):
        return True
    is_title = len(line) <= 80 and line.startswith("---") and line.endswith("---")
    return is_title or bool(_ORIGINAL.fullmatch(line[:60]))


def _fields(line: str) -> frozenset[str]:
    if row := _TABLE_ROW.match(line):
        line = f"{row[1]}: "
    line = _SPACED_CHINESE.sub(r"\1\2", line)
    if not _FIELD.match(line):
        return frozenset()
    matches = _FIELD.finditer(line)
    return frozenset(match.lastgroup for match in matches if match.lastgroup)
