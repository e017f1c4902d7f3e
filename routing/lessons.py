"""What an organization's model of topics learns from: examples, corrections, and what people resolved.

Every fifth text, chosen by what it says, is never taught: versions are compared by these.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from operator import itemgetter
from typing import NamedTuple

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, JSONObject, Left

from helpdesk.models import Conversation, Direction, Entry, Message, State, Topic, TopicExample
from routing.classify import READ_END, READ_START, content_tokens, gist
from routing.models import Objection

# With less a model is surer of itself than it should be; keywords and examples work alone then.
LEAST_EACH = 8
LEAST_TOGETHER = 100
LEAST_HELD = 10
MOST_TEXTS = 10_000
# All together; a question has about a hundred, a letter up to 2,000.
MOST_CHARACTERS = 1_500_000
MOST_HELD = 1_000
MOST_CONVERSATIONS = 50_000
# Newest conversations of each topic: what people said of a topic counts for more than silence.
CORRECTED_EACH = 500
RESOLVED_EACH = 50
_PIECES = 3
_LONGEST = READ_START + READ_END
_AT_ONCE = 500
_NO_NUMBER = 2**31 - 1


class Text(NamedTuple):
    """A customer's text in even form, and the topic that people gave it."""

    text: str
    topic_id: int


@dataclass(frozen=True, slots=True)
class Lesson:
    """What may be taught, and what is held back.

    `fingerprint` changes with what people have said; `conversation_ids` are those that were only resolved.
    """

    taught: Sequence[Text]
    held: Sequence[Text]
    names: dict[int, str]
    fingerprint: str
    conversation_ids: Sequence[int]

    @property
    def is_enough(self) -> bool:
        """Tell whether a model could be taught that knows how much it knows."""
        topics = {one.topic_id for one in self.taught}
        is_compared = len(self.held) >= LEAST_HELD
        return len(topics) >= 2 and len(self.taught) >= LEAST_TOGETHER and is_compared


@dataclass(slots=True)
class _Pile:
    """Texts by topic, the best witnesses first; equal texts count once, for the first topic."""

    texts: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    _seen: set[str] = field(default_factory=set)

    def add(self, topic_id: int, text: str) -> None:
        """Keep a text that says something and was not there yet."""
        even = gist(text)[:_LONGEST]
        if even not in self._seen and content_tokens(even):
            self._seen.add(even)
            self.texts[topic_id].append(even)

    def in_turn(self) -> list[Text]:
        """Return the first of each topic, then the second of each ..., as many as can be learned from."""
        ranked = sorted(
            (rank, topic_id, text)
            for topic_id, texts in self.texts.items()
            for rank, text in enumerate(texts)
        )
        lengths = accumulate(len(text) for _rank, _topic_id, text in ranked)
        kept = sum(length <= MOST_CHARACTERS for length in lengths)
        return [Text(text, topic_id) for _rank, topic_id, text in ranked[: min(kept, MOST_TEXTS)]]


def gather() -> Lesson:
    """Return what the organization in scope has to teach; bounded in number and length of texts."""
    topics = list(
        Topic.objects.filter(is_active=True).order_by("pk").values_list("pk", "name", "name_en")
    )
    active = {pk for pk, _name, _name_en in topics}
    rows = TopicExample.objects.filter(topic__in=active).order_by("-pk")
    examples = list(rows.values_list("topic_id", "text")[:MOST_TEXTS])
    corrected, resolved = _conversations(active)
    pile = _Pile()
    for topic_id, text in examples:
        pile.add(topic_id, text)
    for topic_id, text in _spoken(corrected, _before_correction()):
        pile.add(topic_id, text)
    for topic_id, text in _spoken(resolved, _opening()):
        pile.add(topic_id, text)
    taught, held = _part(pile.in_turn())
    return Lesson(
        taught,
        held,
        names={pk: f"{name} {name_en}".strip() for pk, name, name_en in topics},
        fingerprint=_fingerprint(topics, examples, corrected),
        conversation_ids=list(resolved),
    )


