"""What every kind must do with a reply: say it once, and say clearly why it could not be said."""

import itertools
import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils.translation import override

from channels_app.fake_vendor import Answer, FakeVendor
from channels_app.protocol import ContactIdentity, OutboundMessage, SendError, SendResult
from helpdesk.errors import ChannelError
from helpdesk.models import Delivery, Message, Outbox
from helpdesk.services import replying
from tests.channels_app.contract import (
    CASES,
    CONFIG,
    adapter,
    check,
    config_of,
    connected,
    is_not_called,
    is_silent,
    lacks,
    post,
    pytest_generate_tests,
    says,
    sealed,
    settle,
    vendor_of,
)
from tests.channels_app.vendors import send_due
from tests.factories import World

__all__ = ["pytest_generate_tests"]

TEXT = "好的 👍 we will see to it"
PAGE = Answer(200, b"<!doctype html><title>Sign in</title>", {"content-type": "text/html"})
ELSEWHERE = Answer(302, b"", {"location": "http://127.0.0.1:9/"})
HUGE = Answer(200, b"[" + b"0," * 200_000 + b"0]")


@pytest.fixture
def away(settings: LazySettings) -> Iterator[None]:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with override("en"):
        yield


def message(kind: str) -> OutboundMessage:
    vendor = CASES[kind].vendor
    return OutboundMessage(
        client_ref=str(uuid.uuid4()),
        to=ContactIdentity(CASES[kind].recipient),
        text=TEXT,
        reply_token=vendor.reply_token if vendor else "",
    )


def failing(kind: str, *answers: Answer) -> SendError:
    """Return how a reply fails whose vendor answers so; what it needs beforehand is there."""
    vendor = CASES[kind].vendor
    assert vendor is not None
    with vendor:
        sending = adapter(kind, config_of(kind, settings=vendor.settings))
        vendor.fail_replies(*answers)
        try:
            with pytest.raises(SendError) as failed:
                sending.send(message(kind))
        finally:
            vendor.recover()
    return failed.value


@check()
@pytest.mark.usefixtures("away")
def test_sending_answers_with_values(kind: str) -> None:
    with CASES[kind].stand_in() as found:
        sending = adapter(kind, config_of(kind, settings=found))
        if CASES[kind].sends:
            assert isinstance(sending.send(message(kind)), SendResult)
            return
        with pytest.raises(SendError) as refused:
            sending.send(message(kind))
        assert refused.value.permanent


@check(is_not_called, is_silent)
@pytest.mark.usefixtures("away")
def test_the_customer_reads_what_was_written(kind: str) -> None:
    vendor = CASES[kind].vendor
    assert vendor is not None
    with vendor:
        adapter(kind, config_of(kind, settings=vendor.settings)).send(message(kind))
        told = [text for call in vendor.calls if (text := vendor.text_of(call)) is not None]
        assert told[-1] == TEXT


@check(is_not_called, is_silent)
@pytest.mark.usefixtures("away")
def test_a_vendor_that_is_broken_is_tried_again(kind: str) -> None:
    failed = failing(kind, *[Answer(500, b"oops")] * 3)
    assert not failed.permanent
    assert failed.kind == "server"


@check(is_not_called, is_silent)
@pytest.mark.usefixtures("away")
def test_a_vendor_that_is_asked_too_often_is_asked_later(kind: str) -> None:
    failed = failing(kind, *[Answer(429, b"{}", {"retry-after": "7"})] * 3)
    assert failed.retryable
    assert failed.kind == "rate"
    assert failed.retry_after is None or failed.retry_after >= timedelta(seconds=1)


@check(is_not_called, is_silent)
@pytest.mark.usefixtures("away")
def test_a_line_that_breaks_after_the_call_leaves_a_doubt_unless_it_is_safe_to_repeat(
    kind: str,
) -> None:
    failed = failing(kind, *[Answer(is_dropped=True)] * 3)
    assert failed.ambiguous
    assert not failed.permanent


