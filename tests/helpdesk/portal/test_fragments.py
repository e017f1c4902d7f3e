"""Fragments: the same element on the first load and by the line, in the reader's language and time zone."""

import re

import pytest

from helpdesk import fragments
from helpdesk.access import conversation as visible_conversation
from helpdesk.models import Channel, Staff
from helpdesk.portal.board import read_board
from helpdesk.portal.presence import cards
from helpdesk.portal.timeline import entries_of
from helpdesk.services import assignment, replying
from helpdesk.services.calendars import with_calendars
from tests.factories import World
from tests.helpdesk.portal.conftest import Screen

EN = {"language": "en", "time_zone": "Asia/Shanghai"}


@pytest.fixture
def pk(world: World) -> int:
    found = world.message("怎么退货?").conversation_id
    assignment.take(world.access("carol"), found)
    replying.reply(world.access("carol"), found, text="您好")
    return found


def _plain(html: str) -> str:
    html = re.sub(r'<input type="hidden" name="csrfmiddlewaretoken"[^>]*>', "", html)
    html = re.sub(r" aria-current=\"true\"|>\d\d:\d\d</span>", "", html)
    return re.sub(r"\s+", " ", html).strip()


def _element(page: str, identity: str) -> str:
    found = re.search(rf'<(\w+) id="{identity}".*?</\1>', page, re.DOTALL)
    assert found, identity
    return found[0]


def test_row_by_the_line_equals_the_row_of_a_fresh_load(
    world: World, screen: Screen, pk: int
) -> None:
    page = screen("carol").get("/?view=all").content.decode()
    with world.transaction():
        conversation = visible_conversation(world.access("carol"), pk)
        live = fragments.conversation_row(conversation, **EN)
    assert _plain(live) == _plain(_element(page, f"conversation-{pk}"))


def test_entries_by_the_line_equal_those_of_a_fresh_load(
    world: World, screen: Screen, pk: int
) -> None:
    page = screen("carol").get(f"/conversations/{pk}/").content.decode()
    with world.transaction():
        conversation = visible_conversation(world.access("carol"), pk)
        entries = list(entries_of(pk, after=0, up_to=conversation.last_number))
        with fragments.reading(*EN.values()):
            customer = conversation.customer.label
        live = [fragments.entry(each, customer=customer, **EN) for each in entries]
    assert len(live) >= 3
    for entry, html in zip(entries, live, strict=True):
        assert _plain(html) == _plain(_element(page, f"message-{entry.number}"))


def test_entry_speaks_the_readers_language_and_time(world: World, pk: int) -> None:
    with world.transaction():
        entry = entries_of(pk, after=1, up_to=2)[0]
        english = fragments.entry(entry, customer="x", **EN)
        chinese = fragments.entry(
            entry, customer="x", language="zh-hans", time_zone="Asia/Shanghai"
        )
        berlin = fragments.entry(entry, customer="x", language="en", time_zone="Europe/Berlin")
    assert "took the conversation" in english
    assert "took the conversation" not in chinese
    assert english != berlin


def test_shared_fragments_carry_nothing_personal(world: World, pk: int) -> None:
    with world.transaction():
        conversation = visible_conversation(world.access("carol"), pk)
        row = fragments.conversation_row(conversation, **EN)
        facts = fragments.thread_facts(conversation, **EN)
    assert f'<span class="count unread" id="unread-{pk}"></span>' in row
    assert "csrf" not in row + facts
    assert "<form" not in facts


def test_head_offers_what_the_reader_may_do(world: World, pk: int) -> None:
    with world.transaction():
        conversation = visible_conversation(world.access("carol"), pk)
        owner = fragments.thread_head(conversation, world.access("carol"), **EN)
        colleague = fragments.thread_head(conversation, world.access("bob"), **EN)
    assert "/release/" in owner
    assert "/release/" not in colleague
    assert "/assign/" in colleague


def test_small_parts_are_the_elements_the_page_knows(world: World, screen: Screen, pk: int) -> None:
    page = screen("carol").get(f"/conversations/{pk}/").content.decode()
    with world.transaction():
        rows = Staff.objects.select_related("department", "position", "presence")
        carol = with_calendars(rows).get(pk=world.carol.pk)
        parts = {
            "presence": fragments.presence(cards([carol])[carol.pk], language="en"),
            "views": fragments.views(world.access("carol"), view="mine", language="en"),
            "viewers": fragments.viewers(pk, [carol], typing="Dave", language="en"),
            "customer-typing": fragments.viewers(pk, [], customer_typing=True, language="en"),
            f"unread-{pk}": fragments.unread(pk, 120),
        }
    for identity, html in parts.items():
        assert f'id="{identity}"' in html
        assert f'id="{identity}"' in page
    assert "Dave is writing" in parts["viewers"]
    assert "99+" in parts[f"unread-{pk}"]


def test_board_by_the_line_equals_the_board_of_a_fresh_load(
    world: World, screen: Screen, pk: int
) -> None:
    page = screen("bob").get("/board/").content.decode()
    with world.transaction():
        live = fragments.board(read_board(world.access("bob")), **EN)
    for identity in (
        "board-kpis",
        "board-queues",
        "board-risk",
        "board-escalations",
        "board-staff",
    ):
        assert f'id="{identity}"' in live
        assert f'id="{identity}"' in page


def test_toast_escapes_and_undoes(world: World) -> None:
    html = fragments.toast("<b>x</b>", language="en", undo_url="/undo/", icon="swap")
    assert "&lt;b&gt;" in html
    assert 'action="/undo/"' in html


def test_a_channel_is_named_in_the_readers_language(world: World, screen: Screen) -> None:
    pk = world.message().conversation_id
    with world.transaction():
        Channel.objects.update(name="官网聊天", name_en="Website chat")
    page = screen("carol").get(f"/conversations/{pk}/").content.decode()
    assert "Website chat" in page
    assert "官网聊天" not in page