def is_held_back(text: str) -> bool:
    """Tell whether a text is one of those that are never taught: the same one always is."""
    return hashlib.sha256(gist(text)[:_LONGEST].encode()).digest()[0] % 5 == 0


def _part(texts: Sequence[Text]) -> tuple[list[Text], list[Text]]:
    """Return what is taught, of topics with enough of it, and what is held back."""
    held = [one for one in texts if is_held_back(one.text)]
    rest = [one for one in texts if not is_held_back(one.text)]
    numbers = Counter(one.topic_id for one in rest)
    taught = [one for one in rest if numbers[one.topic_id] >= LEAST_EACH]
    return taught, held[:MOST_HELD]


def _conversations(active: set[int]) -> tuple[dict[int, int], dict[int, int]]:
    """Return the topics of conversations whose topic a person chose, and of those that one resolved.

    Newest first, so many of each topic at most.
    """
    by_person = Exists(
        Entry.objects.filter(
            conversation=OuterRef("pk"), kind=Entry.Kind.RESOLVED, actor__isnull=False
        )
    )
    is_over = Q(by_person, state__in=[State.RESOLVED, State.CLOSED])
    denied = Objection.objects.filter(
        conversation=OuterRef("pk"), topic=OuterRef("topic"), reason=Objection.Reason.TOPIC
    )
    is_said = Q(topic_is_fixed=True) | (is_over & ~Exists(denied))
    rows = Conversation.objects.filter(is_said, topic__in=active)
    newest = rows.order_by("-pk").values_list("pk", "topic_id", "topic_is_fixed")
    found: dict[bool, dict[int, int]] = {True: {}, False: {}}
    numbers: Counter[tuple[bool, int]] = Counter()
    for pk, topic_id, is_fixed in newest[:MOST_CONVERSATIONS]:
        most = CORRECTED_EACH if is_fixed else RESOLVED_EACH
        if numbers[is_fixed, topic_id] < most:
            numbers[is_fixed, topic_id] += 1
            found[is_fixed][pk] = topic_id
    return found[True], found[False]


def _before_correction() -> QuerySet[Message]:
    """Return what the customer had said last when somebody chose the topic."""
    said = _said().filter(entry__number__lt=Coalesce(OuterRef("chosen_number"), _NO_NUMBER))
    return said.order_by("-entry__number")


def _opening() -> QuerySet[Message]:
    """Return what the customer said first, without what was judged to be about something else."""
    said = _said().filter(Q(topic__isnull=True) | Q(topic=OuterRef("topic")))
    return said.order_by("entry__number")


def _said() -> QuerySet[Message]:
    return Message.objects.filter(
        conversation=OuterRef("pk"), direction=Direction.IN, withdrawn_at__isnull=True
    )


def _spoken(topic_of: dict[int, int], said: QuerySet[Message]) -> Iterator[tuple[int, str]]:
    """Yield topic and text of conversations, in the order given; `said` is a query for one of them."""
    choices = Entry.objects.filter(conversation=OuterRef("pk"), kind=Entry.Kind.TOPIC_CHANGED)
    last = Subquery(choices.order_by("-number").values("number")[:1])
    pieces = said.annotate(
        piece=JSONObject(number="entry__number", text=Left("text", _LONGEST))
    ).values("piece")
    ids = list(topic_of)
    for start in range(0, len(ids), _AT_ONCE):
        part = ids[start : start + _AT_ONCE]
        rows = Conversation.objects.filter(pk__in=part).annotate(chosen_number=last)
        rows = rows.annotate(said=ArraySubquery(pieces[:_PIECES]))
        found = {
            pk: [subject, *(piece["text"] for piece in sorted(said, key=itemgetter("number")))]
            for pk, subject, said in rows.values_list("pk", "subject", "said")
            if said
        }
        yield from ((topic_of[pk], "\n".join(found[pk]).strip()) for pk in part if pk in found)


def _fingerprint(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
