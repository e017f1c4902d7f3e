"""Feeds in RSS and Atom: fetched when they have changed, each entry once. Nobody is answered there."""

import json
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels_app import calling, http
from channels_app.adapters.rss.reading import Feed, read_feed
from channels_app.json_fields import read_object
from channels_app.protocol import (
    Attachment,
    BadPayload,
    Capabilities,
    ChannelConfig,
    OutboundMessage,
    Polled,
    SendError,
    SendResult,
)
from channels_app.uncalled import Uncalled
from helpdesk.errors import ChannelError

MOST_FEEDS = 20
# As long as the name of a place may be.
LONGEST_ADDRESS = 200
MOST_BYTES = 2 * 1024 * 1024
EVERY_MINUTES = 15
_TYPES = "application/rss+xml, application/atom+xml, application/xml;q=0.9, text/xml;q=0.8"


class Adapter(Uncalled):
    """The adapter of some feeds."""

    capabilities = Capabilities(
        is_chat=False,
        attachments=False,
        # Nobody calls: there is nothing to sign.
        body_signed=False,
        takes_files=False,
        refusal=gettext_lazy("This comes from a feed, where nobody can be answered."),
    )

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config

    @property
    def poll_every(self) -> timedelta:
        """How soon a feed is looked at again."""
        return timedelta(minutes=self.config.number("every_minutes", EVERY_MINUTES))

    @property
    def places(self) -> tuple[str, ...]:
        """The addresses of the feeds."""
        feeds = self.config.settings.get("feeds") or []
        wanted = feeds if isinstance(feeds, list) else str(feeds).splitlines()
        found = dict.fromkeys(str(each).strip() for each in wanted)
        known = [each for each in found if each and len(each) <= LONGEST_ADDRESS]
        return tuple(known[:MOST_FEEDS])

    def poll(self, place: str, position: str, hint: Mapping[str, object]) -> Polled:
        if place not in self.places:
            return Polled((), position)
        found = self._fetched(place, _known(position))
        if found is None:
            return Polled((), position)
        feed, marks = found
        return Polled(feed.items, json.dumps(marks), is_backlog=not position)

    def send(self, message: OutboundMessage) -> SendResult:
        raise SendError(str(self.capabilities.refusal), kind="undeliverable")

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        raise ChannelError(_("Entries of feeds have no files."), permanent=True)

    def test_connection(self) -> str:
        if not self.places:
            raise ChannelError(_("There is no address of a feed yet."), permanent=True)
        count = 0
        for place in self.places:
            found = self._fetched(place, {})
            count += len(found[0].items) if found else 0
        return _("Ready: the feeds show %(count)s entries.") % {"count": count}

    def _fetched(self, url: str, marks: Mapping[str, str]) -> tuple[Feed, Mapping[str, str]] | None:
        """Return a feed and what it is known by; None when it is as it was. Raises SendError."""
        headers = {"accept": _TYPES, **{name: value for name, value in marks.items() if value}}
        reply = calling.exchange("GET", url, headers=headers, most_bytes=MOST_BYTES)
        if reply.status == HTTPStatus.NOT_MODIFIED:
            return None
        if reply.status != HTTPStatus.OK:
            raise calling.refusal(reply)
        try:
            return read_feed(reply.content, url), _marks(reply)
        except BadPayload as error:
            reason = _("What answers there is no feed.")
            raise SendError(reason, kind="undeliverable") from error


def _known(position: str) -> dict[str, str]:
    try:
        told = read_object(position.encode()) if position else None
    except BadPayload:
        told = None
    names = ("if-none-match", "if-modified-since")
    return {name: told.line(name, 500) for name in names} if told else {}


def _marks(reply: http.Reply) -> dict[str, str]:
    """Return what tells the next time whether a feed has changed."""
    return {
        "if-none-match": reply.headers.get("etag", "")[:500],
        "if-modified-since": reply.headers.get("last-modified", "")[:500],
    }
