"""What a text is about and how urgent it is: pure functions over a prepared index of topics.

Keywords always count. What examples teach comes from a trained model, whose labels are the ids of
topics, for the topics it knows, and from the nearest example for all others.

"Unknown" is an answer. The best topic is named only when it scores enough by itself and leads the
next unrelated one by a margin; when two children of one topic compete, their parent is named.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from helpdesk.text import has_han, normalise, tokens

if TYPE_CHECKING:
    # Only who has a model loads what models are made of.
    from routing.understanding.model import TopicModel

# A first message says what it is about early; the end of a long one repeats it.
READ_START = 1_500
READ_END = 500
MINIMUM_SCORE = 0.30
MINIMUM_MARGIN = 0.05
# A description is written by colleagues for colleagues: it says less than what customers write.
DESCRIPTION_SHARE = 0.7

_STOP = frozenset(
    """
    a an the i me my we our you your he she it its they them this that these those is are was were
    be been am do do doe did don don't can could will would shall should may might must to of in on
    at for with from by and or but not no so if as about just than then there here what when where
    who why how which have has had ha hav get got please plea thank thanks hi hello hey want need
    like know tell ask question help i'm i've it it's any some up out off new one
    """.split()  # noqa: SIM905  (reads better than a list)
)
_STOP_HAN = frozenset(
    """
    你好 您好 请问 问一 一下 怎么 么办 我的 我想 想问 可以 以吗 是不 不是 什么 时候 的吗 了吗 有没 没有
    谢谢 这个 那个 我们 你们 咨询 想咨 帮我 我要 能不 不能 能否 如何 多少 是什 为什
    """.split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class TopicSource:
    """What an organization says of one topic."""

    id: int
    parent_id: int | None = None
    names: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    description: str = ""
    base_urgency: int = 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """The topic of a text, or None for unknown; `words` are the keywords that were met."""

    topic_id: int | None
    confidence: float = 0.0
    runner_up_id: int | None = None
    runner_up_confidence: float = 0.0
    words: tuple[str, ...] = ()


UNKNOWN = Verdict(None)


@dataclass(frozen=True, slots=True)
class _Keyword:
    shown: str
    needle: str
    is_han: bool
    weights: tuple[tuple[int, float], ...]


def gist(text: str) -> str:
    """Return the part of a text that is worth reading, its start and its end, in even form."""
    if len(text) > READ_START + READ_END:
        text = f"{text[:READ_START]} {text[-READ_END:]}"
    return normalise(text)


def content_tokens(even: str) -> list[str]:
    """Return the tokens that carry meaning."""
    return [token for token in tokens(even) if token not in _STOP and token not in _STOP_HAN]


@dataclass(slots=True)
class TopicIndex:
    """An organization's topics, prepared once and asked many times."""

    sources: dict[int, TopicSource]
    model: "TopicModel | None" = None
    _keywords: list[_Keyword] = field(default_factory=list)
    _idf: dict[str, float] = field(default_factory=dict)
    _postings: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    # The topic that each example speaks for, and how much.
    _examples: list[tuple[int, float]] = field(default_factory=list)

    @classmethod
    def of(cls, sources: Iterable[TopicSource], model: "TopicModel | None" = None) -> "TopicIndex":
        """Prepare the index; topics that are gone from the model's labels are passed over."""
        index = cls({source.id: source for source in sources}, model)
        index._prepare_keywords()
        index._prepare_examples()
        return index

    def _prepare_keywords(self) -> None:
        holders: dict[str, dict[int, float]] = defaultdict(dict)
        shown: dict[str, str] = {}
        for source in self.sources.values():
            named = [(name, 0.45) for name in source.names]
            for phrase, weight in [*named, *((word, 0.60) for word in source.keywords)]:
                even = normalise(phrase, 80)
                needle = even if has_han(even) else " ".join(tokens(even))
                if not needle or needle in _STOP or needle in _STOP_HAN:
                    continue
                shown.setdefault(needle, phrase)
                holders[needle][source.id] = max(weight, holders[needle].get(source.id, 0))
        for needle, by_topic in holders.items():
            is_han = has_han(needle)
            # One character, or a word that many topics share, says little.
            share = (0.5 if is_han and len(needle) == 1 else 1.0) / math.sqrt(len(by_topic))
            weights = tuple((topic, weight * share) for topic, weight in by_topic.items())
            self._keywords.append(_Keyword(shown[needle], needle, is_han, weights))

    def _prepare_examples(self) -> None:
        documents: list[tuple[int, float, Counter[str]]] = []
        for source in self.sources.values():
            told = [(text, 1.0) for text in (*source.names, *source.examples)]
            for text, share in (*told, (source.description, DESCRIPTION_SHARE)):
                counted = Counter(content_tokens(gist(text)))
                if counted:
                    documents.append((source.id, share, counted))
        topics_with: dict[str, set[int]] = defaultdict(set)
        for topic_id, _share, counted in documents:
            for token in counted:
                topics_with[token].add(topic_id)
        total = len(self.sources) + 1
        self._idf = {
            token: math.log(1 + total / len(topics)) for token, topics in topics_with.items()
        }
        postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for number, (topic_id, share, counted) in enumerate(documents):
            self._examples.append((topic_id, share))
            for token, weight in self._unit(counted).items():
                postings[token].append((number, weight))
        self._postings = dict(postings)

    def _unit(self, counted: Mapping[str, int]) -> dict[str, float]:
        rare = math.log(1 + len(self.sources) + 1)
        weighed = {
            token: (1 + math.log(count)) * self._idf.get(token, rare)
            for token, count in counted.items()
        }
        length = math.sqrt(sum(weight * weight for weight in weighed.values())) or 1.0
        return {token: weight / length for token, weight in weighed.items()}

    def judge(self, text: str) -> Verdict:
        """Return what the text is about; `topic_id` is None when that cannot be told."""
        even = gist(text)
        by_words, met = self._keyword_scores(even)
        by_examples = self._example_scores(even)
        by_examples |= self._taught_scores(text, by_examples)
        scores = {
            topic: score
            for topic in by_words.keys() | by_examples.keys()
            if (score := 1 - (1 - by_words.get(topic, 0.0)) * (1 - by_examples.get(topic, 0.0)))
        }
        if not scores:
            return UNKNOWN
        ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
        return self._decide(ranked, met)

    def _keyword_scores(self, even: str) -> tuple[dict[int, float], dict[int, list[str]]]:
        stems = f" {' '.join(tokens(even))} "
        hits = [
            keyword
            for keyword in self._keywords
            if (keyword.needle in even if keyword.is_han else f" {keyword.needle} " in stems)
        ]
        misses: dict[int, float] = defaultdict(lambda: 1.0)
        met: dict[int, list[str]] = defaultdict(list)
        for keyword in hits:
            # "运费" within a met "退货运费" says less than the longer word does.
            is_covered = any(
                keyword.needle in other.needle and keyword is not other for other in hits
            )
            for topic, weight in keyword.weights:
                misses[topic] *= 1 - weight * (0.5 if is_covered else 1.0)
                met[topic].append(keyword.shown)
        return {topic: 1 - miss for topic, miss in misses.items()}, met

    def _example_scores(self, even: str) -> dict[int, float]:
        counted = Counter(content_tokens(even))
        if not counted:
            return {}
        similarity: dict[int, float] = defaultdict(float)
        for token, weight in self._unit(counted).items():
            for number, other in self._postings.get(token, ()):
                similarity[number] += weight * other
        best: dict[int, float] = {}
        for number, cosine in similarity.items():
            topic, share = self._examples[number]
            best[topic] = max(cosine * share, best.get(topic, 0.0))
        return best

    def _taught_scores(self, text: str, by_examples: Mapping[int, float]) -> dict[int, float]:
        """Return what the model says of the topics it was taught; nothing speaks for a strange text.

        It knows nothing of the others: what their examples claim is not the model's to give away.
        """
        if self.model is None:
            return {}
        shares = self.model.probabilities(text)
        taught = {topic: shares[str(topic)] for topic in self.sources if str(topic) in shares}
        claimed = max(
            (by_examples[topic] for topic in by_examples.keys() - taught.keys()), default=0
        )
        return {topic: share * max(1 - claimed, 0) for topic, share in taught.items()}

    def _decide(self, ranked: list[tuple[int, float]], met: dict[int, list[str]]) -> Verdict:
        topic, score = ranked[0]
        rival = next((other for other in ranked[1:] if not self._is_line(topic, other[0])), None)
        # A narrower topic just behind its own ancestor says more than the ancestor does.
        for other, close in ranked[1:4]:
            if close > score - 2 * MINIMUM_MARGIN and topic in self._ancestors(other):
                topic = other
                break
        rival_id, rival_score = rival or (None, 0.0)
        words = tuple(met.get(topic, [])[:6])
        if score < MINIMUM_SCORE:
            return Verdict(None, score, topic, score, words)
        if score - rival_score < MINIMUM_MARGIN and rival_id is not None:
            parent = self.sources[topic].parent_id
            if parent is not None and parent == self.sources[rival_id].parent_id:
                return Verdict(parent, score, topic, score, words)
            return Verdict(None, score, topic, score, words)
        return Verdict(topic, round(score, 3), rival_id, round(rival_score, 3), words)

    def _ancestors(self, topic_id: int) -> list[int]:
        found: list[int] = []
        parent = self.sources[topic_id].parent_id
        while parent is not None and parent in self.sources and parent not in found:
            found.append(parent)
            parent = self.sources[parent].parent_id
        return found

    def _is_line(self, one: int, other: int) -> bool:
        return one in self._ancestors(other) or other in self._ancestors(one)
