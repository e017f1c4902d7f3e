"""What a call of WhatsApp reports: messages, receipts, and what was said in the WhatsApp Business app."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from channels_app import meta
from channels_app.adapters.whatsapp.words import attachments_of, text_of
from channels_app.json_fields import Fields, read_object
from channels_app.protocol import ContactIdentity, Event, EventKind, RawRequest
from channels_app.signs import reaction_data

MOST = 1000
# The longest of their ids that were seen have some 80 characters.
LONGEST_ID = 250
# How far a message of ours has come; a recording that was played has been read.
_STATUSES = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "played": "read",
    "failed": "failed",
}


@dataclass(frozen=True, slots=True)
class Place:
    """What all that one change reports has in common."""

    contacts: tuple[Fields, ...]
    direction: Literal["in", "out"] = "in"
    our_number: str = ""


def read_events(request: RawRequest, *, number: str = "") -> list[Event]:
    """Return what the call reports to a number; without one, to any. Raises BadPayload."""
    body = read_object(request.body)
    if body.line("object", 100) not in {"", "whatsapp_business_account"}:
        return []
    return [
        event
        for entry in body.each("entry", MOST)
        for change in entry.each("changes", MOST)
        for event in _change(change, number)
    ]


def _change(change: Fields, number: str) -> list[Event]:
    field = change.line("field", 100)
    if field not in _LISTS:
        return []
    value = change.fields("value")
    about = value.fields("metadata")
    contacts = tuple(value.each("contacts", MOST))
    place = Place(contacts, "in", about.line("display_phone_number", 50))
    found: list[Event | None] = []
    for name, read in _LISTS[field]:
        found += [read(each, place) for each in value.each(name, MOST)]
    events = [each for each in found if each is not None]
    named = about.identifier("phone_number_id", 100)
    if number and named and named != number:
        return [_of_another_number(each) for each in events if each.kind != "receipt"]
    return events


def _of_another_number(event: Event) -> Event:
    """Return what was said to a number that is another channel: kept, and nothing becomes of it here."""
    return Event(
        kind="lifecycle",
        dedup_key=event.dedup_key,
        sender=event.sender,
        provider_id=event.provider_id,
        sent_at=event.sent_at,
        data={"state": "another_number"},
    )


def _message(data: Fields, place: Place) -> Event | None:
    kind = data.line("type", 50)
    read = _READERS.get(kind)
    if read is not None:
        return read(data, place)
    return _made(
        data,
        place,
        "message",
        # One id is one message; the kind keeps a later correction of theirs apart.
        kind,
        provider_id=data.identifier("id", LONGEST_ID, required=True),
        text=text_of(data, kind),
        attachments=attachments_of(data, kind),
        reply_to=data.fields("context").identifier("id", LONGEST_ID),
    )


def _echo(data: Fields, place: Place) -> Event | None:
    return _message(data, Place(place.contacts, "out", place.our_number))


def _edit(data: Fields, place: Place) -> Event | None:
    change = data.fields("edit")
    about = change.identifier("original_message_id", LONGEST_ID, required=True)
    newer = change.fields("message")
    text = text_of(newer, newer.line("type", 50))
    return _made(data, place, "edit", about, provider_id=about, text=text) if text else None


def _revoke(data: Fields, place: Place) -> Event | None:
    about = data.fields("revoke").identifier("original_message_id", LONGEST_ID, required=True)
    return _made(data, place, "delete", about, provider_id=about)


def _reaction(data: Fields, place: Place) -> Event | None:
    reaction = data.fields("reaction")
    about = reaction.identifier("message_id", LONGEST_ID)
    # Empty where it was taken back.
    emoji = reaction.line("emoji", 50)
    return _made(
        data,
        place,
        "reaction",
        about,
        references=(about,) if about else (),
        data=reaction_data(emoji, is_gone=not emoji, is_only=True),
    )


def _system(data: Fields, place: Place) -> Event | None:
    """Read that somebody has another number, id or device now."""
    told = data.fields("system")
    newer = (told.identifier("wa_id"), told.identifier("user_id"))
    state = told.line("type", 100)
    facts = {"state": state, "newer_ids": list(filter(None, newer))}
    return _made(data, place, "lifecycle", state, data=facts)


def _call(data: Fields, place: Place) -> Event | None:
    happened = data.line("event", 50)
    return _made(data, place, "call", happened, data={"state": happened})


def _receipt(data: Fields, place: Place) -> Event | None:
    about = data.identifier("id", LONGEST_ID, required=True)
    told = data.line("status", 50)
    status = _STATUSES.get(told)
    if status is None:
        return None
    who = data.identifier("recipient_participant_user_id")
    who = who or data.identifier("recipient_participant_id")
    return Event(
        kind="receipt",
        dedup_key=f"{about}:{told}:{who}",
        status=status,
        references=(about,),
        client_ref=data.line("biz_opaque_callback_data", 512),
        sent_at=data.moment("timestamp"),
        error=_error(data) if status == "failed" else "",
    )


def _error(data: Fields) -> str:
    """Return why a message has failed, in a sentence."""
    found = data.each("errors", 20)
    if not found:
        return meta.meaning(None)
    first = found[0]
    details = first.fields("error_data").line("details", 2000)
    said = details or first.line("message", 2000) or first.line("title", 2000)
    return meta.meaning(first.number("code"), said=said[:200])


_Reader = Callable[[Fields, Place], Event | None]
_LISTS: dict[str, tuple[tuple[str, _Reader], ...]] = {
    "messages": (("messages", _message), ("statuses", _receipt)),
    "smb_message_echoes": (("message_echoes", _echo),),
    "calls": (("calls", _call),),
}
_READERS: dict[str, _Reader] = {
    "edit": _edit,
    "revoke": _revoke,
    "reaction": _reaction,
    "system": _system,
}


def _made(
    data: Fields, place: Place, kind: EventKind, about: str, /, **facts: object
) -> Event | None:
    """Return an event with what all have; None where nobody is named whom we could answer."""
    person = _person(data, place)
    if person is None:
        return None
    identifier = data.identifier("id", LONGEST_ID, required=True)
    return Event(
        kind=kind,
        dedup_key=f"{identifier}:{kind}:{about}",
        sender=person,
        thread_key=data.identifier("group_id"),
        direction=place.direction,
        sent_at=data.moment("timestamp"),
        **facts,  # type: ignore[arg-type]  # each caller gives fields of Event
    )


def _person(data: Fields, place: Place) -> ContactIdentity | None:
    """Return who wrote, or to whom we wrote elsewhere.

    Known by the id that WhatsApp made of them for us, as every call has it; the phone number is missing
    where somebody goes by a username.
    """
    side = _customer_side(data, place)
    phone, user = data.identifier(side), data.identifier(f"{side}_user_id")
    parent = data.identifier(f"{side}_parent_user_id")
    contact = _contact(place, phone, user)
    name, others = "", ("", "")
    if contact is not None:
        user = user or contact.identifier("user_id")
        others = (contact.identifier("wa_id"), contact.identifier("parent_user_id"))
        profile = contact.fields("profile")
        name = profile.line("name", 200) or profile.line("username", 200)
    known = tuple(dict.fromkeys(filter(None, (user, phone, *others, parent))))
    if not known:
        return None
    phone, parent = phone or others[0], parent or others[1]
    return ContactIdentity(
        known[0],
        display_name=name,
        phone=f"+{phone}" if phone.isascii() and phone.isdigit() else "",
        # The same for all accounts of businesses that belong together.
        union_id=parent,
        verified=True,
        aliases=known[1:],
    )


def _customer_side(data: Fields, place: Place) -> str:
    """Return which end of a message is the customer's: what we wrote elsewhere goes to them."""
    if place.direction == "in" or data.identifier("to") == place.our_number:
        return "from"
    return "to"


def _contact(place: Place, phone: str, user: str) -> Fields | None:
    """Return the contact that a message belongs to; numbers of some countries are written in two ways."""
    for each in place.contacts:
        if (user and each.identifier("user_id") == user) or (
            phone and each.identifier("wa_id") == phone
        ):
            return each
    if len(place.contacts) != 1:
        return None
    (only,) = place.contacts
    return None if user and only.identifier("user_id") else only
