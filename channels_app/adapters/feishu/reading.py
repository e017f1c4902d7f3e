"""What a call of Feishu reports: one event, and nothing for kinds that mean nothing to us."""

from collections.abc import Callable

from channels_app.adapters.feishu.words import files_of, text_of
from channels_app.json_fields import Fields
from channels_app.protocol import ContactIdentity, Event, EventKind
from channels_app.signs import reaction_data

# What stands before the topic of a group in a thread's key.
TOPIC = "/"
MOST_READ = 200
# Written by a person; what apps write is nobody's question.
_PERSON = "user"
_PRIVATE = "p2p"


def read_events(call: Fields) -> list[Event]:
    """Return what the call reports: one event at most. Raises BadPayload."""
    header = call.fields("header")
    read = _READERS.get(header.line("event_type", 100))
    event = read(header, call.fields("event")) if read else None
    return [event] if event else []


def _message(header: Fields, data: Fields) -> Event | None:
    sender, message = data.fields("sender"), data.fields("message")
    if sender.line("sender_type", 50) not in {"", _PERSON}:
        return None
    person = _person(sender, "sender_id")
    if person is None:
        return None
    found = message.identifier("message_id", required=True)
    return _made(
        header,
        "message",
        # An event's own id differs between two subscriptions, a message's does not.
        found,
        sender=person,
        thread_key=_thread(message),
        provider_id=found,
        sent_at=message.moment("create_time"),
        text=text_of(message),
        attachments=files_of(message),
        reply_to=message.identifier("parent_id"),
    )


def _recalled(header: Fields, data: Fields) -> Event | None:
    found = data.identifier("message_id", required=True)
    return _made(header, "delete", found, provider_id=found, sent_at=data.moment("recall_time"))


def _read(header: Fields, data: Fields) -> Event | None:
    reader = data.fields("reader")
    read = data.identifiers("message_id_list", MOST_READ)
    person = _person(reader, "reader_id")
    if not read or person is None:
        return None
    about = f"{read[0]}:{len(read)}:{person.external_id}:{reader.line('read_time', 40)}"
    return _made(
        header,
        "receipt",
        about,
        status="read",
        references=read,
        sent_at=reader.moment("read_time"),
    )


def _reaction(header: Fields, data: Fields) -> Event | None:
    person = _person(data, "user_id")
    if person is None or data.line("operator_type", 50) not in {"", _PERSON}:
        return None
    about = data.identifier("message_id", required=True)
    emoji = data.fields("reaction_type").line("emoji_type", 100)
    is_gone = "deleted" in header.line("event_type", 100)
    key = f"{about}:{emoji}:{is_gone:d}:{data.line('action_time', 40)}"
    return _made(
        header,
        "reaction",
        key,
        sender=person,
        references=(about,),
        sent_at=data.moment("action_time"),
        data=reaction_data(emoji, is_gone=is_gone),
    )


def _chosen(header: Fields, data: Fields) -> Event | None:
    """Read which button of a card was pressed."""
    person = _person(data, "operator")
    if person is None:
        return None
    action, place = data.fields("action"), data.fields("context")
    value = action.text("option", 1000) or action.line("name", 200)
    if not value and "value" in action:
        value = ", ".join(_shown(action))
    return _made(
        header,
        "postback",
        header.identifier("event_id", required=True),
        sender=person,
        references=tuple(filter(None, (place.identifier("open_message_id"),))),
        text=value,
        data={"data": value},
    )


def _lifecycle(header: Fields, data: Fields) -> Event | None:
    state = header.line("event_type", 100)
    person = _person(data, "operator_id") or _person(data, "operator")
    return _made(
        header,
        "lifecycle",
        header.identifier("event_id", required=True),
        sender=person,
        thread_key=data.identifier("chat_id"),
        data={"state": state},
    )


_READERS: dict[str, Callable[[Fields, Fields], Event | None]] = {
    "im.message.receive_v1": _message,
    "im.message.recalled_v1": _recalled,
    "im.message.message_read_v1": _read,
    "im.message.reaction.created_v1": _reaction,
    "im.message.reaction.deleted_v1": _reaction,
    "card.action.trigger": _chosen,
    "im.chat.member.bot.added_v1": _lifecycle,
    "im.chat.member.bot.deleted_v1": _lifecycle,
    "im.chat.disbanded_v1": _lifecycle,
    "im.chat.access_event.bot_p2p_chat_entered_v1": _lifecycle,
}


def _made(header: Fields, kind: EventKind, about: str, /, **facts: object) -> Event:
    """Return an event with what all have."""
    facts.setdefault("sent_at", None)
    facts["sent_at"] = facts["sent_at"] or header.moment("create_time")
    return Event(
        kind=kind,
        dedup_key=f"{kind}:{about}",
        **facts,  # type: ignore[arg-type]  # each caller gives fields of Event
    )


def _person(data: Fields, name: str) -> ContactIdentity | None:
    """Return somebody by the id that Feishu made of them for our app; None where it names nobody."""
    ids = data.fields(name)
    found = ids.identifier("open_id")
    if not found:
        return None
    # Their user id counts within one organization only, and people of others write here too.
    return ContactIdentity(found, union_id=ids.identifier("union_id"), verified=True)


def _thread(message: Fields) -> str:
    """Return the group that a message belongs to, with its topic; nothing for a private chat."""
    if message.line("chat_type", 20) in {"", _PRIVATE}:
        return ""
    chat, topic = message.identifier("chat_id", required=True), message.identifier("thread_id")
    return f"{chat}{TOPIC}{topic}" if topic else chat


def _shown(action: Fields) -> list[str]:
    values = action.fields("value")
    return [f"{name}={values.line(name, 500)}" for name in sorted(values.names())[:10]]
