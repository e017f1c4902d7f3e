from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.urgency import follow, judge_urgency


def test_a_plain_question_keeps_the_urgency_of_its_topic() -> None:
    assert judge_urgency("怎么退货?", base=20).score == 20
    assert judge_urgency("How do I return this?", base=55).score == 55


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("充电器冒烟了", "danger"),
        ("the charger caught fire", "danger"),
        ("账号被盗了", "security"),
        ("this looks like fraud", "security"),
        ("我要投诉你们", "complaint"),
        ("I will call my lawyer", "complaint"),
        ("今天下午就要用", "haste"),
        ("this is URGENT", "haste"),
        ("太差了,垃圾", "anger"),
        ("this is unacceptable", "anger"),
        ("三天了还没收到", "repeated"),
        ("still no answer", "repeated"),
        ("在吗？？？？", "marks"),
        ("😡", "marks"),
        ("WHERE ARE ALREADY MISSING PARTS", "shouting"),
    ],
)
def test_signs_in_both_languages_raise_it_and_are_named(text: str, reason: str) -> None:
    judged = judge_urgency(text)
    assert reason in [kind for kind, _word in judged.reasons]
    assert judged.score > 20


def test_danger_outranks_haste_and_haste_outranks_a_plain_question() -> None:
    danger = judge_urgency("电池冒烟了").score
    haste = judge_urgency("请尽快").score
    assert danger > haste > judge_urgency("请问颜色").score


@pytest.mark.parametrize("text", ["不急，有空再看", "no rush, whenever you can", "不着急"])
def test_words_of_calm_are_no_haste_and_lower_nothing(text: str) -> None:
    assert judge_urgency(text).score == judge_urgency("怎么退货").score


@pytest.mark.parametrize("calm", ["不急", "no rush", "谢谢", "take your time"])
def test_no_words_take_back_what_others_say(calm: str) -> None:
    danger = judge_urgency("充电器冒烟了").score
    assert judge_urgency(f"{calm}，充电器冒烟了，{calm}").score >= danger


@given(st.text(max_size=100), st.text(max_size=100), st.integers(0, 100))
def test_nothing_that_is_written_is_below_its_topic(text: str, more: str, base: int) -> None:
    assert judge_urgency(text + more, base=base).score >= base


def test_tier_and_wait_raise_it() -> None:
    plain = judge_urgency("怎么退货").score
    assert judge_urgency("怎么退货", tier="vip").score > plain
    assert judge_urgency("怎么退货", tier="standard").score == plain
    short = judge_urgency("怎么退货", waited=timedelta(minutes=10)).score
    assert judge_urgency("怎么退货", waited=timedelta(hours=1)).score > short > plain


def test_a_conversation_rises_at_once_and_falls_slowly() -> None:
    angry = judge_urgency("太差了！！！我要投诉")
    assert follow(20, angry) == angry.score
    after = follow(angry.score, judge_urgency("订单号 HG-20418"))
    assert 20 < after < angry.score
    assert follow(angry.score, judge_urgency("好的谢谢")) == 20


@given(st.text(max_size=300), st.integers(0, 100), st.sampled_from(["", "vip", "important"]))
def test_it_stays_between_0_and_100(text: str, base: int, tier: str) -> None:
    judged = judge_urgency(text, base=base, tier=tier, waited=timedelta(days=3))
    assert 0 <= judged.score <= 100
    assert 0 <= follow(base, judged) <= 100


@pytest.mark.parametrize(
    "text",
    ["急" * 1_000_000, "still " * 200_000, "!?" * 500_000, "A" * 1_000_000, "\ufdfa" * 1_000_000],
)
def test_a_megabyte_of_anything_is_judged_by_its_start_and_end(text: str) -> None:
    assert 0 <= judge_urgency(text).score <= 100
