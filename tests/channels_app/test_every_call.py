"""What every vendor's calls must meet: proof, bad input, repetition, disorder, and many at once."""

import dataclasses
import itertools
import json
from datetime import timedelta

import pytest
from django.test import Client

from channels_app.fake_vendor import Sealed
from channels_app.models import InboundEvent
from channels_app.processing import process_due
from channels_app.protocol import EVENT_KINDS, BadPayload, BadSignature
from helpdesk.models import Conversation, Customer, Message
from helpdesk.portal.timeline import entries_of, lines_of
from tests.channels_app.contract import (
    CASES,
    CONFIG,
    NOW,
    adapter,
    ago,
    as_request,
    check,
    config_of,
    connected,
    has_keys,
    has_no_words,
    has_only_hints,
    is_fetched,
    is_not_played,
    lacks,
    post,
    pytest_generate_tests,
    reference,
    request,
    says,
    sealed,
    settle,
    signs_no_body,
    vendor_of,
)
from tests.factories import World
from tests.races import at_once

__all__ = ["pytest_generate_tests"]

HOSTILE = "<script>alert(1)</script> & 'x' \"y\" ]]> &amp; \u202e \u200b 👩‍👩‍👧‍👦\n第二行"
GARBAGE = (b"", b"{", b"\xff\xfe", b"[]", b"null", b"[" * 50_000, b"\x00")


pytestmark = pytest.mark.usefixtures("contract_time")


# --- proof --------------------------------------------------------------------------------------


@check(is_fetched)
def test_a_good_call_verifies_and_reads_the_same_twice(kind: str) -> None:
    call = request(kind)
    adapter(kind).verify(call)
    first, second = adapter(kind).parse(call), adapter(kind).parse(call)
    assert first == second != []
    assert all(event.kind in EVENT_KINDS and event.dedup_key for event in first)


@check(is_fetched, has_keys)
def test_a_call_signed_with_the_older_secret_is_accepted(kind: str) -> None:
    adapter(kind).verify(request(kind, config=config_of(kind, secrets=CONFIG.secrets[1:])))


@check(is_fetched, signs_no_body)
def test_a_body_that_was_changed_on_its_way_is_refused(kind: str) -> None:
    call = sealed(kind, CASES[kind].body(reference(1)))
    adapter(kind).verify(as_request(call))
    with pytest.raises(BadSignature):
        adapter(kind).verify(as_request(CASES[kind].tampered(call)))


@check(is_fetched)
def test_what_the_vendor_did_not_sign_is_refused(kind: str) -> None:
    call = sealed(kind, CASES[kind].body(reference(1)))
    adapter(kind).verify(as_request(call))
    words = ("", "x", "0" * 64)
    bad = [Sealed(call.body)]
    bad += [
        Sealed(call.body, dict.fromkeys(call.headers, word), dict.fromkeys(call.query, word))
        for word in words
    ]
    for each in bad:
        with pytest.raises(BadSignature):
            adapter(kind).verify(as_request(each))


@check(is_fetched)
def test_what_a_stranger_signed_is_refused(kind: str) -> None:
    body = CASES[kind].body(reference(1))
    adapter(kind).verify(as_request(sealed(kind, body)))
    stranger = config_of(kind, secrets=("a guess",))
    with pytest.raises(BadSignature):
        adapter(kind).verify(as_request(sealed(kind, body, config=stranger)))


@check(is_fetched)
def test_what_was_signed_for_another_account_is_refused(kind: str) -> None:
    body = CASES[kind].body(reference(1))
    adapter(kind).verify(as_request(sealed(kind, body)))
    elsewhere = config_of(kind, public_id="channel-2")
    with pytest.raises(BadSignature):
        adapter(kind).verify(as_request(sealed(kind, body, config=elsewhere)))


@check(is_fetched)
def test_a_channel_without_a_secret_accepts_nothing(kind: str) -> None:
    with pytest.raises(BadSignature):
        adapter(kind, config_of(kind, secrets=())).verify(request(kind))
    empty = config_of(kind, secrets=("",))
    with pytest.raises(BadSignature):
        adapter(kind, empty).verify(request(kind, config=empty))


@check(is_fetched, lacks("time in its signature", lambda vendor: vendor.signs_time))
def test_a_call_of_long_ago_or_of_tomorrow_is_refused(kind: str) -> None:
    body = CASES[kind].body(reference(1))
    adapter(kind).verify(as_request(sealed(kind, body, at=ago(seconds=20))))
    for at in (ago(hours=2), NOW + timedelta(hours=2)):
        with pytest.raises(BadSignature):
            adapter(kind).verify(as_request(sealed(kind, body, at=at)))


