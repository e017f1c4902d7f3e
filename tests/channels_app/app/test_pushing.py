"""What the app did not show in time is pushed to the customer's devices, and what it showed is not."""

import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.utils import timezone
from standardwebhooks import Webhook

from channels_app import delivery
from channels_app.adapters.app.fake import Vendor
from channels_app.fake_vendor import Answer
from channels_app.leaving import claims
from channels_app.models import Device, Dispatch, PushHealth
from channels_app.services import health, pushing
from helpdesk.models import Channel, Delivery, Outbox
from helpdesk.services import replying
from tests.channels_app.app.apps import App, open_app
from tests.delivering import deliver_due

PUSH_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ACCOUNT = json.dumps(
    {
        "project_id": "shop-1",
        "client_email": "push@shop-1.iam.example",
        "private_key": KEY.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
    }
)
SECRETS = {"fcm_service_account": ACCOUNT, "push_secret": PUSH_SECRET}


@pytest.fixture(autouse=True)
def loopback(settings):
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]


@pytest.fixture
def vendor():
    with Vendor() as vendor:
        yield vendor


@pytest.fixture
def app(world, vendor):
    return open_app(world, secrets=SECRETS, push_after_seconds=0, **vendor.settings)


def signs_in(app, service="webhook", token="device-1", **values):
    return app.post("devices", service=service, token=token, language="en", **values)


def answered(world, app, text="On its way"):
    """Have the customer write and a colleague answer, and what is due leave."""
    conversation = app.says("Where is my parcel?").json()["conversation"]
    replying.reply(world.access("carol"), conversation, text=text)
    deliver_due()
    return conversation


def pushes(world):
    with world.transaction():
        return list(Dispatch.objects.filter(kind="push").order_by("pk"))


@pytest.mark.parametrize("service", ["fcm", "webhook"])
def test_a_reply_that_was_not_shown_is_pushed_without_its_text(world, vendor, fang, service):
    signs_in(fang, service)
    conversation = answered(world, fang)
    deliver_due()
    told = vendor.pushed()
    assert [(each["token"], each["title"], each["text"]) for each in told] == [
        ("device-1", "Acme", "You have a new message.")
    ]
    assert int(told[0]["conversation"]) == conversation
    [row] = pushes(world)
    assert (row.state, row.error) == (Delivery.SENT, "")
    with world.transaction():
        assert Outbox.objects.get().state == Delivery.SENT


def test_the_text_is_pushed_where_the_setting_says_so(world, vendor, app, fang):
    with world.transaction():
        channel = Channel.objects.get(pk=app.pk)
        channel.settings["push_text"] = True
        channel.save()
    signs_in(fang)
    answered(world, fang, "On its way")
    deliver_due()
    assert [each["text"] for each in vendor.pushed()] == ["On its way"]


def test_what_was_shown_meanwhile_is_not_pushed(world, vendor, app, fang):
    with world.transaction():
        channel = Channel.objects.get(pk=app.pk)
        channel.settings["push_after_seconds"] = 30
        channel.save()
    signs_in(fang)
    conversation = answered(world, fang)
    deliver_due()
    assert vendor.pushed() == []
    entries = fang.get(f"conversations/{conversation}/messages").json()["entries"]
    fang.post(f"conversations/{conversation}/receipts", delivered=[entries[-1]["number"]])
    later = timezone.now() + timedelta(seconds=31)
    assert claims.claim_next(app.pk, later, "webhook") is None
    [row] = pushes(world)
    assert (row.state, bool(row.error)) == (Delivery.SENT, True)
    assert vendor.pushed() == []


def test_without_a_device_or_a_service_nothing_is_pushed(world, fang):
    answered(world, fang)
    assert pushes(world) == []
    bare = App(open_app(world).public_id)
    assert signs_in(bare).status_code == 201
    answered(world, bare)
    assert pushes(world) == []


@pytest.mark.parametrize(
    ("service", "answer"),
    [
        ("webhook", Answer(410)),
        ("fcm", Answer(404)),
        (
            "fcm",
            Answer(403, b'{"error":{"details":[{"errorCode":"SENDER_ID_MISMATCH"}]}}'),
        ),
    ],
)
def test_a_device_is_forgotten_on_the_word_of_its_service(world, vendor, fang, service, answer):
    signs_in(fang, service)
    if service == "fcm":
        # The token is asked for first.
        vendor.fail(vendor.token_answer())
    vendor.fail(answer)
    answered(world, fang)
    deliver_due()
    with world.transaction():
        assert not Device.objects.exists()
    assert [row.state for row in pushes(world)] == [Delivery.FAILED]


