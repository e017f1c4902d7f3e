"""Bytes to text where the charset is unknown, unsaid or a lie."""

import codecs
import re

from charset_normalizer import from_bytes

_NAME = re.compile(r"[a-z0-9][a-z0-9_.:+-]{0,39}")
# What senders write, and what their bytes then really are: the larger set that contains it.
_MEANT = {
    name: codec
    for codec, names in {
        "gb18030": "gb2312 gb_2312-80 gb_2312 gbk x-gbk gb18030 cp936 ms936 936 windows-936 euc-cn "
        "x-euc-cn csgb2312 chinese iso-ir-58 ansi936 gb",
        "big5hkscs": "big5 big5-hkscs cn-big5 x-x-big5 big-5 csbig5 cp950",
        "cp1252": "iso-8859-1 iso8859-1 latin1 latin-1 iso_8859-1 cp1252",
        "cp932": "shift_jis shift-jis sjis x-sjis ms_kanji windows-31j",
        "cp949": "ks_c_5601-1987 ks_c_5601 euc-kr ksc5601 korean",
        "utf-8": "utf8 utf-8 unicode-1-1-utf-8 utf_8 cp65001 utf8mb4 utf-8-sig",
        "iso2022_jp_ext": "iso-2022-jp",
        "cp1254": "iso-8859-9",
        "iso8859_8": "iso-8859-8-i",
        "cp874": "windows-874 tis-620",
        "utf-16": "unicode",
    }.items()
    for name in names.split(" ")
}
# Not charsets of letters, or quadratic in the length of what they decode.
_UNWANTED = {"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "mbcs", "oem"}
_ONE_BYTE = {"cp1252", "iso8859-1", "iso8859-15", "cp1251", "cp1250", "koi8-r", "mac-roman"}
# What mails without a charset are written in; the rest of what could be guessed is not meant.
_GUESSED = [
    *("cp1251", "koi8_r", "cp1252", "cp1250", "cp1253", "cp1254", "cp1255", "cp1256", "cp1258"),
    *("cp932", "euc_jp", "cp949", "big5", "gb18030", "cp874", "iso2022_jp", "utf_16"),
]
_SAMPLE = 4_096
# Below this, a guess by frequency takes one Western charset for another at random.
_TOO_SHORT_TO_GUESS = 200
_NOBODYS = re.compile("[\ue000-\uf8ff]")
_LEVEL_ONE = re.compile(rb"[\xb0-\xd7][\xa1-\xfe]")


def codec_of(claimed: str) -> str:
    """Return the codec to decode a claimed charset with; empty where the claim says nothing."""
    name = claimed.strip().strip("'\"").lower().partition("*")[0]
    if name in _MEANT:
        return _MEANT[name]
    if not _NAME.fullmatch(name):
        return ""
    try:
        codec = codecs.lookup(name)
    except (LookupError, ValueError):
        return ""
    # Not documented, but what bytes.decode itself asks: compression and the like are codecs too.
    if not getattr(codec, "_is_text_encoding", True) or codec.name in _UNWANTED:
        return ""
    return "" if codec.name == "ascii" else codec.name


def decode(data: bytes, claimed: str = "") -> str:
    """Return the text of the bytes: as claimed where that is possible and likely, as guessed elsewhere."""
    codec = codec_of(claimed)
    if data.isascii() and codec in ("", "utf-8", "gb18030", "cp1252"):
        return data.decode("ascii")
    as_utf8 = _strictly(data, "utf-8")
    if as_utf8 is not None and (codec in ("", "utf-8") or _is_surely_utf8(as_utf8, codec)):
        return as_utf8.removeprefix("\ufeff")
    if not codec:
        return _guessed(data)
    exact = _strictly(data, codec)
    return exact if exact is not None else _mended(data, codec)


def _strictly(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except (UnicodeError, LookupError):
        return None


def _is_surely_utf8(text: str, codec: str) -> bool:
    # Chinese in UTF-8 is often valid in other charsets too, as nonsense; hardly ever the other way.
    highest = max(text, default="")
    return highest >= "\u0800" or (codec in _ONE_BYTE and highest >= "\u0080")


def _mended(data: bytes, codec: str) -> str:
    """Return the text as claimed when few bytes are wrong, as guessed when many are."""
    replaced = data.decode(codec, "replace")
    if replaced.count("\ufffd") <= 1 + len(replaced) // 100:
        return replaced
    guessed = _guessed(data)
    return guessed if guessed.count("\ufffd") < replaced.count("\ufffd") else replaced


def _guessed(data: bytes) -> str:
    as_utf8 = data.decode("utf-8", "replace")
    broken = as_utf8.count("\ufffd")
    if broken and sum(letter > "\x7f" for letter in as_utf8[:_SAMPLE]) > 8 * broken:
        return as_utf8
    if _reads_as_chinese(data[:_SAMPLE]):
        return data.decode("gb18030", "replace")
    western = _strictly(data, "cp1252")
    if western is not None and len(data) < _TOO_SHORT_TO_GUESS and _is_mostly_ascii(data):
        return western
    best = from_bytes(_letters(data), steps=4, chunk_size=256, cp_isolation=_GUESSED).best()
    text = _strictly(data, best.encoding) if best is not None else None
    if text is not None:
        return text
    as_latin = data.decode("cp1252", "replace")
    return min(as_utf8, as_latin, key=lambda text: text.count("\ufffd"))


def _is_mostly_ascii(data: bytes) -> bool:
    return sum(byte > 0x7F for byte in data) * 3 < len(data)


def _reads_as_chinese(sample: bytes) -> bool:
    """Say whether most bytes beyond ASCII are characters of the everyday Chinese set."""
    high = sum(byte > 0x7F for byte in sample)
    common = 2 * len(_LEVEL_ONE.findall(sample))
    return common >= 0.6 * high > 0 and not _NOBODYS.search(sample.decode("gb18030", "ignore"))


def _letters(data: bytes) -> bytes:
    """Return a sample around the first byte beyond ASCII: what comes before tells nothing."""
    first = next((at for at, byte in enumerate(data[:1_000_000]) if byte > 0x7F), 0)
    return data[max(0, first - 64) : first + _SAMPLE]