@check(lacks("way of trying an address", lambda vendor: vendor.greeting(CONFIG, NOW)))
def test_a_new_address_is_answered_as_the_vendor_wants_and_nobody_else(
    kind: str, world: World, client: Client
) -> None:
    with connected(kind, world) as config:
        greeting = vendor_of(kind).greeting(config, NOW)
        assert greeting is not None
        call = as_request(greeting.call, method=greeting.method)
        answer = adapter(kind, config).handshake(call)
        assert answer is not None
        assert (answer.status, answer.body) == (200, greeting.reply)
        address = f"/channels/{config.public_id}/"
        strangers = config_of(kind, public_id="channel-2", secrets=("a guess",), named_secrets={})
        forged = vendor_of(kind).greeting(strangers, NOW)
        assert forged is not None
        if greeting.method == "GET":
            told = client.get(address, query_params=greeting.call.query)
            assert (told.status_code, told.content) == (200, greeting.reply)
            refused = client.get(address, query_params=forged.call.query)
        else:
            assert post(client, kind, config, greeting.call).content == greeting.reply
            refused = post(client, kind, config, forged.call)
        assert refused.status_code == 401


@check()
def test_somebody_who_only_looks_is_turned_away(kind: str, world: World, client: Client) -> None:
    with connected(kind, world) as config:
        assert client.get(f"/channels/{config.public_id}/").status_code == 401


# --- bad input ----------------------------------------------------------------------------------


@check(is_fetched)
def test_what_cannot_be_read_is_a_bad_payload_and_nothing_worse(kind: str) -> None:
    for body in GARBAGE:
        with pytest.raises(BadPayload):
            adapter(kind).parse(request(kind, body=body))


@check(is_fetched)
def test_what_is_genuine_and_unreadable_is_kept_and_answered(
    kind: str, world: World, client: Client
) -> None:
    with connected(kind, world) as config:
        assert post(client, kind, config, sealed(kind, b"{", config=config)).status_code == 200
        settle()
    with world.transaction():
        assert InboundEvent.objects.get().state == InboundEvent.State.QUARANTINED


@check(is_fetched)
def test_unknown_events_are_skipped(kind: str) -> None:
    for body in CASES[kind].unknown:
        assert adapter(kind).parse(request(kind, body=body)) == []


@check(
    is_fetched,
    lambda kind: "our own words: they say what we expect" if kind in {"webchat", "app"} else "",
)
def test_what_a_vendor_adds_one_day_changes_nothing(kind: str) -> None:
    body = CASES[kind].body(reference(1))
    # Some name their calls by what is in them.
    known, found = (
        [dataclasses.replace(event, dedup_key="") for event in adapter(kind).parse(call)]
        for call in (request(kind, body=body), request(kind, body=_with_more(body)))
    )
    assert found == known


@check(is_fetched, has_no_words)
def test_a_hostile_text_arrives_as_it_was_written(kind: str, world: World, client: Client) -> None:
    with connected(kind, world) as config:
        assert says(client, kind, config, 1, HOSTILE).status_code == 200
        settle()
    with world.transaction():
        text = Message.objects.get().text
    # What turns the text around it, or cannot be seen, may be gone.
    shown = str.maketrans("", "", "\u202e\u200b")
    assert text.translate(shown).split() == HOSTILE.translate(shown).split()


@check(is_fetched)
def test_a_text_without_end_is_never_lost(kind: str, world: World, client: Client) -> None:
    with connected(kind, world) as config:
        assert says(client, kind, config, 1, "退" * 50_000).status_code == 200
        settle()
    with world.transaction():
        kept = InboundEvent.objects.exclude(kind="poll_hint").get()
        assert kept.state in {InboundEvent.State.DONE, InboundEvent.State.QUARANTINED}
        assert kept.entry_id is not None


def _with_more(body: bytes) -> bytes:
    """Return a call with a field that nobody knows yet."""
    if body.startswith(b"{"):
        return json.dumps({**json.loads(body), "new_in_2027": {"a": [1, {"b": None}]}}).encode()
    if body.startswith(b"["):
        rows = json.loads(body)
        return json.dumps([{**rows[0], "new_in_2027": [1]}, *rows[1:]]).encode()
    if body.startswith(b"<"):
        return body.replace(b"</xml>", b"<NewIn2027><![CDATA[1]]></NewIn2027></xml>")
    if body.startswith(b"From:"):
        return b"X-New-In: 2027\r\n" + body
    return body + b"&NewIn2027=1"


# --- repetition, disorder, and many at once -----------------------------------------------------


@check(is_fetched)
def test_the_same_message_signed_again_has_the_same_key(kind: str) -> None:
    body = CASES[kind].body(reference(1))
    calls = [as_request(sealed(kind, body, at=at)) for at in (NOW, NOW, ago(seconds=10))]
    keys = {tuple(event.dedup_key for event in adapter(kind).parse(call)) for call in calls}
    assert len(keys) == 1


@check(is_fetched)
def test_two_messages_have_two_keys(kind: str) -> None:
    keys = {
        event.dedup_key
        for number in (1, 2)
        for event in adapter(kind).parse(request(kind, body=CASES[kind].body(reference(number))))
    }
    assert len(keys) >= 2


