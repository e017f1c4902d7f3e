"""What mail programs, companies and habit put below a letter."""

import re
from collections.abc import Sequence

SIGNATURE_LINES = 15
CLOSING_LINES = 8
SHORT = 60

_DELIMITER = re.compile(r"--|__|—{3,}|-{3,}|_{3,}|={3,}")
_LINK = re.compile(
    r"\s?(?:<https?://[^<>]{1,300}>|[(]\s?https?://[^()]{1,300}[)])|\shttps?://\S{1,300}$"
)
_APP = (
    r"(?:iphone|ipad|ipod|mac(?:book)?|outlook|foxmail|windows|android|安卓|hotmail|gmail|yahoo|雅虎|qq|"
    r"手机|手機|邮箱|郵箱|邮件|郵件|信箱|企业微信|微信|钉钉|飞书|客户端|平板|小米|红米|华为|荣耀|"
    r"魅族|三星|苹果|"
    r"huawei|honor|vivo|oppo|xiaomi|redmi|oneplus|samsung|galaxy|nokia|mailmaster|邮箱大师)"
)
_CHINESE_DEVICE = re.compile(
    rf"[-—\s]{{0,4}}(?:发自|發自|来自|來自|发送自|發送自|寄自|发送于)\s?(?:我的|于)?.{{0,20}}?{_APP}"
    r"[\w .+]{0,24}|"
    rf"(?:从|從|由|签名由|通过|透過|使用).{{0,24}}?{_APP}.{{0,12}}?(?:发送|發送|传送|傳送|寄出|发出|定制)|"
    rf"(?:获取|取得|獲取|下载|適用於|获取适用于).{{0,20}}?(?:outlook|app).{{0,20}}|"
    r"iphoneから送信|.{0,10}iphone에서 보냄",
    re.IGNORECASE,
)
_DEVICE = re.compile(
    r"[-—\s]{0,4}(?:sent (?:wirelessly )?(?:from|via|with|using|by|on)|get outlook for|get the app|via mobile$|"
    r"von meinem|gesendet (?:von|mit|über)|envoyé (?:de|depuis|à partir|avec|par|sans)|"
    r"enviado (?:desde|do|da|de|pelo|via|con)|"
    r"inviato (?:da|dal|con)|verstuurd (?:vanaf|van|met)|verzonden (?:vanaf|van|met)|"
    r"отправлено (?:с|из|от)|wysłan[eo] z|"
    r"skickat från|sendt fra|lähetetty|hol dir outlook|obtenir outlook|obtén outlook|"
    r"télécharger outlook)\b.{0,90}",
    re.IGNORECASE,
)
_DEVICE_WORD = re.compile(
    r"[A-Z0-9]|\b(?:phone|mobile|cell|tablet|device|smartphone|handy|mail|телефона?)\b"
)
_SPEAKS = re.compile(r"\d{1,2}[.)] |[-•] |.*[.?!:。]$|#")
_INSIDE_A_SENTENCE = re.compile(r"[,;:?。、]|[.!] ")
_CLOSING = re.compile(
    r"(?:(?:with )?(?:(?:my |our )?(?:best|kind|kindest|warm|warmest|many) )?(?:regards|wishes)|"
    r"(?:yours )?(?:sincerely|faithfully|truly)"
    r"(?: yours)?|(?:best|kind|warm) regards and thanks|mit freundlichen gr(?:ü|ue)(?:ß|ss)en|"
    r"(?:viele|beste|liebe) grüße|"
    r"(?:bien )?cordialement|(?:un )?saludos?(?: cordiales)?|cordiali saluti|distinti saluti|"
    r"atenciosamente|met vriendelijke groet(?:en)?|"
    r"с уважением|med vänlig(?:a)? hälsning(?:ar)?|pozdrawiam|"
    r"此致|敬礼|敬禮|此致\s?敬[礼禮]|顺颂商祺|順頌商祺|顺祝商祺|順祝商祺|商祺|顺颂时祺|時祺|"
    r"祝\s?商祺|祝好|祝安|敬上|"
    r"祝(?:您|你)?(?:工作|生活)?(?:愉快|顺利|順利)|致以(?:诚挚的)?(?:问候|敬意))[ ,.!。~]{0,3}",
    re.IGNORECASE,
)
_DISCLAIMER = re.compile(
    r"[\"'【\[(]?\s?(?:this (?:e-?mail|message|communication)(?: message)?,?(?: and| including|"
    r" contains| is| may| together| \().{0,60}"
    r"(?:confidential|intended|privileged|attach|proprietary)|the (?:information|"
    r"contents?).{0,30}(?:e-?mail|message).{0,60}(?:confidential|intended)|"
    r"confidentiality (?:notice|note)|disclaimer\s?:|privileged (?:and|/) ?confidential|"
    r"(?:本|此|该|這封|本封|这封)(?:电子)?(?:邮件|电邮|郵件|電子郵件|信件).{0,30}(?:保密|机密|"
    r"機密|附件|专有|商业秘密|仅供|僅供|指定)|"
    r"(?:保密|免责|法律|机密|免責)(?:声明|提示|须知|聲明|信息)|diese e-?mail (?:enthält|und)|"
    r"ce (?:message|courriel).{0,40}confidenti)",
    re.IGNORECASE,
)


def signature_starts(lines: Sequence[str]) -> int:
    """Return the index of the first plain line that only signs what stands above; their number if none does."""
    below = _count_below(lines)
    for index, line in enumerate(lines):
        if line and _begins_signature(lines, index, below[index]):
            return index
    return len(lines)


def is_device_line(line: str) -> bool:
    """Tell whether a mail program wrote this plain line about itself, as in "Sent from my iPhone"."""
    text = (_LINK.sub("", line) if "://" in line else line).strip(" .!")
    if not text or len(text) > 100:
        return False
    if _CHINESE_DEVICE.fullmatch(text):
        return True
    if _INSIDE_A_SENTENCE.search(text) or not _DEVICE.fullmatch(text):
        return False
    return len(text.split()) <= 12 and bool(_DEVICE_WORD.search(text[1:]))


def _begins_signature(lines: Sequence[str], index: int, below: int) -> bool:
    line = lines[index]
    if below > 2 * SIGNATURE_LINES:
        return False
    following = [other for other in lines[index + 1 :] if other]
    if line == "--":
        return below <= SIGNATURE_LINES
    if len(line) <= 120 and _DELIMITER.fullmatch(line):
        # A ruled line in a letter is a signature's only when few short lines follow.
        return 0 < below <= CLOSING_LINES and not any(map(_SPEAKS.match, following))
    if len(line) <= SHORT and _CLOSING.fullmatch(line):
        return _signs_more_than_a_name(following)
    return bool(_DISCLAIMER.match(line[:200]))


def _signs_more_than_a_name(following: list[str]) -> bool:
    # "Regards, Ann" is part of the letter; what is worth folding says who Ann is and where.
    said = [line for line in following if not _CLOSING.fullmatch(line[: SHORT + 1])]
    if len(said) < 2:
        return False
    for index, line in enumerate(said):
        if _DISCLAIMER.match(line[:200]) or line == "--":
            return index > 0
        if index >= CLOSING_LINES or len(line) > SHORT + 20 or line.endswith("?"):
            return False
    return True


def _count_below(lines: Sequence[str]) -> list[int]:
    counts, seen = [], 0
    for line in reversed(lines):
        counts.append(seen)
        seen += bool(line)
    return counts[::-1]
