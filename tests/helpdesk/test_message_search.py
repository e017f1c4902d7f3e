"""Messages are found by their words, in all that a person may see and in nothing else."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from helpdesk.errors import Invalid
from helpdesk.models import Customer, Letter, MessageWords, Organization
from helpdesk.reports import message_search
from helpdesk.reports.message_search import Found, Place, TooBroad, Wanted, find_messages
from helpdesk.search.asking import parse
from helpdesk.services import (
    announcing,
    files,
    indexing,
    lifecycle,
    participants,
    recordings,
    replying,
    revising,
    timeline,
)
from helpdesk.services.letters import LetterFields
from helpdesk.services.receiving import Arrival, receive_from
from helpdesk.tenancy import due_organizations
from tests.factories import World
from tests.letters import mailbox_in


def find(world: World, who: str, typed: str, **narrowed: Any) -> Found:
    paging = {name: narrowed.pop(name) for name in ("behind", "most") if name in narrowed}
    access = world.access(who)
    with world.transaction():
        return find_messages(access, Wanted(query=parse(typed), **narrowed), **paging)


def found(world: World, who: str, typed: str, **narrowed: Any) -> list[str]:
    """Return the texts of the hits, newest first."""
    return [hit.message.text for hit in find(world, who, typed, **narrowed).hits]


@pytest.fixture
def asked(world: World) -> int:
    """A conversation in support with a question, an answer and a note about the same thing."""
    conversation_id = world.message("退款到哪里了? Where is my refund?").conversation_id
    replying.reply(world.access("carol"), conversation_id, text="退款明天到 refund tomorrow")
    replying.note(world.access("carol"), conversation_id, text="退款 checked")
    return int(conversation_id)


def test_what_customers_and_colleagues_wrote_is_found_newest_first(
    world: World, asked: int
) -> None:
    assert found(world, "dave", "退款") == [
        "退款 checked",
        "退款明天到 refund tomorrow",
        "退款到哪里了? Where is my refund?",
    ]
    assert found(world, "dave", "refund 哪里") == ["退款到哪里了? Where is my refund?"]
    assert found(world, "dave", "nothing") == []
    assert found(world, "dave", "") == []


def test_a_repeated_call_is_found_once(world: World) -> None:
    for _time in range(2):
        world.message("退款", client_ref="same")
    assert found(world, "carol", "退款") == ["退款"]


def test_an_edit_takes_the_place_of_what_it_replaces(world: World) -> None:
    received = world.message("退款", provider_id="p-1")
    with world.transaction():
        identity = world.conversation(received.conversation_id).identity_id
    revising.edit(world.channel.pk, identity, "p-1", text="换货", revision=2)
    assert (found(world, "carol", "退款"), found(world, "carol", "换货")) == ([], ["换货"])
    revising.withdraw(world.channel.pk, identity, "p-1")
    assert found(world, "carol", "换货") == []


def test_names_of_files_are_found(world: World) -> None:
    conversation_id = world.message("hello").conversation_id
    carol = world.access("carol")
    kept = files.store(b"%PDF-1.7 x", "发票 invoice-2026.pdf", staff_id=carol.staff_id)
    replying.reply(carol, conversation_id, text="see", attachment_ids=[str(kept.public_id)])
    assert found(world, "carol", "发票") == ["see"]
    [hit] = find(world, "carol", "invoice-2026").hits
    assert [part.text for part in hit.snippet if part.is_hit] == ["invoice-2026"]


def test_the_subject_is_found_once_in_its_conversation(world: World) -> None:
    world.message("first", subject="保修 warranty")
    world.message("second")
    assert found(world, "carol", "warranty") == ["first"]
    [hit] = find(world, "carol", "保修").hits
    assert [part.text for part in hit.snippet if part.is_hit] == ["保修"]


def test_the_subject_of_a_letter_is_found_where_the_conversation_has_another(
    world: World,
) -> None:
    with mailbox_in(world) as mailbox:
        pk = mailbox.receive("first").conversation_id
        arrivals = {"second": "Re: 退货", "third": "Invoice"}
        for text, subject in arrivals.items():
            letter = Letter(subject=subject, full_text=text)
            arrival = Arrival(text, f"own-{text}", letter=letter)
            with world.transaction():
                receive_from(mailbox.identity(pk), arrival, place=timeline.lock(pk))
        assert found(world, "carol", "退货") == ["first"]
        assert found(world, "carol", "invoice") == ["third"]
        replying.reply(
            world.access("carol"), pk, text="answer", letter=LetterFields(subject="Voucher")
        )
        assert found(world, "carol", "voucher") == ["answer"]


def test_what_joins_a_conversation_is_found_there(world: World) -> None:
    with mailbox_in(world) as mailbox:
        pk = mailbox.receive("first").conversation_id
        participants.approve(world.access("carol"), mailbox.stranger(pk, text="我也在").pk)
        places = [hit.message.conversation_id for hit in find(world, "carol", "我也在").hits]
    assert len(places) == 2
    assert places[0] == pk


def test_the_file_of_a_voicemail_is_found_once_it_is_there(world: World) -> None:
    message = world.message("voicemail", provider_id="r-1")
    with world.transaction():
        file = files.prepare(b"ID3 sound", "left-message.mp3")
    recordings.add_to_message(world.channel.pk, "r-1", [file])
    [hit] = find(world, "carol", "left-message").hits
    assert hit.message.pk == message.message_id


def test_what_is_said_automatically_is_found(world: World) -> None:
    pk = world.message("hello").conversation_id
    with world.transaction():
        conversation = timeline.lock(pk)
        assert announcing.announce(conversation, "退款 by itself")
        conversation.save()
    assert found(world, "carol", "退款") == ["退款 by itself"]


def test_a_wrong_letter_is_forgiven_where_nothing_is_exact(world: World) -> None:
    for number in range(3):
        world.message(f"refunds {number}")
    near = find(world, "carol", "refnud", most=2)
    assert near.is_near
    assert [hit.message.text for hit in near.hits] == ["refunds 2", "refunds 1"]
    assert near.next is not None
    rest = find(world, "carol", "refnud", most=2, behind=Place.of(near.next.key))
    assert [hit.message.text for hit in rest.hits] == ["refunds 0"]
    world.message("a refnud")
    assert found(world, "carol", "refnud") == ["a refnud"]


def test_words_of_another_organization_are_not_known(world: World, other_world: World) -> None:
    other_world.message("refund gateway")
    world.message("gateways")
    for asked_in, known in ((world, {"gateway"}), (other_world, {"refund", "gateway"})):
        with asked_in.transaction():
            assert message_search._known(["refund", "gateway", "nothing", "it's"]) == known


def test_pages_follow_one_another_without_gap_or_repeat(world: World) -> None:
    texts = [f"退款 {number}" for number in range(7)]
    for text in texts:
        world.message(text)
    page = find(world, "carol", "退款", most=3)
    seen = [hit.message.text for hit in page.hits]
    world.message("退款 later")
    while page.next is not None:
        page = find(world, "carol", "退款", most=3, behind=Place.of(page.next.key))
        seen += [hit.message.text for hit in page.hits]
    assert seen == texts[::-1]


def test_pages_go_on_behind_messages_of_one_instant(world: World) -> None:
    now = timezone.now()
    for number in range(5):
        world.message(f"退款 {number}", at=now)
    page = find(world, "carol", "退款", most=2)
    seen = list(page.hits)
    while page.next is not None:
        page = find(world, "carol", "退款", most=2, behind=Place.of(page.next.key))
        seen += page.hits
    assert len({hit.message.pk for hit in seen}) == len(seen) == 5


@pytest.mark.parametrize("key", ["x", "1-", "-", "1-2-3", "1" * 17 + "-1", "1-" + "1" * 19, "１-1"])
def test_a_place_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(Invalid):
        Place.of(key)


def test_what_is_old_is_found_behind_much_that_is_new(world: World) -> None:
    long_ago = timezone.now() - timedelta(days=3000)
    world.message("退款 once", at=long_ago)
    for number in range(5):
        world.message(f"other {number}", at=long_ago + timedelta(days=500 * number))
    assert found(world, "carol", "退款") == ["退款 once"]
    assert found(world, "carol", "other", until=long_ago + timedelta(days=600)) == [
        "other 1",
        "other 0",
    ]
    assert found(world, "carol", "other", since=long_ago + timedelta(days=1600)) == ["other 4"]


def test_what_is_looked_for_is_narrowed(world: World, asked: int) -> None:
    world.message("退款 other", visitor="v-2")
    with world.transaction():
        _first, second = Customer.objects.order_by("pk")
    narrowed: list[tuple[str, Any, int, Any]] = [
        ("channel_id", world.channel.pk, 4, 10**9),
        ("owner_id", world.carol.pk, 3, world.dave.pk),
        ("department_id", world.support.pk, 4, world.sales.pk),
        ("customer_id", second.pk, 1, 10**9),
        ("author_id", world.carol.pk, 2, world.dave.pk),
        ("direction", "note", 1, "nothing"),
        ("states", ("queued",), 1, ("closed", "snoozed")),
    ]
    for name, value, count, other in narrowed:
        assert len(found(world, "carol", "退款", **{name: value})) == count, name
        assert found(world, "carol", "退款", **{name: other}) == [], name
    lifecycle.resolve(world.access("carol"), asked)
    assert len(found(world, "carol", "退款", states=("resolved",))) == 3


def test_who_wrote_is_asked_for_by_name_or_address(world: World, asked: int) -> None:
    with world.transaction():
        Customer.objects.update(name="王芳", email="fang@example.com", phone="+8613800138000")
    question = ["退款到哪里了? Where is my refund?"]
    for typed in (
        "退款 from:王芳",
        "from:王芳",
        "退款 from:fang@example.com",
        "from:+8613800138000",
    ):
        assert found(world, "dave", typed) == question, typed
    assert found(world, "dave", "退款 from:carol") == ["退款 checked", "退款明天到 refund tomorrow"]
    assert found(world, "dave", "退款 from:carol from:王芳") == [
        "退款 checked",
        "退款明天到 refund tomorrow",
        *question,
    ]
    assert found(world, "dave", "退款 from:erin") == []
    assert found(world, "dave", "退款 from:fang@example") == []


@pytest.mark.parametrize("who", ["erin", "frank"])
def test_who_may_not_see_the_conversation_finds_nothing(world: World, asked: int, who: str) -> None:
    assert len(found(world, "carol", "退款")) == 3
    assert found(world, who, "退款") == []


def test_who_is_called_in_finds_what_they_see_while_they_see_it(world: World, asked: int) -> None:
    world.message("退款 other", visitor="v-2")
    carol = world.access("carol")
    replying.note(carol, asked, text="@Frank please", mention_ids=[world.frank.pk])
    assert len(found(world, "frank", "退款")) == 3
    later = timezone.now() + timedelta(days=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(message_search.timezone, "now", lambda: later)
        assert found(world, "frank", "退款") == []


def test_who_left_finds_nothing(world: World, asked: int) -> None:
    assert len(found(world, "carol", "退款")) == 3
    with world.transaction():
        world.carol.is_active = False
        world.carol.save(update_fields=["is_active"])
    assert found(world, "carol", "退款") == []


def test_another_organization_finds_nothing(world: World, other_world: World, asked: int) -> None:
    other_world.message("退款 theirs")
    assert found(other_world, "alice", "退款") == ["退款 theirs"]
    assert (
        found(other_world, "alice", "退款", customer_id=world.conversation(asked).customer_id) == []
    )


def test_the_function_answers_nobody_outside_an_organization(world: World, asked: int) -> None:
    arguments = "asked => NULL, seen => %s, me => 1, moment => now()"
    rest = ("before_at", "before_id", "since", "until", "of_channel", "of_states", "of_owner")
    rest += (
        "of_department",
        "of_customer",
        "of_direction",
        "of_author",
        "of_customers",
        "of_staff",
    )
    nulls = ", ".join(f"{name} => NULL" for name in rest)
    query = f"SELECT * FROM everydesk_messages_found({arguments}, {nulls}, most => 10)"
    with connection.cursor() as cursor:
        cursor.execute(query, [[world.support.pk]])
        assert cursor.fetchall() == []
    with world.transaction(), connection.cursor() as cursor:
        cursor.execute(query, [[world.support.pk]])
        assert len(cursor.fetchall()) == 3


def test_hits_that_access_does_not_confirm_are_not_shown(
    world: World, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.transaction():
        place = Place(timezone.now(), MessageWords.objects.order_by("pk")[0].pk)
    monkeypatch.setattr(message_search, "_places", lambda *_given: [place])
    assert len(find(world, "carol", "退款").hits) == 1
    assert find(world, "erin", "退款").hits == []


def test_a_search_asks_the_database_a_fixed_number_of_times(world: World, asked: int) -> None:
    access = world.access("carol")

    def count() -> int:
        with world.transaction(), CaptureQueriesContext(connection) as asked_for:
            find_messages(access, Wanted(query=parse("退款")))
        return len(asked_for)

    before = count()
    for number in range(10):
        world.message(f"退款 {number}", visitor=f"v-{number}")
    assert count() == before <= 7


def test_a_search_that_takes_too_long_is_ended_and_says_so(
    world: World, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        message_search,
        "_FOUND",
        "SELECT 1, pg_sleep(3) WHERE %s IS NOT NULL" + " OR %s IS NULL" * 17,
    )
    monkeypatch.setattr(message_search, "LIMIT_MS", 50)
    with world.transaction():
        with pytest.raises(TooBroad):
            find_messages(world.access("carol"), Wanted(query=parse("退款")))
        # The page around it goes on, without the limit.
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone()[0] != "50ms"


def test_another_failure_is_no_long_search(
    world: World, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message_search, "_FOUND", "SELECT 1/0" + " + %s" * 18)
    with world.transaction(), pytest.raises(DatabaseError):
        find_messages(world.access("carol"), Wanted(query=parse("退款")))


def test_older_messages_are_taken_in_newest_first_and_once(
    world: World, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "BATCH", 2)
    with world.transaction():
        MessageWords.objects.all().delete()
        indexing.index_later()
    now = timezone.now()
    assert indexing.index_due(now) == 2
    assert found(world, "carol", "退款") == ["退款 checked", "退款明天到 refund tomorrow"]
    world.message("退款 meanwhile")
    assert indexing.index_due(now) == 1
    assert len(found(world, "carol", "退款")) == 4
    assert indexing.index_due(now) == indexing.index_due(now) == 0
    with world.transaction():
        assert Organization.objects.get().unindexed_below is None


def test_who_has_nothing_to_take_in_is_not_asked(world: World, other_world: World) -> None:
    with other_world.transaction():
        indexing.index_later()
    assert due_organizations("unindexed") == [other_world.organization.pk]
