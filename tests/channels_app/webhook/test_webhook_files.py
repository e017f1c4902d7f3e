"""Files that messages name, and the test of a connection."""

import base64
import gzip

import pytest
from django.utils.translation import override
from standardwebhooks import Webhook

from channels_app.adapters.webhook.adapter import Adapter
from channels_app.protocol import Attachment, ChannelConfig
from helpdesk.errors import ChannelError

SECRET = "whsec_" + base64.b64encode(b"twenty-four random bytes").decode()


@pytest.fixture(autouse=True)
def english():
    with override("en"):
        yield


def adapter(url, *secrets):
    return Adapter(ChannelConfig("c", settings={"callback_url": url}, secrets=secrets or (SECRET,)))


class TestConnection:
    def test_a_signed_ping_shows_that_it_works(self, system):
        sentence = adapter(system.url).test_connection()
        assert sentence == "Ready: the other system answered our signed ping with 200."
        [(_method, _path, headers, body)] = system.calls
        ping = Webhook(SECRET).verify(body, headers)
        assert (ping["type"], ping["data"]) == ("ping", {"channel": "c"})

    def test_every_ping_has_an_id_of_its_own(self, system):
        for _each in range(2):
            adapter(system.url).test_connection()
        assert len({call[2]["webhook-id"] for call in system.calls}) == 2

    def test_what_went_wrong_is_said(self, system):
        system.answers = [(403, {}, b"")]
        with pytest.raises(ChannelError) as raised:
            adapter(system.url).test_connection()
        assert "(403)" in str(raised.value.message)

    def test_without_an_address_only_receiving_is_set_up(self):
        assert "Ready to receive" in adapter("").test_connection()


class TestFiles:
    def fetch(self, url, **more):
        return adapter("").fetch_media(Attachment("file", url=url, mime="image/png", **more))

    def test_a_file_is_fetched_with_its_claimed_type(self, system):
        system.answers = [(200, {"Content-Type": "Text/Plain; charset=utf-8"}, b"hello")]
        assert self.fetch(system.url) == (b"hello", "text/plain")
        assert system.calls[0][0] == "GET"
        assert not [name for name in system.calls[0][2] if name.startswith("webhook-")]

    @pytest.mark.parametrize("claimed", [{}, {"Content-Type": "<b>"}])
    def test_without_a_usable_type_the_one_of_the_message_stays(self, system, claimed):
        system.answers = [(200, claimed, b"hello")]
        assert self.fetch(system.url) == (b"hello", "image/png")

    def test_what_came_with_the_message_is_not_fetched(self, system):
        assert self.fetch(system.url, data=b"x") == (b"x", "image/png")
        assert system.calls == []

    def test_the_size_is_capped(self, system, settings):
        settings.ATTACHMENT_MAX_BYTES = 1000
        system.answers = [(200, {}, b"x" * 1000)]
        assert len(self.fetch(system.url)[0]) == 1000
        system.answers = [(200, {}, b"x" * 1001)]
        with pytest.raises(ChannelError) as raised:
            self.fetch(system.url)
        assert raised.value.permanent

    def test_a_compressed_file_is_not_unpacked(self, system):
        system.answers = [(200, {"Content-Encoding": "gzip"}, gzip.compress(b"hello"))]
        with pytest.raises(ChannelError) as raised:
            self.fetch(system.url)
        assert raised.value.permanent
        assert "compressed" in str(raised.value.message)

    @pytest.mark.parametrize(
        ("status", "permanent"),
        [(204, True), (302, True), (404, True), (410, True), (429, False), (500, False)],
    )
    def test_other_answers_are_no_file(self, system, status, permanent):
        system.answers = [(status, {"Location": "http://169.254.169.254/"}, b"")]
        with pytest.raises(ChannelError) as raised:
            self.fetch(system.url)
        assert raised.value.permanent is permanent
        assert len(system.calls) == 1

    def test_a_dropped_connection_is_tried_again(self, system):
        system.answers = [(None, {}, b"")]
        with pytest.raises(ChannelError) as raised:
            self.fetch(system.url)
        assert not raised.value.permanent

    @pytest.mark.parametrize(
        "url", ["", "file:///etc/passwd", "ftp://example.com/", "//x/", "x", "http://\x00/"]
    )
    def test_other_addresses_are_refused(self, url):
        with pytest.raises(ChannelError) as raised:
            self.fetch(url)
        assert raised.value.permanent

    def test_a_private_address_is_refused(self, system, settings):
        settings.OUTGOING_ALLOWED_NETWORKS = []
        with pytest.raises(ChannelError) as raised:
            self.fetch(system.url)
        assert raised.value.permanent
        assert system.calls == []
