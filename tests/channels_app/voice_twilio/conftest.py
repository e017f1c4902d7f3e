"""A played Twilio that takes calls for a channel, and Everydesk without a network between them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils.translation import override

from channels_app.adapters.voice_twilio.fake import Vendor
from channels_app.adapters.voice_twilio.played_call import PlayedCall
from channels_app.processing import process_due
from channels_app.protocol import ChannelConfig
from helpdesk.models import Call, Channel, Staff
from helpdesk.services import organizations
from tests.factories import World

SECRET = "the auth token"
ALICE = "+8613911112222"


@pytest.fixture
def vendor(settings: LazySettings) -> Iterator[Vendor]:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with Vendor() as vendor, override("en"):
        yield vendor


class Line:
    """One connected number, its customers and its colleagues."""

    def __init__(self, world: World, vendor: Vendor, channel: Channel) -> None:
        self.world, self.vendor, self.channel = world, vendor, channel
        self.config = ChannelConfig(channel.public_id, secrets=(SECRET,))
        self.address = f"http://testserver/channels/{channel.public_id}/"

    def rings(self, **facts: Any) -> PlayedCall:
        call = self.vendor.rings(self.address, self.config, **facts)
        process_due()
        return call

    def change(self, **settings: object) -> None:
        with self.world.transaction():
            self.channel.settings = {**self.channel.settings, **settings}
            self.channel.save()

    def book(self) -> Call:
        """Return the newest call as it is kept."""
        with self.world.transaction():
            rows = Call.objects.select_related("conversation", "entry", "staff", "voicemail")
            return rows.order_by("-pk")[0]


@pytest.fixture
def line(world: World, vendor: Vendor, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Line:
    settings.PUBLIC_URL = "http://testserver"
    client = Client()

    def post(call: PlayedCall, url: str, form: dict[str, Any]) -> httpx.Response:
        body = httpx.Request("POST", url, data=form).read()
        parts = urlsplit(url)
        signed = vendor.sign_for(url, body, call.config)["x-twilio-signature"]
        answer = client.post(
            f"{parts.path}?{parts.query}" if parts.query else parts.path,
            body,
            content_type=vendor.content_type,
            HTTP_X_TWILIO_SIGNATURE=signed,
        )
        process_due()
        return httpx.Response(
            answer.status_code, content=answer.content, request=httpx.Request("POST", url)
        )

    monkeypatch.setattr(PlayedCall, "_post", post)
    with world.transaction():
        Staff.objects.filter(pk=world.carol.pk).update(call_address=ALICE)
        channel = organizations.open_channel(
            Channel(
                kind="voice_twilio",
                name="热线",
                secret=SECRET,
                language="en",
                settings=vendor.settings,
            )
        )
    return Line(world, vendor, channel)


def secretless(config: ChannelConfig) -> ChannelConfig:
    return replace(config, secrets=("another",))
