"""What a call of WeChat or WeCom reports: one event at most, and nothing for kinds that mean nothing to us."""

from collections.abc import Callable
from typing import Literal

from django.utils.translation import gettext as _

from channels_app.json_fields import Fields
from channels_app.protocol import Attachment, ContactIdentity, Event, EventKind
from channels_app.wechat.fields import Said

MOST_TEXT = 20_000
_FILES: dict[str, Literal["image", "audio", "video", "file"]] = {
    "image": "image",
    "voice": "audio",
    "video": "video",
    "shortvideo": "video",
    "file": "file",
}
# What people do that is no message, with what we call it.
_LIFECYCLE = {
    "subscribe": "follow",
    "unsubscribe": "unfollow",
    "scan": "scan",
    "user_enter_tempsession": "enter",
    "enter_agent": "enter",
    "user_authorize_invite": "authorize",
}
# A button in the menu of the account, or on a card.
_CHOICES = frozenset({"click", "template_card_event"})


def read_events(said: Said) -> list[Event]:
    """Return what a call reports. Raises BadPayload."""
    kind = said.data.line("msgtype", 50).lower()
    event = _happened(said) if kind == "event" else _message(said, kind)
    return [event] if event else []


def _message(said: Said, kind: str) -> Event | None:
    data = said.data
    if not kind:
        raise data.refuse("msgtype", "is required")
    found = data.identifier("msgid")
    button = data.identifier("bizmsgmenuid")
    return _made(
        said,
        "message",
        # An id of ours stands for what they gave none.
        found or said.key,
        provider_id=found,
        text=_text_of(data, kind),
        attachments=_attachments(data, kind),
        data={"button": button} if button else {},
    )


def _happened(said: Said) -> Event | None:
    data = said.data
    kind = data.line("event", 100).lower()
    chosen = data.text("eventkey", 1000)
    if kind in _LIFECYCLE:
        scene = chosen or data.line("sessionfrom", 1000)
        facts = {"state": _LIFECYCLE[kind], "scene": scene}
        return _made(said, "lifecycle", said.key, data=facts)
    if kind in _CHOICES:
        return _made(said, "postback", said.key, text=chosen, data={"data": chosen})
    return None


def _made(said: Said, kind: EventKind, key: str, /, **facts: object) -> Event | None:
    """Return an event with what all have; None where nobody is named whom we could answer."""
    person = said.data.identifier("fromusername", 128)
    if not person:
        return None
    return Event(
        kind=kind,
        dedup_key=f"{kind}:{key}",
        sender=ContactIdentity(person, verified=True),
        sent_at=said.data.moment("createtime"),
        **facts,  # type: ignore[arg-type]  # each caller gives fields of Event
    )


def _text_of(data: Fields, kind: str) -> str:
    """Return what a message says in words; of kinds without words, what it is."""
    if kind == "voice":
        # What WeChat heard, where it was told to listen.
        return data.text("recognition", MOST_TEXT)
    if kind in _FILES:
        return ""
    read = _WORDS.get(kind)
    if read is not None:
        return read(data)
    return _("[A message of a kind that cannot be shown: %(kind)s]") % {"kind": kind}


def _place(data: Fields) -> str:
    where = ", ".join(filter(None, (data.line("location_x", 40), data.line("location_y", 40))))
    return "\n".join(filter(None, (_("[A place]"), data.line("label", 500), where)))


def _link(data: Fields) -> str:
    lines = (data.line("title", 500), data.text("description", 2000), data.line("url", 2000))
    return "\n".join(filter(None, lines)) or _("[A link]")


def _page(data: Fields) -> str:
    lines = (data.line("title", 500), data.line("pagepath", 2000))
    return "\n".join(filter(None, (_("[A page of the mini program]"), *lines)))


_WORDS: dict[str, Callable[[Fields], str]] = {
    "text": lambda data: data.text("content", MOST_TEXT),
    "location": _place,
    "link": _link,
    "miniprogrampage": _page,
}


def _attachments(data: Fields, kind: str) -> tuple[Attachment, ...]:
    if kind not in _FILES:
        return ()
    reference = data.identifier("mediaid", 500, required=True)
    ending = data.line("format", 10).lower()
    name = data.line("filename", 200) or data.line("title", 200)
    if ending.isalnum() and kind == "voice":
        name = f"voice.{ending}"
    return (Attachment(kind=_FILES[kind], filename=name, media_ref=reference),)
