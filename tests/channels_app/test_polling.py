"""What is fetched: page by page, each once, by one reader at a time, and again when it is hinted at."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta

import pytest
import time_machine
from django.conf import LazySettings
from django.utils import timezone

from channels_app import polling, registry
from channels_app.fake_vendor import Answer, Call, FakeVendor
from channels_app.models import InboundEvent, PollPosition
from channels_app.processing import process_due
from channels_app.protocol import (
    Capabilities,
    ChannelConfig,
    ContactIdentity,
    Event,
    Polled,
    Polls,
    SendError,
)
from channels_app.services import fetching
from channels_app.services.doors import find_door
from channels_app.services.ingesting import store
from helpdesk.models import Channel, Message
from helpdesk.registries import channel_kinds
from helpdesk.tenancy import organization_scope
from tests.factories import World


class Feed:
    """A vendor that is fetched: each place has its messages, two on a page."""

    def __init__(self) -> None:
        self.messages: dict[str, list[str]] = {"": []}
        self.places: tuple[str, ...] = ("",)
        self.poll_every: timedelta | None = timedelta(minutes=1)
        self.asked: list[tuple[str, str, Mapping[str, object]]] = []
        self.during: list[object] = []

    def poll(self, place: str, position: str, hint: Mapping[str, object]) -> Polled:
        self.asked.append((place, position, hint))
        if self.during:
            doing = self.during.pop()
            assert callable(doing)
            doing()
        at = int(position or 0)
        found = self.messages[place][at : at + 2]
        items = tuple((text.encode(), (said(text),)) for text in found)
        end = at + len(found)
        return Polled(items, str(end), has_more=end < len(self.messages[place]))


def said(text: str) -> Event:
    return Event(
        kind="message", dedup_key=text, sender=ContactIdentity("u-1", verified=True), text=text
    )


@pytest.fixture
def feed(world: World, monkeypatch: pytest.MonkeyPatch) -> Feed:
    feed = Feed()

    class Adapter:
        capabilities = Capabilities()
        places = property(lambda self: feed.places)
        poll_every = property(lambda self: feed.poll_every)

        def __init__(self, config: ChannelConfig) -> None:
            self.poll = feed.poll

    monkeypatch.setattr(registry, "adapter_class", lambda kind: Adapter)
    return feed


def texts(world: World) -> list[str]:
    process_due()
    with world.transaction():
        return list(Message.objects.order_by("entry__number").values_list("text", flat=True))


def position(world: World) -> PollPosition:
    with world.transaction():
        found: PollPosition = PollPosition.objects.get()
        return found


def make_due(world: World) -> None:
    """Let the time of every place come."""
    with world.transaction():
        PollPosition.objects.update(due_at=timezone.now())


def begin(world: World) -> int:
    with organization_scope(world.organization.pk):
        return polling.begin_polling(timezone.now())


def test_a_new_channel_is_fetched_to_its_end_and_then_time_and_again(
    world: World, feed: Feed
) -> None:
    feed.messages[""] = ["a", "b", "c"]
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        assert (begin(world), begin(world)) == (1, 0)
        assert polling.poll_due() == 1
        assert polling.poll_due() == 0
        assert texts(world) == ["a", "b", "c"]
        read = position(world)
        assert (read.position, read.read_at) == ("3", now)
        assert read.due_at == now + timedelta(minutes=1)
    feed.messages[""].append("d")
    make_due(world)
    assert polling.poll_due() == 1
    assert texts(world) == ["a", "b", "c", "d"]
    assert [at for _place, at, _hint in feed.asked] == ["", "2", "3"]


def test_each_item_keeps_its_own_bytes(world: World, feed: Feed) -> None:
    feed.messages[""] = ["a", "b"]
    begin(world)
    polling.poll_due()
    with world.transaction():
        kept = InboundEvent.objects.order_by("id").values_list("raw", flat=True)
        assert [bytes(each) for each in kept] == [b"a", b"b"]


def test_a_hint_is_followed_with_what_it_says_and_once(world: World, feed: Feed) -> None:
    feed.places, feed.poll_every = (), None
    feed.messages = {"desk": ["a"]}
    hint = Event(kind="poll_hint", dedup_key="h", data={"place": "desk", "token": "t"})
    door = find_door(world.channel.public_id)
    for _each in range(2):
        store(door, [hint], b"hint")
    process_due()
    assert (begin(world), polling.poll_due(), polling.poll_due()) == (0, 1, 0)
    assert texts(world) == ["a"]
    assert feed.asked == [("desk", "", {"place": "desk", "token": "t"})]


def test_a_hint_that_comes_while_it_is_read_makes_it_due_again(world: World, feed: Feed) -> None:
    feed.poll_every = None

    def hint() -> None:
        feed.messages[""].append("late")
        with world.transaction():
            fetching.want(world.channel.pk, "", {"token": "second"})

    feed.messages[""] = ["a"]
    feed.during.append(hint)
    begin(world)
    assert polling.poll_due() == 1
    assert polling.poll_due() == 1
    assert polling.poll_due() == 0
    assert texts(world) == ["a", "late"]
    assert feed.asked[-1][2] == {"token": "second"}


def test_whoever_lost_the_lease_stores_nothing(world: World, feed: Feed) -> None:
    def takes_over() -> None:
        with world.transaction():
            PollPosition.objects.update(fence=99, position="1")

    feed.messages[""] = ["a"]
    feed.during.append(takes_over)
    begin(world)
    polling.poll_due()
    assert texts(world) == []
    assert position(world).position == "1"


def test_what_is_being_read_is_left_alone_until_its_lease_ends(world: World, feed: Feed) -> None:
    feed.messages[""] = ["a"]
    seen: list[int] = []
    feed.during.append(lambda: seen.append(polling.poll_due()))
    begin(world)
    polling.poll_due()
    assert seen == [0]
    now = timezone.now()
    with world.transaction():
        PollPosition.objects.update(due_at=now, lease_until=now + timedelta(seconds=80))
    assert polling.poll_due() == 0
    with world.transaction():
        PollPosition.objects.update(lease_until=now)
    assert polling.poll_due() == 1


def test_a_failure_is_shown_waits_longer_each_time_and_ends_when_mended(
    world: World, feed: Feed
) -> None:
    def fails() -> None:
        raise SendError("no right to read", kind="auth")

    begin(world)
    pauses = []
    for _each in range(3):
        feed.during.append(fails)
        make_due(world)
        now = timezone.now()
        with time_machine.travel(now, tick=False):
            assert polling.poll_due() == 1
        due = position(world).due_at
        assert due is not None
        pauses.append((due - now).total_seconds())
    assert pauses == [2, 4, 8]
    with world.transaction():
        told = fetching.report(world.channel.pk)
    assert told is not None
    assert told.is_trouble
    assert "no right to read" in told.text
    with world.transaction():
        fetching.try_again(world.channel.pk, timezone.now())
    assert polling.poll_due() == 1
    with world.transaction():
        told = fetching.report(world.channel.pk)
    assert told is not None
    assert not told.is_trouble


def test_a_channel_that_is_switched_off_is_not_fetched(world: World, feed: Feed) -> None:
    begin(world)
    with world.transaction():
        Channel.objects.update(is_active=False)
    assert polling.poll_due() == 0
    assert feed.asked == []


# --- what holds for every kind that is fetched only, generated from the registry ---------------------


def _is_fetched(kind: str) -> bool:
    try:
        is_called = registry.fake_vendor_of(kind).calls_us
    except registry.UnknownKind:
        return False
    # Others report through a long connection, which is held and not fetched.
    return not is_called and isinstance(registry.make_adapter(kind, ChannelConfig("")), Polls)


FETCHED = sorted(filter(_is_fetched, registry.FOLDERS))
REFERENCES = ("first", "second", "third", "fourth", "fifth")


@pytest.fixture
def fetched(
    request: pytest.FixtureRequest, world: World, settings: LazySettings
) -> Iterator[FakeVendor]:
    """The vendor of a kind, where five customers have written, and the channel of the world with it."""
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    kind = request.param
    with registry.fake_vendor_of(kind)() as vendor:
        names = channel_kinds.get(kind).secret_names
        secret = json.dumps(dict(vendor.named_secrets))
        if len(names) < 2:
            secret = vendor.named_secrets.get(names[0], "a secret") if names else ""
        with world.transaction():
            Channel.objects.update(kind=kind, secret=secret, settings=vendor.settings)
        for reference in REFERENCES:
            vendor.has(reference, text=f"from {reference}")
        begin(world)
        yield vendor


def told(world: World) -> list[str]:
    """Return which customers have been heard, each as often as that."""
    found = texts(world)
    return [each for each in REFERENCES for text in found if f"from {each}" in text]


@pytest.mark.parametrize("fetched", FETCHED, indirect=True)
def test_every_page_is_stored_once_however_often_it_is_read(
    world: World, fetched: FakeVendor
) -> None:
    assert polling.poll_due() == 1
    assert told(world) == list(REFERENCES)
    read = position(world)
    assert (read.error, read.position != "") == ("", True)
    with world.transaction():
        PollPosition.objects.update(position="", due_at=timezone.now())
    polling.poll_due()
    assert told(world) == list(REFERENCES)
    with world.transaction():
        assert all(bytes(each.raw) for each in InboundEvent.objects.filter(raw_of=None))


@pytest.mark.parametrize("fetched", FETCHED, indirect=True)
def test_what_comes_later_is_found_from_the_position_on(world: World, fetched: FakeVendor) -> None:
    polling.poll_due()
    before = position(world).position
    fetched.has("late", text="from late")
    make_due(world)
    polling.poll_due()
    assert sum("from late" in text for text in texts(world)) == 1
    assert told(world) == list(REFERENCES)
    assert position(world).position != before


@pytest.mark.parametrize("fails_at", [1, 2, 3])
@pytest.mark.parametrize("fetched", FETCHED, indirect=True)
def test_a_failure_in_the_middle_loses_nothing(
    world: World, fetched: FakeVendor, fails_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, calls = fetched.answer, []

    def answer(call: Call) -> Answer:
        calls.append(call)
        return Answer(500) if len(calls) == fails_at else answers(call)

    monkeypatch.setattr(fetched, "answer", answer)
    for _each in range(fails_at + 1):
        make_due(world)
        polling.poll_due()
    assert told(world) == list(REFERENCES)
    assert position(world).error == ""


@pytest.mark.parametrize("fetched", FETCHED, indirect=True)
def test_an_answer_that_is_no_such_vendors_is_a_failure_and_moves_nothing(
    world: World, fetched: FakeVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetched, "answer", lambda call: Answer(200, b"<html>Welcome</html>"))
    polling.poll_due()
    read = position(world)
    assert (read.position, read.failures) == ("", 1)
    assert read.error != ""
