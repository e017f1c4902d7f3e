"""One judge: keywords, what a model was taught, and the nearest examples of topics it was not."""

from routing.classify import TopicIndex, TopicSource
from routing.understanding.training import Example, fit
from tests.routing.understanding.questions import ASKED

RETURNS, INVOICE, DELIVERY, MATTER, GONE = 1, 2, 3, 4, 5
TAUGHT = {"returns": RETURNS, "invoice": INVOICE, "delivery": DELIVERY}
MODEL = fit(
    [
        *(Example(text, str(TAUGHT[name])) for name, texts in ASKED.items() for text in texts),
        Example("Do you sell gift cards?", str(GONE)),
        Example("I would like to buy a gift card", str(GONE)),
    ]
)
SOURCES = [
    TopicSource(RETURNS, None, ("退货",), ("保修",), ASKED["returns"][:2]),
    TopicSource(INVOICE, None, ("发票",)),
    TopicSource(DELIVERY, None, ("快递",)),
    TopicSource(MATTER, None, ("Matter",), (), ("Does the hub speak Matter and HomeKit?",)),
]
ALONE, WITH_MODEL = TopicIndex.of(SOURCES), TopicIndex.of(SOURCES, MODEL)


def test_what_the_model_was_taught_is_told() -> None:
    assert ALONE.judge("has my parcel arrived yet").topic_id is None
    verdict = WITH_MODEL.judge("has my parcel arrived yet")
    assert verdict.topic_id == DELIVERY
    assert 0.5 < verdict.confidence <= 1


def test_keywords_keep_counting() -> None:
    assert MODEL.judge("保修").label is None
    verdict = WITH_MODEL.judge("保修")
    assert verdict.topic_id == RETURNS
    assert "保修" in verdict.words


def test_a_topic_newer_than_the_model_is_told_by_its_examples() -> None:
    assert WITH_MODEL.judge("does it speak HomeKit or Matter").topic_id == MATTER


def test_a_topic_that_is_gone_is_never_told() -> None:
    assert MODEL.judge("do you sell a gift card").best == str(GONE)
    assert WITH_MODEL.judge("do you sell a gift card").topic_id != GONE


def test_a_strange_text_stays_unknown() -> None:
    for text in ("", "😀" * 9, "天上的星星真亮", "x" * 100_000):
        verdict = WITH_MODEL.judge(text)
        assert verdict.topic_id is None
        assert verdict.confidence < 0.3
