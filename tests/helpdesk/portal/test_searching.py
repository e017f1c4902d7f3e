"""The page that finds messages and customers, and leads to where they stand."""

import pytest

from helpdesk.models import Customer
from helpdesk.portal import searching
from helpdesk.reports import message_search
from helpdesk.services import replying
from tests.factories import World
from tests.helpdesk.portal.conftest import Screen

FOUND = 'class="hit-text"'


@pytest.fixture
def pk(world: World) -> int:
    """A conversation in support: a question, its answer and a note."""
    pk = world.message("退款 <i>refund</i>?").conversation_id
    replying.reply(world.access("carol"), pk, text="退款明天到")
    replying.note(world.access("carol"), pk, text="退款 checked")
    return int(pk)


def page(screen: Screen, name: str, query: str, status: int = 200) -> str:
    answer = screen(name).get(f"/search/?{query}")
    assert answer.status_code == status
    return str(answer.content.decode())


def test_before_anything_is_asked_the_page_says_what_can_be(screen: Screen, pk: int) -> None:
    shown = page(screen, "carol", "")
    assert "Everything that was written, in one place" in shown
    assert FOUND not in shown


def test_hits_are_marked_escaped_and_lead_to_the_message(
    world: World, screen: Screen, pk: int
) -> None:
    shown = page(screen, "carol", "q=退款")
    assert shown.count(FOUND) == 3
    assert "<mark>退款</mark> &lt;i&gt;refund&lt;/i&gt;?" in shown
    assert f'href="/conversations/{pk}/#message-1"' in shown
    assert "Internal note" in shown
    number = world.conversation(pk).last_number
    assert f'href="/conversations/{pk}/#message-{number}"' in shown


def test_old_messages_are_opened_with_what_followed_them(
    world: World, screen: Screen, pk: int
) -> None:
    for number in range(searching.ENTRIES):
        world.message(f"and {number}")
    shown = page(screen, "carol", "q=refund")
    address = f"/conversations/{pk}/earlier/?before=12"
    assert f'href="{address}#message-1"' in shown
    thread = screen("carol").get(address).content.decode()
    assert 'id="message-1"' in thread
    assert 'id="message-12"' not in thread
    assert "Show the newest" in thread
    fragment = screen("carol", htmx=True).get(address).content.decode()
    assert "Show the newest" not in fragment


@pytest.mark.parametrize("name", ["erin", "frank"])
def test_who_may_not_see_the_conversation_finds_nothing(screen: Screen, pk: int, name: str) -> None:
    assert FOUND in page(screen, "carol", "q=退款")
    shown = page(screen, name, "q=退款")
    assert FOUND not in shown
    assert "No message that you may see has this" in shown


def test_strangers_are_sent_to_the_sign_in_page(world: World, client: object) -> None:
    answer = client.get("/search/?q=x")  # type: ignore[attr-defined]
    assert (answer.status_code, answer["Location"][:9]) == (302, "/sign-in/")


def test_customers_are_found_and_their_messages_listed(
    world: World, other_world: World, screen: Screen, pk: int
) -> None:
    world.message("else", visitor="v-2")
    with world.transaction():
        first = Customer.objects.order_by("pk")[0]
        Customer.objects.filter(pk=first.pk).update(name="王芳")
    shown = page(screen, "carol", "q=王芳")
    assert f'href="?customer={first.pk}"' in shown
    listed = page(screen, "carol", f"customer={first.pk}")
    assert listed.count(FOUND) == 3
    assert f'name="customer" value="{first.pk}"' in listed
    assert page(screen, "carol", f"customer={first.pk}&q=明天").count(FOUND) == 1
    assert f'href="?customer={first.pk}"' not in page(screen, "frank", "q=王芳")
    page(screen, "frank", f"customer={first.pk}", status=404)
    theirs = screen("alice", other_world).get(f"/search/?customer={first.pk}")
    assert theirs.status_code == 404


def test_what_narrows_it_down_stays_chosen(world: World, screen: Screen, pk: int) -> None:
    shown = page(screen, "carol", "q=退款&direction=note&state=&owner=")
    assert shown.count(FOUND) == 1
    assert '<option value="note" selected>' in shown
    assert '<details class="fold" open>' in shown
    assert page(screen, "carol", f"q=退款&author={world.carol.pk}").count(FOUND) == 2
    assert page(screen, "carol", f"q=退款&department={world.support.pk}").count(FOUND) == 3
    assert page(screen, "carol", "q=退款&since=2999-01-01").count(FOUND) == 0
    assert page(screen, "carol", "q=退款&until=2999-12-31").count(FOUND) == 3


@pytest.mark.parametrize(
    "query",
    [
        *("channel=x", "owner=999999", "state=x", "since=x", "since=0001-01-01"),
        *("until=9999-12-31", "customer=x", "customer=99999999999999999999", "direction=%00"),
    ],
)
def test_what_is_no_choice_finds_nothing_and_does_no_harm(
    screen: Screen, pk: int, query: str
) -> None:
    assert FOUND not in page(screen, "carol", f"q=退款&{query}")


@pytest.mark.parametrize("query", ["q=%00", "q=%27%22%5C", "q=" + "x" * 500, "q=%F0%9F%99%82"])
def test_odd_questions_find_nothing(screen: Screen, pk: int, query: str) -> None:
    assert FOUND not in page(screen, "carol", query)


def test_a_place_that_is_none_is_refused(screen: Screen, pk: int) -> None:
    page(screen, "carol", "q=退款&at=x", status=400)


def test_pages_go_on_where_the_one_before_ended(world: World, screen: Screen, pk: int) -> None:
    for number in range(message_search.PAGE):
        world.message(f"退款 {number}")
    first = page(screen, "carol", "q=退款")
    assert first.count(FOUND) == message_search.PAGE
    older = first.partition("more-rows")[2].partition('href="?')[2].partition('"')[0]
    assert page(screen, "carol", older.replace("&amp;", "&")).count(FOUND) == 3


def test_a_wrong_letter_is_forgiven_and_said(screen: Screen, pk: int) -> None:
    shown = page(screen, "carol", "q=refnud")
    assert "Nothing has exactly these words." in shown
    assert "<mark>refund</mark>" in shown


def test_a_search_that_takes_too_long_says_so(
    screen: Screen, pk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = "SELECT 1, pg_sleep(3) WHERE %s IS NOT NULL" + " OR %s IS NULL" * 17
    monkeypatch.setattr(message_search, "_FOUND", slow)
    monkeypatch.setattr(message_search, "LIMIT_MS", 50)
    shown = page(screen, "carol", "q=退款", status=422)
    assert "This search takes too long." in shown
    assert 'id="search"' in shown


def test_who_asks_too_often_waits(screen: Screen, pk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = iter([searching.SEARCHES_A_MINUTE, searching.SEARCHES_A_MINUTE + 1])
    monkeypatch.setattr(searching, "count", lambda _key: next(asked))
    page(screen, "carol", "q=退款")
    answer = screen("carol").get("/search/?q=退款")
    assert answer.status_code == 429
    assert 1 <= int(answer["Retry-After"]) <= 60


def test_the_box_and_the_key_lead_here(screen: Screen, pk: int) -> None:
    desk = screen("carol").get("/").content.decode()
    assert 'role="search" action="/search/"' in desk
    assert 'href="/search/" data-key="/"' in desk
    assert "/?view=search&amp;q=%E9%80%80%E6%AC%BE" in page(screen, "carol", "q=退款")