@check(is_silent, lacks("answer besides its status", lambda vendor: vendor.says_more))
@pytest.mark.usefixtures("away")
def test_a_page_that_answers_instead_of_the_vendor_is_no_success(kind: str) -> None:
    failing(kind, *[PAGE] * 3)


@check(is_not_called, is_silent)
@pytest.mark.usefixtures("away")
def test_a_vendor_that_sends_us_elsewhere_is_not_followed(kind: str) -> None:
    failed = failing(kind, *[ELSEWHERE] * 3)
    assert "127.0.0.1:9" not in str(failed.message)


@check(is_not_called, is_silent)
@pytest.mark.usefixtures("away")
def test_an_answer_without_end_is_not_read(kind: str) -> None:
    failed = failing(kind, *[HUGE] * 3)
    assert failed.ambiguous or failed.retryable


@check(is_not_called, is_silent)
def test_an_address_inside_the_network_is_not_called(kind: str, settings: LazySettings) -> None:
    vendor = CASES[kind].vendor
    assert vendor is not None
    settings.OUTGOING_ALLOWED_NETWORKS = []
    with vendor:
        before = len(vendor.calls)
        with pytest.raises(SendError):
            adapter(kind, config_of(kind, settings=vendor.settings)).send(message(kind))
        assert len(vendor.calls) == before


@check(is_silent, lacks("way of saying no inside a yes", lambda vendor: vendor.refusals))
@pytest.mark.usefixtures("away")
def test_a_no_inside_a_yes_is_a_no(kind: str) -> None:
    vendor = CASES[kind].vendor
    assert vendor is not None
    for answer in vendor.refusals:
        failing(kind, *[answer] * 3)


@check(is_not_called, is_silent)
@pytest.mark.usefixtures("away")
def test_no_failure_tells_a_secret_or_what_was_written(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    secrets = [*CONFIG.secrets, *CASES[kind].named_secrets.values(), "we will see to it"]
    answers = (Answer(500), Answer(400), Answer(403), Answer(is_dropped=True), ELSEWHERE)
    for answer in answers:
        told = str(failing(kind, *[answer] * 3).message) + caplog.text
        assert not [secret for secret in secrets if len(secret) > 5 and secret in told]


@check(is_not_called)
@pytest.mark.usefixtures("away")
def test_the_connection_is_tried_and_a_broken_one_is_said_to_be_broken(kind: str) -> None:
    vendor = CASES[kind].vendor
    assert vendor is not None
    with vendor:
        trying = adapter(kind, config_of(kind, settings=vendor.settings))
        assert trying.test_connection()
        vendor.fail(*[Answer(500)] * 5)
        try:
            with pytest.raises(ChannelError):
                trying.test_connection()
        finally:
            vendor.recover()


@check(is_silent, lacks("receipts", lambda v: type(v).receipts is not FakeVendor.receipts))
@pytest.mark.usefixtures("contract_time")
def test_receipts_in_any_order_end_in_the_same_state(
    kind: str, world: World, client: Client
) -> None:
    vendor = vendor_of(kind)
    with connected(kind, world) as config:
        says(client, kind, config, 1)
        settle()
        with world.transaction():
            conversation_id = Message.objects.get().conversation_id
        states = []
        for order in _orders(3):
            replying.reply(world.access("carol"), conversation_id, text=f"{TEXT} {order}")
            assert send_due(world) == 1
            call = next(each for each in reversed(vendor.calls) if vendor.text_of(each))
            receipts = vendor.receipts(call)
            for number in order:
                if number < len(receipts):
                    post(client, kind, config, sealed(kind, receipts[number], config=config))
            settle()
            with world.transaction():
                states.append(Outbox.objects.latest("pk").state)
    assert set(states) == {str(Delivery.READ)} or set(states) == {str(Delivery.DELIVERED)}


def _orders(most: int) -> list[tuple[int, ...]]:
    return list(itertools.permutations(range(most)))
