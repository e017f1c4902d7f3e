"""Asterisk's REST interface, as far as calls need it (https://docs.asterisk.org, ARI)."""

import base64
import re
from http import HTTPStatus
from urllib.parse import quote, urlencode, urlsplit

from django.utils.translation import gettext as _

from channels_app import calling, http, vendor_files
from channels_app.json_fields import Fields, read_object
from channels_app.protocol import BadPayload, ChannelConfig, SendError
from helpdesk.errors import ChannelError

_SAFE = re.compile("[A-Za-z0-9_.-]{1,80}")


class Interface:
    """The interface of one Asterisk, by a channel's settings."""

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config

    @property
    def app(self) -> str:
        """The application that calls run into. Raises SendError."""
        found = self.setting("app") or "everydesk"
        if not _SAFE.fullmatch(found):
            raise SendError(_("The name of the application is unusable."), kind="auth")
        return found

    @property
    def wire_address(self) -> str:
        """Where events come from."""
        parts = urlsplit(self.config.address("events_url", f"{self._base()}/events"))
        return parts._replace(
            scheme="wss" if parts.scheme in {"https", "wss"} else "ws",
            query=urlencode({"app": self.app}),
        ).geturl()

    def headers(self) -> dict[str, str]:
        """Return what lets us in. Raises SendError."""
        user, password = self.setting("username"), next(iter(self.config.secrets), "")
        if not user or not password:
            raise SendError(_("There is no usable user of ARI yet."), kind="auth")
        pair = f"{user}:{password}".encode("utf-8", "surrogatepass")
        return {"authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}

    def setting(self, name: str) -> str:
        return str(self.config.settings.get(name) or "").strip()

    def ask(self, method: str, path: str, **query: str) -> http.Reply:
        """Return what Asterisk answers, whatever it says. Raises SendError where it does not."""
        url = f"{self._base()}{path}"
        if query:
            url = f"{url}?{urlencode(query)}"
        return calling.exchange(method, url, headers=self.headers())

    def do(self, method: str, path: str, **query: str) -> bool:
        """Have something done to a call; tells whether it was: the call may be over by now."""
        reply = self.ask(method, path, **query)
        if reply.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise calling.refusal(reply)
        return HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES

    def created(self, path: str, **query: str) -> str:
        """Return the id of something made. Raises SendError."""
        reply = self.ask("POST", path, **query)
        if not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
            raise calling.refusal(reply)
        try:
            return read_object(reply.content).identifier("id", 200, required=True)
        except BadPayload as error:
            raise SendError(
                _("What answers there is not Asterisk."), kind="server", ambiguous=True
            ) from error

    def channel_ids(self) -> set[str]:
        """Return the calls that there are now. Raises SendError."""
        reply = self.ask("GET", "/channels")
        if reply.status != HTTPStatus.OK:
            raise calling.refusal(reply)
        try:
            listed = read_object(b'{"channels":' + reply.content + b"}").each("channels", 10_000)
            return {each.identifier("id", 200) for each in listed}
        except BadPayload as error:
            raise SendError(_("What answers there is not Asterisk."), kind="server") from error

    def look(self) -> str:
        """Return the version of Asterisk that answers. Raises ChannelError."""
        reply = self.ask("GET", "/asterisk/info")
        if reply.status != HTTPStatus.OK:
            raise calling.refusal(reply)
        try:
            return read_object(reply.content).fields("system").line("version", 60) or "?"
        except BadPayload as error:
            raise ChannelError(_("What answers there is not Asterisk."), permanent=True) from error

    def recording_address(self, name: str) -> str:
        """Return where a recording lies."""
        return f"{self._base()}/recordings/stored/{quote(name, safe='')}/file"

    def fetch(self, url: str, mime: str) -> tuple[bytes, str]:
        """Return a recording. Raises ChannelError."""
        ours = url.startswith(f"{self._base()}/")
        return vendor_files.fetch(url, mime, headers=self.headers() if ours else None)

    def endpoint(self, address: str) -> str:
        """Return how Asterisk dials a number or the SIP address of a colleague."""
        if address.startswith(("sip:", "sips:")):
            name = address.partition(":")[2].partition("@")[0]
            return (self.setting("inside") or "PJSIP/{name}").replace("{name}", name)
        return self.setting("outside").replace("{number}", address)

    def _base(self) -> str:
        return self.config.address("base_url", "")


def event_of(message: str | bytes) -> Fields:
    """Return an event of Asterisk. Raises BadPayload."""
    return read_object(message if isinstance(message, bytes) else message.encode())
