"""What a call of Teams reports: one activity (https://learn.microsoft.com/microsoftteams/platform/bots).

A message is known by its time in a conversation; threads of a channel share the messages of the channel.
"""

import hashlib
from collections.abc import Callable

from django.utils.translation import gettext as _

from channels_app.adapters.teams.content import files_of, text_of
from channels_app.adapters.teams.references import MOST_CONVERSATION, MOST_URL, Reference
from channels_app.json_fields import Fields
from channels_app.protocol import ContactIdentity, Event, EventKind
from channels_app.signs import reaction_data

MOST_REACTIONS = 50
LONGEST_THREAD = 200
# What stands before the names of bots.
_BOT = "28:"
_PERSONAL = "personal"
# What stands before the first message of a thread, in the name of a conversation in a channel.
_THREAD = ";messageid="


def read_events(call: Fields) -> list[Event]:
    """Return what the call reports. Raises BadPayload."""
    read = _READERS.get(call.line("type", 100))
    person = _person(call)
    return read(call, person) if read and person is not None else []


def name_of(conversation: str, activity: str) -> str:
    """Return what a message is known by: its id is one of its conversation only."""
    place = hashlib.sha256(conversation.partition(_THREAD)[0].encode()).hexdigest()
    return f"{activity}:{place[:24]}"


def _message(call: Fields, person: ContactIdentity) -> list[Event]:
    name = _name(call)
    files = files_of(call)
    return [
        _made(
            "message",
            name,
            sender=person,
            thread_key=_thread(call),
            provider_id=name,
            sent_at=call.instant("timestamp"),
            text=text_of(call) or ("" if files else _("[An empty message]")),
            attachments=files,
            reply_to=_answered(call),
            reply_token=_reference(call).key,
        )
    ]


def _edit(call: Fields, person: ContactIdentity) -> list[Event]:
    name, at = _name(call), call.instant("timestamp")
    return [
        _made(
            "edit",
            f"{name}:{at.isoformat() if at else call.digest()}",
            sender=person,
            thread_key=_thread(call),
            provider_id=name,
            sent_at=at,
            text=text_of(call),
        )
    ]


def _delete(call: Fields, person: ContactIdentity) -> list[Event]:
    name = _name(call)
    return [
        _made("delete", name, sender=person, thread_key=_thread(call), provider_id=name),
    ]


def _reactions(call: Fields, person: ContactIdentity) -> list[Event]:
    about = _answered(call)
    return [
        _made(
            "reaction",
            f"{about}:{each.line('type', 100)}:{is_gone:d}:{_id(call)}",
            sender=person,
            references=(about,) if about else (),
            sent_at=call.instant("timestamp"),
            data=reaction_data(each.line("type", 100), is_gone=is_gone),
        )
        for field, is_gone in (("reactionsAdded", False), ("reactionsRemoved", True))
        for each in call.each(field, MOST_REACTIONS)
    ]


def _installation(call: Fields, person: ContactIdentity) -> list[Event]:
    state = f"{call.line('type', 100)} {call.line('action', 100)}".strip()
    return [_made("lifecycle", _name(call), sender=person, data={"state": state})]


_READERS: dict[str, Callable[[Fields, ContactIdentity], list[Event]]] = {
    "message": _message,
    "messageUpdate": _edit,
    "messageDelete": _delete,
    "messageReaction": _reactions,
    "installationUpdate": _installation,
}


def _made(kind: EventKind, about: str, /, **facts: object) -> Event:
    return Event(
        kind=kind,
        dedup_key=f"{kind}:{about}",
        **facts,  # type: ignore[arg-type]  # each caller gives fields of Event
    )


def _person(call: Fields) -> ContactIdentity | None:
    """Return who did it: by the id that they have for this bot, and the one in their organization; None for bots."""
    person = call.fields("from")
    found, account = person.identifier("id"), person.identifier("aadObjectId", 100)
    if not found or found.startswith(_BOT):
        return None
    return ContactIdentity(
        found,
        display_name=person.line("name", 300)[:200],
        locale=call.line("locale", 40)[:20],
        verified=True,
        aliases=(account,) if account else (),
    )


def _reference(call: Fields) -> Reference:
    service = call.identifier("serviceUrl", MOST_URL, required=True)
    return Reference(service, _conversation(call))


def _conversation(call: Fields) -> str:
    return call.fields("conversation").identifier("id", MOST_CONVERSATION, required=True)


def _thread(call: Fields) -> str:
    """Return the group, or the thread of a channel; nothing for a private chat."""
    conversation = call.fields("conversation")
    if conversation.line("conversationType", 50) == _PERSONAL:
        return ""
    return conversation.identifier("id", LONGEST_THREAD, required=True)


def _id(call: Fields) -> str:
    return call.identifier("id", 150, required=True)


def _name(call: Fields) -> str:
    return name_of(_conversation(call), _id(call))


def _answered(call: Fields) -> str:
    answered = call.identifier("replyToId", 150)
    return name_of(_conversation(call), answered) if answered else ""
