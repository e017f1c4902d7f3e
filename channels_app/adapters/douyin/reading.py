"""What a call of Douyin reports: one event at most. Its content is an object, or JSON as a text."""

from collections.abc import Callable

from django.utils.translation import gettext as _

from channels_app.json_fields import Fields, read_object
from channels_app.protocol import BadPayload, ContactIdentity, Event, EventKind, RawRequest

MOST_TEXT = 20_000
MOST_PEOPLE = 50
# A check is short: nothing that is longer is read before it is verified.
MOST_CHECK_BYTES = 2000
_CHECK = "verify_webhook"
_RECEIVED, _SENT, _ENTERED = "im_receive_msg", "im_send_msg", "im_enter_direct_msg"
_RECALLED = frozenset({"im_recall_msg"})
_LIFECYCLE = frozenset({"im_authorize", "authorize", "unauthorize", _ENTERED})
_PRIVATE = 1


def is_check(body: bytes) -> bool:
    """Tell whether a call only asks whether somebody is here."""
    if len(body) > MOST_CHECK_BYTES or _CHECK.encode() not in body:
        return False
    try:
        return read_object(body).line("event", 50) == _CHECK
    except BadPayload:
        return False


def read_check(body: bytes) -> int | str:
    """Return what is to be answered to a check, as it came. Raises BadPayload."""
    content = read_object(body).unpacked("content")
    try:
        return content.number("challenge") or 0
    except BadPayload:
        return content.identifier("challenge", 200)


def read_events(request: RawRequest, *, client_key: str, account: str) -> list[Event]:
    """Return what the call reports, unless it is for another application or account. Raises BadPayload."""
    body = read_object(request.body)
    kind = body.line("event", 50)
    read = _READERS.get(kind)
    if not kind:
        raise body.refuse("event", "is required")
    if read is None or body.identifier("client_key") != client_key:
        return []
    is_ours = body.identifier("from_user_id") == account
    if not is_ours and body.identifier("to_user_id") != account:
        return []
    person = body.identifier("to_user_id" if is_ours else "from_user_id", required=True)
    call = _Call(body, body.unpacked("content"), person, request, is_ours=is_ours)
    # A group is no conversation with one customer.
    if call.content.number("conversation_type") not in {None, _PRIVATE}:
        return []
    return [read(call, kind)]


class _Call:
    """What all events of a call have in common."""

    def __init__(
        self, body: Fields, content: Fields, person: str, request: RawRequest, *, is_ours: bool
    ) -> None:
        self.content, self.person, self.is_ours = content, person, is_ours
        reference = content.reference("server_message_id") or content.reference("msg_id")
        # Another try of theirs has the same id in its header, and the same words.
        self.reference = reference or request.headers.get("msg-id", "")[:100] or body.digest()

    def made(self, kind: EventKind, about: str, /, **facts: object) -> Event:
        return Event(
            kind=kind,
            dedup_key=f"{self.reference}:{about}",
            provider_id=self.reference,
            sender=self._sender(),
            thread_key=self.content.reference("conversation_short_id"),
            direction="out" if self.is_ours else "in",
            sent_at=self.content.moment("create_time"),
            **facts,  # type: ignore[arg-type]  # each caller gives fields of Event
        )

    def _sender(self) -> ContactIdentity:
        for each in self.content.each("user_infos", MOST_PEOPLE):
            if each.identifier("open_id") == self.person:
                return ContactIdentity(
                    self.person,
                    display_name=each.line("nick_name", 200),
                    avatar_url=each.line("avatar", 1000),
                    verified=True,
                )
        return ContactIdentity(self.person, verified=True)


def _message(call: _Call, kind: str) -> Event:
    return call.made("message", kind, text=_words(call.content))


def _recall(call: _Call, kind: str) -> Event:
    return call.made("delete", kind)


def _lifecycle(call: _Call, kind: str) -> Event:
    return call.made("lifecycle", kind, data={"state": kind})


_READERS: dict[str, Callable[[_Call, str], Event]] = {
    _RECEIVED: _message,
    _SENT: _message,
    **dict.fromkeys(_RECALLED, _recall),
    **dict.fromkeys(_LIFECYCLE, _lifecycle),
}


def _words(content: Fields) -> str:
    """Return what a message says; of what can only be seen in Douyin, what it is."""
    kind = content.line("message_type", 50)
    text = content.text("text", MOST_TEXT)
    if kind == "text" and text:
        return text
    elsewhere: dict[str, Callable[[], str]] = {
        "image": lambda: _("[A picture, to be seen in Douyin]"),
        "user_local_image": lambda: _("[A picture, to be seen in Douyin]"),
        "video": lambda: _("[A video, to be seen in Douyin]"),
        "user_local_video": lambda: _("[A video, to be seen in Douyin]"),
        "emoji": lambda: _("[A sticker]"),
        "retain_consult_card": lambda: _("[A card with contact details, to be seen in Douyin]"),
    }
    said = elsewhere.get(kind)
    if said is not None:
        return "\n".join(filter(None, (said(), text)))
    known = _("[A message of a kind that cannot be shown: %(kind)s]") % {"kind": kind or "?"}
    return "\n".join(filter(None, (known, text)))
