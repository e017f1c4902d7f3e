"""What a call of Alibaba Cloud reports: a list of messages that came in, or of what became of ours."""

import re

from django.utils.translation import gettext as _

from channels_app.adapters.sms_aliyun.asking import sent_at
from channels_app.json_fields import Fields, read_objects
from channels_app.protocol import ContactIdentity, Event, RawRequest

MOST_REPORTS = 1000
MOST_TEXT = 20_000
_MAINLAND = re.compile("1[0-9]{10}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}")


def read_events(request: RawRequest) -> list[Event]:
    """Return what the call reports. Raises BadPayload."""
    found = [_event(each) for each in read_objects(request.body, MOST_REPORTS)]
    return [each for each in found if each is not None]


def _event(data: Fields) -> Event | None:
    if "success" in data:
        return _receipt(data)
    return _message(data) if "content" in data else None


def _message(data: Fields) -> Event:
    phone = data.reference("phone_number", 40, required=True)
    # A number in the older form of the call, a text in the newer one.
    sequence = data.reference("sequence_id", 100)
    place = data.reference("dest_code", 100)
    reference = f"{place}:{sequence}" if sequence else data.digest()
    moment = data.line("send_time", 40, fits=_MOMENT)
    try:
        at = sent_at(moment) if moment else None
    except ValueError as error:
        raise data.refuse("send_time", "is no time") from error
    return Event(
        kind="message",
        dedup_key=reference,
        provider_id=f"{phone}:{reference}",
        sender=ContactIdentity(
            phone, phone=f"+86{phone}" if _MAINLAND.fullmatch(phone) else "", verified=True
        ),
        text=data.text("content", MOST_TEXT) or _("[An empty message]"),
        sent_at=at,
    )


def _receipt(data: Fields) -> Event:
    reached = "delivered" if data.boolean("success") else "failed"
    found = data.reference("biz_id", 100, required=True)
    code = data.line("err_code", 100)
    why = _("Alibaba Cloud could not deliver it (%(code)s).") % {"code": code or "?"}
    return Event(
        kind="receipt",
        dedup_key=f"{found}:{data.reference('phone_number', 40)}:{reached}",
        status=reached,
        references=(found,),
        client_ref=data.reference("out_id", 100),
        error=why if reached == "failed" else "",
    )
