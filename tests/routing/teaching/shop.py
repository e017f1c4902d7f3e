"""Many questions to a shop, in both languages, made of few words."""

from itertools import product

from helpdesk.models import Topic, TopicExample
from routing.understanding.model import TopicModel
from routing.understanding.training import Example, fit
from tests.factories import World

THINGS = (
    "earbuds", "speaker", "lamp", "charger", "cable", "camera", "hub", "watch", "耳机", "音箱", "台灯",
    "充电器", "数据线", "摄像头", "网关", "手表",
)  # fmt: skip
SAID = {
    "退货": (
        "how do I send back the {}",
        "I do not want the {} any more",
        "怎么退掉{}",
        "{}不想要了",
    ),
    "发票": (
        "I need an invoice for the {}",
        "VAT number for the {} please",
        "{}的发票抬头",
        "给{}开票",
    ),
    "物流": (
        "where is the parcel with the {}",
        "the {} is not delivered",
        "{}到哪里了",
        "{}几天送到",
    ),
}


def asked(name: str) -> list[str]:
    """Return what customers ask about a topic, 64 questions."""
    return [form.format(thing) for thing, form in product(THINGS, SAID[name])]


def open_shop(world: World, *, examples: int = 64) -> dict[str, Topic]:
    """Give the world the shop's topics, with so many examples each."""
    topics = {name: world.topic(name, world.support) for name in SAID}
    with world.transaction():
        for name, topic in topics.items():
            TopicExample.objects.bulk_create(
                TopicExample(topic=topic, text=text) for text in asked(name)[:examples]
            )
    return topics


def taught(topics: dict[str, Topic], *, swapped: bool = False) -> TopicModel:
    """Return a model of the shop's questions; a swapped one has them all wrong."""
    names = list(topics)
    labels = [*names[1:], names[0]] if swapped else names
    return fit(
        [
            Example(text, str(topics[label].pk))
            for name, label in zip(names, labels, strict=True)
            for text in asked(name)
        ]
    )
