"""Reviews of both stores: read, kept as one message through their versions, and answered for everybody to read."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone as clock
from django.utils.translation import override

from channels_app import own_tokens, polling, registry
from channels_app.adapters.app_store import fake as apple
from channels_app.adapters.app_store.reading import read_page as read_apple
from channels_app.adapters.google_play import fake as google
from channels_app.adapters.google_play.reading import read_page as read_google
from channels_app.app_reviews import BACKLOG, Look, Review
from channels_app.fake_vendor import Answer, FakeVendor
from channels_app.json_fields import read_object
from channels_app.models import InboundEvent, PollPosition
from channels_app.processing import process_due
from channels_app.protocol import (
    Attachment,
    BadPayload,
    BadSignature,
    ChannelConfig,
    ContactIdentity,
    OutboundMessage,
    RawRequest,
    SendError,
)
from helpdesk.errors import ChannelError, Refused
from helpdesk.models import Channel, Conversation, Delivery, Direction, Message, Outbox
from helpdesk.services import announcing, organizations, replying
from helpdesk.tenancy import organization_scope
from tests.delivering import deliver_due
from tests.factories import World

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
STORES = ("app_store", "google_play")
SECRET = {"app_store": "private_key", "google_play": "service_account"}
REFUSAL = {"app_store": apple.refusal, "google_play": google.refusal}


@pytest.fixture(params=STORES)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def vendor(kind: str, settings: LazySettings) -> Iterator[FakeVendor]:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with registry.fake_vendor_of(kind)() as vendor, override("en"):
        yield vendor


def adapter(kind: str, vendor: FakeVendor, **settings: object) -> Any:  # Any: of either store
    secrets = (vendor.named_secrets[SECRET[kind]],)
    found = {**vendor.settings, **settings}
    return registry.make_adapter(kind, ChannelConfig("c", settings=found, secrets=secrets))


def answer(text: str = "谢谢 👍", to: str = "r-1") -> OutboundMessage:
    return OutboundMessage(client_ref=str(uuid4()), to=ContactIdentity(to), text=text)


# --- reading --------------------------------------------------------------------------------------


def test_a_review_of_google_play_is_its_stars_and_its_words() -> None:
    page = {
        "reviews": [
            {
                "reviewId": "gp:1",
                "authorName": "Ann",
                "comments": [
                    {
                        "userComment": {
                            "text": "Crashes\tat every start",
                            "lastModified": {"seconds": "1762000000", "nanos": 500000000},
                            "starRating": 1,
                            "reviewerLanguage": "en",
                            "appVersionName": "1.4.2",
                        }
                    },
                    {
                        "developerComment": {
                            "text": "We look.",
                            "lastModified": {"seconds": "1762000100"},
                        }
                    },
                ],
            },
            {"reviewId": "gp:2", "comments": [{"developerComment": {"text": "alone"}}]},
        ],
        "tokenPagination": {"nextPageToken": "2"},
    }
    ((raw, review),), following = read_google(read_object(json.dumps(page).encode()))
    assert isinstance(review, Review)
    assert (following, json.loads(raw)["reviewId"]) == ("2", "gp:1")
    message, version, ours = review.events()
    assert message.text == "★☆☆☆☆\nCrashes\nat every start"
    assert message.sender == ContactIdentity("gp:1", display_name="Ann", locale="en", verified=True)
    assert message.data == {"stars": 1, "appVersionName": "1.4.2"}
    assert (version.kind, version.sequence) == ("edit", 1762000000500000)
    assert (ours.direction, ours.text) == ("out", "We look.")
    assert len({each.dedup_key for each in (message, version, ours)}) == 3


def test_a_review_of_the_app_store_is_its_stars_title_and_words() -> None:
    review = {
        "type": "customerReviews",
        "id": "00000028-b08c",
        "attributes": {
            "rating": 5,
            "title": "Awesome!!!",
            "body": "Really fantastic",
            "reviewerNickname": "Anne",
            "createdDate": "2017-11-15T08:10:34-08:00",
            "territory": "USA",
        },
    }
    links = {"next": "https://elsewhere.example/v1/apps/1/customerReviews?cursor=AQ.B&limit=1"}
    page = json.dumps({"data": [review], "links": links}).encode()
    ((_raw, found),), following = read_apple(read_object(page))
    assert isinstance(found, Review)
    assert (found.words, following) == ("★★★★★\nAwesome!!!\nReally fantastic", "AQ.B")
    assert found.at == datetime(2017, 11, 15, 16, 10, 34, tzinfo=UTC)
    assert found.author == "Anne"


def test_one_that_cannot_be_read_is_kept_for_people_and_stops_none_behind_it() -> None:
    good = {"id": "r-2", "attributes": {"rating": 1, "createdDate": "2026-11-22T08:00:00Z"}}
    page = json.dumps({"data": [{"id": "r-1", "attributes": {"rating": 1}}, good]}).encode()
    found, _following = read_apple(read_object(page))
    looked = Look.at("", NOW).after(found, "", is_in_order=True)
    (broken,), (message, _version) = (events for _raw, events in looked.items)
    assert (broken.kind, "createdDate" in broken.error) == ("raw", True)
    assert message.kind == "message"


def test_a_look_goes_back_to_what_the_one_before_has_seen() -> None:
    def page(*days: float) -> Any:
        rows = [Review(f"r{day}", NOW - timedelta(days=day), 3, "x") for day in days]
        return [(b"{}", each) for each in rows]

    first = Look.at("", NOW)
    assert (first.is_first, first.seen) == (True, (NOW - BACKLOG).timestamp())
    one = first.after(page(0, 1), "next", is_in_order=True)
    assert (one.has_more, one.is_backlog) == (True, True)
    two = Look.at(one.position, NOW).after(page(20, 40), "more", is_in_order=True)
    assert (two.has_more, two.is_backlog, len(two.items)) == (False, True, 1)
    later = Look.at(two.position, NOW)
    assert (later.seen, later.page, later.is_first) == (NOW.timestamp(), "", False)
    # Whoever shows them in no order is looked through to the end.
    assert later.after(page(0.5, 9), "more", is_in_order=False).has_more
    assert not later.after(page(0.5, 9), "more", is_in_order=True).has_more
    assert Look.at("{", NOW) == first


# --- the stores -----------------------------------------------------------------------------------


def test_nobody_calls(kind: str, vendor: FakeVendor) -> None:
    request = RawRequest("POST", "", (), {}, b"{}", NOW)
    with pytest.raises(BadSignature):
        adapter(kind, vendor).verify(request)
    with pytest.raises(BadPayload):
        adapter(kind, vendor).parse(request)
    assert adapter(kind, vendor).handshake(request) is None


def test_the_connection_is_tested_with_the_key(kind: str, vendor: FakeVendor) -> None:
    assert "Ready" in adapter(kind, vendor).test_connection()
    # A form runs the lines of a key together.
    key = vendor.named_secrets[SECRET[kind]].replace("\n", " ")
    told = registry.make_adapter(kind, ChannelConfig("c", settings=vendor.settings, secrets=(key,)))
    assert "Ready" in told.test_connection()
    for wrong in ("", "no key", '{"private_key": "AAAA"}'):
        config = ChannelConfig("c", settings=vendor.settings, secrets=(wrong,))
        with pytest.raises(SendError) as refused:
            registry.make_adapter(kind, config).test_connection()
        assert refused.value.kind == "auth"
    with pytest.raises(ChannelError):
        adapter(kind, vendor, package="../x", app_id="../x").test_connection()
    with pytest.raises(ChannelError):
        adapter(kind, vendor).fetch_media(Attachment("image"))


def test_a_key_of_another_is_refused(kind: str, vendor: FakeVendor) -> None:
    other = STORES[1 - STORES.index(kind)]
    stranger = registry.fake_vendor_of(other)().named_secrets[SECRET[other]]
    pem = json.loads(stranger)["private_key"] if other == "google_play" else stranger
    if kind == "google_play":
        pem = json.dumps(
            {"private_key": pem, "client_email": google.ACCOUNT, "private_key_id": "k"}
        )
    config = ChannelConfig("c", settings=vendor.settings, secrets=(pem,))
    with pytest.raises(SendError) as refused:
        registry.make_adapter(kind, config).test_connection()
    assert refused.value.kind == "auth"


@pytest.mark.parametrize(
    ("status", "outcome", "retryable"),
    [
        (400, "undeliverable", False),
        (403, "auth", False),
        (404, "undeliverable", False),
        (429, "rate", True),
        (503, "server", True),
    ],
)
def test_what_their_answers_mean(
    kind: str, vendor: FakeVendor, status: int, outcome: str, retryable: bool
) -> None:
    took = vendor.answer
    no = REFUSAL[kind](status, "no")
    vendor.answer = lambda call: no if vendor.text_of(call) is not None else took(call)  # type: ignore[method-assign]
    with pytest.raises(SendError) as refused:
        adapter(kind, vendor).send(answer("secret words"))
    error = refused.value
    assert (error.kind, error.retryable) == (outcome, retryable)
    assert (error.retry_after is not None) is (outcome == "rate")
    assert "secret words" not in error.message


def test_a_quota_of_google_that_is_used_up_is_waited_for(settings: LazySettings) -> None:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with google.Vendor() as vendor:
        took = vendor.answer
        full = google.refusal(403, "Quota exceeded", "quotaExceeded")
        vendor.answer = lambda call: full if call.path.endswith(":reply") else took(call)  # type: ignore[method-assign]
        with pytest.raises(SendError) as refused:
            adapter("google_play", vendor).send(answer())
    assert (refused.value.kind, refused.value.retryable) == ("rate", True)


def test_a_signed_token_names_its_key_and_its_algorithm() -> None:
    for pem, name in (
        (apple.private_key(), "ES256"),
        (json.loads(google.service_account())["private_key"], "RS256"),
    ):
        head = own_tokens.sign({"iss": "i"}, pem=pem, key_id="k").partition(".")[0]
        told = json.loads(apple._unpacked(head))
        assert told == {"alg": name, "kid": "k", "typ": "JWT"}


# --- from end to end ------------------------------------------------------------------------------


def look(world: World) -> None:
    with world.transaction():
        PollPosition.objects.update(due_at=clock.now())
    polling.poll_due()
    process_due()


def test_a_review_is_one_message_through_its_versions_and_its_answer_the_last(
    world: World, client: Client, kind: str, vendor: FakeVendor
) -> None:
    secret = vendor.named_secrets[SECRET[kind]]
    with world.transaction():
        channel = organizations.open_channel(
            Channel(kind=kind, name="Reviews", secret=secret, settings=vendor.settings)
        )
    with organization_scope(world.organization.pk):
        polling.begin_polling(clock.now())
    vendor.has("r-1", text="打不开", at=clock.now() - timedelta(hours=2))  # type: ignore[call-arg]  # of these two
    look(world)
    with world.transaction():
        asked = Message.objects.select_related("conversation").get(direction=Direction.IN)
        assert "打不开" in asked.text
        # Nothing that no person wrote is published.
        assert announcing.announce(asked.conversation, "还有三位") is None
    vendor.has("r-1", text="还是打不开", at=clock.now())  # type: ignore[call-arg]
    vendor.has("r-2", text="很好")
    look(world)
    with world.transaction():
        assert "还是打不开" in Message.objects.get(pk=asked.pk).text
        assert Conversation.objects.filter(channel=channel).count() == 2
    carol = world.access("carol")
    longest = 350 if kind == "google_play" else 5970
    with pytest.raises(Refused) as refused:
        replying.reply(carol, asked.conversation_id, text="好" * (longest + 1))
    assert str(longest) in str(refused.value.message)
    # Their server breaks down once it has the answer: the same one takes its place.
    took, dropped = vendor.answer, []

    def drops_once(call: Any) -> Answer:
        found = took(call)
        if vendor.text_of(call) is None or dropped:
            return found
        dropped.append(call)
        return Answer(is_dropped=True)

    vendor.answer = drops_once  # type: ignore[method-assign]
    replying.reply(carol, asked.conversation_id, text="好" * longest)
    deliver_due()
    with world.transaction():
        Outbox.objects.update(due_at=clock.now())
    deliver_due()
    assert vendor.texts() == ["好" * longest] * 2
    look(world)
    with world.transaction():
        assert Outbox.objects.get().state == Delivery.SENT
        # What we answered is shown there too, and is nobody's word here.
        assert Message.objects.filter(conversation=asked.conversation).count() == 2
        assert not InboundEvent.objects.exclude(reason="").exclude(reason="said_elsewhere").exists()
