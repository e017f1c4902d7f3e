"""Random worlds, people and questions: what is found is what a look at every visible message finds."""

import random
from datetime import timedelta

import pytest
from django.utils import timezone

from helpdesk import permissions
from helpdesk.access import Access
from helpdesk.models import Conversation, Direction, Entry, Mention, Message, MessageWords, State
from helpdesk.reports.message_search import Place, Wanted, find_messages
from helpdesk.search.asking import parse
from helpdesk.services import indexing, timeline
from helpdesk.text import normalise
from tests.factories import World

WORDS = [
    "退款",
    "退",
    "申请退款",
    "货",
    "refund",
    "refunds",
    "order",
    "HG-20418",
    "退款order",
    "ａｂｃ",
    "x",
]
HAN = set("退款申请货")
GLUE = ["", " ", ",", "。", "-"]
ASKED = [
    "退款",
    "款",
    "申请退",
    "refund",
    "refunds",
    "ord",
    "hg-204",
    "abc",
    "x",
    "货",
    '"退款 order"',
    "20418",
]
CONVERSATIONS, MESSAGES, QUESTIONS = 14, 60, 60


class Chance:
    """Makes a world and questions about it, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def text(self) -> str:
        pieces = self.random.choices(WORDS, k=self.random.randint(1, 5))
        return "".join(piece + self.random.choice(GLUE) for piece in pieces)

    def fill(self, world: World) -> None:
        """Let conversations be anywhere and anybody's, with messages and people called in."""
        for number in range(CONVERSATIONS):
            pk = world.message(self.text(), visitor=f"v-{number}").conversation_id
            with world.transaction():
                self._place(world, Conversation.objects.get(pk=pk))
                conversation = timeline.lock(pk)
                for _each in range(self.random.randint(0, MESSAGES // CONVERSATIONS * 2)):
                    self._write(world, conversation)
                self._call_in(world, conversation)
                conversation.save()

    def _place(self, world: World, conversation: Conversation) -> None:
        departments = [world.support, world.sales]
        conversation.department = self.random.choice(departments)
        conversation.escalated_to = self.random.choice([None, None, *departments])
        if self.random.random() < 0.5:
            conversation.owner = self.random.choice(list(world.people.values()))
            conversation.queue, conversation.state = None, State.OPEN
        conversation.save()

    def _write(self, world: World, conversation: Conversation) -> None:
        author = self.random.choice([None, *world.people.values()])
        at = timezone.now() - timedelta(hours=self.random.randint(0, 5000))
        entry = timeline.add_entry(
            conversation, Entry.Kind.MESSAGE, at=at, actor_id=author and author.pk
        )
        directions = [Direction.OUT, Direction.NOTE] if author else [Direction.IN]
        message = Message.objects.create(
            entry=entry,
            conversation=conversation,
            direction=self.random.choice(directions),
            text=self.text(),
            client_ref=str(entry.number),
        )
        indexing.index(message)

    def _call_in(self, world: World, conversation: Conversation) -> None:
        now = timezone.now()
        for person in self.random.sample(list(world.people.values()), k=2):
            entry = timeline.add_entry(conversation, Entry.Kind.MENTIONED)
            Mention.objects.create(
                conversation=conversation,
                entry=entry,
                staff=person,
                at=now,
                access_until=now + timedelta(hours=self.random.choice([-1, 1])),
                ended_at=self.random.choice([None, now]),
            )

    def question(self, world: World) -> tuple[list[str], Wanted]:
        typed = self.random.sample(ASKED, k=self.random.randint(1, 2))
        narrowed = self.random.choice(
            [
                {},
                {},
                {"department_id": world.sales.pk},
                {"owner_id": world.carol.pk},
                {"author_id": self.random.choice(list(world.people.values())).pk},
                {"states": (State.OPEN,)},
                {"direction": self.random.choice(Direction.values)},
                {"since": timezone.now() - timedelta(hours=1000)},
                {"until": timezone.now() - timedelta(hours=1000)},
            ]
        )
        return typed, Wanted(query=parse(" ".join(typed)), **narrowed)


def may_see(access: Access, conversation: Conversation) -> bool:
    now = timezone.now()
    is_guest = any(
        mention.staff_id == access.staff_id and not mention.ended_at and mention.access_until > now
        for mention in conversation.mentions.all()
    )
    return access.may(permissions.CONVERSATION_VIEW, conversation, is_guest=is_guest)


def apart(text: str) -> list[str]:
    """Return the words of a text, each Chinese character one of them."""
    return "".join(
        f" {each} " if each in HAN else each if each.isalnum() else " " for each in normalise(text)
    ).split()


def says(text: str, asked: str) -> bool:
    """Look for one word, or a phrase in quotes, the slow way."""
    spaced, wanted, is_phrase = apart(text), apart(asked), asked.startswith('"')
    if set(wanted) <= HAN and not is_phrase:
        return asked in text
    for at in range(len(spaced) - len(wanted) + 1):
        *before, last = spaced[at : at + len(wanted)]
        is_last = last == wanted[-1] or (
            not is_phrase and len(wanted[-1]) > 2 and last.startswith(wanted[-1])
        )
        if before == wanted[:-1] and is_last:
            return True
    return False


def is_meant(message: Message, wanted: Wanted) -> bool:
    conversation, entry = message.conversation, message.entry
    return (
        wanted.department_id in {None, conversation.department_id}
        and wanted.owner_id in {None, conversation.owner_id}
        and wanted.author_id in {None, entry.actor_id}
        and (not wanted.states or conversation.state in wanted.states)
        and wanted.direction in {None, message.direction}
        and (wanted.since is None or entry.at >= wanted.since)
        and (wanted.until is None or entry.at < wanted.until)
    )


def by_looking(access: Access, typed: list[str], wanted: Wanted) -> list[int]:
    rows = Message.objects.select_related("conversation", "entry").prefetch_related(
        "conversation__mentions"
    )
    hits = [
        message
        for message in rows
        if may_see(access, message.conversation)
        and is_meant(message, wanted)
        and all(says(message.text, each) for each in typed)
    ]
    return [
        message.pk for message in sorted(hits, key=lambda one: (one.entry.at, one.pk), reverse=True)
    ]


def by_searching(access: Access, wanted: Wanted) -> list[int]:
    hits: list[int] = []
    place: Place | None = None
    while True:
        found = find_messages(access, wanted, behind=place, most=7)
        if found.is_near:
            return []
        hits += [hit.message.pk for hit in found.hits]
        if found.next is None:
            return hits
        place = Place.of(found.next.key)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_found_is_what_a_look_at_every_visible_message_finds(
    world: World, other_world: World, seed: int
) -> None:
    chance = Chance(seed)
    chance.fill(world)
    other_world.message("退款 refund order HG-20418 货 x abc")
    with world.transaction():
        world.dave.is_active = False
        world.dave.save(update_fields=["is_active"])
    several = 0
    for _question in range(QUESTIONS):
        name = chance.random.choice(list(world.people))
        typed, wanted = chance.question(world)
        access = world.access(name)
        with world.transaction():
            expected = by_looking(access, typed, wanted)
            assert by_searching(access, wanted) == expected, (seed, name, typed, wanted)
        several += len(expected) > 7
    assert several >= QUESTIONS // 10
    with world.transaction():
        assert MessageWords.objects.count() == Message.objects.count()
