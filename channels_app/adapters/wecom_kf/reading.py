"""What the customer service of WeCom reports: a hint by a call, and messages when they are asked for."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from django.utils.translation import gettext as _

from channels_app.json_fields import Fields
from channels_app.protocol import Attachment, BadPayload, ContactIdentity, Event, EventKind
from channels_app.wechat.fields import Said

HINT = "kf_msg_or_event"
MOST_TEXT = 20_000
# Who wrote: a colleague in WeCom. 3 is the customer, 4 WeCom itself.
_COLLEAGUE = 5
_FILES: dict[str, Literal["image", "audio", "video", "file"]] = {
    "image": "image",
    "voice": "audio",
    "video": "video",
    "file": "file",
}


@dataclass(frozen=True, slots=True)
class Person:
    """What WeCom says of a customer."""

    name: str = ""
    picture: str = ""
    union_id: str = ""


def read_hint(said: Said) -> list[Event]:
    """Return what a call says: that one of the accounts has something to fetch. Raises BadPayload."""
    data = said.data
    if data.line("event", 100).lower() != HINT:
        return []
    place = data.identifier("openkfid", 128, required=True)
    hint = {"place": place, "token": data.line("token", 500)}
    return [Event(kind="poll_hint", dedup_key=f"hint:{said.key}", data=hint)]


def read_item(data: Fields, people: Mapping[str, Person]) -> tuple[bytes, tuple[Event, ...]]:
    """Return the bytes of one message with its event; what cannot be read is kept as such, and stops no other."""
    raw = data.as_json()
    key = hashlib.sha256(raw).hexdigest()
    try:
        event = _event(data, key, people)
    except BadPayload as error:
        event = Event(kind="raw", dedup_key=f"unreadable:{key}", error=str(error.message))
    return raw, (event,) if event else ()


def customer_of(data: Fields) -> str:
    """Return the customer a message is of; empty where it names none that can be read."""
    try:
        return data.identifier("external_userid", 128)
    except BadPayload:
        return ""


def _event(data: Fields, key: str, people: Mapping[str, Person]) -> Event | None:
    kind = data.line("msgtype", 50)
    if kind == "event":
        told = data.fields("event")
        read = _EVENTS.get(told.line("event_type", 100))
        return read(_About(told, data, key, people)) if read else None
    found = data.identifier("msgid", required=True)
    is_ours = data.number("origin") == _COLLEAGUE
    return _About(data, data, key, people).made(
        "message",
        direction="out" if is_ours else "in",
        provider_id=found,
        text=_text_of(data, kind),
        attachments=_attachments(data, kind),
        data=_choice(data),
    )


@dataclass(frozen=True, slots=True)
class _About:
    """A message or an event, with where it stands and who is known."""

    data: Fields
    outer: Fields
    key: str
    people: Mapping[str, Person]

    def made(self, kind: EventKind, /, **facts: object) -> Event | None:
        """Return an event with what all have; None where nobody is named whom we could answer."""
        person = self.data.identifier("external_userid", 128)
        if not person:
            return None
        known = self.people.get(person, Person())
        found = self.outer.identifier("msgid") or self.key
        return Event(
            kind=kind,
            dedup_key=f"{kind}:{found}",
            sender=ContactIdentity(
                person,
                display_name=known.name,
                avatar_url=known.picture,
                union_id=known.union_id,
                verified=True,
            ),
            thread_key=self.data.identifier("open_kfid", 128),
            sent_at=self.outer.moment("send_time"),
            **facts,  # type: ignore[arg-type]  # each caller gives fields of Event
        )


def _entered(about: _About) -> Event | None:
    facts = {"state": "enter", "scene": about.data.line("scene", 200)}
    return about.made("lifecycle", data=facts)


def _session_changed(about: _About) -> Event | None:
    return about.made(
        "lifecycle", data={"state": "session", "change": about.data.number("change_type")}
    )


def _failed(about: _About) -> Event | None:
    reason = about.data.number("fail_type") or 0
    return about.made(
        "receipt",
        status="failed",
        references=(about.data.identifier("fail_msgid", required=True),),
        error=_why(reason),
    )


def _recalled(about: _About) -> Event | None:
    found = about.data.identifier("recall_msgid", required=True)
    return about.made("delete", provider_id=found)


def _recalled_by_us(about: _About) -> Event | None:
    found = about.data.identifier("recall_msgid", required=True)
    return about.made("delete", provider_id=found, direction="out")


_EVENTS: dict[str, Callable[[_About], Event | None]] = {
    "enter_session": _entered,
    "session_status_change": _session_changed,
    "msg_send_fail": _failed,
    "user_recall_msg": _recalled,
    "servicer_recall_msg": _recalled_by_us,
}


def _why(reason: int) -> str:
    """Return why a message did not arrive, as a sentence for people."""
    words = {
        1: _("The account of the customer service was deleted."),
        2: _("The app was switched off."),
        4: _("The time for answers is over until the customer writes again."),
        5: _("The session is over until the customer writes again."),
        6: _("As many answers as WeChat allows have been sent; the customer has to write."),
        8: _("The company is not verified with WeCom."),
        10: _("The customer takes no messages from here."),
    }
    known = words.get(reason) or _("WeChat did not deliver it.")
    return f"{known} ({reason})"


def _choice(data: Fields) -> dict[str, object]:
    button = data.fields("text").line("menu_id", 128) if "text" in data else ""
    return {"button": button} if button else {}


def _text_of(data: Fields, kind: str) -> str:
    """Return what a message says in words; of kinds without words, what it is."""
    if kind in _FILES:
        return ""
    read = _WORDS.get(kind)
    if read is not None:
        return read(data.fields(kind))
    return _("[A message of a kind that cannot be shown: %(kind)s]") % {"kind": kind}


def _place(data: Fields) -> str:
    where = ""
    if "latitude" in data and "longitude" in data:
        where = f"{data.real('latitude'):.6f}, {data.real('longitude'):.6f}"
    lines = (_("[A place]"), data.line("name", 200), data.line("address", 500), where)
    return "\n".join(filter(None, lines))


def _link(data: Fields) -> str:
    lines = (data.line("title", 500), data.text("desc", 2000), data.line("url", 2000))
    return "\n".join(filter(None, lines)) or _("[A link]")


def _page(data: Fields) -> str:
    lines = (data.line("title", 500), data.line("pagepath", 2000))
    return "\n".join(filter(None, (_("[A page of the mini program]"), *lines)))


def _card(data: Fields) -> str:
    return "\n".join(filter(None, (_("[A contact]"), data.line("userid", 128))))


def _goods(data: Fields) -> str:
    lines = (data.line("title", 500), data.line("price", 50), data.line("url", 2000))
    return "\n".join(filter(None, (_("[An article of a shop]"), *lines)))


def _order(data: Fields) -> str:
    names = ("order_id", "product_titles", "price_wording", "state")
    lines = (data.line(name, 500) for name in names)
    return "\n".join(filter(None, (_("[An order]"), *lines)))


_WORDS: dict[str, Callable[[Fields], str]] = {
    "text": lambda data: data.text("content", MOST_TEXT),
    "location": _place,
    "link": _link,
    "miniprogram": _page,
    "business_card": _card,
    "channels_shop_product": _goods,
    "channels_shop_order": _order,
    "merged_msg": lambda data: "\n".join(
        filter(None, (_("[Forwarded messages]"), data.line("title", 500)))
    ),
}


def _attachments(data: Fields, kind: str) -> tuple[Attachment, ...]:
    if kind not in _FILES:
        return ()
    file = data.fields(kind)
    reference = file.identifier("media_id", 500, required=True)
    return (
        Attachment(kind=_FILES[kind], filename=file.line("filename", 200), media_ref=reference),
    )
