"""What every kind must do with the files of its vendor, which may be slow, endless, or no files at all."""

import pytest
from django.conf import LazySettings
from django.test import Client

from channels_app.fake_vendor import Answer, FakeVendor
from channels_app.models import InboundEvent, PollPosition
from channels_app.protocol import Attachment, ChannelConfig
from helpdesk.errors import ChannelError
from helpdesk.models import Attachment as File
from helpdesk.models import Message
from tests.channels_app.contract import (
    NOW,
    adapter,
    check,
    config_of,
    connected,
    is_not_played,
    lacks,
    post,
    pytest_generate_tests,
    reference,
    sealed,
    settle,
    vendor_of,
)
from tests.factories import World

__all__ = ["pytest_generate_tests"]

pytestmark = pytest.mark.usefixtures("contract_time")

PAGE = Answer(200, b"<!doctype html><title>Sign in</title>", {"content-type": "text/html"})
NO_FILE = Answer(200, b'{"errcode":40007,"errmsg":"invalid media_id"}')
INSIDE = ("http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/x.png", "http://[::1]:1/x")

has_no_pictures = lacks("pictures", lambda v: type(v).picture is not FakeVendor.picture)


def sends_picture(client: Client, kind: str, config: ChannelConfig, number: int) -> None:
    body = vendor_of(kind).picture(reference(number))
    assert body is not None
    assert post(client, kind, config, sealed(kind, body, config=config)).status_code == 200
    settle()


def files(world: World) -> list[str]:
    with world.transaction():
        return list(File.objects.order_by("message__entry__number").values_list("mime", flat=True))


@check(has_no_pictures)
def test_a_picture_arrives(kind: str, world: World, client: Client) -> None:
    with connected(kind, world) as config:
        sends_picture(client, kind, config, 1)
    assert files(world) == ["image/png"]


@check(has_no_pictures)
def test_a_page_or_a_word_instead_of_a_picture_is_no_file(
    kind: str, world: World, client: Client
) -> None:
    with connected(kind, world) as config:
        sends_picture(client, kind, config, 1)
        for number, answer in enumerate((PAGE, NO_FILE), 2):
            vendor_of(kind).fail(*[answer] * 4)
            sends_picture(client, kind, config, number)
            vendor_of(kind).recover()
    assert files(world) == ["image/png"]


@check(has_no_pictures)
def test_a_file_without_end_is_said_to_be_missing(
    kind: str, world: World, client: Client, settings: LazySettings
) -> None:
    settings.ATTACHMENT_MAX_BYTES = 2000
    with connected(kind, world) as config:
        sends_picture(client, kind, config, 1)
        vendor_of(kind).endless_files = True
        try:
            sends_picture(client, kind, config, 2)
        finally:
            vendor_of(kind).endless_files = False
    assert files(world) == ["image/png"]
    with world.transaction():
        assert Message.objects.count() == 2
        assert Message.objects.latest("pk").text


@check(has_no_pictures)
def test_a_line_that_breaks_while_a_file_is_fetched_is_tried_again(
    kind: str, world: World, client: Client
) -> None:
    with connected(kind, world) as config:
        sends_picture(client, kind, config, 1)
        vendor_of(kind).fail(*[Answer(is_dropped=True)] * 2)
        sends_picture(client, kind, config, 2)
        vendor_of(kind).recover()
        with world.transaction():
            InboundEvent.objects.filter(state=InboundEvent.State.NEW).update(due_at=NOW)
            # What only hints is fetched first, and that broke too.
            PollPosition.objects.update(due_at=NOW)
        settle()
    assert files(world) == ["image/png"] * 2


@check(is_not_played)
def test_a_file_inside_the_network_is_not_fetched(kind: str, settings: LazySettings) -> None:
    with vendor_of(kind) as vendor:
        fetching = adapter(kind, config_of(kind, settings=vendor.settings))
        settings.OUTGOING_ALLOWED_NETWORKS = []
        for address in INSIDE:
            with pytest.raises(ChannelError):
                fetching.fetch_media(Attachment(kind="image", url=address, media_ref="m-1"))
        assert not vendor.calls
