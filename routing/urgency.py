"""How urgent a text is, 0 to 100, with the reasons kept: a pure function of words, marks, tier and wait."""

import re
from dataclasses import dataclass
from datetime import timedelta

from routing.classify import gist

DEFAULT_BASE = 20

# Each sign closes this share of the distance to 100; signs of one kind count once.
_SIGNS: tuple[tuple[str, float, str], ...] = (
    (
        "danger",
        0.80,
        "着火|起火|冒烟|爆炸|漏电|触电|受伤|烫伤|烧焦|烧了|鼓包|自燃|中毒"
        r"|\b(?:fire|smok(?:e|ing)|explod\w*|explosion|electric shock|electrocuted|injur\w+|burn(?:t|ed|ing)"
        r"|hazard|overheat\w*|bleeding)\b",
    ),
    (
        "security",
        0.65,
        "被盗|盗刷|盗号|诈骗|泄露|被骗|不是我本人|陌生人登录"
        r"|\b(?:stolen|fraud\w*|scam\w*|hacked|unauthori[sz]ed|phishing|leaked|compromised)\b",
    ),
    (
        "complaint",
        0.50,
        "投诉|曝光|起诉|律师|12315|消协|消费者协会|工商局|媒体|维权|差评|赔偿|法院"
        r"|\b(?:complain\w*|lawyer|sue|legal action|lawsuit|chargeback|refund me now|trading standards"
        r"|consumer protection|compensat\w+)\b",
    ),
    (
        "outage",
        0.40,
        "全部断连|瘫痪|用不了|无法使用|不能用|停产|停工|崩溃|宕机|全部离线"
        r"|\b(?:outage|down for|is down|are down|stopped working|completely broken|unusable|can'?t work)\b",
    ),
    (
        "haste",
        0.40,
        "紧急|加急|急(?=[!,.。啊呀死求]|$)|着急|很急|好急|急急|急用|急需|急死|马上|立刻|立即|尽快|赶紧|火速|来不及|今天之内|今天就要|今天下午|今晚"
        r"|\b(?:urgent\w*|asap|immediately|right now|right away|emergency|as soon as possible|hurry"
        r"|by tomorrow|today|tonight|deadline)\b",
    ),
    (
        "anger",
        0.35,
        "气死|生气|愤怒|垃圾|太差|骗子|欺骗|坑人|忍无可忍|受够|无语|太过分|不负责|恶心|失望|什么破|搞什么"
        r"|\b(?:angry|furious|ridiculous|unacceptable|terrible|awful|disgust\w*|worst|useless|fed up|outrag\w*"
        r"|disappoint\w*|rubbish|liars?|joke)\b",
    ),
    (
        "repeated",
        0.25,
        "还没有?(?:收到|到|处理|解决|回复|发货|退)|一直(?:没|不)|多次|第[二三四五]次|又(?:坏|断|错)|等了|催了|没人(?:理|管|回)"
        r"|\b(?:still (?:not|no|waiting|haven'?t|hasn'?t)|again and again|third time|second time"
        r"|no one (?:answers|replies)|nobody (?:answers|replies)|waiting for (?:days|weeks|hours)"
        r"|how much longer|yet again)\b",
    ),
)
_COMPILED = tuple((kind, share, re.compile(pattern)) for kind, share, pattern in _SIGNS)
_CALM = re.compile(
    "不着急|不急|不用急|不紧急|没那么急|有空再|慢慢来|方便的时候"
    r"|\b(?:not (?:that |very |so )?urgent|no (?:rush|hurry)|whenever you|when you have time|take your time)\b"
)
_THANKS = re.compile(
    r"谢谢|感谢|辛苦了|好的|没问题|解决了|搞定|\b(?:thanks?|thank you|cheers|perfect|solved|great)\b"
)
_MARKS = re.compile(
    r"[!]{2,}|[?]{3,}|[!?]{3,}|[\U0001f620-\U0001f624\U0001f92c\U0001f4a2\U0001f62d]"
)
_SHOUTED = re.compile(r"\b[A-Z]{4,}\b")
_TIERS = {"important": 0.10, "vip": 0.20}


@dataclass(frozen=True, slots=True)
class Urgency:
    """A judgement with its reasons as (kind, what was met)."""

    score: int
    reasons: tuple[tuple[str, str], ...] = ()
    # The customer thanks and asks for nothing.
    is_thanks: bool = False


def judge_urgency(
    text: str,
    *,
    base: int = DEFAULT_BASE,
    tier: str = "",
    waited: timedelta = timedelta(0),
) -> Urgency:
    """Return the urgency of one message, starting from the topic's own: nothing in a text lowers it."""
    # "Not urgent" says neither that it is, nor that the customer may be left waiting.
    even = _CALM.sub(" ", gist(text))
    met = [
        (kind, share, match.group())
        for kind, share, pattern in _COMPILED
        if (match := pattern.search(even))
    ]
    met += _loudness(text, even)
    if _TIERS.get(tier):
        met.append(("tier", _TIERS[tier], tier))
    minutes = max(waited.total_seconds(), 0) / 60
    if minutes >= 1:
        met.append(("wait", 0.4 * min(minutes / 60, 1.0), str(round(minutes))))
    rest = 1.0
    for _kind, share, _word in met:
        rest *= 1 - share
    score = base + (100 - base) * (1 - rest)
    reasons = tuple((kind, word[:40]) for kind, _share, word in met)
    is_thanks = not met and bool(_THANKS.search(even))
    return Urgency(min(100, max(0, round(score))), reasons, is_thanks)


def _loudness(text: str, even: str) -> list[tuple[str, float, str]]:
    marks = _MARKS.search(even)
    shouted = _SHOUTED.findall(text[:2_000])
    loud: list[tuple[str, float, str]] = []
    if marks:
        loud.append(("marks", 0.12, marks.group()))
    if len(shouted) >= 3:
        loud.append(("shouting", 0.12, shouted[0]))
    return loud


def follow(previous: int, judged: Urgency, *, base: int = DEFAULT_BASE) -> int:
    """Return the urgency once the customer writes after our answer: up at once, down slowly or when thanked.

    Without an answer between, what customers write never lowers it.
    """
    if judged.score >= previous or judged.is_thanks:
        return judged.score
    return max(judged.score, round(base + 0.75 * (previous - base)) if previous > base else 0)
