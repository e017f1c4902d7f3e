"""Feeds: what they say in each of their forms, what is refused, and that only news is fetched."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.conf import LazySettings
from django.utils import timezone as clock
from django.utils.translation import override

from channels_app import polling
from channels_app.adapters.rss.adapter import MOST_FEEDS, Adapter
from channels_app.adapters.rss.fake import Vendor
from channels_app.adapters.rss.reading import read_feed
from channels_app.fake_vendor import Answer
from channels_app.models import PollPosition
from channels_app.processing import process_due
from channels_app.protocol import BadPayload, ChannelConfig, Event, SendError
from helpdesk.errors import ChannelError, Refused
from helpdesk.models import Channel, Conversation, Message
from helpdesk.services import organizations, replying
from helpdesk.tenancy import organization_scope
from tests.factories import World

URL = "https://news.example/feed.xml"
RSS = """<?xml version="1.0"?><rss version="2.0"
 xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>News</title>
<item><title>New &amp; better</title><link>https://news.example/2</link><guid>2</guid>
<pubDate>Sun, 22 Nov 2026 08:00:00 GMT</pubDate><description>short</description>
<content:encoded><![CDATA[<p>All of <b>it</b></p>]]></content:encoded></item>
<item><title>Old</title><link>https://news.example/1</link></item></channel></rss>"""
ATOM = """<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom">
<title>News</title><entry><title>New</title><id>urn:2</id><link rel="self" href="https://x.example/"/>
<link href="https://news.example/2"/><updated>2026-11-22T09:00:00+01:00</updated>
<content type="html">&lt;p&gt;All&lt;/p&gt;</content></entry></feed>"""
RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel><title>News</title></channel><item><title>New</title><link>https://news.example/2</link>
<dc:date>2026-11-22T08:00:00Z</dc:date></item></rdf:RDF>"""


@pytest.fixture
def vendor(settings: LazySettings) -> Iterator[Vendor]:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with Vendor() as vendor, override("en"):
        yield vendor


def events(text: str | bytes) -> list[Event]:
    data = text if isinstance(text, bytes) else text.encode()
    return [each for _raw, found in read_feed(data, URL).items for each in found]


def adapter(**settings: object) -> Adapter:
    return Adapter(ChannelConfig("c", settings=settings))


@pytest.mark.parametrize("text", [RSS, ATOM, RDF])
def test_every_form_says_what_is_new(text: str) -> None:
    new = events(text)[-1]
    assert new.subject.startswith("New")
    assert "https://news.example/2" in new.html
    assert new.sent_at == datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    assert new.sender is not None
    assert (new.sender.external_id, new.sender.display_name) == (URL, "News")
    assert events(text) == events(text)


def test_the_whole_content_counts_and_the_oldest_comes_first() -> None:
    old, new = events(RSS)
    assert (old.subject, new.subject) == ("Old", "New & better")
    assert "All of <b>it</b>" in new.html
    assert "short" not in new.html
    assert old.dedup_key != new.dedup_key


def test_an_entry_without_a_name_is_told_by_its_link_or_its_words() -> None:
    def key(item: str) -> str:
        return events(f"<rss><channel><item>{item}</item></channel></rss>")[0].dedup_key

    assert key("<title>a</title><link>https://x.example/1</link>") == key(
        "<title>b</title><link>https://x.example/1</link>"
    )
    assert key("<title>a</title>") != key("<title>b</title>")


def test_a_chinese_feed_is_read_in_the_encoding_that_it_names() -> None:
    text = '<?xml version="1.0" encoding="gb2312"?><rss><channel><item><title>新品上市</title></item></channel></rss>'
    (found,) = events(text.encode("gb18030"))
    assert found.subject == "新品上市"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html><body>Welcome</body></html>",
        "<rss><channel>",
        '<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><rss><item><title>&b;</title></item></rss>',
        '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><item><title>&x;</title></item></rss>',
        '<?xml version="1.0" encoding="klingon"?><rss/>',
    ],
)
def test_what_is_no_feed_or_hides_something_is_refused(text: str) -> None:
    with pytest.raises(BadPayload):
        events(text)


def test_at_most_so_many_feeds_are_read_and_each_once() -> None:
    many = [f"https://x.example/{number}" for number in range(50)]
    assert len(adapter(feeds=many).places) == MOST_FEEDS
    assert adapter(feeds=[URL, URL, "", "x" * 300]).places == (URL,)
    assert adapter().places == ()


def test_what_has_not_changed_is_not_read_again(vendor: Vendor) -> None:
    vendor.has("1")
    feed = adapter(**vendor.settings)
    (place,) = feed.places
    first = feed.poll(place, "", {})
    assert (len(first.items), first.is_backlog) == (1, True)
    second = feed.poll(place, first.position, {})
    assert (second.items, second.position) == ((), first.position)
    vendor.has("2")
    third = feed.poll(place, second.position, {})
    assert (len(third.items), third.is_backlog) == (2, False)
    assert feed.poll("https://gone.example/", "x", {}).position == "x"


def test_a_feed_that_is_too_large_or_moved_or_none_is_told(vendor: Vendor) -> None:
    feed = adapter(**vendor.settings)
    assert "0 entries" in feed.test_connection()
    for answer in (
        Answer(200, b"x" * (3 * 1024 * 1024)),
        Answer(301, b"", {"location": "http://127.0.0.1:1/"}),
        Answer(200, b"<html/>"),
        Answer(404),
    ):
        vendor.fail(answer)
        with pytest.raises(SendError):
            feed.poll(feed.places[0], "", {})
    with pytest.raises(ChannelError):
        adapter().test_connection()


def test_an_entry_is_a_conversation_that_nobody_is_answered_in(
    world: World, vendor: Vendor
) -> None:
    vendor.has("1", text="Our <shop> in the news")
    with world.transaction():
        channel = organizations.open_channel(
            Channel(kind="rss", name="News", settings=vendor.settings)
        )
    with organization_scope(world.organization.pk):
        polling.begin_polling(clock.now())
    for reference in ("2", "3"):
        polling.poll_due()
        process_due()
        vendor.has(reference, text=f"entry {reference}")
        with world.transaction():
            PollPosition.objects.update(due_at=clock.now())
    with world.transaction():
        found = Conversation.objects.filter(channel=channel).order_by("pk")
        assert [each.subject for each in found] == ["Our <shop> in the news", "entry 2"]
        text = Message.objects.get(conversation=found[0]).text
    assert text == "Our <shop> in the news\n\nhttps://news.example/1"
    with pytest.raises(Refused) as refused:
        replying.reply(world.access("carol"), found[0].pk, text="thanks")
    assert "feed" in str(refused.value.message)
