"""What we tell Twilio, what its answers mean, and conversations from end to end against a played vendor."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings, settings
from django.test import Client
from django.utils import timezone

from channels_app.adapters.sms_twilio.adapter import Adapter
from channels_app.adapters.sms_twilio.fake import (
    ACCOUNT,
    NUMBER,
    Vendor,
    refusal,
    sid_of,
    values_of,
)
from channels_app.fake_vendor import Answer
from channels_app.processing import process_due
from channels_app.protocol import (
    Attachment,
    ChannelConfig,
    ContactIdentity,
    OutboundMessage,
    SendError,
)
from helpdesk.errors import ChannelError
from helpdesk.models import Channel, Delivery, Direction, Message, Outbox
from helpdesk.services import organizations, replying
from tests.delivering import deliver_due
from tests.factories import World

TOKEN = "the auth token"
CONFIG = ChannelConfig("c", secrets=(TOKEN, "the one before"))
PICTURE = Attachment(
    "image", filename="a.png", mime="image/png", size=9, url="https://desk.example/a"
)


def adapter(vendor: Vendor, **facts: object) -> Adapter:
    return Adapter(replace(CONFIG, settings={**vendor.settings, **facts}))


def reply(text: str = "好的 👍 +1 & more", **facts: Any) -> OutboundMessage:
    to = ContactIdentity("+8613800138000")
    return OutboundMessage(client_ref=str(uuid4()), to=to, text=text, **facts)


# --- what we tell it -------------------------------------------------------------------------------


def test_a_reply_is_posted_as_a_form(vendor: Vendor, settings: LazySettings) -> None:
    settings.PUBLIC_URL = "https://desk.example"
    result = adapter(vendor).send(reply())
    (call,) = vendor.calls
    assert call.path == f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    assert call.headers["content-type"] == "application/x-www-form-urlencoded"
    assert values_of(call) == {
        "To": "+8613800138000",
        "From": NUMBER,
        "Body": "好的 👍 +1 & more",
        "StatusCallback": "https://desk.example/channels/c/",
    }
    assert (result.status, result.provider_ids) == ("sent", (sid_of("1"),))


def test_a_messaging_service_chooses_the_number_itself(vendor: Vendor) -> None:
    adapter(vendor, sender=" MG0123456789 ").send(reply())
    values = values_of(vendor.calls[0])
    assert values["MessagingServiceSid"] == "MG0123456789"
    assert "From" not in values


def test_files_are_links_unless_the_number_can_send_them(vendor: Vendor) -> None:
    adapter(vendor).send(reply("", attachments=(PICTURE,)))
    can = adapter(vendor, sends_media=True)
    document = replace(PICTURE, filename="b.pdf", mime="application/pdf")
    for file in (PICTURE, document, replace(PICTURE, size=6 * 1024 * 1024)):
        can.send(reply("", attachments=(file,)))
    said = [vendor.text_of(call) for call in vendor.calls]
    link = "https://desk.example/a"
    assert said == [f"a.png\n{link}", link, f"b.pdf\n{link}", f"a.png\n{link}"]
    assert values_of(vendor.calls[1])["MediaUrl"] == link


@pytest.mark.parametrize(
    ("answer", "kind", "retryable"),
    [
        (refusal(400, 21610, "unsubscribed recipient"), "blocked", False),
        (refusal(400, 21211, "not a valid phone number"), "undeliverable", False),
        (refusal(403, 21408, "not enabled for the region"), "undeliverable", False),
        (refusal(400, 21606, "not a number of yours"), "auth", False),
        (refusal(401, 20003, "Authenticate"), "auth", False),
        (refusal(404, 20404, "not found"), "auth", False),
        (refusal(429, 20429, "Too Many Requests"), "rate", True),
        (refusal(400, 21611, "queue is full"), "rate", True),
        (refusal(429, 63038, "daily limit"), "quota", False),
        (refusal(500, 20500, "Internal Server Error"), "server", True),
        (Answer(503, b"<html>"), "server", True),
        (Answer(201, b'{"sid":"SM1","error_code":21610,"error_message":"no"}'), "blocked", False),
    ],
)
def test_each_refusal_says_what_it_means(
    vendor: Vendor, answer: Answer, kind: str, *, retryable: bool
) -> None:
    vendor.fail(answer)
    with pytest.raises(SendError) as refused:
        adapter(vendor).send(reply())
    assert (refused.value.kind, refused.value.retryable) == (kind, retryable)
    assert not refused.value.ambiguous


def test_it_is_left_alone_for_as_long_as_it_asks(vendor: Vendor) -> None:
    asked = refusal(429, 20429, "Too Many Requests")
    vendor.fail(replace(asked, headers={"retry-after": "7"}), asked)
    for pause in (timedelta(seconds=7), timedelta(minutes=1)):
        with pytest.raises(SendError) as refused:
            adapter(vendor).send(reply())
        assert refused.value.retry_after == pause


@pytest.mark.parametrize(
    "answer",
    [Answer(is_dropped=True), Answer(504, b"{}"), Answer(200, b"<html>sign in")],
)
def test_what_may_have_arrived_is_said_so(vendor: Vendor, answer: Answer) -> None:
    vendor.fail(answer)
    with pytest.raises(SendError) as lost:
        adapter(vendor).send(reply())
    assert lost.value.ambiguous


def test_no_number_stands_in_a_reason(vendor: Vendor) -> None:
    vendor.fail(refusal(400, 21211, "Invalid 'To' Phone Number: +8613800138000"))
    with pytest.raises(SendError) as refused:
        adapter(vendor).send(reply())
    assert str(refused.value.message) == "Twilio answers: Invalid 'To' Phone Number: … (21211)"


@pytest.mark.parametrize(
    "facts", [{"account_sid": "AC1/../x"}, {"account_sid": ""}, {"sender": ""}]
)
def test_without_an_account_and_a_number_nothing_is_called(
    vendor: Vendor, facts: dict[str, object]
) -> None:
    with pytest.raises(SendError) as refused:
        adapter(vendor, **facts).send(reply())
    assert refused.value.kind == "auth"
    with pytest.raises(SendError):
        Adapter(ChannelConfig("c", settings=vendor.settings)).send(reply())
    assert not vendor.calls


def test_a_file_is_followed_to_where_it_lies_without_the_token(vendor: Vendor) -> None:
    url = f"{vendor.settings['base_url']}/2010-04-01/Accounts/{ACCOUNT}/Messages/MM1/Media/ME1"
    data, mime = adapter(vendor).fetch_media(Attachment("image", url=url))
    assert (data[:4], mime) == (b"\x89PNG", "image/png")
    asked, fetched = vendor.calls
    assert asked.headers["authorization"].startswith("Basic ")
    assert fetched.path == "/elsewhere/ME1"
    assert "authorization" not in fetched.headers


def test_a_file_of_another_host_never_sees_the_token(vendor: Vendor) -> None:
    url = f"http://localhost:{vendor.port}/elsewhere/x"
    adapter(vendor).fetch_media(Attachment("image", url=url))
    assert "authorization" not in vendor.calls[0].headers


@pytest.mark.parametrize(
    ("location", "is_permanent"),
    [("http://10.0.0.1/secret", True), ("file:///etc/passwd", True), ("", True)],
)
def test_a_file_that_leads_inside_is_not_fetched(
    vendor: Vendor, location: str, *, is_permanent: bool
) -> None:
    vendor.fail(*[Answer(307, b"", {"location": location})] * 2)
    with pytest.raises(ChannelError) as failed:
        adapter(vendor).fetch_media(Attachment("image", url=f"{vendor.settings['base_url']}/m"))
    assert failed.value.permanent is is_permanent


def test_the_connection_is_tested_by_asking_for_the_account(vendor: Vendor) -> None:
    assert "Everydesk" in adapter(vendor).test_connection()
    for answer, words in (
        (Answer(200, b"<html>"), "not Twilio"),
        (Answer(200, b'{"friendly_name":"E","status":"suspended"}'), "suspended"),
        (refusal(401, 20003, "Authenticate"), "Authenticate"),
    ):
        vendor.fail(answer)
        with pytest.raises(ChannelError) as failed:
            adapter(vendor).test_connection()
        assert words in str(failed.value.message)
    with pytest.raises(SendError):
        adapter(vendor, sender="").test_connection()


# --- from end to end -------------------------------------------------------------------------------


@pytest.fixture
def sms(world: World, vendor: Vendor) -> Channel:
    with world.transaction():
        return organizations.open_channel(
            Channel(kind="sms_twilio", name="SMS", secret=TOKEN, settings=vendor.settings)
        )


def call(client: Client, channel: Channel, vendor: Vendor, body: bytes, secret: str = TOKEN) -> int:
    config = ChannelConfig(channel.public_id, secrets=(secret,))
    headers = vendor.sign(body, config, timezone.now())
    answer = client.post(
        f"/channels/{channel.public_id}/",
        body,
        content_type=vendor.content_type,
        headers=dict(headers),
    )
    if answer.status_code == 200:
        # Anything else would be an order to answer with it.
        assert answer.content.endswith(b"<Response/>")
        assert answer["content-type"].startswith("text/xml")
    return answer.status_code


def asked(world: World, client: Client, vendor: Vendor, sms: Channel) -> Message:
    assert call(client, sms, vendor, vendor.message("m-1", text="怎么退货?")) == 200
    process_due()
    with world.transaction():
        return Message.objects.get(direction=Direction.IN)


def test_a_customer_is_answered_in_parts_and_the_receipts_are_heard(
    world: World, client: Client, vendor: Vendor, sms: Channel
) -> None:
    question = vendor.message("m-1", text="怎么退货?")
    assert call(client, sms, vendor, question, secret="a guess") == 401
    for _each in range(2):
        message = asked(world, client, vendor, sms)
    replying.reply(world.access("carol"), message.conversation_id, text="好" * 2000)
    deliver_due()
    assert [len(vendor.text_of(each) or "") for each in vendor.calls] == [1600, 400]
    callback = f"{settings.PUBLIC_URL}/channels/{sms.public_id}/"
    assert values_of(vendor.calls[0])["StatusCallback"] == callback
    with world.transaction():
        assert Outbox.objects.get().state == Delivery.SENT
    for state in ("delivered", "sent", "delivered"):
        assert call(client, sms, vendor, vendor.receipt(sid_of("2"), state)) == 200
        process_due()
        with world.transaction():
            assert Outbox.objects.get().state == Delivery.DELIVERED


def test_a_message_that_was_not_delivered_says_why(
    world: World, client: Client, vendor: Vendor, sms: Channel
) -> None:
    message = asked(world, client, vendor, sms)
    replying.reply(world.access("carol"), message.conversation_id, text="hello")
    deliver_due()
    failed = vendor.receipt(sid_of("1"), "undelivered", code=30003)
    assert call(client, sms, vendor, failed) == 200
    process_due()
    with world.transaction():
        row = Outbox.objects.get()
        assert row.state == Delivery.FAILED
        assert "30003" in row.error


def test_whoever_has_sent_stop_is_not_written_to_again(
    world: World, client: Client, vendor: Vendor, sms: Channel
) -> None:
    message = asked(world, client, vendor, sms)
    vendor.fail(refusal(400, 21610, "Attempt to send to unsubscribed recipient"))
    replying.reply(world.access("carol"), message.conversation_id, text="hello")
    deliver_due()
    deliver_due()
    assert len(vendor.calls) == 1
    with world.transaction():
        row = Outbox.objects.get()
        assert (row.state, row.error_code) == (Delivery.FAILED, "blocked")


def test_a_picture_is_kept_with_its_message(
    world: World, client: Client, vendor: Vendor, sms: Channel
) -> None:
    assert call(client, sms, vendor, vendor.picture("p-1", text="broken")) == 200
    process_due()
    with world.transaction():
        kept = Message.objects.get(direction=Direction.IN)
        assert (kept.text, kept.attachments.get().mime) == ("broken", "image/png")


def test_a_played_customer_writes_forms(vendor: Vendor) -> None:
    with Vendor() as other:
        assert other.post(str(vendor.settings["base_url"]) + "/x", CONFIG, b"a=1") == 401
    assert vendor.calls[0].headers["content-type"] == vendor.content_type
