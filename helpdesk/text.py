"""What a text is made of: its language and its tokens, the same for routing and for knowledge."""

import re
import unicodedata
from collections.abc import Iterator

# Texts come from strangers. Whatever reads them looks at no more than this many characters.
LONGEST = 100_000
# Normalising reorders runs of combining marks in quadratic time, so long texts are taken in pieces.
_PIECE = 256

HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_SCRIPTS = re.compile(
    rf"(?P<han>[{HAN}]+)"
    r"|(?P<kana>[\u3040-\u30ff\u31f0-\u31ff]+)"
    r"|(?P<latin>[a-z\u00df-\u00f6\u00f8-\u024f]+(?:['\u2019][a-z]+)*)"
    r"|(?P<other>[^\W\d_]+)"
)
_PIECES = re.compile(rf"[{HAN}]+|[^\W_{HAN}]+(?:['\u2019-][^\W_{HAN}]+)*")
_HAN_RUN = re.compile(rf"[{HAN}]+")
_INVISIBLE = re.compile(
    r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\x00-\x08\x0e-\x1f\x7f]"
)
_SPACE = re.compile(r"\s+")


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


# Latin script is English unless its small words say otherwise; short greetings carry neither.
_ENGLISH = _words(
    """
    the a an is are was were am be been i you he she it we they my your his her its our their
    this that these those to of in on at for with from by and or but not no do does did have has
    had can could will would should may what when where who why how which there here please
    thanks hello hi hey yes if so as about just been any some i'm it's don't can't i've didn't
    doesn't won't isn't order refund
    """
)
_NOT_ENGLISH = (
    _words(
        """
        der die das und ist nicht ich sie wir ein eine mit auf bitte danke wie kann mein meine
        für haben habe warum wo
        le la les un une des et est pas je vous nous avec pour dans bonjour merci comment mon ma
        mes où pourquoi suis
        el los las una y es no yo usted con para por hola gracias cómo mi mis dónde está qué
        quiero puedo tengo
        il lo gli e non sono che di per ciao grazie come mio mia dove perché ho vorrei
        o os as um uma não eu você com para obrigado olá meu minha onde porque está quero
        het een en niet ik hoe waar met voor bedankt mijn kan wat
        och är inte jag hur var med för tack min
        """
    )
    - _ENGLISH
)


def normalise(text: str, limit: int = LONGEST) -> str:
    """Return the text with width, letter case, invisible characters and spaces made even."""
    text = text[:limit]
    if text.isascii():
        return _SPACE.sub(" ", _INVISIBLE.sub("", text)).strip().lower()
    pieces = (
        unicodedata.normalize("NFKC", text[at : at + _PIECE]) for at in range(0, len(text), _PIECE)
    )
    even = _INVISIBLE.sub("", "".join(pieces)[: 2 * limit])
    return _SPACE.sub(" ", even).strip().lower()


def language_of(text: str) -> str:
    """Return "zh", "en" or "other", and "" when the text has no letters to judge by.

    A Han character weighs as much as a Latin word, so `我的 H2 gateway 没到` is Chinese.
    """
    weights = {"han": 0, "kana": 0, "latin": 0, "other": 0}
    words: list[str] = []
    for match in _SCRIPTS.finditer(normalise(text, 4_000)):
        script = match.lastgroup or "other"
        weights[script] += 1 if script == "latin" else len(match.group())
        if script == "latin" and len(words) < 400:
            words.append(match.group().replace("\u2019", "'"))
    if not any(weights.values()):
        return ""
    if weights["kana"] * 5 > weights["han"]:
        return "other"
    if weights["han"] >= max(weights["latin"], weights["other"]):
        return "zh"
    if weights["other"] > weights["latin"]:
        return "other"
    return "en" if _reads_as_english(words) else "other"


def _reads_as_english(words: list[str]) -> bool:
    english = sum(word in _ENGLISH for word in words)
    foreign = sum(word in _NOT_ENGLISH or not word.isascii() for word in words)
    return foreign <= english


def tokens(text: str, limit: int = LONGEST) -> list[str]:
    """Return words (folded to a plain stem) for alphabets and overlapping character pairs for Han.

    A Han run of one character is a token by itself. Numbers and codes such as hg-20418 stay whole.
    """
    return list(_tokens(normalise(text, limit)))


def _tokens(even: str) -> Iterator[str]:
    for match in _PIECES.finditer(even):
        piece = match.group()
        if not _HAN_RUN.match(piece):
            yield stem(piece)
        elif len(piece) == 1:
            yield piece
        else:
            yield from (piece[at : at + 2] for at in range(len(piece) - 1))


def has_han(text: str) -> bool:
    """Say whether the text contains a Chinese character."""
    return _HAN_RUN.search(text) is not None


def stem(word: str) -> str:
    """Return the English word without its plainest endings, so that "returned" meets "returns"."""
    word = word.replace("\u2019", "'").removesuffix("'s")
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    for ending, instead in (("sses", "ss"), ("ies", "y"), ("ss", "ss"), ("us", "us"), ("s", "")):
        if word.endswith(ending):
            word = word[: -len(ending)] + instead
            break
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    return word.removesuffix("e") if len(word) > 4 else word