@check(is_fetched)
def test_the_same_call_again_is_stored_once_and_answered_alike(
    kind: str, world: World, client: Client
) -> None:
    with connected(kind, world) as config:
        call = sealed(kind, CASES[kind].body(reference(1)), config=config)
        answers = [post(client, kind, config, call) for _each in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 200]
        assert len({answer.content for answer in answers}) == 1
        settle()
    with world.transaction():
        assert Message.objects.count() == 1
        kept = InboundEvent.objects.exclude(kind="poll_hint").get()
        assert kept.state == InboundEvent.State.DONE
        # What is fetched after a hint has its own bytes.
        assert CASES[kind].only_hints or bytes(kept.raw) == call.body


@check(is_fetched)
def test_the_same_call_many_times_at_once_is_one_message(kind: str, world: World) -> None:
    with connected(kind, world) as config:
        call = sealed(kind, CASES[kind].body(reference(1)), config=config)
        answers = at_once([lambda: post(Client(), kind, config, call)] * 6)
        assert {answer.status_code for answer in answers} == {200}
        settle()
    with world.transaction():
        assert Message.objects.count() == 1


@check(is_fetched, lambda kind: "" if CASES[kind].vendor else "each letter may begin a thread")
def test_an_album_of_ten_from_somebody_new_is_one_conversation(kind: str, world: World) -> None:
    with connected(kind, world) as config:
        bodies = [CASES[kind].body(reference(number)) for number in range(10)]
        calls = [sealed(kind, body, config=config) for body in bodies]
        at_once([lambda call=call: post(Client(), kind, config, call) for call in calls])
        settle()
        at_once([process_due] * 3)
    with world.transaction():
        assert Message.objects.count() == 10
        assert Conversation.objects.count() == Customer.objects.count() == 1


@check(lacks("way of changing a message", lambda v: v.edited(reference(1), text="neu")))
def test_a_change_that_comes_before_its_message_waits_for_it(
    kind: str, world: World, client: Client
) -> None:
    with connected(kind, world) as config:
        edited = vendor_of(kind).edited(reference(1), text="anders")
        assert edited is not None
        post(client, kind, config, sealed(kind, edited, config=config))
        process_due()
        says(client, kind, config, 1)
        _settle_parked(world)
    with world.transaction():
        assert Message.objects.get().text == "anders"


@check(lacks("way of taking a message back", lambda vendor: vendor.withdrawn(reference(1))))
def test_what_was_taken_back_is_gone_whatever_came_first(
    kind: str, world: World, client: Client
) -> None:
    with connected(kind, world) as config:
        withdrawn = vendor_of(kind).withdrawn(reference(1))
        assert withdrawn is not None
        post(client, kind, config, sealed(kind, withdrawn, config=config))
        process_due()
        says(client, kind, config, 1)
        _settle_parked(world)
    with world.transaction():
        message = Message.objects.get()
        assert message.withdrawn_at is not None


@check(lacks("reactions", lambda vendor: vendor.reacted(reference(1), second=1)))
def test_a_reaction_is_what_was_said_last_whatever_came_first(
    kind: str, world: World, client: Client
) -> None:
    words = ((1, False), (2, True), (3, False))
    orders = list(itertools.permutations(words))
    with connected(kind, world) as config:

        def reacts(number: int, second: int, is_gone: bool) -> None:
            call = vendor_of(kind).reacted(reference(number), second=second, is_gone=is_gone)
            assert call is not None
            post(client, kind, config, sealed(kind, call, config=config))

        for number, order in enumerate(orders):
            for place, (second, is_gone) in enumerate(order):
                if place == number % len(words):
                    says(client, kind, config, number)
                reacts(number, second, is_gone)
        settle()
        _settle_parked(world)
        assert _signs(world) == [["👍"]] * len(orders)
        reacts(0, 4, is_gone=True)
        settle()
        assert _signs(world)[:2] == [[], ["👍"]]


def _signs(world: World) -> list[list[str]]:
    """Return the signs that stand below each message."""
    with world.transaction():
        entries = list(entries_of(Conversation.objects.get().pk, after=0, up_to=1000))
        return [
            [each.sign for each in line["reactions"]]
            for line in lines_of(entries, "王芳")
            if "direction" in line
        ]


def _settle_parked(world: World) -> None:
    settle()
    with world.transaction():
        InboundEvent.objects.filter(state=InboundEvent.State.PARKED).update(due_at=NOW)
    settle()


@check(is_fetched, is_not_played, has_only_hints)
def test_calls_in_any_order_become_the_same_messages(
    kind: str, world: World, client: Client
) -> None:
    with connected(kind, world) as config:
        for order in itertools.permutations(range(3)):
            for number in order:
                says(client, kind, config, number)
        settle()
    with world.transaction():
        assert Message.objects.count() == 3
