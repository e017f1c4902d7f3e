"""Twilio Voice, played on loopback: it takes our wishes, and has calls that do what they are told."""

import base64
import hashlib
import json
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar
from urllib.parse import parse_qsl, urlencode
from uuid import uuid4

from django.conf import settings

from channels_app.adapters.voice_twilio.played_call import PlayedCall
from channels_app.fake_vendor import Answer, Call, FakeVendor
from channels_app.protocol import ChannelConfig
from channels_app.twilio_signature import signature

ACCOUNT = "AC0123456789abcdef0123456789abcdef"
NUMBER = "+14155550100"
_PLACE = f"/2010-04-01/Accounts/{ACCOUNT}"
# A second of silence: forty frames of MPEG audio.
SOUND = (b"\xff\xfb\x90\x64" + bytes(413)) * 40


class Vendor(FakeVendor):
    """Takes calls for one number of one account."""

    unknown: ClassVar[tuple[bytes, ...]] = (
        b"CallSid=CA1&Direction=outbound-api&CallStatus=ringing&From=%2B1&To=%2B2",
        b"CallSid=CA1&Direction=outbound-dial&CallStatus=beamed&From=%2B1&To=%2B2",
    )
    content_type: ClassVar[str] = "application/x-www-form-urlencoded"
    customer: ClassVar[str] = "+8613800138000"
    has_words: ClassVar[bool] = False
    takes_answers: ClassVar[bool] = False

    def __enter__(self) -> "Vendor":
        # What its number leads to; and the calls that Everydesk has asked for.
        self.voice_url = ""
        self.placed: list[dict[str, str]] = []
        super().__enter__()
        return self

    @property
    def settings(self) -> dict[str, object]:
        return {**super().settings, "account_sid": ACCOUNT, "number": NUMBER}

    def message(self, reference: str, *, text: str = "") -> bytes:
        """Return the request of a caller who has left a message."""
        facts = {"RecordingSid": recording_of(reference), "RecordingDuration": 7}
        where = f"http://127.0.0.1:{self.port}{_PLACE}/Recordings/{recording_of(reference)}"
        return self.form(sid_of(reference), RecordingUrl=where, Digits="hangup", **facts)

    def form(self, sid: str, **facts: object) -> bytes:
        """Return a request about a call that came in, with these facts."""
        return urlencode({**self.facts_of(sid), **facts}).encode()

    def facts_of(self, sid: str, *, caller: str = "") -> dict[str, object]:
        """Return what all requests about a call have."""
        return {
            "AccountSid": ACCOUNT,
            "ApiVersion": "2010-04-01",
            "CallSid": sid,
            "CallStatus": "in-progress",
            "Direction": "inbound",
            "From": caller or self.customer,
            "To": NUMBER,
        }

    def sign(self, body: bytes, config: ChannelConfig, at: datetime) -> Mapping[str, str]:
        url = f"{settings.PUBLIC_URL}/channels/{config.public_id}/"
        return self.sign_for(url, body, config)

    def sign_for(self, url: str, body: bytes, config: ChannelConfig) -> Mapping[str, str]:
        """Return the headers that prove a request to an address."""
        form = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        secret = config.secrets[0] if config.secrets else ""
        return {"x-twilio-signature": signature(secret, url, form)}

    def rings(self, address: str, config: ChannelConfig, *, caller: str = "") -> PlayedCall:
        """Have somebody call the number; returns their call, which has done what it could by itself."""
        call = PlayedCall(self, config, sid_of(uuid4().hex), address, caller=caller)
        call.begins()
        return call

    def connects(self, config: ChannelConfig) -> PlayedCall:
        """Return the newest call that Everydesk has asked for; the colleague's phone rings."""
        wish = self.placed[-1]
        return PlayedCall(
            self, config, wish["sid"], wish["StatusCallback"], wish=wish, caller=NUMBER
        )

    def says(self, address: str, config: ChannelConfig, text: str) -> int:
        """Have the customer call; whoever is rung picks up at once, and a message is left if nobody is."""
        call = self.rings(address, config)
        threading.Thread(target=call.goes_its_way, daemon=True).start()
        return call.status

    def answer(self, call: Call) -> Answer:
        if _account_of(call) != ACCOUNT:
            return refusal(401, 20003, "Authenticate")
        if call.path == f"{_PLACE}/Calls.json":
            wish = dict(parse_qsl(call.body.decode()))
            sid = sid_of(uuid4().hex)
            self.placed.append({**wish, "sid": sid})
            return Answer(201, json.dumps({"sid": sid, "status": "queued"}).encode())
        if call.path.startswith(f"{_PLACE}/Recordings/"):
            return Answer(200, SOUND, {"content-type": "audio/mpeg"})
        if call.path == f"{_PLACE}/IncomingPhoneNumbers.json":
            known = [{"phone_number": NUMBER, "voice_url": self.voice_url}]
            found = known if call.query.get("PhoneNumber") == NUMBER else []
            return Answer(200, json.dumps({"incoming_phone_numbers": found}).encode())
        if call.path == f"{_PLACE}.json":
            account = {"sid": ACCOUNT, "friendly_name": "Everydesk", "status": "active"}
            return Answer(200, json.dumps(account).encode())
        return refusal(404, 20404, "The requested resource was not found")

    def text_of(self, call: Call) -> str | None:
        return None


def sid_of(reference: str) -> str:
    """Return the id of a call that stands for a reference, in their form."""
    return f"CA{hashlib.sha256(reference.encode()).hexdigest()[:32]}"


def recording_of(reference: str) -> str:
    """Return the id of a recording that stands for a reference, in their form."""
    return f"RE{hashlib.sha256(reference.encode()).hexdigest()[:32]}"


def refusal(status: int, code: int, message: str) -> Answer:
    """Return how Twilio says no."""
    body = {"code": code, "message": message, "more_info": "", "status": status}
    return Answer(status, json.dumps(body).encode())


def _account_of(call: Call) -> str:
    kind, _space, pair = call.headers.get("authorization", "").partition(" ")
    return base64.b64decode(pair).decode().partition(":")[0] if kind == "Basic" else ""