def test_a_service_that_fails_is_tried_again_and_holds_nothing_else_up(world, vendor, app, fang):
    signs_in(fang, "webhook")
    signs_in(fang, "fcm", token="device-2")
    with world.transaction():
        PushHealth.objects.create(
            channel=app,
            service="webhook",
            failures=health.OPENS_AT,
            open_until=timezone.now() + timedelta(minutes=3),
            failing_since=timezone.now(),
            error="dead",
        )
    answered(world, fang)
    deliver_due()
    # Replies leave, the other service too; the closed one waits.
    assert {row.service: row.state for row in pushes(world)} == {
        "webhook": Delivery.QUEUED,
        "fcm": Delivery.SENT,
    }
    with world.transaction():
        assert Outbox.objects.get().state == Delivery.SENT
        assert "dead" in pushing.report(app.pk).text
        health.mend(app.pk)
        assert pushing.report(app.pk) is None
    vendor.fail(Answer(503))
    deliver_due()
    [row] = [each for each in pushes(world) if each.service == "webhook"]
    assert (row.state, row.attempts) == (Delivery.QUEUED, 1)
    with world.transaction():
        assert PushHealth.objects.get(service="webhook").failures == 1
        Dispatch.objects.filter(pk=row.pk).update(due_at=timezone.now())
    deliver_due()
    assert {row.state for row in pushes(world)} == {Delivery.SENT}


def test_a_refused_service_rests_and_the_channel_goes_on(world, vendor, app, fang):
    signs_in(fang, "webhook")
    answered(world, fang)
    for _each in range(health.MOST_REFUSALS):
        vendor.fail(Answer(401))
        with world.transaction():
            Dispatch.objects.filter(kind="push").update(due_at=timezone.now())
        delivery.deliver_channel(world.organization.pk, app.pk, "webhook")
    with world.transaction():
        assert PushHealth.objects.get().open_until > timezone.now()
        assert Channel.objects.get(pk=app.pk).disabled_reason == ""
        assert claims.due_services(timezone.now()) == []


def test_an_access_token_that_was_refused_is_fetched_anew(world, vendor, fang):
    signs_in(fang, "fcm")
    vendor.fail(vendor.token_answer("old"), Answer(401))
    answered(world, fang)
    deliver_due()
    assert [row.state for row in pushes(world)] == [Delivery.SENT]
    asked = [call.path for call in vendor.calls]
    assert asked.count("/token") == 2


def test_what_is_too_old_is_not_pushed(world, vendor, app, fang):
    signs_in(fang)
    conversation = fang.says("Where is my parcel?").json()["conversation"]
    replying.reply(world.access("carol"), conversation, text="On its way")
    delivery.deliver_channel(world.organization.pk, app.pk)
    with world.transaction():
        Dispatch.objects.update(created_at=timezone.now() - timedelta(hours=2))
    deliver_due()
    assert vendor.pushed() == []
    assert [row.state for row in pushes(world)] == [Delivery.SENT]


def test_a_push_of_ones_own_is_signed_as_standard_webhooks(world, vendor, fang):
    signs_in(fang)
    answered(world, fang)
    deliver_due()
    [call] = [call for call in vendor.calls if call.path == "/push"]
    told = Webhook(PUSH_SECRET).verify(call.body, dict(call.headers))
    assert told["type"] == "push.wanted"


class TestDevices:
    """Devices belong to whoever used them last, few of each, and none for ever."""

    def test_the_same_token_is_one_device_of_who_came_last(self, world, fang, stranger):
        first = signs_in(fang).json()["id"]
        assert signs_in(fang, app_version="2.1").json()["id"] == first
        assert signs_in(stranger).json()["id"] == first
        with world.transaction():
            [device] = Device.objects.select_related("identity")
            assert device.identity.external_id == "sub:user-8"

    def test_only_the_own_device_is_signed_off(self, world, fang, stranger):
        own = signs_in(fang).json()["id"]
        path = f"{fang.base}/devices/{own}"
        refused = stranger.client.delete(path, headers=stranger.headers({}))
        assert refused.status_code == 404
        assert fang.client.delete(path, headers=fang.headers({})).status_code == 200
        with world.transaction():
            assert not Device.objects.exists()

    def test_a_customer_has_so_many_devices(self, world, fang, monkeypatch):
        monkeypatch.setattr(pushing, "MOST_DEVICES", 2)
        for number in range(4):
            signs_in(fang, token=f"device-{number}")
        with world.transaction():
            kept = Device.objects.order_by("token").values_list("token", flat=True)
            assert list(kept) == ["device-2", "device-3"]

    def test_devices_that_are_not_seen_are_forgotten(self, world, fang):
        signs_in(fang)
        now = timezone.now()
        with world.transaction():
            assert pushing.forget_stale(now) == 0
            assert pushing.forget_stale(now + timedelta(days=91)) == 1
            assert not Device.objects.exists()

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"service": "apns", "token": "t"}, "service"),
            ({"service": "fcm", "token": ""}, "token"),
            ({"service": "fcm", "token": "x" * 5000}, "token"),
            ({"service": "fcm", "token": "t", "language": "xx"}, "language"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, fang, values, field):
        assert fang.post("devices", **values).json()["field"] == field
